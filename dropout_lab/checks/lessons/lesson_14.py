"""Exercises of lesson 14."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.bank.normalisation import ALPHA_ROWS, RATIO_ROWS, SCHEDULE_ROWS
from dropout_lab.checks.exercise import Exercise
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.subjects import callable_answer

Array = NDArray[np.floating]


def variance_ratio(x: Array, p: float) -> Any:
    """Return the variance of x behind dropout over the variance of x, for samples x (N,) of a unit."""
    noise = p / (1 - p) * (x**2).mean()
    return (x.var() + noise) / x.var()


def alpha_dropout(h: Array, mask: NDArray[np.bool_], p: float) -> Any:
    """Return alpha dropout of h (N, D), in training, with the given keep-mask (N, D)."""
    low = -1.7580993408473766
    a = 1 / np.sqrt((1 - p) * (1 + p * low**2))
    b = -a * p * low
    return a * np.where(mask, h, low) + b


def annealed(step: int, p: float, n_steps: int) -> Any:
    """Return the drop probability at a step: p at step 0, in a straight line to 0 at n_steps, and 0 from there on."""
    return p * max(0, 1 - step / n_steps)


X = np.array([0.5, 2.0, -1.0, 3.0, 1.5])
H = np.array([[1.2, -0.4, 0.3], [-1.1, 0.8, 2.0]])
MASK = np.array([[True, False, True], [False, True, True]])
RATIOS = tuple(on(variance_ratio, f"five samples and p = {p}", X, p) for p in (0.2, 0.7))
ALPHAS = tuple(on(alpha_dropout, f"two examples, three units and p = {p}", H, MASK, p) for p in (0.1, 0.4))
RATES = tuple(
    on(annealed, f"step {step}, p = {p} and n_steps = {n}", step, p, n)
    for p, n in ((0.3, 10), (0.8, 40))
    for step in (0, 4, n // 2, n, 2 * n)
)

EXERCISES = (
    Exercise(
        id="14-a",
        title="The variance in training over the variance in eval",
        section="lesson 14, Watch batch norm store a variance that never comes",
        solution=variance_ratio,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(RATIOS),),),
        bank=RATIO_ROWS,
        hints=(
            "In training there is the variance of x, plus that of the coins.",
            "The coins add p / (1 - p) times the mean of x**2.",
        ),
    ),
    Exercise(
        id="14-b",
        title="Alpha dropout",
        section="lesson 14, Keep the mean and the variance of SELU",
        solution=alpha_dropout,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(ALPHAS),),),
        bank=ALPHA_ROWS,
        hints=(
            "Dropped units become α' = -1.7580993408473766: np.where(mask, h, low).",
            "Then a and b move all units, kept or not.",
            "a = ((1 - p) (1 + p α'²))^(-1/2) and b = -a p α'.",
        ),
    ),
    Exercise(
        id="14-c",
        title="An annealed p",
        section="lesson 14, Let p follow the step",
        solution=annealed,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(RATES),),),
        bank=SCHEDULE_ROWS,
        hints=(
            "The share of p that is left at a step before n_steps is 1 - step / n_steps.",
            "Behind n_steps that is negative: max(0, …).",
        ),
    ),
)
