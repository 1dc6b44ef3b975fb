"""Probes for everything that drops units: laws of the training pass, evaluation, repeatability, edges, manners.

Bounds are 5 standard errors derived from the Binomial law. Coins that are shared make the effective sample smaller, so
the bounds widen with the dispersion that was measured: a slip in one respect is then not blamed in another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.exercise import Observation
from dropout_lab.checks.subjects import global_states

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

    @property
    def zero(self) -> NDArray[np.bool_]:
        """True where a unit was dropped."""
        return np.equal(self.ratio, 0)

    @property
    def share(self) -> float:
        """Share of the dropped units."""
        return float(self.zero.mean())

    def dispersion(self, axis: int) -> float:
        """Variance of the number of zeros along `axis` over its Binomial value: 1 for one coin a unit."""
        n = self.zero.shape[axis]
        binomial = n * self.share * (1 - self.share)
        return float(self.zero.sum(axis=axis).var() / binomial) if binomial else 1.0

    @property
    def distinct(self) -> float:
        """Share of the calls whose masks differ; 1 where nothing is zero and there is no mask to compare."""
        return len({mask.tobytes() for mask in self.zero}) / len(self.zero) if self.zero.any() else 1.0

    def effective(self, n: int, *axes: int) -> float:
        """How many independent things `n` are worth, given the dispersion along `axes` and repeated masks."""
        return max(n * self.distinct / max([1.0, *(self.dispersion(axis) for axis in axes)]), 2.0)


def draw(subject: Any, p: float, seed: int) -> Sample:
    """Training passes of `subject` on activations of both signs between 0.5 and 2 in size."""
    rng = np.random.default_rng(seed)
    h = rng.uniform(0.5, 2, (CALLS, ROWS, COLUMNS)) * rng.choice([-1.0, 1.0], (CALLS, ROWS, COLUMNS))
    source = subject.source(seed + 1)
    outs = [np.asarray(subject.forward(rows.copy(), p, source, True), dtype=float) for rows in h]
    return Sample(p, h, np.stack(outs) / h)


def training_law(subject: Any, seed: int) -> Iterator[Observation]:
    """Share of zeros, scale of the survivors, one coin for each unit: at three rates."""
    samples = [draw(subject, p, seed) for p in RATES]
    yield whole_calls(samples)
    if all_or_none(samples):
        return
    for measure in (zero_share, survivor_scale, survivor_spread, row_dispersion, column_dispersion, noise_growth):
        for sample in samples:
            yield measure(sample, subject.scaled)
    yield same_count(samples[1])


def all_or_none(samples: list[Sample]) -> bool:
    """True where each call keeps all units or drops all, and not every call does the same."""
    shares = np.concatenate([sample.zero.mean(axis=(1, 2)) for sample in samples])
    return bool(np.isin(shares, (0, 1)).all()) and 0 < shares.mean() < 1


def whole_calls(samples: list[Sample]) -> Observation:
    """Whether a call is kept or dropped as a whole."""
    seen = "each call keeps all units or drops all of them"
    return _flag("whole calls", all_or_none(samples), seen, "one coin for each unit")


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
    kept = sample.ratio[~sample.zero]
    right = 1 / (1 - sample.p) if scaled else 1.0
    value = float(np.median(kept)) if kept.size else np.nan
    spread = float(np.ptp(kept)) if kept.size else 0.0
    mean = float(sample.ratio.mean())
    return Observation(
        f"scale at p={sample.p}",
        value / right,
        not kept.size or abs(value - right) <= 1e-6 * right or spread > 1e-6,
        f"survivors are multiplied by {value:.3g} at p = {sample.p}, so the mean becomes {mean:.2f} of what it was",
        f"a factor of {right:.3g}, so that the mean stays",
        1e-6 + spread / right,
    )


def survivor_spread(sample: Sample, scaled: bool) -> Observation:
    """Relative range of the survivors' factors: 0, since all share one scale."""
    kept = sample.ratio[~sample.zero]
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
    value = sample.dispersion(axis)
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


def evaluation(subject: Any, seed: int) -> Iterator[Observation]:
    """With training off the activations come back as they are."""
    h = np.random.default_rng(seed).uniform(0.5, 2, (ROWS, COLUMNS))
    for p in RATES[1:]:
        source = subject.source(seed)
        outs = [np.asarray(subject.forward(h.copy(), p, source, False), dtype=float) for _ in range(2)]
        random = not np.array_equal(outs[0], outs[1])
        value = np.nan if random else float(np.median(outs[0] / h))
        yield _flag(f"evaluation random at p={p}", random, "with training off, two passes differ", "no dropout at all")
        exact = random or np.allclose(outs[0], h, rtol=1e-6)
        yield Observation(
            f"evaluation scale at p={p}",
            value,
            exact,
            f"with training off, activations are multiplied by {value:.3g} at p = {p}",
            "the activations as they came",
        )


def repeatability(subject: Any, seed: int) -> Iterator[Observation]:
    """Coins come from the generator that was passed in, and from nowhere else."""
    h, p = np.ones((ROWS, COLUMNS)), RATES[1]
    source, again = subject.source(seed), subject.source(seed)
    subject.forward(h.copy(), p, subject.source(seed), True)  # whatever happens once only
    before, start = global_states(), subject.position(source)
    first, second = (subject.forward(h.copy(), p, source, True) for _ in range(2))
    moved, used = global_states() != before, subject.position(source) != start
    third = subject.forward(h.copy(), p, again, True)
    yield _flag("same mask", np.array_equal(first, second), "two calls drop the same units", "new coins in every call")
    unlike = not np.array_equal(first, third)
    yield _flag("other mask", unlike, "the same generator state gives another result", "the same coins again")
    yield _flag("generator unused", not used, "the generator that you were given was not used", "coins from it")
    yield _flag("global state", moved, "a global random state has moved", "no use of any other source of randomness")


def edges(subject: Any, seed: int) -> Iterator[Observation]:
    """P = 0 keeps everything, p = 1 drops everything, a coin of exactly 0.0 is kept at p = 0."""
    h = np.random.default_rng(seed).uniform(0.5, 2, (ROWS, COLUMNS))
    yield _edge("p = 0", lambda: subject.forward(h.copy(), 0.0, subject.source(seed), True), h)
    yield _edge("p = 1", lambda: subject.forward(h.copy(), 1.0, subject.source(seed), True), np.zeros_like(h))
    zeros = subject.zero_source()
    if zeros is not None:
        name = "p = 0 and a coin of exactly 0.0"
        yield _edge(name, lambda: subject.forward(h.copy(), 0.0, zeros, True), h)


def _edge(name: str, run: Callable[[], Array], right: Array) -> Observation:
    wanted = "everything kept, unchanged" if right.any() else "zeros, since everything is dropped"
    try:
        out = np.asarray(run(), dtype=float)
        finite = bool(np.isfinite(out).all())
    except ArithmeticError:  # 1 / (1 - p) on plain numbers
        out, finite = right, False
    if not finite:
        return Observation(name, 2.0, False, f"at {name} there is a division by zero", wanted)
    ok = np.allclose(out, right, rtol=1e-6)
    return Observation(name, float(not ok), ok, f"at {name}, {np.mean(out == 0):.0%} of the units are zero", wanted)


def manners(subject: Any, seed: int) -> Iterator[Observation]:
    """The input stays as it was, and so does its dtype."""
    h = np.random.default_rng(seed).uniform(0.5, 2, (ROWS, COLUMNS))
    given = h.copy()
    subject.forward(given, RATES[1], subject.source(seed), True)
    yield _flag(
        "input modified", not np.array_equal(given, h), "the input array was changed", "the input left as it is"
    )
    for dtype in subject.dtypes:
        came = subject.out_dtype(dtype, RATES[1], subject.source(seed))
        yield _flag(f"dtype of {dtype}", came != dtype, f"{dtype} went in and {came} came out", f"{dtype} again")


def gradients(subject: Any, seed: int) -> Iterator[Observation]:
    """Backward multiplies by the factors of forward: the same mask, the same scale, also where the input is 0."""
    rng = np.random.default_rng(seed)
    h, grad_out = rng.uniform(0.5, 2, (ROWS, COLUMNS)), rng.uniform(0.5, 2, (ROWS, COLUMNS))
    for p in RATES[1:]:
        out, gradient = subject.forward_and_gradient(h.copy(), p, subject.source(seed), grad_out.copy(), True)
        yield from _same_factors(f"p={p}", out / h, gradient / grad_out, p)
        h_zero = h * (np.arange(COLUMNS) % 2)  # as after a ReLU: every other unit is exactly 0
        _, gradient = subject.forward_and_gradient(h_zero, p, subject.source(seed), grad_out.copy(), True)
        share = float((gradient[h_zero == 0] != 0).mean())
        tolerance = SIGMAS * np.sqrt(p * (1 - p) / (h.size / 2))
        yield Observation(
            f"gradient at zero inputs, p={p}",
            share,
            abs(share - (1 - p)) <= tolerance,
            f"where the input is exactly 0, {share:.0%} of the gradients pass at p = {p}",
            f"about {1 - p:.0%}: a kept unit learns even where it was 0",
            SIGMAS * np.sqrt(share * (1 - share) / (h.size / 2)) + 1e-9,
        )
    out, gradient = subject.forward_and_gradient(h.copy(), RATES[1], subject.source(seed), grad_out.copy(), False)
    passed = np.allclose(gradient, grad_out, rtol=1e-6)
    yield _flag(
        "gradient in evaluation", not passed, "with training off the gradient is changed", "the gradient as it came"
    )


def _same_factors(where: str, forward: Array, backward: Array, p: float) -> Iterator[Observation]:
    kept = forward != 0
    dropped_learn = float((backward[~kept] != 0).mean()) if (~kept).any() else np.nan
    kept_learn = float((backward[kept] != 0).mean()) if kept.any() else np.nan
    passing = backward[kept & (backward != 0)]
    ratio = float(np.median(passing) / np.median(forward[kept])) if passing.size else np.nan
    spread = SIGMAS * 0.5 / np.sqrt(kept.size)
    yield Observation(
        f"dropped units that learn, {where}",
        dropped_learn,
        not dropped_learn > 0,
        f"{dropped_learn:.0%} of the dropped units receive a gradient",
        "none: a dropped unit has no part in the output",
        spread if 0 < dropped_learn < 1 else 1e-6,
    )
    yield Observation(
        f"kept units that learn, {where}",
        kept_learn,
        not kept_learn < 1,
        f"{kept_learn:.0%} of the kept units receive a gradient",
        "all of them",
        spread if 0 < kept_learn < 1 else 1e-6,
    )
    yield Observation(
        f"gradient scale, {where}",
        ratio,
        bool(np.isnan(ratio)) or abs(ratio - 1) < 1e-5,
        f"gradients of kept units are {ratio:.2f} times what the forward factor gives at p = {p}",
        f"the factor of the forward pass, {1 / (1 - p):.3g}",
        1e-5,
    )


def own_cache(subject: Any, seed: int) -> Iterator[Observation]:
    """The backward of a pass uses the mask of that pass, not of the latest."""
    h = np.random.default_rng(seed).uniform(0.5, 2, (ROWS, COLUMNS))
    out, gradient = subject.first_gradient_of_two(h, RATES[1], subject.source(seed))
    wrong = not np.array_equal(out != 0, gradient != 0)
    seen = "after a second forward pass, the backward of the first uses another mask"
    yield _flag("another pass's mask", wrong, seen, "the mask of its own pass")


def _flag(name: str, failed: bool, seen: str, expected: str) -> Observation:
    return Observation(name, float(failed), not failed, seen, expected)
