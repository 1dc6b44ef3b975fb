"""What a check says: a status, a name for the slip, and the words of a tutor."""

from __future__ import annotations

import html
import textwrap
from dataclasses import dataclass
from typing import Literal

from dropout_lab.checks.diagnose import Diagnosis
from dropout_lab.checks.exercise import Exercise, Misconception

Status = Literal["passed", "failed", "not attempted"]
COLOURS = {"passed": "#009E73", "failed": "#D55E00", "not attempted": "#56B4E9"}
SIGNS = {"passed": "✓", "failed": "✗", "not attempted": "…"}


@dataclass(frozen=True)
class Verdict:
    """The result of a check; displays itself in a notebook.

    Attributes
    ----------
    exercise : str
        The exercise's id, such as "01-a".
    status : "passed", "failed" or "not attempted"
    diagnosis : str or None
        Slug of the misconception that was recognised; None where there is no name for it.
    message : str
        What was seen, what was expected, what that usually means, one hint, the section to reread.
    """

    exercise: str
    status: Status
    diagnosis: str | None = None
    message: str = ""

    def __str__(self) -> str:
        status = "not attempted yet" if self.status == "not attempted" else self.status
        head = f"{self.exercise}  {status}" + (f": {self.diagnosis}" if self.diagnosis else "")
        return "\n".join([head, *(textwrap.indent(self.message, "  ").splitlines() if self.message else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *body = str(self).splitlines()
        text = "<br>".join(html.escape(line) for line in body)
        return (
            f'<div style="border-left: 4px solid {COLOURS[self.status]}; padding-left: 0.8em">'
            f"<b>{SIGNS[self.status]} {html.escape(head)}</b>{'<br>' if text else ''}{text}</div>"
        )


def verdict_on(exercise: Exercise, diagnosis: Diagnosis | None) -> Verdict:
    """The verdict for a diagnosis: passed where there is none."""
    if diagnosis is None:
        return Verdict(exercise.id, "passed")
    first, row = diagnosis.failures[0], diagnosis.misconception
    lines = [f"Seen: {first.seen}.", f"Expected: {first.expected}."]
    if row is None:
        others = [failure.seen for failure in diagnosis.failures[1:3]]
        lines += [f"Also seen: {'; '.join(others)}."] if others else []
        lines += ["This fits none of the slips that I know by name.", f"Hint: {exercise.hints[0]}"]
    else:
        lines += explained(row)
        lines += ["There may be more: mend this and check again."] if diagnosis.more else []
    return failed(exercise, lines, row)


def explained(row: Misconception | None) -> list[str]:
    """What a misconception usually means and its hint; nothing where there is no name."""
    return [f"Usually: {row.means}", f"Hint: {row.hint}"] if row else []


def failed(exercise: Exercise, lines: list[str], row: Misconception | None = None) -> Verdict:
    """A failed verdict that ends with the section to reread: the slip's own, or that of the exercise."""
    section = (row and row.reread) or exercise.section
    return Verdict(exercise.id, "failed", row.slug if row else None, "\n".join([*lines, f"Reread: {section}."]))
