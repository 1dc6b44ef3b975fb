"""Slips about what dropout charges for a weight in a linear model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer

Array = NDArray[Any]


def odds(p: float) -> float:
    """The variance of a scaled coin, p / (1 - p)."""
    return p / (1 - p)


def squares(x: Array) -> Array:
    return (x**2).sum(axis=0)


def charged(strength: Callable[[float], float], price: Callable[[Array], Array] = squares) -> ValueAnswer:
    """A version of dropout_penalty(x, w, p) with another strength, or with another price of the features."""
    return ValueAnswer(lambda x, w, p: strength(p) * (price(x) * w**2).sum())


PENALTY_ROWS = (
    Misconception(
        "plain-ridge",
        "every weight has the same price, as in ridge regression. Dropping a feature that is small or mostly 0 adds "
        "little noise, so its weight must cost less.",
        "What does dropout do to a feature that is 0 in every example?",
        (
            charged(odds, np.ones_like),
            charged(odds, lambda x: np.ones(x.shape[1])),
            charged(lambda p: p, lambda x: np.ones(x.shape[1])),
        ),
    ),
    Misconception(
        "full-gram",
        "that is p/q times the sum of the squared predictions. In (Σ w x)² features are multiplied with each other; "
        "independent coins leave only each feature's own square.",
        "Variances of independent terms add. Square first, then add.",
        (ValueAnswer(lambda x, w, p: odds(p) * ((x @ w) ** 2).sum()),),
    ),
    Misconception(
        "squares-of-sums",
        "the examples were added up before they were squared. Each example has coins of its own, so each adds its own "
        "square.",
        "Can positive and negative values of a feature cancel in a variance?",
        (charged(odds, lambda x: x.sum(axis=0) ** 2), charged(odds, lambda x: len(x) * x.mean(axis=0) ** 2)),
    ),
    Misconception(
        "keep-drop-swapped",
        "p and 1 - p are exchanged: your penalty grows as fewer units are dropped.",
        "What should the penalty be at p = 0?",
        (charged(lambda p: (1 - p) / p),),
    ),
    Misconception(
        "not-scaled",
        "that is p (1 - p), the variance of a coin. Survivors are divided by 1 - p, and a constant factor enters a "
        "variance squared.",
        "Var[m / q] = Var[m] / q².",
        (charged(lambda p: p * (1 - p)),),
    ),
    Misconception(
        "scale-not-squared",
        "p stands where p / (1 - p) belongs: the variance of a coin was divided by 1 - p once.",
        "Var[m / q] = Var[m] / q².",
        (charged(lambda p: p),),
    ),
    Misconception(
        "mean-for-sum",
        "that is the penalty of an average example. The loss is a sum over the examples, and so is the penalty.",
        "sum((y - x @ w)**2) has N terms.",
        (charged(odds, lambda x: (x**2).mean(axis=0)),),
    ),
    Misconception(
        "weights-not-squared",
        "w is a constant factor in front of the coin, and a constant factor enters a variance squared.",
        "Can a variance change its sign with w?",
        (
            ValueAnswer(lambda x, w, p: odds(p) * (squares(x) * w).sum()),
            ValueAnswer(lambda x, w, p: odds(p) * (squares(x) * np.abs(w)).sum()),
        ),
    ),
)


def fitted(add: Callable[[Array, float, int], Array]) -> ValueAnswer:
    """A version of dropout_fit(x, y, p) that adds something else to the Gram matrix (given with p and N)."""
    return ValueAnswer(lambda x, y, p: np.linalg.solve(x.T @ x + add(x.T @ x, p, len(x)), x.T @ y))


def diagonal(gram: Array) -> Array:
    return np.diag(np.diag(gram))


FIT_ROWS = (
    Misconception(
        "no-penalty",
        "that is least squares without dropout. The mean of an input is kept, but a squared loss feels variance too.",
        "Which term does dropout add to the loss?",
        (fitted(lambda gram, p, n: 0 * gram),),
    ),
    Misconception(
        "plain-ridge",
        "the same number is added to every diagonal entry, as in ridge regression.",
        "What is the price of feature j's weight? It is an entry of x.T @ x.",
        (
            fitted(lambda gram, p, n: odds(p) * np.eye(len(gram))),
            fitted(lambda gram, p, n: p * np.eye(len(gram))),
            fitted(lambda gram, p, n: n * odds(p) * np.eye(len(gram))),
        ),
    ),
    Misconception(
        "full-gram",
        "all of XᵀX was scaled and not its diagonal alone; every weight then shrinks to 1 - p of what it was. Two "
        "features have independent coins, so their product keeps its mean.",
        "What is E[(m/q)(m'/q)] for two independent coins, and what is E[(m/q)²]?",
        (fitted(lambda gram, p, n: odds(p) * gram),),
    ),
    Misconception(
        "diagonal-as-vector",
        "the prices were added as a vector (D,), which NumPy adds to every row of XᵀX, off the diagonal too.",
        "np.diag takes a matrix to its diagonal, and a vector to a matrix. Which of the two do you need last?",
        (
            fitted(lambda gram, p, n: odds(p) * np.diag(gram)),
            fitted(lambda gram, p, n: odds(p) * np.diag(gram)[:, None]),
        ),
    ),
    Misconception(
        "keep-drop-swapped",
        "p and 1 - p are exchanged: your weights shrink most where nothing is dropped.",
        "What should the weights be at p = 0?",
        (fitted(lambda gram, p, n: (1 - p) / p * diagonal(gram)),),
    ),
    Misconception(
        "not-scaled",
        "p (1 - p) stands where p / (1 - p) belongs. Survivors are divided by 1 - p, and a constant factor enters a "
        "variance squared.",
        "Var[m / q] = Var[m] / q².",
        (fitted(lambda gram, p, n: p * (1 - p) * diagonal(gram)),),
    ),
    Misconception(
        "scale-not-squared",
        "p stands where p / (1 - p) belongs: the variance of a coin was divided by 1 - p once.",
        "Var[m / q] = Var[m] / q².",
        (fitted(lambda gram, p, n: p * diagonal(gram)),),
    ),
    Misconception(
        "standard-not-inverted",
        "these are the weights for inputs that are masked and not scaled, as in the 2014 paper: larger by 1/q. Here "
        "survivors are scaled in training.",
        "Which of the two models has predictions x @ w at test time, without a factor?",
        (
            ValueAnswer(
                lambda x, y, p: np.linalg.solve(x.T @ x + odds(p) * diagonal(x.T @ x), x.T @ y) / (1 - p),
            ),
        ),
    ),
    Misconception(
        "mean-for-sum",
        "the penalty was divided by the number of examples and the loss was not.",
        "x.T @ x is a sum over the examples. Is your penalty one as well?",
        (fitted(lambda gram, p, n: odds(p) * diagonal(gram) / n),),
    ),
)


def curvature(x: Array, w: Array) -> Array:
    pi = 1 / (1 + np.exp(-x @ w))
    return pi * (1 - pi)


def weighed(
    strength: Callable[[float], float] = lambda p: odds(p) / 2,
    weight: Callable[[Array, Array], Array] = curvature,
) -> ValueAnswer:
    """A version of logistic_penalty(x, w, p) with another strength, or another weight of the examples (N,)."""
    return ValueAnswer(lambda x, w, p: strength(p) * (weight(x, w) @ x**2 @ w**2))


LOGISTIC_ROWS = (
    Misconception(
        "curvature-ignored",
        "all examples count alike, as in linear regression. In the logistic loss an example counts with π (1 - π), "
        "which is little where the model is sure.",
        "How bent is log(1 + exp(z)) at z = 0, and at z = 10?",
        (
            weighed(weight=lambda x, w: np.ones(len(x))),
            weighed(odds, lambda x, w: np.ones(len(x))),
            weighed(weight=lambda x, w: np.full(len(x), 0.25)),
        ),
    ),
    Misconception(
        "half-forgotten",
        "the factor ½ of the second term of a Taylor series is missing.",
        "f(z + d) ≈ f(z) + f'(z) d + …?",
        (weighed(odds),),
    ),
    Misconception(
        "probability-for-curvature",
        "each example counts with π, or with 1 - π. The second derivative of log(1 + exp(z)) is their product.",
        "What is the derivative of the sigmoid?",
        (weighed(weight=lambda x, w: 1 / (1 + np.exp(-x @ w))), weighed(weight=lambda x, w: 1 / (1 + np.exp(x @ w)))),
    ),
    Misconception(
        "full-gram",
        "that has the squared predictions (Σ w x)², in which features are multiplied with each other. Independent "
        "coins leave only each feature's own square.",
        "Variances of independent terms add. Square first, then add.",
        (ValueAnswer(lambda x, w, p: odds(p) / 2 * curvature(x, w) @ (x @ w) ** 2),),
    ),
    Misconception(
        "plain-ridge",
        "every weight has the same price, as in ridge regression.",
        "What does dropout do to a feature that is 0 in every example?",
        (
            ValueAnswer(lambda x, w, p: odds(p) / 2 * (w**2).sum()),
            ValueAnswer(lambda x, w, p: odds(p) / 2 * curvature(x, w).sum() * (w**2).sum()),
        ),
    ),
    Misconception(
        "keep-drop-swapped",
        "p and 1 - p are exchanged: your penalty grows as fewer units are dropped.",
        "What should the penalty be at p = 0?",
        (weighed(lambda p: (1 - p) / p / 2),),
    ),
    Misconception(
        "not-scaled",
        "p (1 - p) stands where p / (1 - p) belongs. Survivors are divided by 1 - p, and a constant factor enters a "
        "variance squared.",
        "Var[m / q] = Var[m] / q².",
        (weighed(lambda p: p * (1 - p) / 2),),
    ),
    Misconception(
        "mean-for-sum",
        "that is the penalty of an average example; the sum over the examples was asked for.",
        "Leave the division by N out.",
        (ValueAnswer(lambda x, w, p: odds(p) / 2 * (curvature(x, w) @ x**2 @ w**2) / len(x)),),
    ),
)
