"""Probes of everything else that drops units: evaluation, repeatability, edges, manners."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dropout_lab.checks.exercise import Observation, flag
from dropout_lab.checks.sample import COLUMNS, RATES, ROWS, Array
from dropout_lab.checks.subjects import global_states


def evaluation(subject: Any, seed: int) -> Iterator[Observation]:
    """With training off the activations come back as they are."""
    h = np.random.default_rng(seed).uniform(0.5, 2, (ROWS, COLUMNS))
    for p in RATES[1:]:
        source = subject.source(seed)
        outs = [np.asarray(subject.forward(h.copy(), p, source, False), dtype=float) for _ in range(2)]
        random = not np.array_equal(outs[0], outs[1])
        value = np.nan if random else float(np.median(outs[0] / h))
        yield flag(f"evaluation random at p={p}", random, "with training off, two passes differ", "no dropout at all")
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
    yield flag("same mask", np.array_equal(first, second), "two calls drop the same units", "new coins in every call")
    unlike = not np.array_equal(first, third)
    yield flag("other mask", unlike, "the same generator state gives another result", "the same coins again")
    yield flag("generator unused", not used, "the generator that you were given was not used", "coins from it")
    yield flag("global state", moved, "a global random state has moved", "no use of any other source of randomness")


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
    yield flag("input modified", not np.array_equal(given, h), "the input array was changed", "the input left as it is")
    for dtype in subject.dtypes:
        came = subject.out_dtype(dtype, RATES[1], subject.source(seed))
        yield flag(f"dtype of {dtype}", came != dtype, f"{dtype} went in and {came} came out", f"{dtype} again")
