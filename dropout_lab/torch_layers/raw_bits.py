"""Torch coins from raw random bits, the fast way on a CPU: masks and noise of a layer, and the coins of a site."""

from __future__ import annotations

import functools
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


class SiteCoins:
    """The coins of one dropout site of a network, sample after sample from a stream of its own.

    The coins of sample t do not depend on how many samples are drawn in one call, which the chunks of
    :func:`dropout_lab.uncertainty.mc_predict` rely on. As few raw bits as p allows decide a unit: b where p is a
    multiple of 2⁻ᵇ and b is at most 4, otherwise 8; and 8 more, of a second stream, for the one unit in 256 that the
    first leave open, with the rounding of p of :func:`fast_bernoulli_mask`.

    Parameters
    ----------
    seed : sequence of int
        All of it together seeds the stream.

    Examples
    --------
    >>> coins = SiteCoins([0, 1])
    >>> one_by_one = torch.cat([coins.draw(1, 100, 0.2), coins.draw(1, 100, 0.2)])
    >>> torch.equal(one_by_one, SiteCoins([0, 1]).draw(2, 100, 0.2))
    True
    """

    def __init__(self, seed: Sequence[int]) -> None:
        self._seed = list(seed)
        self._source: Any = np.random.SFC64(np.random.SeedSequence(self._seed))

    @functools.cached_property
    def _ties(self) -> Any:
        return np.random.SFC64(np.random.SeedSequence(self._seed, spawn_key=(1,)))

    def draw(
        self, n_samples: int, size: int, p: float, scale: float = 1.0, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Noise (n_samples, size): 0 with probability p, otherwise `scale`; for p from 1/128 to 127/128."""
        bits = _bits(p)
        if bits <= 4:
            return self._from_bits(n_samples, size, p, bits, scale, dtype)
        high, low = divmod(round(p * 2**16), 2**8)
        threshold = np.int8(high - 2**7)
        words = -(-size // 8)
        out = torch.empty((n_samples, size), dtype=dtype)
        rows = max(1, 2**17 // size)  # what the cache holds
        for start in range(0, n_samples, rows):
            n = min(rows, n_samples - start)
            lanes = self._source.random_raw(n * words).view(np.int8).reshape(n, words * 8)[:, :size]
            kept = lanes >= threshold
            tied = np.flatnonzero(lanes == threshold) if low else ()
            if len(tied):
                kept.reshape(-1)[tied[self._ties.random_raw(len(tied)) >> np.uint64(56) < low]] = False
            _write(kept, scale, out[start : start + n])
        return out

    def _from_bits(
        self, n_samples: int, size: int, p: float, bits: int, scale: float, dtype: torch.dtype
    ) -> torch.Tensor:
        words = -(-size // 64)
        raw = self._source.random_raw(n_samples * bits * words).reshape(n_samples, bits, words)
        dropped, digits = np.zeros((n_samples, words), dtype=np.uint64), round(p * 2**bits)
        for bit in range(bits):  # Horner's scheme on the binary digits of p, the last digit first
            dropped = raw[:, bit] | dropped if digits >> bit & 1 else raw[:, bit] & dropped
        kept = (~dropped).view(np.uint8)  # 8 coins a byte
        if dtype == torch.float32:
            table = _TABLE * np.float32(scale)
            return torch.from_numpy(np.take(table, kept, axis=0, mode="clip").reshape(n_samples, -1)[:, :size])
        out = torch.empty((n_samples, size), dtype=dtype)
        _write(np.unpackbits(kept, axis=1, bitorder="little")[:, :size].view(np.bool_), scale, out)
        return out


_TABLE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little").astype(np.float32)


def _bits(p: float) -> int:
    return next((bits for bits in (1, 2, 3, 4) if (p * 2**bits).is_integer()), 8)


def _write(kept: Any, scale: float, out: torch.Tensor) -> None:
    if out.dtype in (torch.float32, torch.float64):
        values = out.numpy()
        np.copyto(values, kept)  # NumPy compares and converts several times faster than PyTorch
        if scale != 1:
            values *= values.dtype.type(scale)
        return
    out.copy_(torch.from_numpy(kept))
    if scale != 1:
        out.mul_(scale)
