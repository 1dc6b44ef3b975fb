"""Slips about dropout over the steps of a sequence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer

Array = NDArray[Any]


def first(coins: Array) -> Array:
    """Coins (N, 1, D) of the first step."""
    return coins[:, :1]


def locked(
    chosen: Callable[[Array], Array] = first,
    kept: Callable[[Array, float], Array] = lambda coins, p: coins >= p,
    scale: Callable[[float], float] = lambda p: 1 / (1 - p),
) -> ValueAnswer:
    """A version of locked_dropout(h, p, coins) with other coins, another comparison or another scale."""
    return ValueAnswer(lambda h, p, coins: h * kept(chosen(coins), p) * scale(p))


SURVIVAL_ROWS = (
    Misconception(
        "one-coin-for-all-steps",
        "that is the probability of surviving a single coin. With a fresh mask a unit must survive one at every step.",
        "How probable is it that two independent coins both keep the unit?",
        (ValueAnswer(lambda p, n_steps: 1 - p),),
    ),
    Misconception(
        "keep-drop-swapped",
        "p and 1 - p are exchanged: that is the probability of being dropped at every step.",
        "What should survive at p = 0?",
        (ValueAnswer(lambda p, n_steps: p**n_steps),),
    ),
    Misconception(
        "linear-in-steps",
        "the probabilities of being dropped were added up. They are not exclusive, and the sum can exceed 1.",
        "Surviving all steps is an *and* of independent events. Which operation belongs to it?",
        (ValueAnswer(lambda p, n_steps: 1 - n_steps * p), ValueAnswer(lambda p, n_steps: max(0.0, 1 - n_steps * p))),
    ),
    Misconception(
        "dead-for-alive",
        "that is the probability of being dropped at least once, after which nothing is left.",
        "Should the answer rise or fall with the number of steps?",
        (ValueAnswer(lambda p, n_steps: 1 - (1 - p) ** n_steps),),
    ),
    Misconception(
        "one-kept-coin-is-enough",
        "that is the probability of being kept at least once. A unit that was set to 0 stays at 0, whatever follows.",
        "What does a later coin multiply, once the unit is 0?",
        (ValueAnswer(lambda p, n_steps: 1 - p**n_steps),),
    ),
    Misconception(
        "one-step-off",
        "the number of coins is wrong by one.",
        "After one step there was one coin.",
        (
            ValueAnswer(lambda p, n_steps: (1 - p) ** (n_steps - 1)),
            ValueAnswer(lambda p, n_steps: (1 - p) ** (n_steps + 1)),
        ),
    ),
)

LOCKED_ROWS = (
    Misconception(
        "fresh-mask-each-step",
        "every step has coins of its own. On a state that is carried on, little would survive many steps.",
        "Which axis of the coins is the time, and how many of its entries does one mask need?",
        (locked(lambda coins: coins), locked(lambda coins: coins, scale=lambda p: 1.0)),
    ),
    Misconception(
        "wrong-axes",
        "the mask is constant along the units and not along the time: whole steps are dropped.",
        "The mask has one coin for each sequence and unit. Which axis of it has length 1?",
        (locked(lambda coins: coins[:, :, :1]),),
    ),
    Misconception(
        "one-mask-for-the-batch",
        "all sequences share one mask. Each should have its own.",
        "coins[:, 0] has the coins of the first step for every sequence. Of which shape is it?",
        (locked(lambda coins: coins[:1, :1]), locked(lambda coins: coins[:1])),
    ),
    Misconception(
        "not-scaled",
        "the survivors are not scaled, so the mean falls to 1 - p of what it was.",
        "What is the mean of a coin that keeps with probability 1 - p?",
        (locked(scale=lambda p: 1.0),),
    ),
    Misconception(
        "divided-by-p",
        "the survivors are divided by p, the probability of dropping.",
        "By what must a coin of mean 1 - p be divided, so that its mean is 1?",
        (locked(scale=lambda p: 1 / p),),
    ),
    Misconception(
        "mask-inverted",
        "the mask keeps where the coin is below p, so a unit is kept with probability p.",
        "How often is a uniform coin at or above p?",
        (locked(kept=lambda coins, p: coins < p),),
    ),
    Misconception(
        "keep-drop-swapped",
        "p and 1 - p are exchanged throughout, in the comparison and in the scale.",
        "How many units should survive at p = 0?",
        (
            locked(kept=lambda coins, p: coins < p, scale=lambda p: 1 / p),
            locked(kept=lambda coins, p: coins >= 1 - p, scale=lambda p: 1 / p),
        ),
    ),
)


def step(of_memory: Callable[[Array, float], Any], of_update: Callable[[Array, float], Any]) -> ValueAnswer:
    """A version of memory_step(c, f, i, g, p, mask) with other factors, of mask and p, on f c and on i g."""
    return ValueAnswer(lambda c, f, i, g, p, mask: of_memory(mask, p) * f * c + of_update(mask, p) * i * g)


def noise(mask: Array, p: float) -> Array:
    return np.asarray(mask / (1 - p))


def untouched(mask: Array, p: float) -> float:
    return 1.0


STEP_ROWS = (
    Misconception(
        "memory-dropped",
        "the mask is on the whole sum, the memory included. What a dropped unit remembered is lost for good.",
        "What is the new memory of a unit with mask 0? It should be f c.",
        (step(noise, noise), step(lambda m, p: m, lambda m, p: m), step(lambda m, p: m, noise)),
    ),
    Misconception(
        "forget-path-dropped",
        "the mask is on f c, the path that carries the memory, and the update goes in undropped.",
        "Which of the two terms is new at this step?",
        (step(noise, untouched), step(lambda m, p: m, untouched)),
    ),
    Misconception(
        "memory-scaled",
        "the memory was divided by 1 - p as well. It is never dropped, so scaled at every step it grows without bound.",
        "What does f = 1 and no update do to the memory in 50 steps?",
        (step(lambda m, p: 1 / (1 - p), noise), step(lambda m, p: 1 / (1 - p), lambda m, p: m)),
    ),
    Misconception(
        "not-scaled",
        "the updates that are kept are not scaled, so in eval the memory would grow faster than in training.",
        "What is the mean of the mask?",
        (step(untouched, lambda m, p: m),),
    ),
    Misconception(
        "scaled-by-keep",
        "the kept updates are multiplied by 1 - p in the place of being divided by it.",
        "Should a survivor become larger or smaller?",
        (step(untouched, lambda m, p: m * (1 - p)),),
    ),
    Misconception(
        "divided-by-p",
        "the kept updates are divided by p, the probability of dropping.",
        "What is the mean of the mask?",
        (step(untouched, lambda m, p: m / p),),
    ),
    Misconception(
        "mask-inverted",
        "the updates are dropped where the mask says keep.",
        "True means kept.",
        (step(untouched, lambda m, p: (1 - m) / (1 - p)),),
    ),
    Misconception(
        "nothing-dropped",
        "the mask has no effect: that is the step of an ordinary LSTM.",
        "Where does the mask go, on f c or on i g?",
        (step(untouched, untouched), step(untouched, lambda m, p: 1 / (1 - p))),
    ),
)

ZONEOUT_ROWS = (
    Misconception(
        "keep-drop-swapped",
        "p and 1 - p are exchanged. A unit keeps its *old* value with probability p.",
        "What is the result at p = 0, when no update is dropped?",
        (ValueAnswer(lambda h, h_new, p: (1 - p) * h + p * h_new),),
    ),
    Misconception(
        "scaled",
        "the two weights add up to more than 1. Zoneout replaces a value by another, not by 0: nothing to scale.",
        "What is E[m h' + (1 - m) h], without any scale?",
        (
            ValueAnswer(lambda h, h_new, p: (p * h + (1 - p) * h_new) / (1 - p)),
            ValueAnswer(lambda h, h_new, p: p * h / (1 - p) + h_new),
            ValueAnswer(lambda h, h_new, p: p * h + h_new),
        ),
    ),
    Misconception(
        "new-value-alone",
        "that is the new state, as if eval switched zoneout off. In training the state moves more slowly.",
        "Which share of the way to h' does a state go on average?",
        (ValueAnswer(lambda h, h_new, p: h_new),),
    ),
    Misconception(
        "old-value-forgotten",
        "the old state is missing, as if the unit were dropped to 0 and not kept.",
        "What is a unit whose update is dropped?",
        (ValueAnswer(lambda h, h_new, p: (1 - p) * h_new), ValueAnswer(lambda h, h_new, p: h_new / (1 - p))),
    ),
    Misconception(
        "half-and-half",
        "the two states count alike, whatever p is.",
        "What is the result at p = 0?",
        (ValueAnswer(lambda h, h_new, p: (h + h_new) / 2),),
    ),
)
