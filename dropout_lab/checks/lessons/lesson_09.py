"""Exercises of lesson 09."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.bank.pooling import GAMMA_ROWS, POOLED_ROWS, SHARE_ROWS
from dropout_lab.checks.exercise import Exercise
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.subjects import callable_answer
from dropout_lab.moments_blocks import dropped_share

Array = NDArray[np.floating]


def pooled_sd(h: Array, p: float, shared: bool) -> Any:
    """Return the sd of the mean of a map h (H, W) under dropout, with one shared coin or a coin for each pixel."""
    coin = p / (1 - p)
    if shared:
        return np.sqrt(coin * h.mean() ** 2)
    return np.sqrt(coin * (h**2).sum() / h.size**2)


def share_of_pixels(gamma: float, height: int, width: int, block_size: int) -> Any:
    """Return the expected share of pixels that go when each place for a block is a seed with probability γ."""
    places = np.zeros((height, width))
    for row in range(height - block_size + 1):
        for column in range(width - block_size + 1):
            places[row : row + block_size, column : column + block_size] += 1
    return (1 - (1 - gamma) ** places).mean()


def seed_probability(p: float, height: int, width: int, block_size: int) -> Any:
    """Return the γ for which the expected share of dropped pixels is p."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if dropped_share(middle, height, width, block_size) < p:
            low = middle
        else:
            high = middle
    return low


H = np.array([[0.5, 2.0, 0.0, 1.0], [3.0, -0.5, 1.5, 0.0], [1.0, 0.2, 2.5, 0.8]])
POOLED = tuple(
    on(pooled_sd, f"a map of 3 × 4 pixels, p = {p} and shared = {shared}", H, p, shared)
    for p in (0.2, 0.7)
    for shared in (False, True)
)
MAPS = ((5, 7, 3), (9, 6, 4), (8, 8, 2))
SHARES = tuple(
    on(share_of_pixels, f"γ = {gamma}, a map of {h} × {w} and blocks of {b}", gamma, h, w, b)
    for gamma, (h, w, b) in zip((0.1, 0.05, 0.15), MAPS, strict=True)
)
GAMMAS = tuple(
    on(seed_probability, f"p = {p}, a map of {h} × {w} and blocks of {b}", p, h, w, b)
    for p, (h, w, b) in zip((0.1, 0.3, 0.7), MAPS, strict=True)
)

EXERCISES = (
    Exercise(
        id="09-a",
        title="The noise that is left after pooling",
        section="lesson 09, Pool what was dropped",
        solution=pooled_sd,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(POOLED),),),
        bank=POOLED_ROWS,
        hints=(
            "A scaled coin m / q has variance p / (1 - p).",
            "One coin: the pooled map is m / q times h.mean(), a constant factor.",
            "Own coins: the variances of the terms h / n add up. With n = h.size that is (h**2).sum() / n**2.",
        ),
    ),
    Exercise(
        id="09-b",
        title="The share of pixels that blocks drop",
        section="lesson 09, Count the places for a block",
        solution=share_of_pixels,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(SHARES),),),
        bank=SHARE_ROWS,
        hints=(
            "For each pixel count the places whose block would cover it: 1 in a corner, more inside.",
            "A pixel is kept if none of its places is a seed: (1 - γ) to the power of their number.",
            "The share is the mean of 1 - (1 - γ) ** places over all pixels.",
        ),
    ),
    Exercise(
        id="09-c",
        title="The γ that drops a share p",
        section="lesson 09, Ask for p and get p",
        solution=seed_probability,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(GAMMAS, rtol=1e-3),),),
        bank=GAMMA_ROWS,
        hints=(
            "The share grows with γ, from 0 at γ = 0 to 1 at γ = 1. Somewhere between it is p.",
            "Halve an interval: if the share in the middle is below p, γ lies in the upper half.",
            "moments_blocks.dropped_share(γ, height, width, block_size) gives the share; 50 halvings are plenty.",
        ),
    ),
)
