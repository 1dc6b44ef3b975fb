"""Stochastic passes of one network of a stack: each pass is a thinned network that all rows go through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dropout_lab.arguments import require_count
from dropout_lab.training.stack.noise import StackNoise

if TYPE_CHECKING:
    from dropout_lab.training.stack.network import StackedMLP


def stochastic_passes(nets: StackedMLP, x: Tensor, network: int, n_samples: int, values: int) -> Iterator[Tensor]:
    """Yield the passes of :meth:`StackedMLP.passes` in pieces (t, N, K) of about `values` numbers.

    Rows share the coins of a pass, so passes with equal coins on the inputs share the first layer. With eight inputs
    and p = 0.05 that is a few hundred first layers for 10 000 passes.
    """
    weights, biases = ([each[network] for each in of_stack] for of_stack in (nets.weights, nets.biases))
    of_network = slice(network, network + 1)
    noise = StackNoise(nets.p[of_network], nets.sizes[:-1], nets.streams[of_network], x.dtype)
    left, n = require_count(n_samples, "n_samples"), len(x)
    while left:
        t = min(left, max(1, values // (n * nets.sizes[-1])))
        left -= t
        first, *later = [None if xi is None else xi[0] for xi in noise.draw(t)]
        out = x.new_empty(t, n, nets.sizes[-1])
        at_once = max(1, values // (n * max(nets.sizes[2:], default=1)))
        for alike in _alike(first, t):
            dropped = x if first is None else x * first[alike[0]]
            h = torch.addmm(biases[0], dropped, weights[0])
            for part in torch.split(alike, at_once):
                masks = [None if xi is None else xi[part] for xi in later]
                out[part] = _later_layers(h, masks, weights[1:], biases[1:], nets.activation)
        yield out


def _alike(masks: Tensor | None, t: int) -> Sequence[Tensor]:
    """Return the places of passes whose masks (t, D) are equal, one tensor for each mask that occurs."""
    if masks is None:
        return [torch.arange(t)]
    kept = np.packbits(masks.numpy() != 0, axis=1)
    words = np.pad(kept, ((0, 0), (0, -kept.shape[1] % 8))).view(np.uint64)
    _, which, counts = np.unique(
        words[:, 0] if words.shape[1] == 1 else words, axis=0, return_inverse=True, return_counts=True
    )
    order = torch.from_numpy(np.argsort(which.reshape(-1), kind="stable"))
    return torch.split(order, counts.tolist())


def _later_layers(
    h: Tensor, masks: Sequence[Tensor | None], weights: Sequence[Tensor], biases: Sequence[Tensor], activation: str
) -> Tensor:
    """Return outputs (t, N, K), or (N, K) where nothing more is dropped, of the first layer's a (N, H)."""
    for xi, weight, bias in zip(masks, weights, biases, strict=True):
        h = h.relu() if activation == "relu" else h.tanh()
        h = masked_product(h, xi, weight).add_(bias)
    return h


def masked_product(h: Tensor, xi: Tensor | None, weight: Tensor) -> Tensor:
    """Return (ξ_t ∘ h) @ weight for the noise ξ (t, H) of each pass: h (N, H) or (t, N, H) → (t, N, K).

    Where the passes still share h and outnumber the columns of `weight`, h goes into the weights and the noise is the
    left factor, Σ_j ξ_tj (h_nj w_jk): one product for all passes, and no (t, N, H) in between.
    """
    if xi is None:
        return h @ weight
    if h.ndim == 2 and len(xi) > weight.shape[1]:
        joined = h.T[:, :, None] * weight[:, None, :]  # (H, N, K)
        return (xi @ joined.flatten(1)).view(len(xi), *joined.shape[1:])
    return (h * xi[:, None, :]) @ weight
