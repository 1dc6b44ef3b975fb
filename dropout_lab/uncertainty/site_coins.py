"""The coins of a dropout site of a network, from raw random bits: 64 units are compared with p at once."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

_BLOCK = 2**18  # coins drawn at once: their words stay in the cache, and a call costs little a coin
_MOST_DIGITS = 16
_DIGIT = 1 / 256  # a digit more takes as long as to drop this share of the units one by one
_NUMPY = {torch.bool: np.bool_, torch.float32: np.float32, torch.float64: np.float64}


class SiteCoins:
    """The coins of one dropout site of a network, sample after sample from a stream of its own.

    The coins of sample t do not depend on how many samples are drawn in one call, which the chunks of
    :func:`dropout_lab.uncertainty.mc_predict` rely on. A unit is dropped with a probability a of few binary digits,
    just below p, by as many raw bits; and independently of that with a probability e of which
    ``1 - p = (1 - a)(1 - e)``. As e is small, the gaps between the units of the second kind are drawn in the place of
    a coin for each unit.

    Parameters
    ----------
    seed : sequence of int
        All of it together seeds the streams.

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
        self._share, self._ahead = 0.0, np.array([-1])

    @functools.cached_property
    def _gaps(self) -> np.random.Generator:
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(self._seed, spawn_key=(1,))))

    def draw(
        self, n_samples: int, size: int, p: float, scale: float = 1.0, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Noise (n_samples, size): 0 with probability p, otherwise `scale`; for p from 1/128 to 127/128."""
        digits, n_digits, share = _parts(p)
        out = torch.empty((n_samples, size), dtype=dtype if dtype in _NUMPY else torch.float32)
        values, table, rows = out.numpy(), _table(scale, _NUMPY.get(dtype, np.float32)), max(1, _BLOCK // size)
        for start in range(0, n_samples, rows):
            part = values[start : start + rows]
            dropped = self._dropped(len(part), size, digits, n_digits)
            if size % 8 == 0:
                np.take(table, dropped, axis=0, mode="clip", out=part.reshape(*dropped.shape, 8))
            else:
                part[:] = np.take(table, dropped, axis=0, mode="clip").reshape(len(part), -1)[:, :size]
        if share:
            values.reshape(-1)[self._others(values.size, share)] = 0
        return out.to(dtype)

    def _dropped(self, n_samples: int, size: int, digits: int, n_digits: int) -> Any:
        """Units dropped with probability ``digits / 2**n_digits``: bytes (n_samples, ⌈size/8⌉), unit 0 the lowest bit.

        A unit's random number of so many digits is compared with `digits`. A raw bit of 1 stands for a digit 0 of the
        unit, which makes it Horner's scheme: the number is below where its digit is 0 and that of p is 1, and not where
        it is the other way round; where they are equal, the later digits decide.
        """
        words = -(-size // 64)
        raw = self._source.random_raw(n_samples * n_digits * words).reshape(n_samples, n_digits, words)
        planes = raw.transpose(1, 0, 2).copy()  # a sample has words of its own, however many are drawn
        below = planes[0]  # the last digit of p is 1
        for place in range(1, n_digits):
            if digits >> place & 1:
                below |= planes[place]
            else:
                below &= planes[place]
        return below.view(np.uint8)[:, : -(-size // 8)]

    def _others(self, n_units: int, share: float) -> Any:
        """Places of the other dropped units among the next `n_units`, each there with probability `share`."""
        if share != self._share:
            self._share, self._ahead = share, np.array([-1])
        while self._ahead[-1] < n_units:
            expected = int(1.1 * share * n_units) + 64
            # a gap k has probability (1 - e)ᵏ⁻¹ e: a whole number above an exponential one of mean -1 / log(1 - e)
            gaps = 1 + (self._gaps.standard_exponential(expected) / -math.log1p(-share)).astype(np.int64)
            self._ahead = np.concatenate([self._ahead, self._ahead[-1] + np.cumsum(gaps)])
        first, end = np.searchsorted(self._ahead, [0, n_units])
        found, self._ahead = self._ahead[first:end], self._ahead[end:] - n_units
        return found


@functools.lru_cache(maxsize=64)
def _parts(p: float) -> tuple[int, int, float]:
    """The digits a = digits / 2**n_digits ≤ p and the share e: 1 - p = (1 - a)(1 - e), by the least work."""

    def parts(n_digits: int) -> tuple[int, int, float]:
        digits = int(p * 2**n_digits)
        return digits, n_digits, max(0.0, 1 - (1 - p) / (1 - digits / 2**n_digits))

    choices = [parts(n) for n in range(1, _MOST_DIGITS + 1) if int(p * 2**n) % 2]
    return min(choices, key=lambda choice: choice[1] * _DIGIT + choice[2])


@functools.lru_cache(maxsize=64)
def _table(scale: float, dtype: Any) -> Any:
    """Eight units a row, 0 or `scale`, by the byte of their dropped bits."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
    return ((1 - bits) * scale).astype(dtype)
