"""Probes for masks whose coins are shared along some axes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dropout_lab.checks.exercise import Observation
from dropout_lab.checks.subjects import Array, MaskAnswer

SHAPE = (7, 9, 5, 6)  # all sizes distinct, so that no axis can stand for another
AXES = ("examples", "channels", "rows of pixels", "columns of pixels")


class ChannelMaskAnswer(MaskAnswer):
    """A function (shape, p, rng) → bool array (N, C, H, W) with one coin for each (n, c)."""

    def full(self, p: float, source: Any) -> Array:
        """A mask with all four axes."""
        return super().forward(np.ones(SHAPE), p, source, True)

    def forward(self, h: Array, p: float, source: Any, training: bool) -> Array:
        """`h` (N, C) where the mask of its maps is True."""
        pixels: Array = super().forward(np.broadcast_to(h[..., None, None], (*h.shape, 3, 4)), p, source, training)
        return pixels[..., 0, 0]


def constant_axes(subject: ChannelMaskAnswer, seed: int) -> Iterator[Observation]:
    """Along which axes the coin is shared: pixels yes, examples and channels no."""
    source = subject.source(seed)
    masks = [subject.full(p, source) for p in (0.35, 0.8)]
    for axis, (name, wanted) in enumerate(zip(AXES, (False, False, True, True), strict=True)):
        shared = all(bool((mask == mask.take([0], axis)).all()) for mask in masks)
        yield Observation(
            f"shared along {name}",
            float(shared),
            shared is wanted,
            f"the {name} {'all share one coin' if shared else 'have coins of their own'}",
            "one shared coin along this axis" if wanted else "coins of their own along this axis",
        )
