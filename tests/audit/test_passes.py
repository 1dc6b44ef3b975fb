"""Passes agree under one random state, differ under two, and know which axis is the batch."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from dropout_lab.audit.passes import EvalPasses, Passes

P = 0.3


def eval_passes(model, *inputs):
    passes = Passes(model, inputs)
    try:
        return passes.eval_passes()
    finally:
        passes.restore()


@pytest.mark.parametrize(
    ("difference", "same_state", "random"), [(0.5, 0.0, True), (1e-7, 0.0, False), (0.5, 0.2, False), (0.0, 0.0, False)]
)
def test_randomness_is_more_than_rounding(difference, same_state, random):
    passes = EvalPasses(difference, same_state, rounding=1e-6, scale=1.0, moved=[])
    assert passes.is_random is random


def test_eval_passes_measure_both_differences(network, part, rows):
    seen = eval_passes(network(part(lambda module, h: F.dropout(h, P))), rows)
    assert seen.same_state == 0
    assert seen.difference > 0
    assert eval_passes(network(nn.Dropout(P)), rows).difference == 0


def test_a_generator_of_the_models_own_is_rewound_for_equal_passes(network, part, rows):
    generator = torch.Generator()
    noisy = part(lambda module, h: h * (torch.rand(h.shape, generator=generator) > P))
    noisy.generator = generator
    seen = eval_passes(network(noisy), rows)
    assert (seen.same_state, seen.is_random) == (0, True)


class Masks(nn.Module):
    """Dropout over a tensor with one mask for axis 0, then something that may mix axis 0."""

    def __init__(self, mix):
        super().__init__()
        self.mix = mix

    def forward(self, x):
        return self.mix(x * (torch.rand(x.shape[1:]) > P))


@pytest.mark.parametrize(
    ("mix", "over_batch"),
    [
        (torch.tanh, True),
        (lambda h: h.flatten(0, 1), True),
        (lambda h: h.cumsum(0), False),
        (lambda h: h - h.mean(0), False),
    ],
    ids=["apart", "flattened", "over time", "mean"],
)
def test_axis_0_is_the_batch_if_examples_do_not_touch(mix, over_batch, sequences):
    passes = Passes(Masks(mix), (sequences,))
    try:
        found = passes.over_batch()
    finally:
        passes.restore()
    assert bool(found) is over_batch


def test_one_example_shows_no_axis(sequences):
    passes = Passes(Masks(torch.tanh), (sequences[:1],))
    assert passes.over_batch() == set()
