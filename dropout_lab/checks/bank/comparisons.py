"""Slips about comparing: validation with training, and with dropout against without."""

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
