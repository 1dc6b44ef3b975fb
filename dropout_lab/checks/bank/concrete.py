"""Slips about soft coins and the regulariser of a learned rate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer

Array = NDArray[np.floating]


def sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def log_odds(p: Array | float) -> Array:
    return np.log(p) - np.log(1 - np.asarray(p))


def softened(make: Callable[[float, Array, float], Array]) -> ValueAnswer:
    """A version of soft_drop(p, u, t)."""
    return ValueAnswer(make)


DROP_ROWS = (
    Misconception(
        "keep-drop-swapped",
        "that is the soft variable of a coin that keeps: near 1 where u is small, or with probability 1 - p. Asked for "
        "is one near 1 where a unit is dropped.",
        "At p = 0.1, should most of the values be near 0 or near 1?",
        (
            softened(lambda p, u, t: sigmoid((log_odds(1 - p) + log_odds(u)) / t)),
            softened(lambda p, u, t: sigmoid(-(log_odds(p) + log_odds(u)) / t)),
        ),
    ),
    Misconception(
        "temperature-multiplied",
        "the argument was multiplied by t. A cold coin is a hard one: divide by t.",
        "What does the sigmoid make of a very large argument?",
        (softened(lambda p, u, t: sigmoid((log_odds(p) + log_odds(u)) * t)),),
    ),
    Misconception(
        "temperature-on-one-term",
        "t divides one of the two log-odds alone. It divides their sum, so that the sign does not depend on t.",
        "Where are the brackets?",
        (
            softened(lambda p, u, t: sigmoid(log_odds(p) + log_odds(u) / t)),
            softened(lambda p, u, t: sigmoid(log_odds(p) / t + log_odds(u))),
        ),
    ),
    Misconception(
        "temperature-forgotten",
        "t is not in the answer: that is the coin at t = 1, which is soft.",
        "What must happen as t goes to 0?",
        (softened(lambda p, u, t: sigmoid(log_odds(p) + log_odds(u))),),
    ),
    Misconception(
        "log-for-log-odds",
        "a logarithm stands where log-odds belong. The sum has to be above 0 with probability p.",
        "Log-odds are log p - log(1 - p), and the same for u.",
        (
            softened(lambda p, u, t: sigmoid((np.log(p) + log_odds(u)) / t)),
            softened(lambda p, u, t: sigmoid((log_odds(p) + np.log(u)) / t)),
            softened(lambda p, u, t: sigmoid((np.log(p) + np.log(u)) / t)),
        ),
    ),
    Misconception(
        "p-for-log-odds",
        "p itself was added to the log-odds of u; the sum is then not above 0 with probability p.",
        "Both terms are log-odds.",
        (softened(lambda p, u, t: sigmoid((p + log_odds(u)) / t)), softened(lambda p, u, t: sigmoid((p + u) / t))),
    ),
    Misconception(
        "sigmoid-forgotten",
        "values below 0 or above 1: the sigmoid that squeezes them into (0, 1) is missing.",
        "1 / (1 + exp(-a)) for the a that you have.",
        (softened(lambda p, u, t: (log_odds(p) + log_odds(u)) / t),),
    ),
    Misconception(
        "hard-coin",
        "that is a coin, 0 or 1: its derivative with respect to p is 0 almost everywhere.",
        "Put a sigmoid in the place of the comparison.",
        (
            softened(lambda p, u, t: 1.0 * (log_odds(p) + log_odds(u) > 0)),
            softened(lambda p, u, t: 1.0 * (u < p)),
        ),
    ),
)


def entropy(p: float) -> float:
    return float(-p * np.log(p) - (1 - p) * np.log(1 - p))


def weight_price(weight: Array, p: float, length: float) -> float:
    return float(length**2 * (weight**2).sum() / (2 * (1 - p)))


def priced(of_weights: Callable[[Array, float, float], float]) -> ValueAnswer:
    """A version of regulariser(weight, p, length) with another price of the weights."""
    return ValueAnswer(lambda weight, p, length: of_weights(weight, p, length) - weight.shape[1] * entropy(p))


def rewarded(of_coins: Callable[[Array, float], float]) -> ValueAnswer:
    """A version of regulariser(weight, p, length) that subtracts another reward for the coins."""
    return ValueAnswer(lambda weight, p, length: weight_price(weight, p, length) - of_coins(weight, p))


REGULARISER_ROWS = (
    Misconception(
        "entropy-sign",
        "the entropy was added. Random coins are rewarded: without that reward p has no reason to leave 0.",
        "Which sign does -D H(p) have?",
        (rewarded(lambda w, p: -w.shape[1] * entropy(p)),),
    ),
    Misconception(
        "entropy-per-weight",
        "every weight brought an entropy. A coin is flipped for each of the D inputs; K weights behind it share it.",
        "How many coins does one example flip in front of this layer?",
        (rewarded(lambda w, p: w.size * entropy(p)),),
    ),
    Misconception(
        "entropy-per-output",
        "the number of outputs K was counted. The coins stand in front of the layer, one for each input.",
        "weight has the shape (K, D).",
        (rewarded(lambda w, p: w.shape[0] * entropy(p)),),
    ),
    Misconception(
        "entropy-once",
        "the entropy of a single coin was subtracted. D independent coins have D times as much.",
        "How many coins does one example flip in front of this layer?",
        (rewarded(lambda w, p: entropy(p)),),
    ),
    Misconception(
        "half-an-entropy",
        "-p log p is one of the two terms of a coin's entropy.",
        "What does the other side of the coin add?",
        (
            rewarded(lambda w, p: -w.shape[1] * p * np.log(p)),
            rewarded(lambda w, p: -w.shape[1] * (1 - p) * np.log(1 - p)),
        ),
    ),
    Misconception(
        "entropy-forgotten",
        "the price of the weights is there, the reward for the coins is not.",
        "What keeps p away from 0?",
        (rewarded(lambda w, p: 0.0),),
    ),
    Misconception(
        "scale-multiplied",
        "the price was multiplied by 1 - p. That is right for weights behind an unscaled input; these see one that is "
        "divided by 1 - p.",
        "Write W = (1 - p) M in (1 - p) ‖M‖².",
        (priced(lambda w, p, length: weight_price(w, p, length) * (1 - p) ** 2),),
    ),
    Misconception(
        "scale-forgotten",
        "the price of the weights does not depend on p. It grows with the noise: divide by 1 - p.",
        "What should a weight cost as p goes to 1?",
        (priced(lambda w, p, length: weight_price(w, p, length) * (1 - p)),),
    ),
    Misconception(
        "keep-drop-swapped",
        "the price is divided by p: it would be infinite without dropout.",
        "What is the price of the weights at p = 0?",
        (priced(lambda w, p, length: weight_price(w, 1 - p, length)),),
    ),
    Misconception(
        "half-forgotten",
        "the factor ½ of a normal prior is missing.",
        "-log of a normal density is w²/(2σ²), and a constant.",
        (priced(lambda w, p, length: 2 * weight_price(w, p, length)),),
    ),
    Misconception(
        "length-not-squared",
        "the length enters squared: the prior has the standard deviation 1/l.",
        "-log of a normal density is w²/(2σ²), and a constant.",
        (priced(lambda w, p, length: weight_price(w, p, length) / length),),
    ),
    Misconception(
        "weights-not-squared",
        "‖W‖² is the sum of the squares. You have the norm, or the weights themselves.",
        "np.linalg.norm takes a root.",
        (
            priced(lambda w, p, length: float(length**2 * np.sqrt((w**2).sum()) / (2 * (1 - p)))),
            priced(lambda w, p, length: float(length**2 * abs(w).sum() / (2 * (1 - p)))),
            priced(lambda w, p, length: float(length**2 * w.sum() / (2 * (1 - p)))),
        ),
    ),
    Misconception(
        "mean-for-sum",
        "the squares were averaged. The prior is on every weight, so their prices add up.",
        "The logarithm of a product of densities is a sum.",
        (priced(lambda w, p, length: weight_price(w, p, length) / w.size),),
    ),
)
