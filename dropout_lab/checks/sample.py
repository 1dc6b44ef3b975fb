"""Training passes of an answer, and how many independent coins they are worth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATES = (0.1, 0.35, 0.8)  # never 0.5, which hides keep/drop swaps and 1/p in the place of 1/(1-p)
CALLS, ROWS, COLUMNS = 12, 24, 32
SIGMAS = 5
Array = NDArray[Any]


@dataclass(frozen=True)
class Sample:
    """What several training passes did to the same activations, as ratios out / h of shape (calls, rows, columns)."""

    p: float
    h: Array
    ratio: Array

    @cached_property
    def zero(self) -> NDArray[np.bool_]:
        """True where a unit was dropped."""
        return np.equal(self.ratio, 0)

    @cached_property
    def kept(self) -> Array:
        """Factors of the survivors, in one row."""
        return self.ratio[~self.zero]

    @cached_property
    def share(self) -> float:
        """Share of the dropped units."""
        return float(self.zero.mean())

    @cached_property
    def dispersions(self) -> dict[int, float]:
        """By axis, the variance of the number of zeros over its Binomial value: 1 for one coin a unit."""
        variance = self.share * (1 - self.share)
        counts = {axis: self.zero.sum(axis=axis, dtype=np.int32) for axis in (1, 2)} if variance else {}
        return {1: 1.0, 2: 1.0} | {a: float(n.var() / self.zero.shape[a] / variance) for a, n in counts.items()}

    @cached_property
    def distinct(self) -> float:
        """Share of the calls whose masks differ; 1 where nothing is zero and there is no mask to compare."""
        return len({mask.tobytes() for mask in self.zero}) / len(self.zero) if self.zero.any() else 1.0

    def effective(self, n: int, *axes: int) -> float:
        """How many independent things `n` are worth, given the dispersion along `axes` and repeated masks."""
        return max(n * self.distinct / max([1.0, *(self.dispersions[axis] for axis in axes)]), 2.0)


@lru_cache(maxsize=1)
def activations(seed: int) -> Array:
    """Inputs of several calls, of both signs and between 0.5 and 2 in size."""
    rng = np.random.default_rng(seed)
    h: Array = rng.uniform(0.5, 2, (CALLS, ROWS, COLUMNS)) * rng.choice([-1.0, 1.0], (CALLS, ROWS, COLUMNS))
    return h


def draw(subject: Any, p: float, seed: int) -> Sample:
    """Training passes of `subject` on the activations of `seed`."""
    h = activations(seed)
    source = subject.source(seed + 1)
    outs = [np.asarray(subject.forward(rows.copy(), p, source, True), dtype=float) for rows in h]
    return Sample(p, h, np.stack(outs) / h)
