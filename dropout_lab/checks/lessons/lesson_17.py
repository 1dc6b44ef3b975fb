"""Exercises of lesson 17."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.bank.concrete import DROP_ROWS, REGULARISER_ROWS
from dropout_lab.checks.bank.concrete_loss import LOSS_ROWS
from dropout_lab.checks.exercise import Exercise
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.subjects import callable_answer

Array = NDArray[np.floating]


def soft_drop(p: float, u: Array, t: float) -> Any:
    """Return soft drop variables, near 1 where a unit is dropped, for uniform numbers u and temperature t."""
    log_odds = np.log(p) - np.log(1 - p) + np.log(u) - np.log(1 - u)
    return 1 / (1 + np.exp(-log_odds / t))


def regulariser(weight: Array, p: float, length: float) -> Any:
    """Return l²‖W‖²/(2(1 - p)) - D H(p) in nats, for weight (K, D), drop probability p and length l."""
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    return length**2 * (weight**2).sum() / (2 * (1 - p)) - weight.shape[1] * entropy


def training_loss(out: Array, y: Array, sd: float, kls: Array, n: int) -> Any:
    """Return the loss of one example: mean of (y - out)²/(2 sd²) over a minibatch, and its share of all layers' kl."""
    return ((y - out) ** 2).mean() / (2 * sd**2) + kls.sum() / n


U = np.array([0.03, 0.2, 0.45, 0.7, 0.96])
WEIGHT = np.array([[0.5, -1.5, 2.0, 0.8], [-0.25, 0.75, -3.0, 1.1], [1.2, 0.4, -0.6, -0.9]])
OUT = np.array([1.0, -0.5, 2.5, 0.25])
Y = np.array([1.5, 0.5, 1.0, -0.5])
KLS = np.array([6.0, -2.5, 9.5])

EXERCISES = (
    Exercise(
        id="17-a",
        title="A soft coin",
        section="lesson 17, Soften the coin",
        solution=soft_drop,
        adapt=callable_answer(ValueAnswer),
        stages=(
            (
                outputs(
                    tuple(
                        on(soft_drop, f"p = {p}, t = {t} and five numbers u", p, U, t)
                        for p, t in ((0.2, 0.5), (0.7, 0.3))
                    )
                ),
            ),
        ),
        bank=DROP_ROWS,
        hints=(
            "Add the log-odds of p and the log-odds of u, divide the sum by t, and take the sigmoid.",
            "The log-odds of p are log p - log(1 - p); the sigmoid is 1 / (1 + exp(-a)).",
        ),
    ),
    Exercise(
        id="17-b",
        title="The regulariser of a learned rate",
        section="lesson 17, Pay for the weights, be paid for the coins",
        solution=regulariser,
        adapt=callable_answer(ValueAnswer),
        stages=(
            (
                outputs(
                    tuple(
                        on(regulariser, f"a weight (3, 4), p = {p} and l = {length}", WEIGHT, p, length)
                        for p, length in ((0.2, 0.3), (0.7, 2.0))
                    )
                ),
            ),
        ),
        bank=REGULARISER_ROWS,
        hints=(
            "Two terms: the price of the weights, minus the entropies of the coins.",
            "H(p) = -p log p - (1 - p) log(1 - p), and weight.shape[1] coins.",
        ),
    ),
    Exercise(
        id="17-c",
        title="The loss of one example",
        section="lesson 17, Pay for the weights, be paid for the coins",
        solution=training_loss,
        adapt=callable_answer(ValueAnswer),
        stages=(
            (
                outputs(
                    tuple(
                        on(training_loss, f"a minibatch of 4, sd = {sd}, three layers and n = {n}", OUT, Y, sd, KLS, n)
                        for sd, n in ((0.5, 20), (3.0, 100))
                    )
                ),
            ),
        ),
        bank=LOSS_ROWS,
        hints=(
            "Over the whole training set: n times the mean misfit, plus the kl of all layers. Divide by n.",
            "The misfit in nats is the squared error divided by twice the variance.",
        ),
    ),
)
