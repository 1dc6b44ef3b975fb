"""Exercises of lesson 04."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.bank.penalties import FIT_ROWS, LOGISTIC_ROWS, PENALTY_ROWS
from dropout_lab.checks.exercise import Exercise
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.subjects import callable_answer

Array = NDArray[np.floating]


def dropout_penalty(x: Array, w: Array, p: float) -> Any:
    """Return what dropout adds on average to sum((y - x @ w)**2), for x (N, D), w (D,) and drop probability p."""
    prices = (x**2).sum(axis=0)
    return p / (1 - p) * (w**2 * prices).sum()


def dropout_fit(x: Array, y: Array, p: float) -> Any:
    """Return the weights (D,) of linear regression with dropout on its inputs, for x (N, D) and y (N,)."""
    gram = x.T @ x
    prices = np.diag(np.diag(gram))
    return np.linalg.solve(gram + p / (1 - p) * prices, x.T @ y)


def logistic_penalty(x: Array, w: Array, p: float) -> Any:
    """Return the second-order penalty of dropout in logistic regression, summed over the examples of x (N, D)."""
    pi = 1 / (1 + np.exp(-x @ w))
    variance = p / (1 - p) * (x**2) @ (w**2)
    return 0.5 * (pi * (1 - pi) * variance).sum()


X = np.array([[1.0, -2.0, 0.5], [0.5, 1.0, -1.0], [2.0, 0.0, 1.5], [-1.0, 3.0, 0.5], [0.0, 1.5, -2.0]])
W = np.array([1.0, -0.5, 0.8])
Y = np.array([2.0, -1.0, 4.0, -2.0, -2.5])
PENALTIES = tuple(on(dropout_penalty, f"five examples, three features and p = {p}", X, W, p) for p in (0.2, 0.7))
FITS = tuple(on(dropout_fit, f"five examples, three features and p = {p}", X, Y, p) for p in (0.2, 0.7))
LOGISTIC = tuple(on(logistic_penalty, f"five examples, three features and p = {p}", X, W, p) for p in (0.2, 0.7))

EXERCISES = (
    Exercise(
        id="04-a",
        title="What dropout adds to the squared loss",
        section="lesson 04, Average the loss over the coins",
        solution=dropout_penalty,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(PENALTIES),),),
        bank=PENALTY_ROWS,
        hints=(
            "It is the variance of the prediction, added up over the examples.",
            "The price of a weight is the sum of squares of its feature: (x**2).sum(axis=0).",
            "Multiply each price by the square of its weight, add up, and multiply by p / (1 - p).",
        ),
    ),
    Exercise(
        id="04-b",
        title="Linear regression with dropout, without a coin",
        section="lesson 04, Fit without a coin",
        solution=dropout_fit,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(FITS),),),
        bank=FIT_ROWS,
        hints=(
            "Solve (XᵀX + p/q D) w = Xᵀy with np.linalg.solve.",
            "D has the diagonal of XᵀX and zeros elsewhere: np.diag(np.diag(x.T @ x)).",
        ),
    ),
    Exercise(
        id="04-c",
        title="The second-order penalty of logistic regression",
        section="lesson 04, Approximate it for logistic regression",
        solution=logistic_penalty,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(LOGISTIC),),),
        bank=LOGISTIC_ROWS,
        hints=(
            "For each example: half of its curvature times the variance of its prediction.",
            "The curvature is π (1 - π) with π = 1 / (1 + exp(-x @ w)).",
            "The variance of the predictions is p / (1 - p) * (x**2) @ (w**2), as in linear regression.",
        ),
    ),
)
