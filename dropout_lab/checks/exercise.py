"""What the checks are made of: observations, exercises, misconceptions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


class AnswerError(Exception):
    """An answer of the wrong type or shape: the message tells the learner what came and what was expected.

    Attributes
    ----------
    slug : str or None
        The misconception whose shape this is.
    """

    def __init__(self, message: str, slug: str | None = None) -> None:
        super().__init__(message)
        self.slug = slug


@dataclass(frozen=True)
class Observation:
    """One thing that was measured of an answer.

    Attributes
    ----------
    name : str
        What was measured; the same name means the same measurement on every answer of one exercise.
    value : float
        The measured number; NaN where there was nothing to measure.
    ok : bool
        True where the value is what a right answer gives, random variation included.
    spread : float
        Half-width of the random variation: two answers that behave alike differ by no more than their spreads added.
    seen, expected : str
        The same in words, for the message.
    """

    name: str
    value: float
    ok: bool
    seen: str
    expected: str
    spread: float = 1e-6

    def agrees(self, other: Observation) -> bool:
        """True where both answers behave alike in this respect."""
        if math.isnan(self.value) or math.isnan(other.value):
            return math.isnan(self.value) and math.isnan(other.value)
        return self.value == other.value or abs(self.value - other.value) <= self.spread + other.spread


def flag(name: str, failed: bool, seen: str, expected: str) -> Observation:
    """Something that is either so or not; a right answer does not have it."""
    return Observation(name, float(failed), not failed, seen, expected)


Probe = Callable[[Any, int], Iterable[Observation]]


@dataclass(frozen=True)
class Misconception:
    """A slip that has a name: a row of the bank.

    Attributes
    ----------
    slug : str
        The name, as `Verdict.diagnosis` gives it.
    means : str
        What the slip usually is, one or two sentences to the learner.
    hint : str
        One step towards the repair; never the repair itself.
    versions : tuple
        Wrong answers that contain the slip, in the form the probes take. Behaviour is compared, never text.
    reread : str
        Lesson and heading, where they are not the exercise's own.
    """

    slug: str
    means: str
    hint: str
    versions: tuple[Any, ...] = field(repr=False)
    reread: str = ""


@dataclass(frozen=True)
class Exercise:
    """An exercise: what the learner is asked, and everything that is needed to judge an answer.

    Attributes
    ----------
    id : str
        Lesson and letter, such as "01-a".
    title : str
        What is asked, in one line.
    section : str
        Where to reread: lesson and heading.
    solution : callable
        A slow and obvious right answer; `solution()` quotes its source.
    adapt : callable
        Turns an answer into the form the probes take; raises AnswerError for a wrong type.
    stages : tuple of tuples of probes
        Run in order; the first stage in which something is wrong is the one that is reported.
    bank : tuple of Misconception
        The slips that an answer can contain; among equals the earlier row is named.
    hints : tuple of str
        In order, each a little more than the one before.
    """

    id: str
    title: str
    section: str
    solution: Callable[..., Any] = field(repr=False)
    adapt: Callable[[Any], Any] = field(repr=False)
    stages: tuple[tuple[Probe, ...], ...] = field(repr=False)
    bank: tuple[Misconception, ...] = field(repr=False)
    hints: tuple[str, ...] = field(repr=False)
