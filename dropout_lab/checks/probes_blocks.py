"""Probes for masks that drop whole squares of a feature map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dropout_lab.checks.exercise import Observation, flag
from dropout_lab.checks.sample import SIGMAS
from dropout_lab.checks.subjects import Array, MaskAnswer

BLOCK = 3
MAPS = (16, 12, 12, 14)  # all sizes distinct, so that no axis can stand for another
SMALL = (64, 32, 7, 7)  # a map that one block of 7 × 7 fills


class BlockMaskAnswer(MaskAnswer):
    """A function (shape, p, block_size, rng) → bool array (N, C, H, W) that is False on whole squares."""

    def dropped(self, shape: tuple[int, ...], p: float, block_size: int, source: Any) -> Array:
        """True where a pixel is dropped; raises AnswerError for a wrong type or shape."""
        mask = MaskAnswer(lambda shape, p, rng: self.call(shape, p, block_size, rng))
        return np.equal(mask.forward(np.ones(shape), p, source, True), 0)

    def forward(self, h: Array, p: float, source: Any, training: bool) -> Array:
        """`h` (H, W), a single map, where the mask is True."""
        return np.where(self.dropped((1, 1, *h.shape), p, BLOCK, source)[0, 0], 0, h)


def covered_share(height: int, width: int, block_size: int, p: float) -> float:
    """Share that the paper's γ drops on average: p less the overlaps of blocks.

    References
    ----------
    Ghiasi, Lin, Le (2018), DropBlock: A regularization method for convolutional networks, NeurIPS, equation 1.
    """
    places = [size - block_size + 1 for size in (height, width)]
    gamma = p * height * width / block_size**2 / (places[0] * places[1])
    reach = [np.convolve(np.ones(n), np.ones(block_size)) for n in places]  # blocks that can cover a row, a column
    return float(np.mean(1 - (1 - gamma) ** np.outer(*reach)))


def dropped_share(subject: BlockMaskAnswer, seed: int) -> Iterator[Observation]:
    """The share of dropped pixels is p, or less by the overlaps: on a map as large as a block, and on a larger one."""
    source = subject.source(seed)
    for shape, block_size, p in ((SMALL, 7, 0.1), (MAPS, BLOCK, 0.3)):
        dropped = subject.dropped(shape, p, block_size, source)
        value, seen = float(dropped.mean()), _standard_error(dropped)
        error = max(float(np.sqrt(p * (1 - p) * block_size**2 / dropped.size)), seen)  # pixels of a block fall together
        low, size = covered_share(*shape[2:], block_size, p), f"{shape[2]} × {shape[3]}"
        yield Observation(
            f"share on {size}",
            value,
            low - SIGMAS * error <= value <= p + SIGMAS * error,
            f"with blocks of {block_size} × {block_size} and p = {p}, a {size} map loses {value:.0%} of its pixels",
            f"about {p:.0%}",
            SIGMAS * max(seen, 1e-4),
        )


def _standard_error(dropped: Array) -> float:
    """Standard error of the share, from how it varies between the maps that have coins of their own."""
    own = [slice(1) if shared else slice(None) for shared in _shared(dropped)]
    means = dropped[own[0], own[1]].mean(axis=(2, 3))
    return float(means.std() / np.sqrt(means.size)) if means.size > 1 else 0.5


def _shared(dropped: Array) -> list[bool]:
    """Whether all examples are alike, and whether all channels are."""
    return [bool(np.equal(dropped, dropped.take([0], axis)).all()) for axis in (0, 1)]


def whole_blocks(subject: BlockMaskAnswer, seed: int) -> Iterator[Observation]:
    """Where blocks are rare, the smallest hole in a map is one whole block."""
    holes = subject.dropped(MAPS, 0.05, BLOCK, subject.source(seed)).sum(axis=(2, 3))
    smallest = float(holes[holes > 0].min()) if holes.any() else np.nan
    ok = np.isnan(smallest) or smallest == BLOCK**2
    seen = f"with blocks of {BLOCK} × {BLOCK}, the smallest hole in a map has {smallest:.0f} pixels"
    yield Observation("smallest hole", smallest, bool(ok), seen, f"whole blocks of {BLOCK**2} pixels", 0.5)


def own_coins(subject: BlockMaskAnswer, seed: int) -> Iterator[Observation]:
    """Every example and every channel has blocks of its own."""
    dropped = subject.dropped(MAPS, 0.3, BLOCK, subject.source(seed))
    for name, shared in zip(("examples", "channels"), _shared(dropped), strict=True):
        yield flag(f"shared along {name}", shared, f"all {name} lose the same blocks", "blocks of their own")
