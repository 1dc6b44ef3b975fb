"""Exercises of lesson 01."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.bank import structure
from dropout_lab.checks.bank.masks import rows_of_masks
from dropout_lab.checks.exercise import Exercise, Misconception
from dropout_lab.checks.probes_dropout import edges, repeatability
from dropout_lab.checks.probes_law import training_law
from dropout_lab.checks.probes_structure import ChannelMaskAnswer, constant_axes
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.subjects import MaskAnswer, callable_answer


def keep_mask(shape: tuple[int, ...], p: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return a bool array of `shape`: True where a unit is kept, which has probability 1 - p."""
    return rng.random(shape) >= p


def kept_count_sd(n: int, p: float) -> float:
    """Return the standard deviation of the number of kept units among n."""
    return float(np.sqrt(n * p * (1 - p)))


def channel_mask(shape: tuple[int, int, int, int], p: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return a keep-mask of shape (N, C, H, W) with one coin for each (n, c), shared by all its pixels."""
    coins = rng.random((*shape[:2], 1, 1)) >= p
    return np.broadcast_to(coins, shape).copy()


COUNTS = tuple(on(kept_count_sd, f"n = {n}, p = {p}", n, p) for n, p in ((100, 0.2), (400, 0.1), (50, 0.7)))
COUNT_BANK = (
    Misconception(
        "fixed-count",
        "the number of kept units was taken as fixed. Each unit has a coin of its own, so the number varies.",
        "Flip 100 coins twice. Do you get the same number of heads?",
        (ValueAnswer(lambda n, p: 0.0),),
    ),
    Misconception(
        "variance-for-sd",
        "that is the variance of the Binomial count; the standard deviation is its square root.",
        "In which units is a variance measured, and in which a standard deviation?",
        (ValueAnswer(lambda n, p: n * p * (1 - p)),),
    ),
    Misconception(
        "mean-for-sd",
        "that is a mean, the expected number of kept (or dropped) units, and not how far it varies.",
        "Var of one coin is p (1 - p). What is it for n of them?",
        (ValueAnswer(lambda n, p: n * (1 - p)), ValueAnswer(lambda n, p: n * p)),
    ),
    Misconception(
        "share-for-count",
        "that is the standard deviation of the kept share; the count is n times the share.",
        "If the share varies by s, by how much does n times the share vary?",
        (ValueAnswer(lambda n, p: np.sqrt(p * (1 - p) / n)),),
    ),
    Misconception(
        "one-coin-for-all",
        "the standard deviations of the coins were added up, or one coin's was used. Independent coins: variances add.",
        "Add n variances first, take the root last.",
        (ValueAnswer(lambda n, p: n * np.sqrt(p * (1 - p))), ValueAnswer(lambda n, p: np.sqrt(p * (1 - p)))),
    ),
)

EXERCISES = (
    Exercise(
        id="01-a",
        title="Flip a coin for every unit",
        section="lesson 01, Flip one coin for every unit",
        solution=keep_mask,
        adapt=callable_answer(MaskAnswer),
        stages=((training_law,), (repeatability,), (edges,)),
        bank=rows_of_masks(),
        hints=(
            "rng.random(shape) draws a number between 0 and 1 for every unit.",
            "A unit is dropped with probability p, so a uniform number below p means dropped.",
            "Return the comparison itself: it is a bool array. Take >= so that 0.0 is kept at p = 0.",
        ),
    ),
    Exercise(
        id="01-b",
        title="How far the number of kept units varies",
        section="lesson 01, The count is Binomial",
        solution=kept_count_sd,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(COUNTS),),),
        bank=COUNT_BANK,
        hints=(
            "The number of kept units is a sum of n independent coins.",
            "One coin has variance p (1 - p); the variances of independent coins add.",
        ),
    ),
    Exercise(
        id="01-c",
        title="One coin for each feature map",
        section="lesson 01, Share a coin along axes",
        solution=channel_mask,
        adapt=callable_answer(ChannelMaskAnswer),
        stages=((constant_axes,), (training_law,), (repeatability,), (edges,)),
        bank=structure.CHANNEL_ROWS,
        hints=(
            "How many coins are there? One for each example and channel: N times C.",
            "Draw them in the shape (N, C, 1, 1); a comparison with p makes them True or False.",
            "np.broadcast_to(coins, shape) repeats them over height and width; .copy() makes it an array of its own.",
        ),
    ),
)
