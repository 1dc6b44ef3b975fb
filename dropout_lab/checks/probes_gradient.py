"""Probes of the backward pass: the same mask and the same scale as in forward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dropout_lab.checks.exercise import Observation, flag
from dropout_lab.checks.sample import COLUMNS, RATES, ROWS, SIGMAS, Array


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
    yield flag(
        "gradient in evaluation", not passed, "with training off the gradient is changed", "the gradient as it came"
    )


def _same_factors(where: str, forward: Array, backward: Array, p: float) -> Iterator[Observation]:
    kept = forward != 0
    dropped_learn = float((backward[~kept] != 0).mean()) if (~kept).any() else np.nan
    kept_learn = float((backward[kept] != 0).mean()) if kept.any() else np.nan
    passing = backward[kept & (backward != 0)]
    ratio = float(np.median(passing) / np.median(forward[kept])) if passing.size else np.nan
    range_ = float(np.ptp(passing)) if passing.size else 0.0
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
        1e-5 + range_,
    )
    yield Observation(
        f"one gradient factor, {where}",
        float(range_ > 1e-5),
        range_ <= 1e-5,
        f"gradients of kept units have factors that range over {range_:.2g}",
        "one factor for all of them",
    )


def own_cache(subject: Any, seed: int) -> Iterator[Observation]:
    """The backward of a pass uses the mask of that pass, not of the latest."""
    h = np.random.default_rng(seed).uniform(0.5, 2, (ROWS, COLUMNS))
    out, gradient = subject.first_gradient_of_two(h, RATES[1], subject.source(seed))
    wrong = not np.array_equal(out != 0, gradient != 0)
    seen = "after a second forward pass, the backward of the first uses another mask"
    yield flag("another pass's mask", wrong, seen, "the mask of its own pass")
