"""Passes can share random states, differ in them, and leave none moved."""

import random

import numpy as np
import torch
from torch import nn

from dropout_lab.audit.randomness import Randomness


class Owner(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator, self.rng = torch.Generator().manual_seed(1), np.random.default_rng(1)

    def draw(self):
        own = torch.rand(3, generator=self.generator).tolist(), self.rng.random()
        return torch.rand(3).tolist(), random.random(), np.random.rand(), own  # noqa: NPY002


def test_one_seed_and_a_rewind_repeat_every_draw():
    model = Owner()
    randomness = Randomness(model, [])
    randomness.seed(7)
    first = model.draw()
    randomness.seed(7)
    randomness.rewind()
    assert model.draw() == first
    randomness.restore()


def test_another_seed_changes_the_global_draws_only():
    model = Owner()
    randomness = Randomness(model, [])
    randomness.seed(7)
    first = model.draw()
    randomness.seed(8)
    randomness.rewind()
    second = model.draw()
    assert [a == b for a, b in zip(first, second, strict=True)] == [False, False, False, True]
    randomness.restore()


def test_seeding_lets_the_models_own_generators_go_on():
    model = Owner()
    randomness = Randomness(model, [])
    first = model.draw()
    randomness.seed(7)
    assert model.draw()[3] != first[3]
    randomness.restore()


def test_restoring_undoes_every_draw():
    model = Owner()
    randomness = Randomness(model, [])
    first = model.draw()
    randomness.restore()
    assert model.draw() == first
    randomness.restore()


def test_a_generator_met_later_is_restored_too():
    late = torch.Generator().manual_seed(5)
    randomness = Randomness(nn.Linear(2, 2), [])
    randomness.know(late)
    first = torch.rand(2, generator=late)
    randomness.restore()
    torch.testing.assert_close(torch.rand(2, generator=late), first, rtol=0, atol=0)
