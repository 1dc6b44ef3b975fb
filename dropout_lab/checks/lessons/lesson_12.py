"""Exercises of lesson 12."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.bank.recurrent import LOCKED_ROWS, STEP_ROWS, SURVIVAL_ROWS, ZONEOUT_ROWS
from dropout_lab.checks.exercise import Exercise
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.subjects import callable_answer

Array = NDArray[Any]


def survival(p: float, n_steps: int) -> Any:
    """Return the probability that a unit is still there after n_steps steps, with a fresh coin at each step."""
    return (1 - p) ** n_steps


def locked_dropout(h: Array, p: float, coins: Array) -> Any:
    """Return h (N, L, D) behind one mask for all steps, from the first step of uniform coins (N, L, D)."""
    mask = coins[:, :1] >= p
    return h * mask / (1 - p)


def memory_step(c: Array, f: Array, i: Array, g: Array, p: float, mask: Array) -> Any:
    """Return the next memory (N, H) of an LSTM whose update g is dropped where the mask is 0."""
    return f * c + i * mask * g / (1 - p)


def zoneout_eval(h: Array, h_new: Array, p: float) -> Any:
    """Return the state (N, H) that eval carries on: the mean of zoneout's two outcomes."""
    return p * h + (1 - p) * h_new


H = np.array(
    [
        [[1.0, -2.0, 0.5, 3.0], [0.25, 1.5, -1.0, 2.0], [-0.5, 4.0, 1.25, -3.0]],
        [[2.5, 0.75, -1.5, 1.0], [-2.0, 3.5, 0.5, -0.25], [1.75, -1.25, 2.25, 5.0]],
    ]
)
COINS = np.array(
    [
        [[0.1, 0.5, 0.9, 0.35], [0.8, 0.2, 0.45, 0.95], [0.4, 0.7, 0.05, 0.15]],
        [[0.75, 0.25, 0.42, 0.02], [0.3, 0.85, 0.6, 0.12], [0.55, 0.08, 0.98, 0.65]],
    ]
)
MEMORY = np.array([[1.0, -2.0, 0.5], [3.0, 0.75, -1.5]])
FORGET = np.array([[0.9, 0.3, 0.6], [0.2, 0.8, 0.5]])
INPUT = np.array([[0.4, 0.7, 0.1], [0.95, 0.25, 0.6]])
UPDATE = np.array([[0.5, -0.9, 0.3], [-0.2, 0.7, 0.85]])
MASK = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
NEXT = np.array([[0.25, 1.5, -1.0], [2.0, -0.5, 0.8]])

SURVIVALS = tuple(on(survival, f"p = {p} and {n} steps", p, n) for p, n in ((0.1, 50), (0.3, 4), (0.2, 1)))
LOCKED = tuple(on(locked_dropout, f"two sequences of three steps and p = {p}", H, p, COINS) for p in (0.3, 0.6))
STEPS = tuple(
    on(memory_step, f"a memory of shape (2, 3) and p = {p}", MEMORY, FORGET, INPUT, UPDATE, p, MASK) for p in (0.2, 0.7)
)
ZONED = tuple(on(zoneout_eval, f"two states of shape (2, 3) and p = {p}", MEMORY, NEXT, p) for p in (0.1, 0.7))

EXERCISES = (
    Exercise(
        id="12-a",
        title="What survives a fresh coin at every step",
        section="lesson 12, Flip a fresh coin at every step",
        solution=survival,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(SURVIVALS),),),
        bank=SURVIVAL_ROWS,
        hints=(
            "A unit survives when the first coin keeps it, and the second, and so on.",
            "Probabilities of independent events multiply.",
        ),
    ),
    Exercise(
        id="12-b",
        title="One mask for all steps",
        section="lesson 12, Lock the mask",
        solution=locked_dropout,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(LOCKED),),),
        bank=LOCKED_ROWS,
        hints=(
            "A unit is kept where its coin is at or above p. Take the coins of the first step.",
            "coins[:, :1] has shape (N, 1, D), so that the mask is repeated along the time.",
            "Scale as always: survivors are divided by 1 - p.",
        ),
    ),
    Exercise(
        id="12-c",
        title="A step of the memory with recurrent dropout",
        section="lesson 12, Drop what is new, keep what is old",
        solution=memory_step,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(STEPS),),),
        bank=STEP_ROWS,
        hints=(
            "Without dropout the step is f * c + i * g.",
            "Drop and scale g, and leave f * c alone.",
        ),
    ),
    Exercise(
        id="12-d",
        title="Zoneout in eval",
        section="lesson 12, Keep the last value",
        solution=zoneout_eval,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(ZONED),),),
        bank=ZONEOUT_ROWS,
        hints=(
            "In training a unit is h with probability p, and h_new otherwise.",
            "A mean is the sum of the values, each times its probability.",
        ),
    ),
)
