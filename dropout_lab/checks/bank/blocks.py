"""Slips in dropping whole blocks of a feature map."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dropout_lab.checks.bank.masks import DRAWN, Mask, Rng, Shape
from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_blocks import BlockMaskAnswer

Rate = Callable[[float, int, int, int], float]
Draw = Callable[[Shape, float, Rng], Mask]


def fitted(p: float, block_size: int, height: int, width: int) -> float:
    return p * height * width / block_size**2 / ((height - block_size + 1) * (width - block_size + 1))


def by_area(p: float, block_size: int, height: int, width: int) -> float:
    return p / block_size**2


def as_it_is(p: float, block_size: int, height: int, width: int) -> float:
    return p


def uniform(shape: Shape, p: float, rng: Rng) -> Mask:
    return rng.random(shape) >= p


def blocks(rate: Rate = fitted, *, inside: bool = True, draw: Draw = uniform, keep: bool = True) -> BlockMaskAnswer:
    """A version with a rate of its own; its blocks lie inside the map, or are cut off at the edges."""

    def drop_block_mask(shape: Shape, p: float, block_size: int, rng: Rng) -> Mask:
        n, c, height, width = shape
        spare = block_size - 1
        rows, columns = (height - spare, width - spare) if inside else (height, width)
        corners = ~draw((n, c, rows, columns), min(rate(p, block_size, height, width), 1.0), rng)
        dropped = np.zeros((n, c, rows + spare, columns + spare), dtype=bool)
        for i in range(block_size):
            for j in range(block_size):
                dropped[:, :, i : i + rows, j : j + columns] |= corners
        cut = 0 if inside else spare // 2
        dropped = dropped[:, :, cut : cut + height, cut : cut + width]
        return ~dropped if keep else dropped

    return BlockMaskAnswer(drop_block_mask)


def over_batch(shape: Shape, p: float, rng: Rng) -> Mask:
    return np.broadcast_to(rng.random((1, *shape[1:])) >= p, shape)


def over_channels(shape: Shape, p: float, rng: Rng) -> Mask:
    return np.broadcast_to(rng.random((shape[0], 1, *shape[2:])) >= p, shape)


BLOCK_ROWS = (
    Misconception(
        "dropblock-rate",
        "p was used for the wrong thing: it is the share of pixels that should go, and γ the probability that a block "
        "starts at a place. A block takes block_size² pixels, and only some places have room for a whole one.",
        "Places × γ × block_size² pixels should be p · H · W. How many places does a 7 × 7 map have for a 7 × 7 block?",
        (
            blocks(inside=False),
            blocks(as_it_is, inside=False),
            blocks(by_area, inside=False),
            blocks(as_it_is),
            blocks(by_area),
        ),
    ),
    Misconception(
        "elementwise-on-maps",
        "single pixels are dropped. Their neighbours say nearly the same, so little is lost; a block takes them along.",
        "Which pixels go when the coin at one place says drop?",
        (BlockMaskAnswer(lambda shape, p, block_size, rng: rng.random(shape) >= p),),
    ),
    Misconception(
        "whole-maps",
        "a map is kept or lost as a whole, which is spatial dropout. A block is a square inside the map.",
        "How many coins are there for one map?",
        (BlockMaskAnswer(lambda shape, p, b, rng: np.broadcast_to(rng.random((*shape[:2], 1, 1)) >= p, shape)),),
    ),
    Misconception(
        "keep-drop-swapped",
        "True marks the dropped pixels. Here True is kept.",
        "Which of the two do you return, the blocks or what is left?",
        (blocks(keep=False),),
    ),
    Misconception(
        "dropped-then-ignored",
        "nothing is ever dropped.",
        "Is what you return what you computed?",
        (BlockMaskAnswer(lambda shape, p, block_size, rng: np.ones(shape, dtype=bool)),),
    ),
    Misconception(
        "one-mask-for-the-batch",
        "one set of blocks is dropped for all examples of the batch.",
        "The coins have an axis for examples and one for channels. Which of them did you leave out?",
        (blocks(draw=over_batch),),
    ),
    Misconception(
        "one-mask-for-the-channels",
        "all channels of an example lose the same blocks. That is a variant of its own; here each map has its blocks.",
        "The coins have an axis for examples and one for channels. Which of them did you leave out?",
        (blocks(draw=over_channels),),
    ),
    Misconception(
        "one-mask-for-all",
        "one set of blocks is dropped in every map of every example.",
        "The coins have an axis for examples and one for channels.",
        (blocks(draw=lambda shape, p, rng: np.broadcast_to(rng.random(shape[2:]) >= p, shape)),),
    ),
    *(
        Misconception(slug, means, tip, tuple(blocks(draw=draw) for draw in calls))
        for slug, means, tip, calls in DRAWN
        if slug in ("seeded-inside", "global-generator")
    ),
)
