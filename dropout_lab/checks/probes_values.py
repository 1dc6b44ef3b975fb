"""Probes for answers that are values, or functions that compute one: the result on fixtures against a known one."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dropout_lab.checks.exercise import AnswerError, Exercise, Observation

Probe = Callable[..., Iterator[Observation]]


@dataclass(frozen=True)
class Fixture:
    """Arguments for one call.

    Attributes
    ----------
    text : str
        The arguments in words, for the message ("n = 100, p = 0.2").
    arguments : callable
        Makes them anew for every call, so that an answer cannot change them for the next.
    right : callable
        The known result for these arguments.
    """

    text: str
    arguments: Callable[[], tuple[Any, ...]]
    right: Callable[..., Any]


def on(right: Callable[..., Any], text: str, *values: Any) -> Fixture:
    """The fixture that calls with copies of `values` and compares with what `right` makes of them."""
    return Fixture(text, lambda: copy.deepcopy(values), right)


class ValueAnswer:
    """A function that computes a number, an array or a tensor from arguments."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def value(self, arguments: tuple[Any, ...], shape: tuple[int, ...]) -> np.ndarray:
        """The result as a float64 array of `shape`; raises AnswerError for another type or shape."""
        result = self.call(*arguments)
        if result is None:
            raise AnswerError("the result is None. Is the `return` missing?")
        if isinstance(result, tuple):
            raise AnswerError("the result is a tuple. Tensor.max along an axis gives values and indices: take .values.")
        try:
            numbers = np.asarray(result.detach() if hasattr(result, "detach") else result, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise AnswerError(f"the result is {result!r}; I expected numbers.") from error
        if numbers.shape != shape:
            expected = f"an array of shape {shape}" if shape else "a single number"
            raise AnswerError(f"the result has shape {numbers.shape}; I expected {expected}.")
        return numbers


def outputs(
    fixtures: tuple[Fixture, ...], *, rtol: float = 1e-4
) -> Callable[[ValueAnswer, int], Iterator[Observation]]:
    """A probe that compares every number of every fixture's result with the known one."""

    def probe(subject: ValueAnswer, seed: int) -> Iterator[Observation]:
        for fixture in fixtures:
            right = np.asarray(fixture.right(*fixture.arguments()), dtype=np.float64)
            came = subject.value(fixture.arguments(), right.shape)
            for place in np.ndindex(right.shape):
                yield _compared(fixture.text, place, float(came[place]), float(right[place]), rtol)

    return same_for_every_seed(probe)


def arguments_kept(fixtures: tuple[Fixture, ...]) -> Callable[[ValueAnswer, int], Iterator[Observation]]:
    """A probe that looks whether an answer changes the arrays that it was given."""

    def probe(subject: ValueAnswer, seed: int) -> Iterator[Observation]:
        for fixture in fixtures:
            given, before = fixture.arguments(), fixture.arguments()
            subject.call(*given)
            pairs = [(g, b) for g, b in zip(given, before, strict=True) if isinstance(g, np.ndarray)]
            changed = not all(np.array_equal(g, b) for g, b in pairs)
            seen, expected = "the array that was passed in has changed", "the array left as it was"
            yield Observation(f"arguments of {fixture.text}", float(changed), not changed, seen, expected)

    return same_for_every_seed(probe)


def same_for_every_seed(probe: Probe) -> Probe:
    """Mark a probe that draws nothing: another seed shows nothing new."""
    vars(probe)["draws_nothing"] = True
    return probe


def draws_nothing(exercise: Exercise) -> bool:
    """Whether no probe of an exercise draws, so that the verdict of an answer without randomness is always the same."""
    return all(getattr(probe, "draws_nothing", False) for stage in exercise.stages for probe in stage)


def _compared(text: str, place: tuple[int, ...], came: float, right: float, rtol: float) -> Observation:
    where = f" at position {list(place)}" if place else ""
    return Observation(
        f"{text}{place}",
        came,
        came == right if math.isinf(right) else abs(came - right) <= rtol * abs(right) + 1e-9,
        f"for {text} the result{where} is {came:.4g}" if text else f"the answer is {came:.4g}",
        f"{right:.4g}" if text else "another number",
        rtol * abs(came) + 1e-9 if math.isfinite(came) else 0.0,
    )
