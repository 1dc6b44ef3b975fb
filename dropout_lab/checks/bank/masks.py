"""Slips in drawing a keep-mask; the same ways of drawing go wrong inside a whole dropout layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.subjects import MaskAnswer

Mask = NDArray[np.bool_]
Rng = np.random.Generator
Shape = tuple[int, ...]


def kept_with_p(shape: Shape, p: float, rng: Rng) -> Mask:
    return rng.random(shape) < p


def greater_than(shape: Shape, p: float, rng: Rng) -> Mask:
    return rng.random(shape) > p


def fixed_in_all(shape: Shape, p: float, rng: Rng) -> Mask:
    mask = np.ones(int(np.prod(shape)), dtype=bool)
    mask[rng.permutation(mask.size)[: round(p * mask.size)]] = False
    return mask.reshape(shape)


def fixed_in_row(shape: Shape, p: float, rng: Rng) -> Mask:
    return rng.random(shape).argsort(axis=-1).argsort(axis=-1) >= round(p * shape[-1])


def fixed_in_column(shape: Shape, p: float, rng: Rng) -> Mask:
    return rng.random(shape).argsort(axis=0).argsort(axis=0) >= round(p * shape[0])


def one_row(shape: Shape, p: float, rng: Rng) -> Mask:
    return np.broadcast_to(rng.random((1, *shape[1:])) >= p, shape).copy()


def one_coin_a_row(shape: Shape, p: float, rng: Rng) -> Mask:
    return np.broadcast_to(rng.random((shape[0],) + (1,) * (len(shape) - 1)) >= p, shape).copy()


def one_coin(shape: Shape, p: float, rng: Rng) -> Mask:
    return np.full(shape, rng.random() >= p)


def normal(shape: Shape, p: float, rng: Rng) -> Mask:
    return rng.standard_normal(shape) < 1 - p


def normal_above(shape: Shape, p: float, rng: Rng) -> Mask:
    return rng.standard_normal(shape) >= p


def seeded(shape: Shape, p: float, rng: Rng) -> Mask:
    return np.random.default_rng(0).random(shape) >= p


def seeded_by_shape(shape: Shape, p: float, rng: Rng) -> Mask:
    return np.random.default_rng().random(shape) >= p


def from_numpys_global(shape: Shape, p: float, rng: Rng) -> Mask:
    return np.random.random_sample(shape) >= p  # noqa: NPY002 - this is the slip


def everything_kept(shape: Shape, p: float, rng: Rng) -> Mask:
    return np.ones(shape, dtype=bool)


# how a mask is drawn wrongly, with the words for it; the layers' bank uses the same rows
DRAWN: tuple[tuple[str, str, str, tuple[Any, ...]], ...] = (
    (
        "seeded-inside",
        "a generator is made inside the function. With a fixed seed it starts again at the same coins in every call; "
        "without one nobody can repeat what you did.",
        "You were handed a generator. Where do your random numbers come from?",
        (seeded, seeded_by_shape),
    ),
    (
        "fixed-count",
        "the number of dropped units was fixed ('p per cent of them') in the place of a coin for each unit. "
        "With coins the number is Binomial and changes from call to call.",
        "Draw one uniform number for each unit and compare it with p; do not choose which units to drop.",
        (fixed_in_all, fixed_in_row, fixed_in_column),
    ),
    (
        "one-mask-for-the-batch",
        "one row of coins was drawn and used for every example, so the whole batch trains the same subnetwork.",
        "How many numbers do you draw? There should be one for each entry, the batch axis included.",
        (one_row,),
    ),
    (
        "one-coin-per-example",
        "one coin was flipped for each example, which then keeps or loses all of its units at once.",
        "How many numbers do you draw? There should be one for each entry, the feature axis included.",
        (one_coin_a_row,),
    ),
    (
        "one-coin-for-all",
        "one coin was flipped for the whole array, which is kept or dropped as one.",
        "How many numbers do you draw? There should be one for each entry.",
        (one_coin,),
    ),
    (
        "normal-instead-of-uniform",
        "the coins come from a normal distribution (randn, standard_normal). Its values lie below a threshold with a "
        "probability that is not the threshold.",
        "Which distribution has P(u < p) = p for every p between 0 and 1?",
        (normal, normal_above),
    ),
    (
        "global-generator",
        "the coins come from a global generator (np.random.…). Every other part of the program that uses it is "
        "disturbed, and the generator you were handed is ignored.",
        "Call the method of the generator that was passed in.",
        (from_numpys_global,),
    ),
    (
        "boundary-dropped",
        "`>` stands where `>=` belongs: a uniform number can be exactly 0.0, and at p = 0 that unit would be lost.",
        "Which numbers can rng.random() return, ends included? Try your comparison at p = 0.",
        (greater_than,),
    ),
)


def rows_of_masks() -> tuple[Misconception, ...]:
    """The bank for a function that draws a keep-mask."""
    swapped = Misconception(
        "keep-drop-swapped",
        "p is used as the probability of keeping a unit, or True marks the dropped ones. Here p drops, True is kept.",
        "At p = 0.1 nine units of ten should stay. Which side of the comparison is that?",
        (MaskAnswer(kept_with_p),),
    )
    ignored = Misconception(
        "dropped-then-ignored",
        "nothing is ever dropped: the coins are not used, or what comes back is not what you computed.",
        "What does the comparison give, and is it what you return?",
        (MaskAnswer(everything_kept),),
    )
    drawn = (Misconception(slug, means, tip, tuple(map(MaskAnswer, calls))) for slug, means, tip, calls in DRAWN)
    return (swapped, ignored, *drawn)
