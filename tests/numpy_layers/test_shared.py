import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers import dropout_backward, dropout_forward, shared_dropout_forward, spatial_dropout_forward


@given(hnp.array_shapes(max_dims=4, max_side=5), st.floats(0, 0.95), st.data(), st.integers(0, 2**32))
def test_what_shares_a_coin_is_zero_or_scaled_as_a_whole(shape, p, data, seed):
    axes = tuple(data.draw(st.sets(st.integers(0, len(shape) - 1))))
    h = np.random.default_rng(seed).normal(size=shape)
    h_dropped, _ = shared_dropout_forward(h, p, axes, np.random.default_rng(seed))
    kept = np.isclose(h_dropped, h / (1 - p), rtol=1e-12, atol=0).all(axis=axes)
    assert (kept | (h_dropped == 0).all(axis=axes)).all()


@given(hnp.array_shapes(max_dims=4, max_side=5), st.floats(0, 1), st.data(), st.integers(0, 2**32))
def test_backward_of_ones_is_forward_of_ones(shape, p, data, seed):
    axes = tuple(data.draw(st.sets(st.integers(0, len(shape) - 1))))
    forward_of_ones, cache = shared_dropout_forward(np.ones(shape), p, axes, np.random.default_rng(seed))
    np.testing.assert_array_equal(dropout_backward(np.ones(shape), cache), forward_of_ones)


def test_no_shared_axis_is_dropout_and_all_spatial_ones_are_spatial_dropout():
    h = np.random.default_rng(0).normal(size=(3, 4, 5, 6))
    for axes, function in [((), dropout_forward), ((2, 3), spatial_dropout_forward)]:
        ours, _ = shared_dropout_forward(h, 0.3, axes, np.random.default_rng(1))
        np.testing.assert_array_equal(ours, function(h, 0.3, np.random.default_rng(1))[0])


def test_a_mask_that_changes_along_a_shared_axis_is_refused_with_the_call_that_draws_it():
    mask = bernoulli_mask((3, 40), 0.4, np.random.default_rng(0))
    with pytest.raises(ValueError, match=re.escape("constant along the axes (1,)") + r".*shared_axes=\(1,\)"):
        shared_dropout_forward(np.ones((3, 40)), 0.4, (1,), mask=mask)


def test_an_axis_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="shared_axes is a tuple of axes of an array with 2 axes"):
        shared_dropout_forward(np.ones((3, 4)), 0.4, (2,), np.random.default_rng(0))
