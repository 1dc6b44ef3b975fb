"""Exercises of lesson 19."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dropout_lab.checks.bank.published import PAIRED_ROWS, PLUS_MINUS_ROWS
from dropout_lab.checks.bank.table_likelihood import LIKELIHOOD_ROWS
from dropout_lab.checks.exercise import Exercise
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.subjects import callable_answer


def table_log_likelihood(passes: Tensor, y: Tensor, centre: float, scale: float, tau: float) -> Any:
    """Return the mean log-likelihood of y (N,), in its own unit, under standardised passes (T, N) and precision τ."""
    predicted = centre + scale * passes
    log_density = -tau / 2 * (y - predicted) ** 2 + np.log(tau) / 2 - np.log(2 * np.pi) / 2
    of_each_point = torch.logsumexp(log_density, dim=0) - np.log(len(passes))
    return of_each_point.mean()


def paired_error(ours: dict[int, float], theirs: dict[int, float]) -> Any:
    """Return the standard error of the mean difference over shared splits; each maps split to RMSE, in any order."""
    differences = np.array([ours[split] - theirs[split] for split in ours if split in theirs])
    return differences.std(ddof=1) / np.sqrt(len(differences))


def as_standard_error(printed: float, values: NDArray[np.float64]) -> Any:
    """Return the standard error that a printed ± stands for; values (n,) are a rerun's results on as many splits."""
    deviation = values.std(ddof=1)
    error = deviation / np.sqrt(len(values))
    is_error = abs(printed - error) < abs(printed - deviation)
    return printed if is_error else printed / np.sqrt(len(values))


PASSES = torch.tensor(
    [
        [0.4, -1.1, 1.6, 0.1],
        [0.6, -0.7, 1.2, 0.3],
        [0.1, -0.9, 1.4, -0.4],
        [0.5, -1.6, 1.1, 0.2],
        [0.9, -1.0, 1.9, 0.0],
    ],
    dtype=torch.float64,
)
STRENGTH = torch.tensor([44.0, 19.5, 53.0, 34.0], dtype=torch.float64)
DECAY = torch.tensor([0.994, 0.971, 1.011, 1.21], dtype=torch.float64)
LIKELIHOODS = (
    on(table_log_likelihood, "five passes of four samples of concrete", PASSES, STRENGTH, 35.8, 16.7, 0.055732),
    on(table_log_likelihood, "four turbines, one of them far out", PASSES, DECAY, 0.987, 0.0147, 42173.5),
)
SPLITS = {3: 5.77, 0: 5.61, 4: 4.89, 1: 4.91, 2: 5.32}
OTHERS = {0: 5.42, 1: 4.87, 2: 5.11, 3: 5.49, 4: 4.72}
PAIRS = (
    on(paired_error, "five splits in two orders", SPLITS, OTHERS),
    on(
        paired_error,
        "six splits of which four are in both",
        {5: 2.6, 2: 3.1, 0: 2.2, 7: 4.9, 1: 2.5, 4: 3.9},
        {0: 2.4, 1: 2.9, 2: 3.0, 3: 5.2, 4: 4.2},
    ),
)
_SHAPE = np.array(
    [-1.3, 0.4, 1.1, -0.6, 0.9, -0.2, 1.6, -1.0, 0.1, -0.7, 1.2, -0.4, 0.3, -1.5, 0.8, 0.2, -0.1, 1.0, -1.2, -0.6]
)
PRINTED = tuple(
    on(as_standard_error, f"± {printed:g} beside {n} splits whose deviation is {sd:g}", printed, values)
    for n, centre, sd, printed in (
        (20, 5.2, 0.53, 0.12),
        (20, 5.2, 0.53, 0.55),
        (20, -3.0, 0.1, 0.09),
        (20, -3.0, 0.1, 0.02),
        (5, 4.36, 0.02, 0.01),
        (5, 4.36, 0.02, 0.02),
        (20, 310.0, 20.0, 4.6),
        (20, 310.0, 20.0, 18.0),
    )
    for values in (centre + sd * _SHAPE[:n] / _SHAPE[:n].std(ddof=1),)
)

EXERCISES = (
    Exercise(
        id="19-a",
        title="The log-likelihood of a table",
        section="lesson 19, Score in the unit of the target",
        solution=table_log_likelihood,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(LIKELIHOODS),),),
        bank=LIKELIHOOD_ROWS,
        hints=(
            "First back to the unit of y: centre + scale * passes.",
            "The log-density of one pass: -τ/2 (y - ŷ)² + ½ log τ - ½ log 2π.",
            "Average densities over the passes with torch.logsumexp and log T, then take the mean over the points.",
        ),
    ),
    Exercise(
        id="19-b",
        title="The standard error of a paired difference",
        section="lesson 19, Pair the splits",
        solution=paired_error,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(PAIRS),),),
        bank=PAIRED_ROWS,
        hints=(
            "One difference for each split that both have, looked up by its number.",
            "Their standard deviation with n - 1, divided by the root of n.",
        ),
    ),
    Exercise(
        id="19-c",
        title="What a printed ± stands for",
        section="lesson 19, Ask which ± it is",
        solution=as_standard_error,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(PRINTED),),),
        bank=PLUS_MINUS_ROWS,
        hints=(
            "Your own values have a deviation and a standard error. Which of the two is the printed ± nearer to?",
            "A standard error goes back as it is; a deviation is divided by the root of n.",
        ),
    ),
)
