"""Slips in dropping the weights of a layer."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody uses
from torch import Tensor

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_weights import WeightAnswer

Scale = Callable[[float], float]


def right_scale(p: float) -> float:
    return 1 / (1 - p)


def masked(*coins: int, scale: Scale = right_scale, kept: bool = True, seed: int | None = None) -> WeightAnswer:
    """A version whose coins have the axes (N, K, D) named in `coins`, and a scale of its own."""

    def drop_connect(x: Tensor, weight: Tensor, p: float) -> Tensor:
        sizes = [size if axis in coins else 1 for axis, size in enumerate((len(x), *weight.shape))]
        if seed is not None:
            torch.manual_seed(seed)
        drawn = torch.rand(sizes)
        mask = (drawn >= p) if kept else (drawn < p)
        return torch.einsum("nkd,nd->nk", mask * weight, x) * scale(p)

    return WeightAnswer(drop_connect)


def overwritten(x: Tensor, weight: Tensor, p: float) -> Tensor:
    with torch.no_grad():
        weight.mul_(torch.rand(weight.shape) >= p)
    return x @ weight.T / (1 - p)


WEIGHT_ROWS = (
    Misconception(
        "weights-overwritten",
        "the mask was multiplied into the stored weight. What one pass drops is gone for good: after k passes a "
        "weight has survived with probability (1 - p)^k.",
        "Compute the masked weight as a new tensor and leave the old one alone.",
        (WeightAnswer(overwritten),),
    ),
    Misconception(
        "dropconnect-shared",
        "one weight mask serves the whole batch. All examples then go through the same subnetwork, and copies of one "
        "input, stacked to get many passes at once, all give the same answer: a spread of exactly 0.",
        "How many coins are there for N examples and a weight of K × D?",
        (masked(1, 2),),
    ),
    Misconception(
        "dropconnect-as-dropout",
        "inputs are dropped and not weights: an input then goes missing for all outputs at once. With weights of "
        "their own, two outputs of one example can lose different inputs.",
        "Which of the axes N, K and D do your coins have?",
        (masked(0, 2),),
    ),
    Misconception(
        "dropout-on-output",
        "outputs are dropped and not weights.",
        "A coin belongs to each term of the sum over the inputs, not to the sum.",
        (masked(0, 1),),
    ),
    Misconception(
        "one-coin-per-example",
        "one coin decides for all weights of an example.",
        "How many coins are there for N examples and a weight of K × D?",
        (masked(0), masked(1), masked(2)),
    ),
    Misconception(
        "one-coin-for-all",
        "one coin decides for all weights.",
        "How many coins are there for N examples and a weight of K × D?",
        (masked(),),
    ),
    Misconception(
        "keep-drop-swapped",
        "p is used as the probability of keeping a weight.",
        "At p = 0.2, how many of the weights should stay?",
        (masked(0, 1, 2, scale=lambda p: 1 / p if p else 1.0, kept=False),),
    ),
    Misconception(
        "mask-inverted",
        "the scale is right and the mask keeps what it should drop.",
        "At p = 0.2, how many of the weights should stay?",
        (masked(0, 1, 2, kept=False),),
    ),
    Misconception(
        "not-scaled",
        "the kept weights are not divided by 1 - p.",
        "What keeps the mean of an output where it was?",
        (masked(0, 1, 2, scale=lambda p: 1.0),),
    ),
    Misconception(
        "divided-by-p",
        "the kept weights were divided by p.",
        "Which share of the weights is kept? Divide by that.",
        (masked(0, 1, 2, scale=lambda p: 1 / p if p else 1.0),),
    ),
    Misconception(
        "scaled-by-keep",
        "the kept weights were multiplied by 1 - p; they must be divided by it.",
        "What keeps the mean of an output where it was?",
        (masked(0, 1, 2, scale=lambda p: 1 - p),),
    ),
    Misconception(
        "dropped-then-ignored",
        "no weight is ever dropped.",
        "Is the weight that you multiply with the one that you masked?",
        (WeightAnswer(lambda x, weight, p: F.linear(x, weight)),),
    ),
    Misconception(
        "seeded-inside",
        "the generator is seeded inside, so that every call drops the same weights.",
        "torch.rand without a seed takes the next coins of the default generator.",
        (masked(0, 1, 2, seed=0),),
    ),
    Misconception(
        "gradient-cut",
        "no gradient comes back: the graph was cut by .detach(), .data, no_grad or a way through NumPy.",
        "Compute the output from x and weight with tensor operations alone.",
        (WeightAnswer(lambda x, weight, p: masked(0, 1, 2).call(x, weight.detach(), p)),),
    ),
)
