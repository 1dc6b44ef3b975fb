"""Exercises of lesson 13."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.bank.agreement import R_DROP_ROWS
from dropout_lab.checks.bank.depth import ATTEND_ROWS, DEPTH_ROWS, RESIDUAL_ROWS
from dropout_lab.checks.exercise import Exercise
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.subjects import callable_answer

Array = NDArray[np.floating]


def residual(x: Array, branch: Array, p: float, coins: NDArray[np.bool_]) -> Any:
    """Return the output (N, D) of a residual block, for x and branch (N, D), drop probability p and coins (N,)."""
    return x + coins[:, np.newaxis] * branch / (1 - p)


def expected_depth(n_blocks: int, p_last: float) -> Any:
    """Return the expected number of blocks that an example passes under the linear schedule."""
    rates = p_last * np.arange(1, n_blocks + 1) / n_blocks
    return (1 - rates).sum()


def attend(logits: Array, values: Array, p: float, coins: NDArray[np.bool_]) -> Any:
    """Return the output (L, V) of attention, for logits (L, S), values (S, V), drop probability p and coins (L, S)."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    weights = exponentials / exponentials.sum(axis=1, keepdims=True)
    return (coins * weights / (1 - p)) @ values


def r_drop(first: Array, second: Array, labels: NDArray[np.integer], alpha: float) -> Any:
    """Return the R-Drop loss of two passes, a number in nats."""
    log_p = first - np.log(np.exp(first).sum(axis=1, keepdims=True))
    log_q = second - np.log(np.exp(second).sum(axis=1, keepdims=True))
    rows = np.arange(len(labels))
    right = -(log_p[rows, labels] + log_q[rows, labels]).mean()
    forward = (np.exp(log_p) * (log_p - log_q)).sum(axis=1).mean()
    backward = (np.exp(log_q) * (log_q - log_p)).sum(axis=1).mean()
    return right + alpha / 2 * (forward + backward)


X = np.array([[1.0, -2.0], [0.5, 3.0], [-1.5, 0.25], [2.0, 1.0]])
BRANCH = np.array([[0.3, 0.7], [-1.1, 0.4], [2.3, -0.6], [0.9, 1.7]])
COINS = np.array([True, False, True, True])
LOGITS = np.array([[1.0, -0.5, 0.3], [0.2, 2.0, -1.0]])
VALUES = np.array([[1.0, 4.0], [-2.0, 0.5], [3.0, -1.0]])
WEIGHT_COINS = np.array([[True, False, True], [True, True, False]])
FIRST = np.array([[2.0, 0.0, 1.0], [0.5, -1.0, 0.3]])
SECOND = np.array([[0.4, 1.0, 1.2], [1.5, 0.2, -0.7]])
LABELS = np.array([0, 2])

BLOCKS = tuple(on(residual, f"four examples and p = {p}", X, BRANCH, p, COINS) for p in (0.2, 0.7))
DEPTHS = tuple(on(expected_depth, f"{n} blocks and p_last = {p}", n, p) for n, p in ((12, 0.2), (5, 0.8)))
ATTENTION = tuple(
    on(attend, f"two queries, three keys and p = {p}", LOGITS, VALUES, p, WEIGHT_COINS) for p in (0.2, 0.7)
)
LOSSES = tuple(on(r_drop, f"two examples and α = {a}", FIRST, SECOND, LABELS, a) for a in (0.0, 1.0, 5.0))

EXERCISES = (
    Exercise(
        id="13-a",
        title="A residual block with stochastic depth",
        section="lesson 13, Drop the branch, keep the shortcut",
        solution=residual,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(BLOCKS),),),
        bank=RESIDUAL_ROWS,
        hints=(
            "x goes through whatever the coin says.",
            "Coins (N,) against a branch (N, D): coins[:, np.newaxis] gives every row its own.",
            "Divide what is kept by the probability of keeping.",
        ),
    ),
    Exercise(
        id="13-b",
        title="The expected depth under the linear schedule",
        section="lesson 13, Drop late layers more often",
        solution=expected_depth,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(DEPTHS),),),
        bank=DEPTH_ROWS,
        hints=(
            "The expectation of a sum of coins is the sum of their keep probabilities.",
            "Block l of L, counted from 1, is kept with probability 1 - l / L * p_last.",
        ),
    ),
    Exercise(
        id="13-c",
        title="Attention with dropout on its weights",
        section="lesson 13, Attention: the rows no longer sum to 1",
        solution=attend,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(ATTENTION),),),
        bank=ATTEND_ROWS,
        hints=(
            "Softmax first, along the keys; dropout second.",
            "What is left of a row need not sum to 1: divide by 1 - p, not by the sum.",
        ),
    ),
    Exercise(
        id="13-d",
        title="The loss of R-Drop",
        section="lesson 13, R-Drop: two passes should agree",
        solution=r_drop,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(LOSSES),),),
        bank=R_DROP_ROWS,
        hints=(
            "Log-probabilities are z - log Σ exp(z), row by row.",
            "KL(P‖P') of a row is the sum of P (log P - log P'); the other one has the passes exchanged.",
            "At α = 0 two cross-entropies are left: their sum, not their mean.",
        ),
    ),
)
