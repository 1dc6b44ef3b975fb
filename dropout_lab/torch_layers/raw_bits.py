"""Torch coins from raw random bits, the fast way on a CPU: the masks and the noise of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from dropout_lab.arguments import require_axes, require_probability, require_shape
from dropout_lab.torch_layers.arguments import require_generator
from dropout_lab.torch_layers.noise import bernoulli_mask


def fast_bernoulli_mask(
    shape: int | Sequence[int],
    p: float,
    generator: torch.Generator | None = None,
    *,
    shared_axes: Sequence[int] = (),
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """Sample a keep-mask from raw random bits, many times faster than from ``torch.rand``: True where a unit is kept.

    Sixteen bits decide a unit, eight where p is a multiple of 1/256, so **p is rounded to a multiple of 2⁻¹⁶**: off by
    at most 2⁻¹⁷ = 0.0000076. Where that would matter, for 0 < p < 1/128 and 127/128 < p < 1, and wherever there are no
    raw bits to be had (on another device, under ``torch.compile``, ``torch.export`` or a transform of ``torch.func``),
    the coins are those of :func:`bernoulli_mask`, which is exact. The masks of the two differ at the same state. Under
    a ``TorchDispatchMode`` they are PyTorch's own, drawn by one ``bernoulli_`` that the mode can see.

    Parameters, result and errors are those of :func:`bernoulli_mask`.

    Examples
    --------
    >>> fast_bernoulli_mask((2, 5), 0.2, torch.Generator().manual_seed(0)).shape
    torch.Size([2, 5])
    """
    place = torch.get_default_device() if device is None else torch.device(device)
    watched = place.type == "cpu" and are_draws_watched() and _is_coarse_enough(require_probability(p))
    if not watched and (place.type != "cpu" or not has_raw_bits(p)):
        return bernoulli_mask(shape, p, generator, shared_axes=shared_axes, device=device)
    sizes = shape if isinstance(shape, torch.Size) and 0 not in shape else require_shape(shape)
    shared = require_axes(shared_axes, len(sizes))
    coins = tuple(1 if axis in shared else size for axis, size in enumerate(sizes))
    kept = torch.empty(coins, dtype=torch.bool)
    if watched:  # one operation that whoever watches can see, and answer with coins of its own
        kept.bernoulli_(1 - p, generator=require_generator(generator))
    else:
        _raw_coins(p, require_generator(generator), out=kept.view(-1))
    return kept.expand(sizes).contiguous() if shared else kept


def fast_dropout_noise(
    shape: torch.Size, p: float, generator: torch.Generator | None, dtype: torch.dtype
) -> torch.Tensor:
    """Multiplicative noise m / (1 - p) with the coins of :func:`fast_bernoulli_mask`, without a mask in between.

    For a p that :func:`has_raw_bits` accepts, on a CPU; `dtype` is float32 or float64, which hold 1/(1 - p) well.

    Examples
    --------
    >>> noise = fast_dropout_noise(torch.Size([1000]), 0.2, torch.Generator().manual_seed(0), torch.float32)
    >>> noise.unique()
    tensor([0.0000, 1.2500])
    """
    noise = torch.empty(shape, dtype=dtype)
    _raw_coins(p, generator, out=noise.view(-1), scale=1 / (1 - p))
    return noise


def has_raw_bits(p: float) -> bool:
    """Whether a mask may come from raw bits: p far enough from 0 and 1 for 16 bits, and nothing traces or transforms.

    Examples
    --------
    >>> has_raw_bits(0.2), has_raw_bits(0.001)
    (True, False)
    """
    if not _is_coarse_enough(require_probability(p)) or torch.compiler.is_compiling() or are_draws_watched():
        return False
    return torch._C._functorch.peek_interpreter_stack() is None


def are_draws_watched() -> bool:
    """Whether a TorchDispatchMode sees every operation, as `mc_predict` does: raw words would pass it by."""
    return not torch.compiler.is_compiling() and torch._C._len_torch_dispatch_stack() > 0


def _is_coarse_enough(p: float) -> bool:
    # between these the rounding of p is less than one part in a thousand of p and of 1 - p
    return 1 / 128 <= p <= 127 / 128


def _raw_coins(p: float, generator: torch.Generator | None, out: torch.Tensor, scale: float | None = None) -> None:
    """Fill `out` with coins, 1 = kept: signed lanes of raw words, compared with a threshold, a cacheful at a time."""
    bits, lane = (8, np.int8) if (p * 256).is_integer() else (16, np.int16)
    threshold = lane(round(p * 2**bits) - 2 ** (bits - 1))  # a lane is uniform on [-2ᵇ⁻¹, 2ᵇ⁻¹): P(lane < it) = p
    source: Any = None
    if len(out) > 2**15:  # SFC64 makes words twice as fast as PyTorch's Mersenne twister, which seeds it
        source = np.random.SFC64(int(_words(1, generator)) % 2**64)
    values = out.numpy()  # NumPy compares and converts small integers several times as fast as PyTorch
    for start in range(0, len(values), 2**16):
        part = values[start : start + 2**16]
        n = -(-len(part) * bits // 64)
        words = _words(n, generator).numpy() if source is None else source.random_raw(n)
        lanes = words.view(lane)[: len(part)]
        if scale is None:
            np.greater_equal(lanes, threshold, out=part)
        else:
            np.copyto(part, lanes >= threshold)
            part *= part.dtype.type(scale)


def _words(n: int, generator: torch.Generator | None) -> torch.Tensor:
    return torch.empty(n, dtype=torch.int64).random_(-(2**63), None, generator=generator)
