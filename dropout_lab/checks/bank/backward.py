"""Slips between forward and backward: pairs (forward, backward) whose forward is right."""

from __future__ import annotations

from typing import Any

import numpy as np

from dropout_lab.checks.bank.scaling import Array, Rng, keeps
from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.subjects import PairAnswer

Passed = tuple[Array, Any]


def forward(h: Array, p: float, rng: Rng, training: bool = True) -> Passed:
    if not training:
        return h, (np.ones(h.shape, dtype=bool), 1.0, 0.0, rng, h)
    mask, scale = keeps(h, p, rng), 1 / (1 - p) if p < 1 else 0.0
    out = h * mask * h.dtype.type(scale)
    return out, (mask, scale, p, rng, out)


def redrawn(grad_out: Array, cache: Any) -> Array:
    _, scale, p, rng, _ = cache
    return grad_out * keeps(grad_out, p, rng) * scale


def not_scaled(grad_out: Array, cache: Any) -> Array:
    return grad_out * cache[0]


def scaled_by_keep(grad_out: Array, cache: Any) -> Array:
    return grad_out * cache[0] * (1 - cache[2])


def scaled_again(grad_out: Array, cache: Any) -> Array:
    return grad_out * cache[0] * cache[1] ** 2


def passed_through(grad_out: Array, cache: Any) -> Array:
    return grad_out.copy()


def mask_ignored(grad_out: Array, cache: Any) -> Array:
    return grad_out * cache[1]


def mask_flipped(grad_out: Array, cache: Any) -> Array:
    return grad_out * ~cache[0] * cache[1] if cache[2] else grad_out


def from_zeros(grad_out: Array, cache: Any) -> Array:
    return grad_out * (cache[4] != 0) * cache[1]


def output_for_mask(grad_out: Array, cache: Any) -> Array:
    return grad_out * cache[4]


def output_for_mask_in_training(grad_out: Array, cache: Any) -> Array:
    return grad_out * cache[4] if cache[2] else grad_out


def scaled_in_evaluation(grad_out: Array, cache: Any) -> Array:
    return grad_out * cache[0] * (cache[1] if cache[2] else 0.5)


class Latest:
    """A pair that keeps the latest mask beside the cache, as a global variable does."""

    def __init__(self) -> None:
        self.cache: Any = None

    def forward(self, h: Array, p: float, rng: Rng, training: bool = True) -> Passed:
        """The right forward pass; what it needs later is kept here."""
        out, self.cache = forward(h, p, rng, training)
        return out, None

    def backward(self, grad_out: Array, cache: Any) -> Array:
        """The right backward pass of the latest forward pass."""
        return grad_out * self.cache[0] * self.cache[1]


def with_backward(*backwards: Any) -> tuple[PairAnswer, ...]:
    """The right forward with each of these backwards."""
    return tuple(PairAnswer(forward, backward) for backward in backwards)


latest = Latest()
ROWS = (
    Misconception(
        "backward-redraws",
        "backward flips new coins. Units learn that had no part in the output, and on average the penalty that dropout "
        "adds is lost: the gradient above depends on the coins of forward.",
        "Forward must hand its mask on. Where do you put it?",
        with_backward(redrawn),
    ),
    Misconception(
        "backward-from-zeros",
        "the mask is read off the output (out != 0). A kept unit whose activation was exactly 0 looks dropped and "
        "loses its gradient.",
        "Store the mask itself in the cache.",
        with_backward(from_zeros),
    ),
    Misconception(
        "backward-not-scaled",
        "the mask is applied and the scale is not: gradients come out 1 - p of what they should be.",
        "The output is h times m / (1 - p). What is the derivative of c·h for h?",
        with_backward(not_scaled),
    ),
    Misconception(
        "backward-ignores-mask",
        "the gradient passes through dropped units as if they had been there.",
        "The output is h times m / (1 - p). What is its derivative where m = 0?",
        with_backward(passed_through, mask_ignored),
    ),
    Misconception(
        "backward-scaled-twice",
        "the gradient has the wrong factor: it is m / (1 - p), once, as in forward.",
        "The output is h times m / (1 - p). What is the derivative of c·h for h?",
        with_backward(scaled_by_keep, scaled_again),
    ),
    Misconception(
        "backward-mask-inverted",
        "the gradient goes to the dropped units and not to the kept ones.",
        "True means kept. Which units had a part in the output?",
        with_backward(mask_flipped),
    ),
    Misconception(
        "backward-multiplies-output",
        "the gradient is multiplied by the output; it should be multiplied by what multiplied the input.",
        "The output is h times m / (1 - p). What is the derivative of c·h for h?",
        with_backward(output_for_mask, output_for_mask_in_training),
    ),
    Misconception(
        "mask-outside-cache",
        "the mask is kept outside the cache, in a global or an attribute, where the next forward pass overwrites it. "
        "A layer that is used twice then has the wrong gradient.",
        "Return everything that backward needs as the second result of forward.",
        (PairAnswer(latest.forward, latest.backward),),
    ),
    Misconception(
        "active-in-eval",
        "with training off the gradient is still changed. The output is h there, so the gradient passes as it is.",
        "What does the cache hold when training is False?",
        with_backward(scaled_in_evaluation),
    ),
)
