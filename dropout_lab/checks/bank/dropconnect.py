"""Slips about DropConnect on arrays: its forward pass, and inference by draws of its Gaussian."""

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
