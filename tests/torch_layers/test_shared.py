import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab.torch_layers import bernoulli_mask, dropout, shared_dropout, spatial_dropout


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.floats(0, 0.95), st.data(), st.integers(0, 999))
def test_what_shares_a_coin_is_zero_or_scaled_as_a_whole(shape, p, data, seed):
    axes = tuple(data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
    h = torch.randn(shape, dtype=torch.float64, generator=generator(seed))
    h_dropped = shared_dropout(h, p, axes, generator=generator(seed))
    kept = (h_dropped == h * (1 / (1 - p))).all(dim=axes)
    assert bool((kept | (h_dropped == 0).all(dim=axes)).all())


def test_no_shared_axis_is_dropout_and_all_spatial_ones_are_spatial_dropout():
    h = torch.randn(3, 4, 5, 6, generator=generator())
    for axes, function in [((), dropout), ((2, 3), spatial_dropout)]:
        ours = shared_dropout(h, 0.3, axes, generator=generator(1))
        expected = function(h, 0.3, generator=generator(1), **({} if axes else {"exact": True}))
        assert torch.equal(ours, expected)


def test_a_mask_that_changes_along_a_shared_axis_is_an_error_that_says_how_to_draw_it():
    h = torch.ones(3, 40)
    with pytest.raises(ValueError, match=re.escape("constant along the axes (1,)") + r".*shared_axes=\(1,\)"):
        shared_dropout(h, 0.4, (1,), mask=bernoulli_mask(h.shape, 0.4, generator()))


def test_an_axis_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="shared_axes is a tuple of axes of an array with 2 axes"):
        shared_dropout(torch.ones(3, 4), 0.4, (2,))
