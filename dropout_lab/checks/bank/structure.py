"""Slips about which axes share a coin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dropout_lab.checks.bank.masks import DRAWN, Mask, Rng, everything_kept, kept_with_p
from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_structure import ChannelMaskAnswer

Draw = Callable[[tuple[int, ...], float, Rng], Mask]


def sharing(*axes: int) -> ChannelMaskAnswer:
    """A version that shares its coins along `axes`."""

    def draw(shape: tuple[int, ...], p: float, rng: Rng) -> Mask:
        coins = rng.random([1 if axis in axes else size for axis, size in enumerate(shape)]) >= p
        return np.broadcast_to(coins, shape).copy()

    return ChannelMaskAnswer(draw)


def over_maps(draw: Draw) -> ChannelMaskAnswer:
    """A version that draws the coins of (n, c) in its own way and spreads them over the pixels."""
    return ChannelMaskAnswer(lambda shape, p, rng: np.broadcast_to(draw(shape[:2], p, rng)[..., None, None], shape))


CHANNEL_ROWS = (
    Misconception(
        "elementwise-on-maps",
        "every pixel has a coin of its own. Neighbouring pixels say nearly the same, so the noise averages out in the "
        "next pooling; here a map is kept or dropped as a whole.",
        "How many coins are there for one map of H × W pixels?",
        (sharing(),),
    ),
    Misconception(
        "one-mask-for-the-batch",
        "one set of channels is dropped for all examples of the batch.",
        "The coins have one axis for examples and one for channels. Which of them did you leave out?",
        (sharing(0, 2, 3),),
    ),
    Misconception(
        "one-coin-per-example",
        "an example keeps or loses all of its channels at once.",
        "The coins have one axis for examples and one for channels. Which of them did you leave out?",
        (sharing(1, 2, 3),),
    ),
    Misconception(
        "one-coin-for-all",
        "one coin decides for the whole array.",
        "How many coins are there? One for each example and channel.",
        (sharing(0, 1, 2, 3), over_maps(everything_kept)),
    ),
    Misconception(
        "wrong-axes",
        "the coin is shared along other axes than height and width, which are axes 2 and 3 of (N, C, H, W).",
        "Where in the shape of the coins does a 1 stand?",
        tuple(sharing(*axes) for axes in ((0, 1), (1,), (0,), (2,), (3,), (1, 2), (1, 3), (0, 2), (0, 3), (0, 1, 2))),
    ),
    Misconception(
        "keep-drop-swapped",
        "p is used as the probability of keeping a map, or True marks the dropped ones.",
        "At p = 0.1 nine maps of ten should stay. Which side of the comparison is that?",
        (over_maps(kept_with_p),),
    ),
    *(Misconception(slug, means, tip, tuple(map(over_maps, calls))) for slug, means, tip, calls in DRAWN),
)
