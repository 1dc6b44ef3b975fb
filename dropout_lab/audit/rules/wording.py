"""How findings are put into words: numbers, places, and one entry for one line of source."""

from __future__ import annotations

from collections.abc import Iterable

from dropout_lab.audit.advice import ADVICE
from dropout_lab.audit.flow import Application
from dropout_lab.audit.report import Finding
from dropout_lab.audit.sites import number
from dropout_lab.audit.trail import Activity

_SHOWN = 3  # so many places of one line of source are named


def finding(code: str, where: str, message: str) -> Finding:
    """A finding with the advice that belongs to its code."""
    return Finding(code, where, message, *ADVICE[code])


def percent(share: float) -> str:
    """A share as whole per cent, with one decimal below ten."""
    return f"{100 * share:.0f} %" if share >= 0.1 or share == 0 else f"{100 * share:.1f} %"


def stated(activity: Activity) -> str:
    """The declared p in brackets, or nothing where none is declared."""
    p = number(activity.p)
    return "" if p is None else f" (p = {p:g})"


def dropped_share(application: Application) -> float:
    """Share of the non-zero units that a mask set to zero."""
    if application.h_dropped is None or application.h.zeros == 1:
        return 0.0
    return max(0.0, (application.h_dropped.zeros - application.h.zeros) / (1 - application.h.zeros))


def line_of(activity: Activity) -> str:
    """The line of source, quoted, or nothing."""
    text = activity.origin.text or (activity.place.text if activity.place else "")
    return f" The line is `{text}`." if text else ""


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, those of one code at one line of source as one: a layer used twelve times is one bug."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for found in findings:
        path, _, source = found.where.rpartition(" (")
        groups.setdefault((found.code, source if path else found.where), []).append(found)
    return tuple(_one(group) for group in groups.values())


def _one(group: list[Finding]) -> Finding:
    first, places = group[0], list(dict.fromkeys(found.where for found in group))
    more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    where = ", ".join(places[:_SHOWN]) + more
    return Finding(first.code, where, first.message, first.fix, first.lesson)
