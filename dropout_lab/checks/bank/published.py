"""Slips in reading a published table: a difference that is not paired, a ± that is taken for another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer

Array = NDArray[Any]


def standard_error(values: Array) -> Any:
    return np.std(values, ddof=1) / len(values) ** 0.5


def on_shared(compute: Callable[[Array, Array], Any]) -> ValueAnswer:
    """A version made from the results of the splits that both have, matched by split."""

    def version(ours: dict[int, float], theirs: dict[int, float]) -> Any:
        shared = sorted(ours.keys() & theirs.keys())
        return compute(np.array([ours[split] for split in shared]), np.array([theirs[split] for split in shared]))

    return ValueAnswer(version)


def on_all(compute: Callable[[Array, Array], Any]) -> ValueAnswer:
    """A version made from all results of either side, in the order in which they came."""
    return ValueAnswer(lambda ours, theirs: compute(np.array([*ours.values()]), np.array([*theirs.values()])))


def by_position(compute: Callable[[Array], Any]) -> ValueAnswer:
    """A version that pairs first with first."""
    return on_all(lambda a, b: compute(a[: len(b)] - b[: len(a)]))


def filled_up(use: Callable[[set[int], set[int]], set[int]]) -> ValueAnswer:
    """A version that takes a missing split for a zero."""

    def version(ours: dict[int, float], theirs: dict[int, float]) -> Any:
        splits = sorted(use(set(ours), set(theirs)))
        return standard_error(np.array([ours.get(split, 0.0) - theirs.get(split, 0.0) for split in splits]))

    return ValueAnswer(version)


def either(compute: Callable[[Array, Array], Any]) -> tuple[ValueAnswer, ValueAnswer]:
    return on_shared(compute), on_all(compute)


PAIRED_ROWS = (
    Misconception(
        "matched-by-position",
        "first was paired with first. Results come in the order in which the runs ended; pairs of different splits "
        "share nothing, and nothing cancels.",
        "A dict knows the number of each split: look the partner up by it.",
        (by_position(standard_error), by_position(lambda d: d.std() / len(d) ** 0.5), by_position(np.std)),
    ),
    Misconception(
        "unpaired",
        "the two standard errors were combined as if the runs had nothing in common. They share splits: a hard test "
        "part is hard for both, and cancels in their difference.",
        "Take the difference in each split first.",
        (
            *either(lambda a, b: np.hypot(standard_error(a), standard_error(b))),
            *either(lambda a, b: standard_error(a) + standard_error(b)),
        ),
    ),
    Misconception(
        "difference-of-errors",
        "that is the difference of the two standard errors. It says nothing about the difference of the means.",
        "Take the difference in each split first.",
        (
            *either(lambda a, b: standard_error(a) - standard_error(b)),
            *either(lambda a, b: abs(standard_error(a) - standard_error(b))),
        ),
    ),
    Misconception(
        "sd-for-standard-error",
        "that is the standard deviation of the differences, the luck of one split. The mean of n is √n times steadier.",
        "Divide by the root of the number of pairs.",
        (on_shared(lambda a, b: np.std(a - b, ddof=1)), on_shared(lambda a, b: np.std(a - b))),
    ),
    Misconception(
        "biased-variance",
        "the squared deviations were divided by n. The mean was taken from the same n differences, so n - 1 is right.",
        "NumPy's std divides by n unless you pass ddof=1.",
        (on_shared(lambda a, b: np.std(a - b) / len(a) ** 0.5),),
    ),
    Misconception(
        "divided-by-n",
        "the standard deviation was divided by the number of splits and not by its root.",
        "Variances of means go down as 1/n. And standard deviations?",
        (on_shared(lambda a, b: np.std(a - b, ddof=1) / len(a)),),
    ),
    Misconception(
        "variance-for-error",
        "that is a variance. An error bar has the unit of what it belongs to.",
        "Take the root.",
        (on_shared(lambda a, b: np.var(a - b, ddof=1) / len(a)), on_shared(lambda a, b: np.var(a - b, ddof=1))),
    ),
    Misconception(
        "unshared-splits",
        "a split that only one side has was counted, as a zero or in n. It has no partner, so it says nothing about "
        "the difference.",
        "Which splits are keys of both?",
        (
            filled_up(lambda a, b: a),
            filled_up(lambda a, b: b),
            filled_up(lambda a, b: a | b),
            ValueAnswer(
                lambda ours, theirs: (
                    np.std([ours[s] - theirs[s] for s in ours.keys() & theirs.keys()], ddof=1) / len(ours) ** 0.5
                )
            ),
        ),
    ),
)


def decided(choose: Callable[[float, Array], float]) -> ValueAnswer:
    """A version of as_standard_error(printed, values)."""
    return ValueAnswer(choose)


def is_deviation(printed: float, values: Array) -> bool:
    error = float(standard_error(values))
    return printed / error > len(values) ** 0.25


def above(limit: float) -> ValueAnswer:
    return decided(lambda printed, values: printed / len(values) ** 0.5 if printed > limit else printed)


PLUS_MINUS_ROWS = (
    Misconception(
        "plus-minus-as-printed",
        "the ± was taken as it stands. In some of these tables it is the standard deviation over the splits, √n times "
        "as large as the error of the mean.",
        "How far do your own values spread, and how far is that from what is printed?",
        (decided(lambda printed, values: printed),),
    ),
    Misconception(
        "deviation-assumed",
        "every ± was divided by √n. Some tables have done that already.",
        "How far do your own values spread, and how far is that from what is printed?",
        (
            decided(lambda printed, values: printed / len(values) ** 0.5),
            decided(lambda printed, values: printed / (len(values) - 1) ** 0.5),
        ),
    ),
    Misconception(
        "own-error-returned",
        "that is the error of your own run. The values are there to tell what the printed ± is; the answer is about "
        "the printed one.",
        "Return the printed number, or the printed number over √n.",
        (
            decided(lambda printed, values: float(standard_error(values))),
            decided(lambda printed, values: float(np.std(values) / len(values) ** 0.5)),
        ),
    ),
    Misconception(
        "absolute-threshold",
        "a fixed limit decided. A ± has the unit of its cell: 0.1 is small for a strength in MPa and large for a "
        "log-likelihood.",
        "Compare the printed ± with the spread of the values.",
        tuple(above(limit) for limit in (0.015, 0.03, 0.1, 0.2, 0.3, 1.0, 10.0)),
    ),
    Misconception(
        "error-and-deviation-swapped",
        "the two cases are swapped: what is near the standard deviation of the values is a deviation, and a deviation "
        "is divided by √n.",
        "Which of the two is the larger?",
        (decided(lambda printed, v: printed if is_deviation(printed, v) else printed / len(v) ** 0.5),),
    ),
    Misconception(
        "divided-by-n",
        "a deviation was divided by n and not by its root.",
        "Variances of means go down as 1/n. And standard deviations?",
        (decided(lambda printed, v: printed / len(v) if is_deviation(printed, v) else printed),),
    ),
    Misconception(
        "root-of-n-minus-one",
        "a deviation was divided by √(n - 1). The n - 1 belongs into the deviation itself; the error of a mean of n is "
        "the deviation over √n.",
        "Where was n - 1 used already?",
        (decided(lambda printed, v: printed / (len(v) - 1) ** 0.5 if is_deviation(printed, v) else printed),),
    ),
)
