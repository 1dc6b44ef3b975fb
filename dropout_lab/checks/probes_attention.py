"""Probes for attention that drops weights in training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from dropout_lab.checks.exercise import Observation, flag
from dropout_lab.checks.probes_torch import P, share_of_zeros
from dropout_lab.checks.subjects_torch import Stream, same_shape


class AttentionAnswer:
    """A function (query, key, value, p, training) → tensor."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def weights(self, source: Stream, p: float, training: bool) -> Tensor:
        """The attention weights (2, 3, 20, 20): what comes out where the values are the identity matrix."""
        return self.run(source, *queries_and_keys(), torch.eye(20).expand(2, 3, 20, 20), p, training)

    def run(self, source: Stream, query: Tensor, key: Tensor, value: Tensor, p: float, training: bool) -> Tensor:
        """Result of a call; raises AnswerError for a wrong type or shape."""
        with source.active():
            return same_shape(self.call(query, key, value, p, training), query[..., :1] * value[..., :1, :])


def attention_in_evaluation(subject: AttentionAnswer, seed: int) -> Iterator[Observation]:
    """With training off: softmax(Q Kᵀ / √d), the same in every call."""
    source = Stream(seed)
    first, second = (subject.weights(source, P, False) for _ in range(2))
    random = not torch.equal(first, second)
    yield flag("random in evaluation", random, "with training off, two calls differ", "the same result")
    sums = bool(torch.allclose(first.sum(-1), torch.ones(()), atol=1e-4))
    yield flag(
        "sums in evaluation", not sums and not random, "rows of weights do not sum to 1", "weights that sum to 1"
    )
    spread = float((first.amax(-1) - first.amin(-1)).mean())
    right = float(reference_spread())
    ok = random or not sums or abs(spread - right) < 1e-4
    yield Observation(
        "weights", spread if sums else float("nan"), ok, "the weights are not softmax(Q Kᵀ / √d)", "those", 1e-3
    )


def attention_in_training(subject: AttentionAnswer, seed: int) -> Iterator[Observation]:
    """In training single weights are dropped with probability p and the others divided by 1 - p; rows stay so."""
    for p in (0.2, 0.7):
        source = Stream(seed)
        plain, dropped = subject.weights(source, 0.0, False), subject.weights(source, p, True)
        kept = dropped != 0
        yield share_of_zeros("weights", float((~kept).float().mean()), p, kept.numel(), "of the attention weights")
        sums = dropped.sum(-1)
        one = bool(torch.allclose(sums, torch.ones(()), atol=1e-4)) and bool((~kept).any())
        yield flag(f"sums at p={p}", one, "rows were brought back to a sum of 1", "a sum that is 1 on average only")
        ratio = float((dropped[kept] / plain[kept]).median()) * (1 - p) if bool(kept.any()) else float("nan")
        ok = one or ratio != ratio or abs(ratio - 1) < 1e-3
        seen = f"kept weights are multiplied by {ratio / (1 - p):.3g} at p = {p}"
        yield Observation(f"scale at p={p}", ratio if not one else 1.0, ok, seen, f"{1 / (1 - p):.3g}", 1e-3)
    ones = torch.ones(4, 5, 20, 8)
    out = subject.run(Stream(seed), ones, ones, ones, P, True)  # all weights of a query go with probability P²⁰
    yield flag(
        "outputs dropped", bool((out == 0).any()), "entries of the output are dropped", "weights dropped instead"
    )


def queries_and_keys() -> tuple[Tensor, Tensor]:
    """Queries and keys (2, 3, 20, 8) whose weights are neither flat nor sharp."""
    waves = torch.linspace(-2, 2, 2 * 3 * 20 * 8).reshape(2, 3, 20, 8)
    return (3 * waves).sin(), (5 * waves).sin()


def reference_spread() -> Tensor:
    """Mean range of a row of softmax(Q Kᵀ / √d)."""
    query, key = queries_and_keys()
    weights = torch.softmax(query @ key.transpose(-1, -2) / 8**0.5, dim=-1)
    return (weights.amax(-1) - weights.amin(-1)).mean()
