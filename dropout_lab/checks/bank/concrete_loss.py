"""Slips about the loss in which the regulariser of a learned rate stands."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer

Array = NDArray[np.floating]


def nll(out: Array, y: Array, sd: float) -> float:
    return float(((y - out) ** 2).mean() / (2 * sd**2))


def charged(price: Callable[[Array, Array, int], float]) -> ValueAnswer:
    """A version of training_loss(out, y, sd, kls, n) that adds another price, made of out, kls and n."""
    return ValueAnswer(lambda out, y, sd, kls, n: nll(out, y, sd) + price(out, kls, n))


def fitted(loss: Callable[[Array, float], float]) -> ValueAnswer:
    """A version of training_loss(out, y, sd, kls, n) with another loss of errors (B,) and sd."""
    return ValueAnswer(lambda out, y, sd, kls, n: loss(y - out, sd) + kls.sum() / n)


LOSS_ROWS = (
    Misconception(
        "kl-not-divided",
        "the regularisers are those of the whole training set; your loss is that of one example.",
        "Divide the sum over all examples, losses and regularisers, by n.",
        (charged(lambda out, kls, n: float(kls.sum())),),
    ),
    Misconception(
        "kl-per-batch",
        "the regularisers were divided by the size of the minibatch. They are paid once for the n training examples, "
        "not once for every minibatch.",
        "How often would you pay them in one epoch?",
        (charged(lambda out, kls, n: float(kls.sum() / len(out))),),
    ),
    Misconception(
        "kl-averaged",
        "the regularisers were averaged over the layers. Each layer pays for itself, so they add up.",
        "Two layers, two regularisers.",
        (charged(lambda out, kls, n: float(kls.mean() / n)), charged(lambda out, kls, n: float(kls.mean()))),
    ),
    Misconception(
        "kl-of-one-layer",
        "one layer's regulariser alone was added: p of the others would fall to 0.",
        "Add the kl() of every layer that learns a p.",
        (charged(lambda out, kls, n: float(kls[0] / n)), charged(lambda out, kls, n: float(kls[-1] / n))),
    ),
    Misconception(
        "kl-subtracted",
        "the regularisers were subtracted. They are prices already: the reward for random coins is inside, with its "
        "minus.",
        "Loss = misfit + price.",
        (charged(lambda out, kls, n: float(-kls.sum() / n)),),
    ),
    Misconception(
        "no-kl",
        "that is the misfit without a price: p would fall to 0.",
        "Where do the regularisers come in?",
        (charged(lambda out, kls, n: 0.0),),
    ),
    Misconception(
        "error-for-nats",
        "that is a mean squared error. It has the unit of y², the regulariser is in nats: divide by 2 sd².",
        "-log of a normal density is (y - out)²/(2 sd²), and a constant.",
        (fitted(lambda e, sd: float((e**2).mean())), fitted(lambda e, sd: float((e**2).mean() / 2))),
    ),
    Misconception(
        "half-forgotten",
        "the factor ½ in the exponent of a normal density is missing.",
        "-log of a normal density is (y - out)²/(2 sd²), and a constant.",
        (fitted(lambda e, sd: float((e**2).mean() / sd**2)),),
    ),
    Misconception(
        "sd-not-squared",
        "sd is a standard deviation; the square of an error is divided by a variance.",
        "-log of a normal density is (y - out)²/(2 sd²), and a constant.",
        (fitted(lambda e, sd: float((e**2).mean() / (2 * sd))),),
    ),
    Misconception(
        "sum-for-mean",
        "losses were added up where their mean belongs: the loss of one example was asked for.",
        "The mean over the minibatch is the loss of one example.",
        (
            fitted(lambda e, sd: float((e**2).sum() / (2 * sd**2))),
            ValueAnswer(lambda out, y, sd, kls, n: nll(out, y, sd) * len(out) + kls.sum()),
            ValueAnswer(lambda out, y, sd, kls, n: nll(out, y, sd) * n + kls.sum()),
        ),
    ),
)
