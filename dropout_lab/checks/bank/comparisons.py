"""Slips about choosing a rate and comparing with and without dropout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer

Array = NDArray[Any]


def gap(train_mode: bool, validation_mode: bool, combine: Callable[[float, float], float]) -> ValueAnswer:
    """A version that measures each loss in training mode or not; `combine` takes training and validation loss."""

    def measure(model: Any, loss_fn: Any, part: Any, mode: bool) -> float:
        with torch.no_grad():
            return float(loss_fn(model.train(mode)(part[0]), part[1]))

    return ValueAnswer(
        lambda model, loss_fn, train, validation: combine(
            measure(model, loss_fn, train, train_mode), measure(model, loss_fn, validation, validation_mode)
        )
    )


def after_minus_before(train: float, validation: float) -> float:
    return validation - train


GAP_ROWS = (
    Misconception(
        "train-mode-accuracy",
        "the training loss was measured with dropout on and the validation loss with dropout off. Their difference "
        "holds the price of the noise, and can even be negative.",
        "Put the model into eval mode before the first of the two.",
        (gap(True, False, after_minus_before),),
    ),
    Misconception(
        "validated-with-dropout",
        "the model was still in training mode: dropout was on for both sets.",
        "Which mode does a training loop leave a model in, and which one predicts?",
        (gap(True, True, after_minus_before),),
    ),
    Misconception(
        "gap-swapped",
        "the difference is the wrong way round. A gap is positive where the model does better on what it has seen.",
        "validation minus training.",
        (gap(False, False, lambda train, validation: train - validation),),
    ),
    Misconception(
        "gap-as-ratio",
        "that is a ratio of the losses, and the gap is a difference.",
        "In which unit is the gap measured?",
        (
            gap(False, False, lambda train, validation: validation / train),
            gap(False, False, lambda train, validation: validation / train - 1),
        ),
    ),
)


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


def spread(compute: Callable[[Array, Array], Any]) -> ValueAnswer:
    """A version of error_of_gain(without, with_dropout)."""
    return ValueAnswer(compute)


def standard_error(values: Array) -> Any:
    return values.std(ddof=1) / len(values) ** 0.5


GAIN_ROWS = (
    Misconception(
        "unpaired",
        "the two standard errors were combined as if the networks had nothing in common. They share seeds: a hard "
        "validation set is hard for both, and cancels in their difference.",
        "Take the difference of each seed first.",
        (
            spread(lambda a, b: np.hypot(standard_error(a), standard_error(b))),
            spread(lambda a, b: standard_error(a) + standard_error(b)),
        ),
    ),
    Misconception(
        "difference-of-errors",
        "that is the difference of the two standard errors. It says nothing about the difference of the means.",
        "Take the difference of each seed first.",
        (
            spread(lambda a, b: standard_error(a) - standard_error(b)),
            spread(lambda a, b: abs(standard_error(a) - standard_error(b))),
        ),
    ),
    Misconception(
        "sd-for-standard-error",
        "that is the standard deviation of the gain, the luck of one seed. The mean of R seeds is √R times steadier.",
        "Divide by the root of the number of seeds.",
        (spread(lambda a, b: (a - b).std(ddof=1)), spread(lambda a, b: (a - b).std())),
    ),
    Misconception(
        "biased-variance",
        "the squared deviations were divided by R. The mean was taken from the same R seeds, so R - 1 is right.",
        "NumPy's std divides by R unless you pass ddof=1.",
        (spread(lambda a, b: (a - b).std() / len(a) ** 0.5),),
    ),
    Misconception(
        "divided-by-n",
        "the standard deviation was divided by the number of seeds and not by its root.",
        "Variances of means go down as 1/R. And standard deviations?",
        (spread(lambda a, b: (a - b).std(ddof=1) / len(a)),),
    ),
    Misconception(
        "variance-for-error",
        "that is a variance. An error bar has the unit of what it belongs to.",
        "Take the root.",
        (spread(lambda a, b: (a - b).var(ddof=1) / len(a)), spread(lambda a, b: (a - b).var(ddof=1))),
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
