"""Slips in the log-likelihood that a table prints: its unit, its constants, the order of mean and logarithm."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer

HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


def density(y: Tensor, predicted: Tensor, tau: float) -> Tensor:
    return 0.5 * math.log(tau) - HALF_LOG_2_PI - 0.5 * tau * (y - predicted) ** 2


def averaged(log_p: Tensor) -> Tensor:
    return (log_p.logsumexp(0) - math.log(len(log_p))).mean()


def scored(score: Callable[[Tensor, float], Tensor]) -> ValueAnswer:
    """A version that makes its score of log p (T, N), in the target's units, and τ."""
    return ValueAnswer(lambda passes, y, centre, scale, tau: score(density(y, centre + scale * passes, tau), tau))


def of_one_normal(mean: bool) -> ValueAnswer:
    """A version that turns the passes into one normal law, with their spread in its variance or without."""

    def version(passes: Tensor, y: Tensor, centre: float, scale: float, tau: float) -> Tensor:
        predicted = centre + scale * passes
        variance = 1 / tau + (0 if mean else predicted.var(0))
        squares = (y - predicted.mean(0)) ** 2
        return (-0.5 * squares / variance - 0.5 * (2 * math.pi * variance * (squares * 0 + 1)).log()).mean()

    return ValueAnswer(version)


def standardised(precision: Callable[[float, float], float]) -> ValueAnswer:
    """A version in standardised units, with a precision made of τ and the scale."""
    return ValueAnswer(
        lambda passes, y, centre, scale, tau: averaged(density((y - centre) / scale, passes, precision(tau, scale)))
    )


LIKELIHOOD_ROWS = (
    Misconception(
        "log-of-zero",
        "the densities were computed and then their logarithm. A point that all passes miss has a density too small "
        "for a float: it becomes 0, and its logarithm -∞.",
        "torch.logsumexp adds densities without leaving the logarithm.",
        (scored(lambda log_p, tau: log_p.exp().mean(0).log().mean()),),
    ),
    Misconception(
        "standardised-units",
        "the error was measured in standard deviations of the training targets. The table's log-likelihood is that of "
        "the target in its own unit, and so is τ; a change of unit moves a log-density by the log of the scale.",
        "Undo the standardising before anything else: what does the network predict, in MPa?",
        (
            standardised(lambda tau, scale: tau),
            standardised(lambda tau, scale: tau * scale**2),
            standardised(lambda tau, scale: tau * scale),
        ),
    ),
    Misconception(
        "loglik-order",
        "the passes were averaged in another place: as predictions, or as logarithms. They are averaged as densities, "
        "point by point; the logarithm comes next, and the mean over points last.",
        "p(y) of one point is the mean over passes of p(y | pass). Of which number do you take the logarithm?",
        (
            scored(lambda log_p, tau: log_p.mean()),
            of_one_normal(mean=True),
            of_one_normal(mean=False),
            scored(lambda log_p, tau: (log_p.sum(1).logsumexp(0) - math.log(len(log_p))) / log_p.shape[1]),
            scored(lambda log_p, tau: log_p.mean(1).logsumexp(0) - math.log(len(log_p))),
        ),
    ),
    Misconception(
        "passes-added",
        "the densities of the passes were added and not averaged, so the result grows with log T.",
        "A mean over T passes divides by T. What is that inside a logarithm?",
        (scored(lambda log_p, tau: log_p.logsumexp(0).mean()),),
    ),
    Misconception(
        "constant-missing",
        "the density of a normal law has the factor √(τ/2π) before its exponential, and it is missing or incomplete.",
        "½ log τ - ½ log 2π. What does each do to a table in which sets have different τ?",
        (
            scored(lambda log_p, tau: averaged(log_p) + HALF_LOG_2_PI),
            scored(lambda log_p, tau: averaged(log_p) - 0.5 * math.log(tau)),
            scored(lambda log_p, tau: averaged(log_p) - 0.5 * math.log(tau) + HALF_LOG_2_PI),
            scored(lambda log_p, tau: averaged(log_p) - math.log(tau)),
        ),
    ),
    Misconception(
        "tau-for-variance",
        "τ was taken for a variance. It is a precision, one over a variance.",
        "The noisier the observations, the smaller τ.",
        (
            ValueAnswer(lambda s, y, centre, scale, tau: averaged(density(y, centre + scale * s, 1 / tau))),
            ValueAnswer(lambda s, y, centre, scale, tau: averaged(density(y, centre + scale * s, tau**2))),
            ValueAnswer(lambda s, y, centre, scale, tau: averaged(density(y, centre + scale * s, tau**-2))),
        ),
    ),
    Misconception(
        "sum-for-mean",
        "the points were added up: the result grows with the number of points.",
        "What was asked for is the log-likelihood of a point on average.",
        (scored(lambda log_p, tau: len(log_p[0]) * averaged(log_p)),),
    ),
    Misconception(
        "negative-log-likelihood",
        "the sign is that of a loss. One paper prints this number, another its negative.",
        "Here larger is better.",
        (scored(lambda log_p, tau: -averaged(log_p)),),
    ),
)
