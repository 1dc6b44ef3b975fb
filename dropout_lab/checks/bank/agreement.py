"""Slips in the loss of R-Drop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer

Array = NDArray[Any]
Parts = Callable[..., float]


def log_softmax(z: Array) -> Array:
    result: Array = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return result


def from_parts(combine: Parts, mean: Callable[[Array], Any] = np.mean) -> ValueAnswer:
    """A version that puts both cross-entropies and both divergences together in another way."""

    def call(first: Array, second: Array, labels: Array, alpha: float) -> Any:
        log_p, log_q, rows = log_softmax(first), log_softmax(second), np.arange(len(labels))
        cross_entropies = (mean(-log[rows, labels]) for log in (log_p, log_q))
        kl = mean((np.exp(log_p) * (log_p - log_q)).sum(axis=1)), mean((np.exp(log_q) * (log_q - log_p)).sum(axis=1))
        return combine(*cross_entropies, *kl, alpha)

    return ValueAnswer(call)


def class_means(first: Array, second: Array, labels: Array, weight: float) -> Any:
    log_p, log_q, rows = log_softmax(first), log_softmax(second), np.arange(len(labels))
    disagreement = ((np.exp(log_p) - np.exp(log_q)) * (log_p - log_q)).mean()
    return -(log_p[rows, labels] + log_q[rows, labels]).mean() + weight * disagreement


R_DROP_ROWS = (
    Misconception(
        "one-sided-divergence",
        "one of the two divergences is missing. KL(P‖P') and KL(P'‖P) differ, and neither pass is the teacher.",
        "Exchange the two passes: should the loss change?",
        (
            from_parts(lambda c, d, k, m, a: c + d + a * k),
            from_parts(lambda c, d, k, m, a: c + d + a * m),
            from_parts(lambda c, d, k, m, a: c + d + a / 2 * k),
            from_parts(lambda c, d, k, m, a: c + d + a / 2 * m),
        ),
    ),
    Misconception(
        "half-forgotten",
        "the factor 1/2 is missing: α weighs the mean of the two divergences.",
        "alpha / 2 times their sum.",
        (from_parts(lambda c, d, k, m, a: c + d + a * (k + m)),),
    ),
    Misconception(
        "cross-entropies-averaged",
        "the two cross-entropies were averaged, or one of them left out. R-Drop adds them; with a mean, "
        "α means twice as much.",
        "At α = 0 the loss is that of two ordinary passes.",
        (
            from_parts(lambda c, d, k, m, a: (c + d) / 2 + a / 2 * (k + m)),
            from_parts(lambda c, d, k, m, a: (c + d) / 2 + a * (k + m)),
            from_parts(lambda c, d, k, m, a: (c + d) / 2 + a / 4 * (k + m)),
            from_parts(lambda c, d, k, m, a: c + a / 2 * (k + m)),
            from_parts(lambda c, d, k, m, a: c + a * k),
        ),
    ),
    Misconception(
        "sum-for-mean",
        "the examples were added up. The loss is a mean over them.",
        "Twice the same batch should give the same loss.",
        (
            from_parts(lambda c, d, k, m, a: c + d + a / 2 * (k + m), np.sum),
            from_parts(lambda c, d, k, m, a: c + d + a * (k + m), np.sum),
        ),
    ),
    Misconception(
        "disagreement-rewarded",
        "the divergence is subtracted: training would drive the passes apart.",
        "A divergence is never negative, and a loss is made small.",
        (
            from_parts(lambda c, d, k, m, a: c + d - a / 2 * (k + m)),
            from_parts(lambda c, d, k, m, a: c + d - a * (k + m)),
        ),
    ),
    Misconception(
        "divergence-over-classes",
        "the divergence was averaged over the classes too. KL is a sum over the classes and a mean over the examples.",
        "`.mean()` of an (N, K) table divides by N · K. What should it divide by?",
        (
            ValueAnswer(lambda f, s, y, a: class_means(f, s, y, a / 2)),
            ValueAnswer(class_means),
        ),
    ),
)
