"""A matrix product of which few rows are dropped: of units that are the same in all samples but for their coins.

With scale = 1 / (1 - p), kept coins m and weights W, ``(scale · m h) W = scale · h W - scale · ((1 - m) h) W``. The
first product is the same in all samples. The second needs only the rows of W whose unit is dropped and not zero anyway,
which `embedding_bag` sums: behind a ReLU and at p = 0.2 one row in ten. A row costs several times as much there as in
the dense product, so this pays where they are few.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from dropout_lab.uncertainty.graph import Fixed, Node, Value
from dropout_lab.uncertainty.rules import Kernel
from dropout_lab.uncertainty.site_noise import SiteNoise

# Measured over 50 to 4,096 units and 10 to 4,096 outputs: within these bounds calls took 0.6 to 1 times as long.
_LARGEST_SHARE = 1 / 8  # of dropped units that are not zero, expected
_FEWEST_OUTPUTS = 128
_WEIGHTS = range(2**15, 2**21 + 1)  # with fewer the coins take the time; more do not fit the cache, row by row
_COPY_IN_ROWS = 128  # a copy of W takes as long as the dense product of so many rows


@dataclass(eq=False)
class FewDropped(Node):
    """A draw of coins, their product with fixed h (N, D), and its product with fixed W (D, K), in one.

    Its arguments are h, W, the bias or None, the keep probability and the scale of kept units.
    """

    def kernel(self, noise: SiteNoise) -> Kernel:
        """What gives (C, N, K) for the next C samples of the noise."""
        (h, weight), bias = (factor.tensor for factor in self.args[:2]), self.args[2] and self.args[2].tensor
        (keep_prob, scale), (n_rows, size), site = self.args[3:], h.shape, self.site or 0
        undropped = torch.mm(h, weight).mul_(scale) if bias is None else torch.addmm(bias, h, weight, alpha=scale)
        rows = weight.contiguous()
        units, columns = (h * -scale).flatten().numpy(), np.tile(np.arange(size, dtype=np.int32), n_rows)
        is_nonzero = units != 0

        def run(_: list[Any], count: int) -> list[Tensor]:
            kept = noise.coins(site, count, h.shape, keep_prob, torch.bool).view(count, -1).numpy()
            dropped = np.flatnonzero(kept < is_nonzero)
            starts = np.searchsorted(dropped, np.arange(0, kept.size, size)).astype(np.int32)
            dropped -= dropped // units.size * units.size  # place in h; % takes several times as long
            chosen, factors, bags = (torch.from_numpy(a) for a in (columns[dropped], units[dropped], starts))
            out = F.embedding_bag(chosen, rows, bags, mode="sum", per_sample_weights=factors)
            return [out.view(count, n_rows, -1).add_(undropped)]

        return run


def with_few_dropped(
    nodes: list[Node], scales: dict[int, float], is_coins: Callable[[Node], bool], n_samples: int
) -> list[Node]:
    """The nodes of a graph, with a :class:`FewDropped` in the place of three where that is faster.

    `scales` are those of :func:`dropout_lab.uncertainty.fusion.scaled_coins`, and `n_samples` will be asked for in all.
    """
    readers: dict[int, list[Node]] = collections.defaultdict(list)
    for node in nodes:
        for value in node.reads:
            readers[value.index].append(node)
    gone: set[int] = set()
    shorter: dict[int, Node] = {}
    for node in nodes:
        noisy = _only_reader(node, ("mul.Tensor",), readers) if node.site is not None and is_coins(node) else None
        product = _only_reader(noisy, ("mm.default", "addmm.default"), readers) if noisy else None
        factors = _factors(node, noisy, product) if noisy and product else None
        if noisy is None or product is None or factors is None:
            continue
        keep_prob = node.args[1] if len(node.args) > 1 else 0.5
        if is_faster(factors[0].tensor, factors[1].tensor, 1 - keep_prob, n_samples):
            args = (*factors, keep_prob, scales.get(node.site or 0, 1.0))
            outs = [*product.outs, *node.outs, *noisy.outs]  # the indices take no more memory than the last two did
            shorter[id(product)] = FewDropped(product.op, args, {}, outs, site=node.site)
            gone |= {id(node), id(noisy)}
    return [shorter.get(id(node), node) for node in nodes if id(node) not in gone]


def _only_reader(node: Node, names: tuple[str, ...], readers: dict[int, list[Node]]) -> Node | None:
    found = readers[node.outs[0].index]  # type: ignore[union-attr]
    return found[0] if len(found) == 1 and found[0].name in names and not found[0].kwargs else None


def _factors(node: Node, noisy: Node, product: Node) -> tuple[Fixed, Fixed, Fixed | None] | None:
    """The units, the weights and the bias, if they are the same in all samples and each unit has a coin of its own."""
    coins = node.outs[0]
    bias, _, weight = (None, *product.args)[-3:]
    (h,) = [arg for arg in noisy.args if arg is not coins] or [None]
    if coins is None or not isinstance(h, Fixed) or not isinstance(weight, Fixed) or isinstance(bias, Value):
        return None
    same = h.tensor.shape == coins.shape and h.tensor.dtype == coins.dtype
    return (h, weight, bias) if same else None


def is_faster(h: Tensor, weight: Tensor, p: float, n_samples: int) -> bool:
    """Whether a product of h (N, D) with W (D, K) is faster row by row of W, for so many samples."""
    if {h.dtype, weight.dtype} != {torch.float32}:
        return False
    fits = weight.shape[1] >= _FEWEST_OUTPUTS and weight.numel() in _WEIGHTS
    enough = n_samples * len(h) >= 8 * (len(h) + _COPY_IN_ROWS)
    return fits and enough and p * int(h.count_nonzero()) <= _LARGEST_SHARE * h.numel()
