"""Probes of the training pass: share of zeros, scale of the survivors, one coin for each unit.

Bounds are 5 standard errors derived from the Binomial law. Coins that are shared make the effective sample smaller, so
the bounds widen with the dispersion that was measured: a slip in one respect is then not blamed in another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dropout_lab.checks.exercise import Observation, flag
from dropout_lab.checks.sample import CALLS, COLUMNS, RATES, ROWS, SIGMAS, Sample, draw


def training_law(subject: Any, seed: int) -> Iterator[Observation]:
    """Share of zeros, scale of the survivors, one coin for each unit: at three rates."""
    samples = [draw(subject, p, seed) for p in RATES]
    together = all_or_none(samples)
    yield flag("whole calls", together, "each call keeps all units or drops all of them", "one coin for each unit")
    if together:
        return
    for measure in (zero_share, survivor_scale, survivor_spread, row_dispersion, column_dispersion, noise_growth):
        for sample in samples:
            yield measure(sample, subject.scaled)
    yield same_count(samples[1])
    yield same_sign(samples)


def all_or_none(samples: list[Sample]) -> bool:
    """True where each call keeps all units or drops all, and not every call does the same."""
    shares = np.concatenate([sample.zero.mean(axis=(1, 2)) for sample in samples])
    return bool(np.isin(shares, (0, 1)).all()) and 0 < shares.mean() < 1


def zero_share(sample: Sample, scaled: bool) -> Observation:
    """Share of units that are zero: p, with variance p q / n."""
    p, n = sample.p, sample.effective(sample.zero.size, 1, 2)
    value = sample.share
    return Observation(
        f"zero share at p={p}",
        value,
        abs(value - p) <= SIGMAS * np.sqrt(p * (1 - p) / n),
        f"about {value:.0%} of the units are zero at p = {p}",
        f"about {p:.0%}",
        SIGMAS * np.sqrt(value * (1 - value) / n) + 1e-9,
    )


def survivor_scale(sample: Sample, scaled: bool) -> Observation:
    """Median factor of the survivors, over the factor that it should be."""
    kept = sample.kept
    right = 1 / (1 - sample.p) if scaled else 1.0
    value = float(np.median(kept)) if kept.size else np.nan
    spread = float(np.ptp(kept)) if kept.size else 0.0
    mean = float(sample.ratio.mean())
    return Observation(
        f"scale at p={sample.p}",
        value / right,
        not kept.size or abs(value - right) <= 1e-6 * right or spread > 1e-6,
        f"survivors are multiplied by {value:.3g} at p = {sample.p}, so the mean becomes {mean:.2f} times what it was",
        f"a factor of {right:.3g}, so that the mean stays",
        1e-6 + spread / right,
    )


def survivor_spread(sample: Sample, scaled: bool) -> Observation:
    """Relative range of the survivors' factors: 0, since all share one scale."""
    kept = sample.kept
    right = 1 / (1 - sample.p) if scaled else 1.0
    value = float(np.ptp(kept)) / right if kept.size else np.nan
    low, high = (float(kept.min()), float(kept.max())) if kept.size else (np.nan, np.nan)
    return Observation(
        f"one scale at p={sample.p}",
        value,
        not kept.size or value <= 1e-6,
        f"survivors are multiplied by factors from {low:.3g} to {high:.3g} at p = {sample.p}",
        f"the same factor, {right:.3g}, for every survivor in every call",
        1e-6 + 0.6 * abs(value) if kept.size else 1e-6,
    )


def row_dispersion(sample: Sample, scaled: bool) -> Observation:
    """Variance of the zeros of a row over D p q: 0 for a fixed count, D for one coin a row."""
    rows = sample.effective(CALLS * ROWS, 1)
    return _dispersion("row", "each row loses the same number of units", "whole rows vanish together", sample, 2, rows)


def column_dispersion(sample: Sample, scaled: bool) -> Observation:
    """Variance of the zeros of a column over N p q: N where the batch shares one mask."""
    columns = sample.effective(CALLS * COLUMNS, 2)
    return _dispersion(
        "column",
        "each unit is dropped in the same number of examples",
        "a unit is dropped in all examples of the batch or in none",
        sample,
        1,
        columns,
    )


def _dispersion(name: str, fixed: str, together: str, sample: Sample, axis: int, n: float) -> Observation:
    value = sample.dispersions[axis]
    error = SIGMAS * np.sqrt(2 / max(n - 1, 1))
    words = fixed if value < 1 else together
    return Observation(
        f"{name} dispersion at p={sample.p}",
        value,
        abs(value - 1) <= error,
        f"{words} (the number of zeros a {name} varies {value:.2g} times as much as coin flips do)",
        "one coin for each unit, so that the number of zeros is Binomial",
        error * max(value, 0.2),
    )


def noise_growth(sample: Sample, scaled: bool) -> Observation:
    """How much larger the change is for large activations than for small ones, in units of the activations: 1."""
    change = np.abs(sample.ratio - 1)
    large = np.abs(sample.h) > 1.25
    if not change.mean() > 0:
        return Observation(f"noise growth at p={sample.p}", np.nan, True, "nothing changes", "noise")
    value = float(change[large].mean() / change[~large].mean())
    n = sample.effective(change.size, 1, 2) / 2
    error = SIGMAS * float(change.std() / change.mean()) * np.sqrt(2 / n)
    return Observation(
        f"noise growth at p={sample.p}",
        value,
        abs(value - 1) <= error or bool(sample.share),
        "the noise is as large for small activations as for large ones",
        "noise that multiplies the activation",
        error + 0.05,
    )


def same_sign(samples: list[Sample]) -> Observation:
    """Whether survivors of a mask keep their sign; noise without zeros is no mask."""
    turned = any(bool((sample.ratio < 0).any()) for sample in samples if sample.share)
    return flag("sign", turned, "some activations change their sign", "the sign of the activation")


def same_count(sample: Sample) -> Observation:
    """Whether every call drops exactly as many units as the one before."""
    counts = sample.zero.sum(axis=(1, 2))
    same = len(set(counts.tolist())) == 1 and 0 < counts[0] < ROWS * COLUMNS
    return Observation(
        "same count",
        float(same),
        not same,
        f"exactly {counts[0]} of {ROWS * COLUMNS} units are dropped in every one of {CALLS} calls",
        "a number that changes from call to call",
    )
