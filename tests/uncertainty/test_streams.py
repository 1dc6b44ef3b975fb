import random

import numpy as np
import pytest
import torch
from torch import nn

from dropout_lab.torch_layers import Dropout
from dropout_lab.uncertainty.streams import draw_seed, lent, marks, random_streams, reseed, seeded_marks

DRAWS = [random.random, lambda: np.random.random(), lambda: torch.rand(1)]  # noqa: NPY002


@pytest.mark.parametrize("draw", DRAWS)
def test_a_draw_from_any_global_stream_changes_the_marks_and_is_undone(draw):
    streams = random_streams(nn.Identity(), ())
    before = marks(streams)
    with lent(streams):
        draw()
        assert marks(streams) != before
    assert marks(streams) == before


@pytest.mark.parametrize("draw", [*DRAWS, lambda: np.random.randn(), lambda: random.gauss(0, 1)])  # noqa: NPY002
def test_the_first_draw_after_a_seed_changes_the_quick_marks_too(draw):
    streams = random_streams(nn.Identity(), ())
    with lent(streams):
        reseed(streams, 3)
        before = seeded_marks(streams)
        assert seeded_marks(streams) == before
        draw()
        assert seeded_marks(streams) != before


def test_streams_are_given_back_after_an_interrupt():
    streams = random_streams(nn.Identity(), ())
    before, seed = marks(streams), torch.initial_seed()

    def interrupted():
        with lent(streams):
            reseed(streams, 3)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert marks(streams) == before
    assert torch.initial_seed() == seed


def test_a_generator_that_a_module_holds_is_a_stream_counted_once():
    source = torch.Generator()
    model = nn.Sequential(Dropout(0.2, source), Dropout(0.3, source))
    assert len(random_streams(model, ())) == len(random_streams(nn.Identity(), ())) + 1


def test_equal_seeds_give_equal_numbers_and_the_streams_differ_among_themselves():
    source = torch.Generator()
    streams = random_streams(Dropout(0.2, source), ())
    with lent(streams):
        reseed(streams, 5)
        first = torch.rand(4), torch.rand(4, generator=source), random.random()
        reseed(streams, 5)
        second = torch.rand(4), torch.rand(4, generator=source), random.random()
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert first[2] == second[2]
    assert not torch.equal(first[0], first[1])


def test_a_seed_moves_its_generator_on_or_comes_from_fresh_entropy():
    source = torch.Generator().manual_seed(0)
    assert draw_seed(source) != draw_seed(source)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first = draw_seed(None)
        torch.manual_seed(0)
        assert first != draw_seed(None)
