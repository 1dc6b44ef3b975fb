"""What an audit found, for reading: as text, in a notebook, as a truth value."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from textwrap import fill

from dropout_lab.audit.sites import Site

_SHOWN = 30  # so many sites are listed in the text; `sites` holds all


@dataclass(frozen=True)
class Finding:
    """One dropout bug.

    Attributes
    ----------
    code : str
        Its name, a slug such as "functional-always-on".
    where : str
        Path of the module, source line of the call, or both.
    message : str
        What was measured, and what it means.
    fix : str
        How to mend it.
    lesson : str
        The lesson that explains it.
    """

    code: str
    where: str
    message: str
    fix: str
    lesson: str

    def __str__(self) -> str:
        paragraphs = (self.message, f"Fix: {self.fix}", f"Lesson {self.lesson}")
        return "\n".join((f"{self.code} at {self.where}", *(_indented(text) for text in paragraphs)))


@dataclass(frozen=True)
class Report:
    """The findings of an audit and every stochastic site it saw; true if nothing was found.

    Attributes
    ----------
    name : str
        Class of the audited model.
    findings : tuple of Finding
    sites : tuple of Site
    """

    name: str
    findings: tuple[Finding, ...]
    sites: tuple[Site, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        findings = [f"{number}. {finding}" for number, finding in enumerate(self.findings, 1)]
        return "\n\n".join((self._headline(), *findings, *self._listing()))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        items = "".join(
            f"<li><b>{escape(finding.code)}</b> at <code>{escape(finding.where)}</code><br>{escape(finding.message)}"
            f"<br><i>Fix:</i> {escape(finding.fix)}<br><i>Lesson {escape(finding.lesson)}</i></li>"
            for finding in self.findings
        )
        listing = "".join(f"<pre>{escape(text)}</pre>" for text in self._listing())
        return f"<p>{escape(self._headline())}</p>{f'<ol>{items}</ol>' if items else ''}{listing}"

    def _headline(self) -> str:
        if not self.sites and self.ok:
            return f"{self.name}: no stochastic site. Nothing in this model drops anything."
        found = "nothing to mend" if self.ok else _count(len(self.findings), "finding")
        return f"{self.name}: {found}, {_count(len(self.sites), 'stochastic site')}."

    def _listing(self) -> list[str]:
        if not self.sites:
            return []
        rows = [("site", "what", "p", "in training", "in eval")]
        rows += [
            (site.where, site.name, _p(site), _mode(site, training=True), _mode(site, training=False))
            for site in self.sites[:_SHOWN]
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
        more = [f"and {len(self.sites) - _SHOWN} more"] if len(self.sites) > _SHOWN else []
        return ["\n".join([*(line.rstrip() for line in lines), *more])]


def _p(site: Site) -> str:
    return "" if site.p is None else f"{site.p:g}"


def _mode(site: Site, *, training: bool) -> str:
    if not site.calls:
        return "not called"
    return "random" if (site.random_in_training if training else site.random_in_eval) else "silent"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _indented(text: str) -> str:
    return fill(text, width=100, initial_indent="   ", subsequent_indent="   ", break_on_hyphens=False)
