"""Probes for what only modules can get wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from dropout_lab.checks.exercise import Observation, flag
from dropout_lab.checks.subjects_torch import ModuleAnswer

P = 0.35


def module_habits(subject: ModuleAnswer, seed: int) -> Iterator[Observation]:
    """Dropout under no_grad, after p was raised, and in two instances side by side."""
    h = torch.ones(24, 32)
    with torch.no_grad():
        quiet = subject.run(h, P, subject.source(seed), True)
    yield flag("off under no_grad", bool((quiet != 0).all()), "under torch.no_grad() nothing is dropped", "dropout on")
    source = subject.source(seed)
    raised: list[Any] = [part for part in subject.module(0.0, source).modules() if hasattr(part, "p")]
    for part in raised:
        part.p = P
    late = subject.run(h, 0.0, source, True)
    seen = "a module made with p = 0 drops nothing after its p was raised"
    yield flag("p raised", bool(raised) and bool((late != 0).all()), seen, "the p of that moment")
    source = subject.source(seed)
    with source.active():
        first, second = (subject.new(P).train()(h) for _ in range(2))
    seen = "two instances drop the same units, one after the other"
    yield flag("same in two instances", torch.equal(first, second), seen, "coins of their own for each")


def share_of_zeros(name: str, share: float, p: float, n: int, of: str) -> Observation:
    """Share of zeros among n coins that should be zero with probability p."""
    return Observation(
        f"{name} at p={p}",
        share,
        abs(share - p) <= 5 * (p * (1 - p) / n) ** 0.5,
        f"{share:.0%} {of} are zero at p = {p}",
        f"about {p:.0%}",
        5 * (share * (1 - share) / n) ** 0.5 + 1e-9,
    )
