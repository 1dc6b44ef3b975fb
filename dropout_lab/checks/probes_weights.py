"""Probes for layers that drop weights: the coin of every weight is read off the outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from dropout_lab.checks.exercise import AnswerError, Observation, flag
from dropout_lab.checks.probes_torch import share_of_zeros
from dropout_lab.checks.subjects_torch import Stream

WEIGHT = torch.tensor([1.0, 2.0, 4.0]).expand(12, 3)  # sums of kept weights are binary numbers: a bit for each coin
EXAMPLES, CALLS = 8, 40
AXES = ("calls", "examples", "outputs", "inputs")


class WeightAnswer:
    """A function (x, weight, p) → tensor (N, K) that drops weights."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def run(self, source: Stream, x: Tensor, weight: Tensor, p: float) -> Tensor:
        """Result of a call; raises AnswerError for a wrong type or shape."""
        with source.active():
            out = self.call(x, weight, p)
        expected = (len(x), len(weight))
        if not isinstance(out, Tensor) or out.shape != expected:
            came = f"shape {tuple(out.shape)}" if isinstance(out, Tensor) else type(out).__name__
            raise AnswerError(f"the result is of {came}; I expected a tensor of shape (N, K) = {expected}.")
        return out

    def outputs(self, source: Stream, p: float) -> Tensor:
        """Outputs (calls, N, K) for inputs of one."""
        x = torch.ones(EXAMPLES, 3)
        return torch.stack([self.run(source, x, WEIGHT.clone(), p).detach() for _ in range(CALLS)])


def weight_kept(subject: WeightAnswer, seed: int) -> Iterator[Observation]:
    """The weight that is passed in stays as it is."""
    used = WEIGHT.clone()
    subject.run(Stream(seed), torch.ones(EXAMPLES, 3), used, 0.6)
    changed = not torch.equal(used, WEIGHT)
    yield flag("weight changed", changed, "the weight that was passed in has changed", "the weight left as it is")


def a_product(subject: WeightAnswer, seed: int) -> Iterator[Observation]:
    """At p = 0 the layer is x Wᵀ."""
    x, weight = torch.linspace(-1, 1, 15).reshape(5, 3).sin(), torch.linspace(-2, 1, 21).reshape(7, 3).cos()
    wrong = not torch.allclose(subject.run(Stream(seed), x, weight.clone(), 0.0), x @ weight.T, atol=1e-5)
    yield flag("product at p = 0", wrong, "at p = 0 the result is not x @ weight.T", "the plain product")


def weight_law(subject: WeightAnswer, seed: int) -> Iterator[Observation]:
    """Each weight of each example has a coin of its own, and survivors are divided by 1 - p."""
    for p in (0.2, 0.4):
        outputs = subject.outputs(Stream(seed), p)
        factor = float(outputs.max()) / 7  # somewhere all three weights are kept: 1 + 2 + 4
        codes = outputs / factor if factor > 0 else outputs
        whole = bool((codes - codes.round()).abs().max() < 1e-3)
        yield flag(f"odd sums at p={p}", not whole, "outputs are no sums of kept weights with one factor", "such sums")
        right, what = 1 / (1 - p), f"kept weights are multiplied by {factor:.3g} at p = {p}"
        ok = not whole or abs(factor / right - 1) < 1e-4
        yield Observation(f"scale at p={p}", factor / right if whole else 1.0, ok, what, f"{right:.3g}", 1e-4)
        bits = (codes.round().long()[..., None] >> torch.arange(3)) & 1
        yield from _coins(bits, p)


def _coins(bits: Tensor, p: float) -> Iterator[Observation]:
    together = 1
    varies = bool(bits.any()) and not bool(bits.all())
    for axis, name in enumerate(AXES):
        shared = varies and bool((bits == bits.narrow(axis, 0, 1)).all())
        together *= bits.shape[axis] if shared else 1
        seen = f"all {name} share one coin" if axis else "every call drops the same weights"
        yield flag(f"shared along {name} at p={p}", shared, seen, "a coin for each weight of each example")
    share = 1 - float(bits.float().mean())
    yield share_of_zeros("weights", share, p, bits.numel() // together, "of the weights")


def weight_gradient(subject: WeightAnswer, seed: int) -> Iterator[Observation]:
    """Gradients reach the weight and the input."""
    x, weight = torch.ones(EXAMPLES, 3, requires_grad=True), WEIGHT.clone().requires_grad_()
    out = subject.run(Stream(seed), x, weight, 0.2)
    cut = not out.requires_grad or None in torch.autograd.grad(out.sum(), (x, weight), allow_unused=True)
    yield flag("gradient cut", cut, "no gradient reaches the input and the weight", "a gradient for both")
