"""Exercises of lesson 10."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.bank.dropconnect import FORWARD_ROWS, RELU_ROWS
from dropout_lab.checks.bank.dropconnect_moments import SUM_ROWS, UNIT_ROWS
from dropout_lab.checks.exercise import Exercise
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.subjects import callable_answer

Array = NDArray[np.floating]


def dropconnect(h: Array, weight: Array, bias: Array, p: float, coins: Array) -> Any:
    """Return the units (N, K) of DropConnect in training, for h (N, D), weight (K, D), bias (K,), coins (N, K, D)."""
    masked = (coins >= p) * weight
    return np.einsum("nkd,nd->nk", masked, h) / (1 - p) + bias


def unit_variance(h: Array, weight: Array, p: float) -> Any:
    """Return the variances (N, K) of the units over the masks, for h (N, D) and weight (K, D)."""
    return p / (1 - p) * h**2 @ (weight**2).T


def sum_variance(h: Array, weight: Array, v: Array, p: float) -> Any:
    """Return the variances (N,) of the sum of v[k] u[n, k] over k under DropConnect, for v (K,)."""
    variances = p / (1 - p) * h**2 @ (weight**2).T
    return variances @ v**2


def relu_mean(mean: Array, variance: Array, eps: Array) -> Any:
    """Return the mean (N, K) of ReLU(u) over Gaussian draws, from moments (N, K) and standard normal eps (T, N, K)."""
    draws = mean + np.sqrt(variance) * eps
    return np.maximum(0, draws).mean(axis=0)


H = np.array([[1.0, -2.0, 0.5, 1.5], [0.5, 1.0, -1.0, 2.5], [2.0, 0.75, 1.5, -0.5]])
WEIGHT = np.array([[1.0, -0.5, 0.75, 2.0], [-1.5, 0.25, 1.25, 0.6]])
BIAS = np.array([0.7, -1.1])
V = np.array([0.6, -1.7])
COINS = np.array(
    [
        [[0.10, 0.85, 0.40, 0.75], [0.55, 0.05, 0.90, 0.60]],
        [[0.80, 0.15, 0.95, 0.30], [0.12, 0.72, 0.35, 0.88]],
        [[0.45, 0.78, 0.08, 0.92], [0.83, 0.50, 0.74, 0.18]],
    ]
)
MEAN = np.array([[0.3, -0.4], [-1.0, 1.2], [0.1, 0.5]])
VARIANCE = np.array([[0.5, 2.25], [4.0, 0.3], [1.7, 0.8]])
EPS = np.array(
    [
        [[0.5, -1.2], [1.1, -0.3], [-0.7, 0.2]],
        [[-1.6, 0.9], [0.4, -2.6], [1.3, -1.9]],
        [[0.2, 1.7], [-0.8, 0.6], [-0.1, 0.8]],
        [[-0.9, -0.4], [2.1, 1.5], [0.6, -0.5]],
    ]
)
RATES = (0.2, 0.7)
TEXT = "three examples, two units and p = {}"
FORWARD = tuple(on(dropconnect, TEXT.format(p), H, WEIGHT, BIAS, p, COINS) for p in RATES)
UNITS = tuple(on(unit_variance, TEXT.format(p), H, WEIGHT, p) for p in RATES)
SUMS = tuple(on(sum_variance, TEXT.format(p), H, WEIGHT, V, p) for p in RATES)
RELUS = (on(relu_mean, "three examples, two units and four draws", MEAN, VARIANCE, EPS),)

EXERCISES = (
    Exercise(
        id="10-a",
        title="The forward pass of DropConnect",
        section="lesson 10, Give every example its own weights",
        solution=dropconnect,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(FORWARD),),),
        bank=FORWARD_ROWS,
        hints=(
            "(coins >= p) * weight is a masked weight matrix for each example, of shape (N, K, D).",
            'np.einsum("nkd,nd->nk", masked, h) multiplies each of them with its example.',
            "Divide that by 1 - p, then add the bias, which is neither dropped nor scaled.",
        ),
    ),
    Exercise(
        id="10-b",
        title="The variance of a unit under DropConnect",
        section="lesson 10, Look at one unit",
        solution=unit_variance,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(UNITS),),),
        bank=UNIT_ROWS,
        hints=(
            "Square first, then add: each term of the sum has a coin of its own.",
            "h**2 @ (weight**2).T has shape (N, K). Which factor is missing?",
        ),
    ),
    Exercise(
        id="10-c",
        title="The variance of a weighted sum of units",
        section="lesson 10, Look at two units",
        solution=sum_variance,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(SUMS),),),
        bank=SUM_ROWS,
        hints=(
            "Given the input, the units are independent: the variances of v[k] u[k] add up.",
            "Var[v u] = v² Var[u], and Var[u] is the answer to 10-b.",
        ),
    ),
    Exercise(
        id="10-d",
        title="The mean of a ReLU over Gaussian draws",
        section="lesson 10, Put a Gaussian in the place of the masks",
        solution=relu_mean,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(RELUS),),),
        bank=RELU_ROWS,
        hints=(
            "A draw is mean + standard deviation times eps; the result has shape (T, N, K).",
            "First the ReLU of each draw, np.maximum(0, draws), then the mean over axis 0.",
        ),
    ),
)
