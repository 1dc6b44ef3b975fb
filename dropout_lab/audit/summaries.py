"""What was measured of the activations at a dropout site, taken before anything can overwrite them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dropout_lab.audit.draws import log2_agreement


@dataclass(frozen=True)
class Summary:
    """Moments of a tensor over everything, and over all axes but 1 (the channels of batch norm).

    Attributes
    ----------
    shape : tuple of int
    mean, variance, square, least, zeros : float
        Mean, variance, mean square, smallest value and share of exact zeros.
    channel_variance, channel_square : tensor of shape (C,) or None
        Variance and mean square a channel; None for fewer than two axes.
    """

    shape: tuple[int, ...]
    mean: float
    variance: float
    square: float
    least: float
    zeros: float
    channel_variance: Tensor | None
    channel_square: Tensor | None

    def spread(self, *, by_channel: bool) -> tuple[float, float]:
        """Variance and mean square: the means of those of the channels, or those over everything."""
        if by_channel and self.channel_variance is not None and self.channel_square is not None:
            return float(self.channel_variance.mean()), float(self.channel_square.mean())
        return self.variance, self.square


@dataclass(frozen=True)
class Rows:
    """A mask that is the same for every row of axis 0.

    Attributes
    ----------
    structural : bool
        Whether the mask has one row only, so that no chance is involved.
    coins : int
        Coins in that row.
    agreement : float
        log2 of the probability that independent rows agree.
    """

    structural: bool
    coins: int
    agreement: float


def summarise(h: Tensor) -> Summary:
    """Measure a float tensor."""
    values = h.detach().double()
    variance, mean = torch.var_mean(values, correction=0)
    axes = [axis for axis in range(h.ndim) if axis != 1]
    return Summary(
        shape=tuple(h.shape),
        mean=float(mean),
        variance=float(variance),
        square=float(values.square().mean()),
        least=float(values.min()),
        zeros=float((values == 0).double().mean()),
        channel_variance=values.var(axes, correction=0) if h.ndim > 1 else None,
        channel_square=values.square().mean(axes) if h.ndim > 1 else None,
    )


def is_constant(h: Tensor) -> bool:
    """Whether every value is the same and not zero: such a tensor is the frame of a mask, not activations."""
    first = h.reshape(-1)[0]
    return bool(first != 0) and bool((h == first).all())


def shared_rows(noise: Tensor, h: Tensor) -> Rows | None:
    """How a mask repeats along axis 0 of `h`, or None if it does not, or if one coin decides for all."""
    if h.ndim < 2 or h.shape[0] < 2:
        return None
    try:
        wide = noise.expand(h.shape)
    except RuntimeError:
        return None
    if not bool((wide == wide[:1]).all()):
        return None
    row = wide[0]
    for axis in range(row.ndim):
        row = row.narrow(axis, 0, 1) if bool((row == row.narrow(axis, 0, 1)).all()) else row
    structural = noise.ndim < h.ndim or noise.shape[0] == 1 or noise.stride(0) == 0
    return Rows(structural, row.numel(), (h.shape[0] - 1) * log2_agreement(row)) if row.numel() > 1 else None
