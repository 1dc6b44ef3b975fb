"""Whether two tensors hold the same numbers, but for what rounding changes."""

from __future__ import annotations

import torch
from torch import Tensor


def is_close(one: Tensor, other: Tensor, epsilons: float | None = None) -> bool:
    """Whether two tensors have one shape, one dtype and the same numbers up to rounding; NaN equals NaN.

    Parameters
    ----------
    one, other : tensors
    epsilons : float, optional
        How many ε of the dtype a number may be off, of its own size or of the largest. Default: 1 / √ε, for passes that
        round differently throughout: matrix products of another size, or fused kernels.
    """
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if not one.is_floating_point() or not one.numel():
        return torch.equal(one, other)
    epsilon = torch.finfo(one.dtype).eps
    tolerance = epsilon**0.5 if epsilons is None else epsilons * epsilon
    size = other.nan_to_num(posinf=0.0, neginf=0.0).abs().max().item()
    return torch.allclose(one, other, rtol=tolerance, atol=tolerance * size, equal_nan=True)
