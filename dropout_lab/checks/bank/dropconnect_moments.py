"""Slips about the variance of units under DropConnect, and of weighted sums of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer

Array = NDArray[Any]
Scale = Callable[[float], float]


def odds(p: float) -> float:
    """The variance of a scaled coin, p / (1 - p)."""
    return p / (1 - p)


def terms(h: Array, weight: Array) -> Array:
    return h**2 @ (weight**2).T


def spread(strength: Scale = odds, squares: Callable[[Array, Array], Array] = terms, power: float = 1.0) -> ValueAnswer:
    """A version of unit_variance(h, weight, p) with another strength or another sum, or a power of the result."""
    return ValueAnswer(lambda h, weight, p: (strength(p) * squares(h, weight)) ** power)


FACTOR_ROWS = (
    (
        "not-scaled",
        "p (1 - p) stands where p / (1 - p) belongs. Survivors are divided by 1 - p, and a constant factor enters a "
        "variance squared.",
        "Var[m / q] = Var[m] / q².",
        (lambda p: p * (1 - p),),
    ),
    (
        "scale-not-squared",
        "p stands where p / (1 - p) belongs: the variance of a coin was divided by 1 - p once.",
        "Var[m / q] = Var[m] / q².",
        (lambda p: p,),
    ),
    (
        "keep-drop-swapped",
        "p and 1 - p are exchanged: your variance grows as fewer weights are dropped.",
        "What should the variance be at p = 0?",
        (lambda p: (1 - p) / p,),
    ),
)

UNIT_ROWS = (
    Misconception(
        "squares-of-sums",
        "the terms were added up before they were squared. In (Σ w h)² they are multiplied with each other; "
        "independent coins leave only each term's own square.",
        "Variances of independent terms add. Square first, then add.",
        (spread(squares=lambda h, weight: (h @ weight.T) ** 2),),
    ),
    *(
        Misconception(slug, means, tip, tuple(spread(factor) for factor in factors))
        for slug, means, tip, factors in FACTOR_ROWS
    ),
    Misconception(
        "weights-not-squared",
        "the weights enter as they are. A constant factor enters a variance squared.",
        "Var[c m] = c² Var[m], and c is w h.",
        (
            spread(squares=lambda h, weight: h**2 @ weight.T),
            spread(squares=lambda h, weight: h**2 @ abs(weight).T),
        ),
    ),
    Misconception(
        "input-not-squared",
        "the inputs enter as they are. A constant factor enters a variance squared.",
        "Var[c m] = c² Var[m], and c is w h.",
        (spread(squares=lambda h, weight: h @ (weight**2).T), spread(squares=lambda h, weight: abs(h) @ (weight**2).T)),
    ),
    Misconception(
        "sd-for-variance",
        "that is the standard deviation; the variance was asked for.",
        "Leave the root out.",
        (spread(power=0.5),),
    ),
    Misconception(
        "mean-not-subtracted",
        "that is the mean of u², which holds the square of the mean of u as well.",
        "E[u²] = E[u]² + Var[u].",
        (ValueAnswer(lambda h, weight, p: odds(p) * terms(h, weight) + (h @ weight.T) ** 2),),
    ),
)


def summed(strength: Scale = odds, power: float = 1.0) -> ValueAnswer:
    """A version of sum_variance(h, weight, v, p) with another strength, or a power of the result."""
    return ValueAnswer(lambda h, weight, v, p: (strength(p) * terms(h, weight) @ v**2) ** power)


SUM_ROWS = (
    Misconception(
        "dropconnect-as-dropout",
        "that is the variance under dropout, where the units share the coins of their inputs. Under DropConnect every "
        "unit has coins of its own, and no covariance enters.",
        "How large is the covariance of two units under DropConnect?",
        (ValueAnswer(lambda h, weight, v, p: odds(p) * h**2 @ (v @ weight) ** 2),),
    ),
    Misconception(
        "squares-of-sums",
        "all terms were added up before they were squared. Independent coins leave only each term's own square.",
        "Variances of independent terms add. Square first, then add.",
        (
            ValueAnswer(lambda h, weight, v, p: odds(p) * (h @ weight.T @ v) ** 2),
            ValueAnswer(lambda h, weight, v, p: odds(p) * (h @ weight.T) ** 2 @ v**2),
        ),
    ),
    Misconception(
        "weights-not-squared",
        "the v[k] enter as they are. A constant factor enters a variance squared.",
        "Var[v u] = v² Var[u].",
        (
            ValueAnswer(lambda h, weight, v, p: odds(p) * terms(h, weight) @ v),
            ValueAnswer(lambda h, weight, v, p: odds(p) * terms(h, weight) @ abs(v)),
        ),
    ),
    Misconception(
        "weights-ignored",
        "the variances of the units were added without the v[k].",
        "Var[v u] = v² Var[u].",
        (ValueAnswer(lambda h, weight, v, p: odds(p) * terms(h, weight).sum(axis=1)),),
    ),
    Misconception(
        "sds-added",
        "standard deviations were added. Variances add, of what is independent.",
        "Add first, and take no root.",
        (
            ValueAnswer(lambda h, weight, v, p: (np.sqrt(odds(p) * terms(h, weight)) @ abs(v)) ** 2),
            ValueAnswer(lambda h, weight, v, p: np.sqrt(odds(p) * terms(h, weight)) @ abs(v)),
        ),
    ),
    *(
        Misconception(slug, means, tip, tuple(summed(factor) for factor in factors))
        for slug, means, tip, factors in FACTOR_ROWS
    ),
    Misconception(
        "sd-for-variance",
        "that is the standard deviation; the variance was asked for.",
        "Leave the root out.",
        (summed(power=0.5),),
    ),
)
