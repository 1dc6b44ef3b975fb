import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropout_lab.masks import bernoulli_mask
from dropout_lab.moments import scaled_variance
from dropout_lab.numpy_layers import SpatialDropout, dropout_backward, spatial_dropout_forward

PROBABILITIES = (0.1, 0.2, 0.7)
map_shapes = hnp.array_shapes(min_dims=3, max_dims=6, max_side=5)


@given(map_shapes, st.floats(0, 0.95), st.integers(0, 2**32))
def test_every_map_is_zero_or_scaled_as_a_whole(shape, p, seed):
    h = np.random.default_rng(seed).normal(size=shape)
    h_dropped, _ = spatial_dropout_forward(h, p, np.random.default_rng(seed))
    whole_map = tuple(range(2, h.ndim))
    kept = np.isclose(h_dropped, h / (1 - p), rtol=1e-12, atol=0).all(axis=whole_map)
    dropped = (h_dropped == 0).all(axis=whole_map)
    assert (kept | dropped).all()


@given(map_shapes, st.floats(0, 1), st.integers(0, 2**32))
def test_the_drawn_mask_is_the_bernoulli_mask_that_shares_the_spatial_axes(shape, p, seed):
    _, (mask, scale) = spatial_dropout_forward(np.ones(shape), p, np.random.default_rng(seed))
    expected = bernoulli_mask(shape, p, np.random.default_rng(seed), shared_axes=tuple(range(2, len(shape))))
    np.testing.assert_array_equal(mask, expected)
    assert scale == (1 / (1 - p) if p < 1 else 0)


@given(map_shapes, st.floats(0, 0.95), st.integers(0, 2**32))
def test_backward_of_ones_is_forward_of_ones(shape, p, seed):
    ones = np.ones(shape)
    forward_of_ones, cache = spatial_dropout_forward(ones, p, np.random.default_rng(seed))
    np.testing.assert_array_equal(dropout_backward(ones, cache), forward_of_ones)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_share_of_dropped_maps_is_p(p):
    h_dropped, _ = spatial_dropout_forward(np.ones((300, 400, 2)), p, np.random.default_rng(0))
    maps = h_dropped[:, :, 0]
    assert abs((maps == 0).mean() - p) < 5 * math.sqrt(p * (1 - p) / maps.size)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("p", PROBABILITIES)
def test_examples_and_channels_flip_coins_of_their_own(p, axis, binomial_variance_error):
    h_dropped, _ = spatial_dropout_forward(np.ones((400, 300, 2)), p, np.random.default_rng(1))
    counts, n = (h_dropped[:, :, 0] > 0).sum(axis=axis), h_dropped.shape[axis]
    assert abs(counts.var(ddof=1) - n * p * (1 - p)) < 5 * binomial_variance_error(n, p, len(counts))


@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_mean_over_passes_is_the_input(p):
    h, rng = np.random.default_rng(2).normal(size=(2, 3, 2, 2)), np.random.default_rng(3)
    passes = np.stack([spatial_dropout_forward(h, p, rng)[0] for _ in range(4000)])
    assert (abs(passes.mean(axis=0) - h) < 5 * np.sqrt(scaled_variance(h, p) / len(passes))).all()


@pytest.mark.parametrize(("p", "factor"), [(0, 1), (1, 0)])
def test_the_ends_of_the_range_are_finite_with_their_gradient(p, factor):
    h, layer = np.random.default_rng(4).normal(size=(2, 3, 4)), SpatialDropout(p, np.random.default_rng(5))
    np.testing.assert_array_equal(layer.forward(h), factor * h)
    np.testing.assert_array_equal(layer.backward(h), factor * h)


@pytest.mark.parametrize(
    ("shape", "n_spatial", "words"),
    [
        (
            (3, 5),
            None,
            "at least 1 spatial axis; got (3, 5). Unbatched maps (C, *) need their batch axis, h[None]",
        ),
        ((7,), None, "units (N, D) have no maps: use Dropout"),
        ((3, 5, 5), 2, "with 2 spatial axes; got (3, 5, 5). Unbatched maps (C, *)"),
        ((2, 3, 5, 5), 1, "with 1 spatial axis; got (2, 3, 5, 5)"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_maps_without_their_batch_axis_are_an_error_that_says_so(shape, n_spatial, words, training):
    layer = SpatialDropout(0.2, np.random.default_rng(0), n_spatial=n_spatial)
    with pytest.raises(ValueError, match=re.escape(words)):
        layer.forward(np.ones(shape), training=training)


def test_a_mask_that_changes_within_a_map_is_refused_with_the_call_that_draws_it():
    mask = bernoulli_mask((2, 3, 4, 4), 0.4, np.random.default_rng(0))
    with pytest.raises(ValueError, match=re.escape("constant along the axes (2, 3)") + r".*shared_axes=\(2, 3\)"):
        spatial_dropout_forward(np.ones((2, 3, 4, 4)), 0.4, mask=mask)


def test_the_number_of_spatial_axes_is_a_whole_number():
    with pytest.raises(TypeError, match="n_spatial is a whole number"):
        SpatialDropout(0.2, np.random.default_rng(0), n_spatial="2d")
