"""The matrix products of a linear layer, for all networks of a stack at once.

A batched product that has a single column somewhere is slower than the same sums taken otherwise.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dropout_lab.training.stack.memory import Memory


def affine(h: Tensor, weight: Tensor, bias: Tensor, memory: Memory, name: str) -> Tensor:
    """Return h @ weight + bias for each network: (S, B, D), (S, D, H) and (S, 1, H) → (S, B, H)."""
    return product(h, weight, memory, name).add_(bias)  # torch.baddbmm copies the bias to every row first: slower


def product(h: Tensor, weight: Tensor, memory: Memory, name: str) -> Tensor:
    """Return h @ weight for each network, in the memory of this name: (S, B, D) and (S, D, H) → (S, B, H)."""
    out = memory(name, *h.shape[:2], weight.shape[2])
    if weight.shape[1] == 1:
        return torch.mul(h, weight, out=out)
    if weight.shape[2] == 1 and len(weight) > 1:
        weighted = torch.mul(h, weight.transpose(1, 2), out=memory("weighted", *h.shape))
        # a product with ones is a faster sum along short rows
        torch.mv(weighted.flatten(0, 1), weighted.new_ones(h.shape[2]), out=out.view(-1))
        return out
    return torch.bmm(h, weight, out=out)


def outer(h: Tensor, grad: Tensor, out: Tensor) -> None:
    """Write hᵀ @ grad of each network into `out`: (S, B, D) and (S, B, H) → (S, D, H)."""
    if grad.shape[2] == 1:  # the one column as a row: gradᵀ @ h
        torch.bmm(grad.transpose(1, 2), h, out=out.transpose(1, 2))
    else:
        torch.bmm(h.transpose(1, 2), grad, out=out)
