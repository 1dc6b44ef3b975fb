"""Slips about coins that switch off layers, and about coins on the weights of attention."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer

Array = NDArray[Any]


def softmax(z: Array, axis: int = -1) -> Array:
    exponentials = np.exp(z)
    result: Array = exponentials / exponentials.sum(axis=axis, keepdims=True)
    return result


def renormalised(weights: Array) -> Array:
    result: Array = weights / weights.sum(axis=1, keepdims=True)
    return result


RESIDUAL_ROWS = (
    Misconception(
        "path-per-batch",
        "the coin is not where it belongs. Each example has one of its own, and it multiplies the branch alone: a coin "
        "on the shortcut or on the sum cuts the net in two.",
        "An example whose coin says 0 should come out as it went in. Does it, and does its neighbour's coin matter?",
        (
            ValueAnswer(lambda x, b, p, c: x + c[0] * b / (1 - p)),
            ValueAnswer(lambda x, b, p, c: x + c.all() * b / (1 - p)),
            ValueAnswer(lambda x, b, p, c: c[:, None] * (x + b) / (1 - p)),
            ValueAnswer(lambda x, b, p, c: c[:, None] * x / (1 - p) + b),
            ValueAnswer(lambda x, b, p, c: c[:, None] * (x + b / (1 - p))),
        ),
    ),
    Misconception(
        "mask-inverted",
        "branches are kept where the coin says drop.",
        "coins is True where the branch is kept.",
        (
            ValueAnswer(lambda x, b, p, c: x + ~c[:, None] * b / (1 - p)),
            ValueAnswer(lambda x, b, p, c: x + ~c[:, None] * b / p),
        ),
    ),
    Misconception(
        "not-scaled",
        "what is kept is not scaled, so the branch counts for 1 - p of itself on average, and fully after eval().",
        "Divide the branch by the probability that it is kept.",
        (ValueAnswer(lambda x, b, p, c: x + c[:, None] * b),),
    ),
    Misconception(
        "divided-by-p",
        "the branch is divided by p, the drop probability; divide by 1 - p, the keep probability.",
        "Try p = 0.1: how large does a kept branch become?",
        (ValueAnswer(lambda x, b, p, c: x + c[:, None] * b / p),),
    ),
    Misconception(
        "scaled-by-keep",
        "the branch is multiplied by 1 - p. That is what a net does at test time when it did not scale in training.",
        "Should a kept branch become larger or smaller?",
        (ValueAnswer(lambda x, b, p, c: x + c[:, None] * b * (1 - p)),),
    ),
    Misconception(
        "shortcut-scaled",
        "the shortcut is divided by 1 - p as well. Nothing is dropped there, so there is nothing to make up for.",
        "At p = 0.5, what would x be after ten blocks?",
        (ValueAnswer(lambda x, b, p, c: (x + c[:, None] * b) / (1 - p)),),
    ),
)

DEPTH_ROWS = (
    Misconception(
        "schedule-from-zero",
        "the rates start at 0. In the linear schedule block l of L has the rate l / L · p_last, counted from 1, so the "
        "first block is dropped sometimes.",
        "Write the rates of two blocks down: p_last / 2 and p_last.",
        (
            ValueAnswer(lambda n, p: n - p * n / 2),
            ValueAnswer(lambda n, p: n - p * (n - 1) / 2),
        ),
    ),
    Misconception(
        "same-rate-everywhere",
        "every block got the rate of the last one.",
        "Only the last block is dropped with p_last.",
        (ValueAnswer(lambda n, p: n * (1 - p)),),
    ),
    Misconception(
        "keep-drop-swapped",
        "that is how many blocks are dropped, or kept with the probability of dropping.",
        "What should come out at p_last = 0?",
        (
            ValueAnswer(lambda n, p: p * (n + 1) / 2),
            ValueAnswer(lambda n, p: p * n / 2),
            ValueAnswer(lambda n, p: p * n),
        ),
    ),
    Misconception(
        "rates-multiplied",
        "the keep probabilities were multiplied: that is the chance that no block is dropped.",
        "Expectations of coins add, also when the coins differ.",
        (
            ValueAnswer(lambda n, p: np.prod(1 - p * np.arange(1, n + 1) / n)),
            ValueAnswer(lambda n, p: n * np.prod(1 - p * np.arange(1, n + 1) / n)),
        ),
    ),
    Misconception(
        "rate-for-depth",
        "that is a share of the blocks. The question is for their number.",
        "With p_last = 0 the answer is the number of blocks.",
        (ValueAnswer(lambda n, p: 1 - p * (n + 1) / 2 / n),),
    ),
)

ATTEND_ROWS = (
    Misconception(
        "attention-sums-to-one",
        "the weights that are left were made to sum to 1 again. Dropout divides by 1 - p; rows sum to 1 on average.",
        "What would you divide by for a query that lost all of its keys?",
        (
            ValueAnswer(lambda z, v, p, c: renormalised(c * softmax(z)) @ v),
            ValueAnswer(lambda z, v, p, c: renormalised(c * softmax(z)) @ v / (1 - p)),
        ),
    ),
    Misconception(
        "dropped-before-softmax",
        "the logits were dropped, not the weights. A logit of 0 is not a weight of 0: softmax makes exp(0) of it.",
        "Softmax first. Which weight does a dropped key have in your version?",
        (
            ValueAnswer(lambda z, v, p, c: softmax(c * z / (1 - p)) @ v),
            ValueAnswer(lambda z, v, p, c: softmax(c * z) @ v),
        ),
    ),
    Misconception(
        "softmax-over-queries",
        "the softmax ran over the queries. A query shares its attention out among the keys.",
        "Which axis of the logits (L, S) holds the keys?",
        (
            ValueAnswer(lambda z, v, p, c: (c * softmax(z, axis=0) / (1 - p)) @ v),
            ValueAnswer(lambda z, v, p, c: (c * np.exp(z) / np.exp(z).sum() / (1 - p)) @ v),
        ),
    ),
    Misconception(
        "mask-inverted",
        "weights are kept where the coin says drop.",
        "coins is True where a weight is kept.",
        (
            ValueAnswer(lambda z, v, p, c: (~c * softmax(z) / (1 - p)) @ v),
            ValueAnswer(lambda z, v, p, c: (~c * softmax(z) / p) @ v),
        ),
    ),
    Misconception(
        "not-scaled",
        "what is kept is not scaled, so rows sum to 1 - p on average.",
        "Divide by the probability that a weight is kept.",
        (ValueAnswer(lambda z, v, p, c: (c * softmax(z)) @ v),),
    ),
    Misconception(
        "divided-by-p",
        "the weights are divided by p, the drop probability; divide by 1 - p, the keep probability.",
        "Try p = 0.1: what does a row sum to?",
        (ValueAnswer(lambda z, v, p, c: (c * softmax(z) / p) @ v),),
    ),
    Misconception(
        "not-dropped",
        "the coins change nothing in your version.",
        "Where does coins enter?",
        (ValueAnswer(lambda z, v, p, c: softmax(z) @ v), ValueAnswer(lambda z, v, p, c: softmax(z) @ v / (1 - p))),
    ),
)
