"""The two matrix products of a linear layer, for all networks of a stack at once."""

from __future__ import annotations

import torch
from torch import Tensor


def affine(h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return h @ weight + bias for each network: (S, B, D), (S, D, H) and (S, 1, H) → (S, B, H)."""
    return product(h, weight).add_(bias) if 1 in weight.shape[1:] else torch.baddbmm(bias, h, weight)


def product(h: Tensor, weight: Tensor) -> Tensor:
    """Return h @ weight for each network; with one column, elementwise: there a batched product is slower."""
    if weight.shape[2] == 1 and len(weight) > 1:
        return (h * weight.transpose(1, 2)).sum(2, keepdim=True)
    if weight.shape[1] == 1:
        return h * weight
    return torch.bmm(h, weight)


def outer(h: Tensor, grad: Tensor, out: Tensor) -> None:
    """Write hᵀ @ grad of each network into `out`."""
    if grad.shape[2] == 1 and len(grad) > 1:
        torch.sum(h * grad, dim=1, out=out.squeeze(2))
    else:
        torch.bmm(h.transpose(1, 2), grad, out=out)
