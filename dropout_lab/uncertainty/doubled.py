"""A 3 × 3 convolution of maps in which each pixel was doubled along both axes, as in the decoder of a U-Net.

It sees at most 2 × 2 different pixels at a time: with the weights that meet the same pixel added up, a convolution of
the small maps gives the same with 4 of 9 products.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dropout_lab.uncertainty.graph import Value


def of_doubled(weight: Tensor) -> Tensor:
    """Weights (4·K, C, 2, 2) that do to small maps what (K, C, 3, 3) do to doubled ones.

    The K of the upper left pixel of the four that come of one are first, then upper right, lower left, lower right.

    Examples
    --------
    >>> of_doubled(torch.ones(1, 1, 3, 3)).flatten(1)
    tensor([[1., 2., 2., 4.],
            [2., 1., 4., 2.],
            [2., 4., 1., 2.],
            [4., 2., 2., 1.]])
    """
    rows = _pairs(weight, 2)
    return torch.cat([part for row in rows for part in _pairs(row, 3)])


def _pairs(weight: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    first, second, third = weight.unbind(axis)
    return torch.stack([first, second + third], axis), torch.stack([first + second, third], axis)


def scratch(out: Value) -> int:
    """Bytes of what `doubled` puts in order, for maps `out` (N, K, 2·H, 2·W) of one sample."""
    n_rows, n_maps, height, width = out.shape
    return n_rows * n_maps * (height + 2) * (width + 2) * out.dtype.itemsize


def doubled(folded: Tensor, n_maps: int) -> Tensor:
    """Maps (N, K, 2·H, 2·W) from what `of_doubled` weights gave with one pixel of padding: (N, 4·K, H + 1, W + 1)."""
    n_rows, _, height, width = folded.shape
    height, width = height - 1, width - 1
    corners = torch.unflatten(folded.movedim(1, -1), -1, (2, 2, n_maps))
    out = folded.new_empty((n_rows, height, 2, width, 2, n_maps))
    for down in (0, 1):
        for across in (0, 1):
            out[:, :, down, :, across] = corners[:, down : down + height, across : across + width, down, across]
    return out.view(n_rows, 2 * height, 2 * width, n_maps).movedim(-1, 1)
