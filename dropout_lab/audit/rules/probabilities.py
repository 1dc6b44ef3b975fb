"""Findings about p itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

from dropout_lab.audit.measurements import Measurements
from dropout_lab.audit.passes import AuditError
from dropout_lab.audit.report import Finding
from dropout_lab.audit.rules.wording import finding, line_of
from dropout_lab.audit.sites import number
from dropout_lab.audit.trail import Activity, declared


def probability_findings(found: Measurements) -> Iterator[Finding]:
    """A bool in the place of p, a p that is no probability, a p that drops everything."""
    ran = [activity for seen in found.in_training[:1] for activity in seen.activities.values() if activity.calls]
    known = {activity.origin for activity in ran}
    ran += [activity for activity in declared(found.modules) if activity.origin not in known]
    for activity in ran:
        p = number(activity.p)
        if isinstance(activity.p, bool):
            yield from _bool(activity)
        elif p is not None and not 0 <= p <= 1:
            yield _outside(activity, p, found.failure)
        elif p == 1 and activity.calls:
            yield _everything(activity)


def _bool(activity: Activity) -> Iterator[Finding]:
    if activity.p:
        message = (
            f"p is {activity.p!r}, which counts as 1: in training every unit is set to zero, and in eval nothing is. "
            "It looks as if `training` stands in the place of p."
        )
        yield finding("training-passed-as-p", str(activity.origin), message + line_of(activity))


def _outside(activity: Activity, p: float, failure: AuditError | None) -> Finding:
    slip = f" If {p:g} is a percentage, the probability is {p / 100:g}." if 1 < p <= 100 else ""
    what = "not a number" if math.isnan(p) else f"{p:g}"
    message = (
        f"p is {what}; it is the probability that a unit is dropped, so it lies in [0, 1]. What is set after "
        f"construction is checked by nobody before forward runs.{slip}{f' Here {failure}.' if failure else ''}"
    )
    return finding("p-out-of-range", str(activity.origin), message + line_of(activity))


def _everything(activity: Activity) -> Finding:
    message = "p is 1: in training every unit is set to zero and nothing behind this place learns from its input."
    if activity.origin.kind == "recurrent":
        message = "p is 1: in training every layer but the first is given zeros."
    return finding("p-out-of-range", str(activity.origin), message + line_of(activity))
