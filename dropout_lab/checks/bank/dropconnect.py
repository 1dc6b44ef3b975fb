"""Slips about DropConnect on arrays: its forward pass, the variance of units and of their sums, its inference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer

Array = NDArray[Any]
Scale = Callable[[float], float]


def right_scale(p: float) -> float:
    return 1 / (1 - p)


def odds(p: float) -> float:
    """The variance of a scaled coin, p / (1 - p)."""
    return p / (1 - p)


def kept(coins: Array, p: float) -> Array:
    return coins >= p


def forward(
    mask: Callable[[Array, float], Array] = kept,
    scale: Scale = right_scale,
    bias: Callable[[Array, float], Array] = lambda b, p: b,
) -> ValueAnswer:
    """A version of dropconnect(h, weight, bias, p, coins) with another mask, scale or bias."""
    return ValueAnswer(
        lambda h, weight, b, p, coins: (mask(coins, p) * weight * h[:, None]).sum(axis=2) * scale(p) + bias(b, p)
    )


FORWARD_ROWS = (
    Misconception(
        "dropconnect-shared",
        "one weight mask serves the whole batch: all examples go through the same subnetwork, and copies of one input "
        "give the same answer.",
        "coins[0] belongs to example 0 alone. Which axis of the coins stands for the examples?",
        (forward(lambda coins, p: coins[:1] >= p), forward(lambda coins, p: coins[-1:] >= p)),
    ),
    Misconception(
        "weights-overwritten",
        "the mask of one example was multiplied into the weights that the next one uses: an example has lost all that "
        "those before it dropped.",
        "Compute the masked weights as a new array, from the weights that came in.",
        (
            forward(lambda coins, p: np.cumprod(coins >= p, axis=0)),
            forward(lambda coins, p: np.cumprod((coins >= p) / (1 - p), axis=0), scale=lambda p: 1.0),
        ),
    ),
    Misconception(
        "dropconnect-as-dropout",
        "inputs were dropped and not weights: an input goes missing for all units of an example at once.",
        "Which of the axes N, K and D do your coins have?",
        (forward(lambda coins, p: coins[:, :1] >= p), forward(lambda coins, p: coins[:, -1:] >= p)),
    ),
    Misconception(
        "dropout-on-output",
        "whole units were dropped and not weights.",
        "A coin belongs to each term of the sum over the inputs, not to the sum.",
        (forward(lambda coins, p: coins[:, :, :1] >= p), forward(lambda coins, p: coins[:, :, -1:] >= p)),
    ),
    Misconception(
        "keep-drop-swapped",
        "p is used as the probability of keeping a weight.",
        "At p = 0.2, how many of the weights should stay?",
        (
            forward(lambda coins, p: coins < p, lambda p: 1 / p),
            forward(lambda coins, p: coins >= 1 - p, lambda p: 1 / p),
        ),
    ),
    Misconception(
        "mask-inverted",
        "the scale is right and the mask keeps what it should drop.",
        "A weight is kept where its coin is at least p.",
        (forward(lambda coins, p: coins < p),),
    ),
    Misconception(
        "not-scaled",
        "the kept weights are not divided by 1 - p.",
        "What keeps the mean of a unit where it was?",
        (forward(scale=lambda p: 1.0),),
    ),
    Misconception(
        "divided-by-p",
        "the kept weights were divided by p.",
        "Which share of the weights is kept? Divide by that.",
        (forward(scale=lambda p: 1 / p),),
    ),
    Misconception(
        "scaled-by-keep",
        "the kept weights were multiplied by 1 - p; they must be divided by it.",
        "What keeps the mean of a unit where it was?",
        (forward(scale=lambda p: 1 - p),),
    ),
    Misconception(
        "bias-scaled",
        "the bias was divided by 1 - p as well. No coin stands before it, so its mean needs no repair.",
        "Scale the sum, then add the bias.",
        (forward(bias=lambda b, p: b / (1 - p)),),
    ),
    Misconception(
        "bias-forgotten",
        "the bias is missing. It is not dropped.",
        "What is the output of a layer whose weights are all dropped?",
        (forward(bias=lambda b, p: 0 * b),),
    ),
    Misconception(
        "dropped-then-ignored",
        "no weight is ever dropped.",
        "Is the weight that you multiply with the one that you masked?",
        (
            forward(lambda coins, p: np.ones_like(coins), lambda p: 1.0),
            forward(lambda coins, p: np.ones_like(coins)),
        ),
    ),
)


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


def relu(u: Array) -> Array:
    return np.maximum(0, u)


RELU_ROWS = (
    Misconception(
        "relu-of-the-mean",
        "the mean was taken before the ReLU. That is the plain pass, which the draws were to correct.",
        "Which comes first, the ReLU of each draw or the mean over the draws?",
        (
            ValueAnswer(lambda mean, variance, eps: relu(mean)),
            ValueAnswer(lambda mean, variance, eps: relu((mean + np.sqrt(variance) * eps).mean(axis=0))),
        ),
    ),
    Misconception(
        "variance-for-sd",
        "the draws were made with the variance. What multiplies a standard normal number is a standard deviation.",
        "Var[c ε] = c². Which c gives the variance that you want?",
        (ValueAnswer(lambda mean, variance, eps: relu(mean + variance * eps).mean(axis=0)),),
    ),
    Misconception(
        "relu-forgotten",
        "the draws were averaged without a ReLU.",
        "What is the ReLU of a negative draw?",
        (ValueAnswer(lambda mean, variance, eps: (mean + np.sqrt(variance) * eps).mean(axis=0)),),
    ),
    Misconception(
        "one-draw",
        "one draw was used and the others were not.",
        "eps has an axis of T draws, axis 0.",
        (
            ValueAnswer(lambda mean, variance, eps: relu(mean + np.sqrt(variance) * eps[0])),
            ValueAnswer(lambda mean, variance, eps: relu(mean + np.sqrt(variance) * eps[-1])),
        ),
    ),
    Misconception(
        "sum-for-mean",
        "the draws were added up; their mean was asked for.",
        "Divide by the number of draws.",
        (ValueAnswer(lambda mean, variance, eps: relu(mean + np.sqrt(variance) * eps).sum(axis=0)),),
    ),
    Misconception(
        "centred-on-zero",
        "the draws have mean 0, or the mean was added behind the ReLU.",
        "A draw is mean + standard deviation times eps, and the ReLU sees all of it.",
        (
            ValueAnswer(lambda mean, variance, eps: relu(np.sqrt(variance) * eps).mean(axis=0)),
            ValueAnswer(lambda mean, variance, eps: mean + relu(np.sqrt(variance) * eps).mean(axis=0)),
        ),
    ),
)
