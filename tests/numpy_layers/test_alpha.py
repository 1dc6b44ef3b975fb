import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropout_lab.masks import bernoulli_mask
from dropout_lab.moments_noise import SELU_FLOOR, alpha_dropout_affine
from dropout_lab.numpy_layers import (
    AlphaDropout,
    FeatureAlphaDropout,
    alpha_dropout_forward,
    dropout_backward,
    feature_alpha_dropout_forward,
)

PROBABILITIES = (0.05, 0.2, 0.7)
arrays = hnp.arrays(np.float64, hnp.array_shapes(), elements=st.floats(-100, 100))
map_shapes = hnp.array_shapes(min_dims=3, max_dims=5, max_side=4)


def selu(x):
    return np.where(x > 0, 1.0507009873554805 * x, SELU_FLOOR * -np.expm1(np.minimum(x, 0)))


@given(arrays, st.floats(0, 0.95), st.integers(0, 2**32))
def test_kept_units_are_a_h_plus_b_and_dropped_ones_a_floor_plus_b(h, p, seed):
    h_dropped, (mask, _) = alpha_dropout_forward(h, p, np.random.default_rng(seed))
    scale, shift = alpha_dropout_affine(p)
    np.testing.assert_array_equal(mask, bernoulli_mask(h.shape, p, np.random.default_rng(seed)))
    np.testing.assert_allclose(h_dropped, scale * np.where(mask, h, SELU_FLOOR) + shift, rtol=1e-13, atol=1e-14)


@given(map_shapes, st.floats(0, 0.95), st.integers(0, 2**32))
def test_feature_alpha_dropout_is_alpha_dropout_with_one_coin_for_each_map(shape, p, seed):
    h = np.random.default_rng(seed).normal(size=shape)
    mask = bernoulli_mask(shape, p, np.random.default_rng(seed), shared_axes=tuple(range(2, h.ndim)))
    drawn, _ = feature_alpha_dropout_forward(h, p, np.random.default_rng(seed))
    np.testing.assert_array_equal(drawn, alpha_dropout_forward(h, p, mask=mask)[0])


@given(arrays, st.floats(0, 0.95), st.integers(0, 2**32))
def test_backward_is_the_scale_where_a_unit_is_kept_and_zero_elsewhere(h, p, seed):
    _, cache = alpha_dropout_forward(h, p, np.random.default_rng(seed))
    expected = np.where(cache[0], alpha_dropout_affine(p)[0], 0)
    np.testing.assert_allclose(dropout_backward(np.ones_like(h), cache), expected, rtol=1e-14)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_mean_and_variance_of_units_that_have_zero_and_one_are_kept_exactly(p):
    # both outcomes of every coin, weighted with their probabilities
    h = np.random.default_rng(0).normal(size=1000)
    h = (h - h.mean()) / h.std()
    kept, _ = alpha_dropout_forward(h, p, mask=np.ones(1000, bool))
    dropped, _ = alpha_dropout_forward(h, p, mask=np.zeros(1000, bool))
    assert ((1 - p) * kept + p * dropped).mean() == pytest.approx(0, abs=1e-12)
    assert ((1 - p) * kept**2 + p * dropped**2).mean() == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("layer", [AlphaDropout, FeatureAlphaDropout])
@pytest.mark.parametrize("p", PROBABILITIES)
def test_selu_activations_keep_mean_and_variance_within_five_standard_errors(p, layer):
    n, rng = 300_000, np.random.default_rng(1)
    h = selu(rng.normal(size=(n, 1, 1)))
    h_dropped = layer(p, rng).forward(h)
    fourth = (h_dropped**4).mean()  # of a bounded-below, light-tailed unit; E[h̃²] = 1
    assert abs(h_dropped.mean()) < 5 / math.sqrt(n)
    assert abs((h_dropped**2).mean() - 1) < 5 * math.sqrt((fourth - 1) / n)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_after_relu_the_mean_shrinks_to_the_stated_share(p):
    n, rng = 300_000, np.random.default_rng(2)
    h = np.maximum(rng.normal(size=n), 0)
    scale, _ = alpha_dropout_affine(p)
    h_dropped, _ = alpha_dropout_forward(h, p, rng)
    assert abs(h_dropped.mean() - scale * (1 - p) * h.mean()) < 5 * h_dropped.std() / math.sqrt(n)
    assert h_dropped.mean() < 0.95 * h.mean()


@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_mean_over_passes_of_a_unit_is_a_q_h(p):
    h, n = np.array([-1.5, 0.0, 0.5, 2.0]), 20_000
    passes, _ = alpha_dropout_forward(np.tile(h, (n, 1)), p, np.random.default_rng(3))
    scale, _ = alpha_dropout_affine(p)
    error = scale * abs(h - SELU_FLOOR) * math.sqrt(p * (1 - p) / n)  # two values, apart by a (h - α')
    assert (abs(passes.mean(axis=0) - scale * (1 - p) * h) < 5 * error).all()


@pytest.mark.parametrize("layer", [AlphaDropout, FeatureAlphaDropout])
@pytest.mark.parametrize("p", [0, 1])
def test_the_ends_of_the_range_are_the_identity_and_zero_with_their_gradient(p, layer):
    h, layer = np.random.default_rng(4).normal(size=(2, 3, 4)), layer(p, np.random.default_rng(5))
    np.testing.assert_array_equal(layer.forward(h), (1 - p) * h)
    np.testing.assert_array_equal(layer.backward(h), (1 - p) * h)


@pytest.mark.parametrize("training", [True, False])
def test_feature_alpha_dropout_refuses_maps_without_their_batch_axis(training):
    layer = FeatureAlphaDropout(0.2, np.random.default_rng(0))
    with pytest.raises(ValueError, match=re.escape("Unbatched maps (C, *) need their batch axis, h[None]")):
        layer.forward(np.ones((3, 5)), training=training)


def test_feature_alpha_dropout_refuses_a_mask_that_changes_within_a_map():
    mask = bernoulli_mask((2, 3, 4), 0.4, np.random.default_rng(0))
    with pytest.raises(ValueError, match=re.escape("constant along the axes (2,)")):
        feature_alpha_dropout_forward(np.ones((2, 3, 4)), 0.4, mask=mask)
