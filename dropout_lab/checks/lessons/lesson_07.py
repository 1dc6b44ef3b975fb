"""Exercises of lesson 07."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dropout_lab.checks.bank.choices import BAND_ROWS, REPORT_ROWS
from dropout_lab.checks.bank.comparisons import GAIN_ROWS, GAP_ROWS
from dropout_lab.checks.exercise import Exercise
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.subjects import callable_answer

Array = NDArray[np.floating]
Loss = Callable[[Tensor, Tensor], Tensor]


def generalisation_gap(model: nn.Module, loss_fn: Loss, train: Any, validation: Any) -> Any:
    """Return validation loss minus training loss of an nn.Module, each set a pair (x, y), measured alike."""
    model.eval()
    with torch.no_grad():
        losses = [loss_fn(model(x), y) for x, y in (train, validation)]
    return float(losses[1] - losses[0])


def one_standard_error(errors: Array, rates: list[float]) -> Any:
    """Return the smallest rate whose mean is within one standard error of the best; errors (S, R): S rates, R seeds."""
    means = errors.mean(axis=1)
    standard_errors = errors.std(axis=1, ddof=1) / np.sqrt(errors.shape[1])
    best = means.argmin()
    limit = means[best] + standard_errors[best]
    return min(rate for rate, mean in zip(rates, means, strict=True) if mean <= limit)


def error_of_gain(without: Array, with_dropout: Array) -> Any:
    """Return the standard error of the mean gain; both (R,), the validation errors of the same R seeds."""
    gain = without - with_dropout
    return gain.std(ddof=1) / np.sqrt(len(gain))


def honest_report(validation_errors: Array, test_errors: Array) -> Any:
    """Return the mean test error of the rate with the lowest mean validation error; both (S, R): S rates, R seeds."""
    chosen = validation_errors.mean(axis=1).argmin()
    return test_errors[chosen].mean()


def over_fitted() -> nn.Module:
    """A network in training mode whose dropout leaves nothing, so that a loss with dropout on is no random number."""
    first, last = nn.Linear(2, 3), nn.Linear(3, 2)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1.0, -0.5], [0.5, 1.5], [-1.0, 0.5]]))
        first.bias.copy_(torch.tensor([0.1, -0.2, 0.3]))
        last.weight.copy_(torch.tensor([[1.0, -1.0, 0.5], [-0.5, 1.0, 0.5]]))
        last.bias.copy_(torch.tensor([0.4, -0.6]))
    return nn.Sequential(first, nn.ReLU(), nn.Dropout(1.0), last).train()


TRAIN = torch.tensor([[1.0, 0.5], [0.2, 2.0], [2.0, -1.0], [-0.5, 1.5]]), torch.tensor([0, 1, 0, 1])
VALIDATION = torch.tensor([[0.5, 1.0], [1.0, 1.0], [1.5, -0.5]]), torch.tensor([0, 1, 1])
GAPS = tuple(
    on(generalisation_gap, text, over_fitted(), nn.functional.cross_entropy, *sets)
    for text, sets in (
        ("four examples for training and three for validation", (TRAIN, VALIDATION)),
        ("three examples for training and four for validation", (VALIDATION, TRAIN)),
    )
)

RATES = [0.0, 0.1, 0.2, 0.35, 0.5, 0.7]
# of each rate the mean of four seeds, and how far the seeds lie from it
GRIDS = tuple(
    np.array(means)[:, None] + np.array(spreads)[:, None] * np.array(offsets)
    for means, spreads, offsets in (
        ([0.355, 0.318, 0.307, 0.300, 0.304, 0.390], [0.004, 0.016, 0.001, 0.010, 0.010, 0.01], [-1.5, 0.7, 1.1, -0.3]),
        ([0.308, 0.3043, 0.312, 0.300, 0.3015, 0.330], [0.03, 0.001, 0.001, 0.008, 0.02, 0.01], [-1.2, 0.9, 1.1, -0.8]),
        ([0.42, 0.37, 0.331, 0.3247, 0.320, 0.3245], [0.01, 0.01, 0.0169, 0.01, 0.0099, 0.01], [1.0, -0.9, -1.1, 1.0]),
    )
)
BANDS = tuple(
    on(one_standard_error, text, grid, rates)
    for text, grid, rates in (
        ("six rates and four seeds", GRIDS[0], RATES),
        ("six rates with unequal spread", GRIDS[1], RATES),
        ("rates that run from large to small", GRIDS[0][::-1].copy(), RATES[::-1]),
        ("six rates, the best of them 0.5", GRIDS[2], RATES),
    )
)
GAINS = tuple(
    on(error_of_gain, text, np.array(without), np.array(dropped))
    for text, without, dropped in (
        ("five seeds", [0.36, 0.33, 0.38, 0.35, 0.40], [0.33, 0.31, 0.34, 0.33, 0.35]),
        ("three seeds", [0.20, 0.26, 0.23], [0.19, 0.21, 0.24]),
    )
)
# lowest mean: row 1; lowest single network: row 0; lowest of the first seed: row 3; lowest test mean: row 2
MEASURED = np.array([[0.36, 0.35, 0.27], [0.305, 0.31, 0.315], [0.31, 0.33, 0.32], [0.295, 0.345, 0.35]])
TESTED = np.array([[0.345, 0.35, 0.325], [0.325, 0.335, 0.33], [0.32, 0.30, 0.335], [0.37, 0.365, 0.34]])
REPORTS = (
    on(honest_report, "four rates and three seeds", MEASURED, TESTED),
    on(honest_report, "the same rates in another order", MEASURED[::-1].copy(), TESTED[::-1].copy()),
)

EXERCISES = (
    Exercise(
        id="07-a",
        title="The gap between validation and training loss",
        section="lesson 07, Explain a training loss above the validation loss",
        solution=generalisation_gap,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(GAPS),),),
        bank=GAP_ROWS,
        hints=(
            "The model comes from a training loop and is still in training mode.",
            "model.eval() once, then loss_fn(model(x), y) for both sets.",
        ),
    ),
    Exercise(
        id="07-b",
        title="The one-standard-error rule",
        section="lesson 07, Choose p on the validation split",
        solution=one_standard_error,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(BANDS),),),
        bank=BAND_ROWS,
        hints=(
            "Means over axis 1; the best rate has the lowest mean.",
            "Its standard error is errors[best].std(ddof=1) / sqrt(R).",
            "Among the rates whose mean is no higher than best mean plus that, take the smallest rate.",
        ),
    ),
    Exercise(
        id="07-c",
        title="The standard error of a gain",
        section="lesson 07, Ask what a difference is worth",
        solution=error_of_gain,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(GAINS),),),
        bank=GAIN_ROWS,
        hints=(
            "First the difference of each seed, then its spread.",
            "Standard deviation with R - 1, divided by the root of R.",
        ),
    ),
    Exercise(
        id="07-d",
        title="Choose on one set, report the other",
        section="lesson 07, Keep one set closed",
        solution=honest_report,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(REPORTS),),),
        bank=REPORT_ROWS,
        hints=(
            "Which of the two tables may decide?",
            "validation_errors.mean(axis=1).argmin() is the row; read that row of the other table.",
        ),
    ),
)
