"""Slips about choosing a rate on one set and reporting its error on another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer

Array = NDArray[Any]


def chosen(
    limit: Callable[[Array, Array, int], Any], pick: Callable[[list[float]], float] = min, seeds: Any = slice(None)
) -> ValueAnswer:
    """A version with another upper limit, from means, standard deviations and R, or another pick below it."""

    def choose(errors: Array, rates: list[float]) -> float:
        errors = errors[:, seeds]
        means, deviations = errors.mean(1), errors.std(1, ddof=errors.shape[1] > 1)
        below = means <= limit(means, deviations, errors.shape[1]) + 1e-12
        return pick([rate for rate, ok in zip(rates, below, strict=True) if ok])

    return ValueAnswer(choose)


def at_best(means: Array, values: Array) -> Any:
    return values[means.argmin()]


def right_limit(means: Array, deviations: Array, n: int) -> Any:
    return means.min() + at_best(means, deviations) / n**0.5


BAND_ROWS = (
    Misconception(
        "lowest-taken",
        "that is the rate with the lowest mean. It wins by less than its own error bar; the rule takes the smallest "
        "rate that is not clearly worse.",
        "How far above the lowest mean may a rate be and still count as equal?",
        (chosen(lambda means, sd, n: means.min()),),
    ),
    Misconception(
        "sd-for-standard-error",
        "the band is one standard deviation of the seeds wide. The mean of R seeds is known √R times better.",
        "Divide by the root of the number of seeds.",
        (
            chosen(lambda means, sd, n: means.min() + at_best(means, sd)),
            chosen(lambda means, sd, n: means.min() + at_best(means, sd) * ((n - 1) / n) ** 0.5),
        ),
    ),
    Misconception(
        "largest-within",
        "that is the largest rate below the line, the most dropout. Here the simplest model is the one with the least.",
        "Which end of the flat bottom trains fastest?",
        (chosen(right_limit, max),),
    ),
    Misconception(
        "first-in-the-list",
        "that is the first rate of the list below the line, which is the smallest only if the list is sorted.",
        "What if the rates come from large to small?",
        (chosen(right_limit, lambda within: within[0]),),
    ),
    Misconception(
        "own-band",
        "each rate was given its own standard error as a margin, so that a noisy one gets in because it is noisy. The "
        "line is drawn once, from the best.",
        "Whose standard error is it?",
        (chosen(lambda means, sd, n: means.min() + sd / n**0.5),),
    ),
    Misconception(
        "band-of-both",
        "the margin has the standard error of both rates in it. The rule draws its line once, from the best alone.",
        "Whose standard error is it?",
        (
            chosen(lambda means, sd, n: means.min() + (at_best(means, sd) + sd) / n**0.5),
            chosen(lambda means, sd, n: means.min() + np.hypot(at_best(means, sd), sd) / n**0.5),
        ),
    ),
    Misconception(
        "biased-variance",
        "the squared deviations were divided by R. The mean was taken from the same R seeds, so R - 1 is right.",
        "NumPy's std divides by R unless you pass ddof=1.",
        (chosen(lambda means, sd, n: means.min() + at_best(means, sd) * ((n - 1) / n) ** 0.5 / n**0.5),),
    ),
    Misconception(
        "one-seed",
        "that is the choice of the first seed alone. One seed has no error bar.",
        "Use the mean over all seeds, axis 1.",
        (chosen(lambda means, sd, n: means.min(), seeds=slice(1)),),
    ),
)


def reported(compute: Callable[[Array, Array], Any]) -> ValueAnswer:
    """A version of honest_report(validation_errors, test_errors)."""
    return ValueAnswer(compute)


def winner(table: Array) -> Any:
    return table.mean(1).argmin()


REPORT_ROWS = (
    Misconception(
        "chosen-on-test",
        "the test set took part in the choice. The lowest of several test errors is too good: it has been picked for "
        "its luck.",
        "Which row would you report if you had not seen the test errors?",
        (
            reported(lambda validation, test: test.mean(1).min()),
            reported(lambda validation, test: test[winner(validation + test)].mean()),
        ),
    ),
    Misconception(
        "validation-reported",
        "that is the validation error of the winner, the number that it won by.",
        "Find the row in one table, read the other.",
        (reported(lambda validation, test: validation.mean(1).min()),),
    ),
    Misconception(
        "rate-for-each-seed",
        "each seed chose a rate of its own. One rate was asked for: first the mean over the seeds, then the minimum.",
        "How many rates do you recommend to your reader?",
        (
            reported(lambda validation, test: np.take_along_axis(test, validation.argmin(0)[None], 0).mean()),
            reported(lambda validation, test: test.min(0).mean()),
        ),
    ),
    Misconception(
        "one-seed",
        "the first seed alone chose the rate. Its luck is in the choice.",
        "Use the mean over all seeds, axis 1.",
        (
            reported(lambda validation, test: test[validation[:, 0].argmin()].mean()),
            reported(lambda validation, test: test[validation[:, 0].argmin(), 0]),
        ),
    ),
    Misconception(
        "lucky-network",
        "the single luckiest network was looked for, in a table of rates and seeds. Seeds are not a setting to choose.",
        "Mean over the seeds first.",
        (
            reported(lambda validation, test: test.flat[validation.argmin()]),
            reported(lambda validation, test: test[np.unravel_index(validation.argmin(), validation.shape)[0]].mean()),
            reported(lambda validation, test: test.min()),
        ),
    ),
)
