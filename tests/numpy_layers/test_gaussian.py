import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropout_lab.masks import normal_noise
from dropout_lab.moments import scaled_variance
from dropout_lab.numpy_layers import GaussianDropout, gaussian_dropout_backward, gaussian_dropout_forward

PROBABILITIES = (0.05, 0.2, 0.7)
arrays = hnp.arrays(np.float64, hnp.array_shapes(), elements=st.floats(-100, 100))


@given(arrays, st.floats(0, 0.99), st.integers(0, 2**32))
def test_each_unit_is_multiplied_by_one_plus_root_alpha_times_a_normal_number(h, p, seed):
    h_dropped, _ = gaussian_dropout_forward(h, p, np.random.default_rng(seed))
    noise = 1 + math.sqrt(p / (1 - p)) * normal_noise(h.shape, np.random.default_rng(seed))
    np.testing.assert_allclose(h_dropped, h * noise, rtol=1e-13, atol=1e-300)


@given(arrays, st.floats(0, 0.99), st.integers(0, 2**32))
def test_backward_of_ones_is_forward_of_ones(h, p, seed):
    _, noise = gaussian_dropout_forward(h, p, np.random.default_rng(seed))
    ones = np.ones_like(h)
    np.testing.assert_array_equal(
        gaussian_dropout_backward(ones, noise), gaussian_dropout_forward(ones, p, noise=noise)[0]
    )


@pytest.mark.parametrize("p", PROBABILITIES)
def test_mean_and_variance_are_those_of_dropout_within_five_standard_errors(p):
    # for normal noise the sample variance of n numbers has the relative standard error √(2/(n-1))
    n = 200_000
    h_dropped, _ = gaussian_dropout_forward(np.full(n, 3.0), p, np.random.default_rng(0))
    variance = scaled_variance(np.array([3.0]), p)[0]
    assert abs(h_dropped.mean() - 3) < 5 * math.sqrt(variance / n)
    assert abs(h_dropped.var(ddof=1) / variance - 1) < 5 * math.sqrt(2 / (n - 1))


@pytest.mark.parametrize("p", PROBABILITIES)
def test_no_unit_is_zero_and_the_share_of_changed_signs_is_that_of_a_normal_tail(p):
    n = 200_000
    h_dropped, _ = gaussian_dropout_forward(np.ones(n), p, np.random.default_rng(1))
    tail = math.erfc(math.sqrt((1 - p) / p / 2)) / 2  # P(ξ < 0) = Φ(-1/√α)
    assert (h_dropped != 0).all()
    assert abs((h_dropped < 0).mean() - tail) < 5 * math.sqrt(tail * (1 - tail) / n) + 1 / n


@pytest.mark.parametrize("axis", [0, 1])
def test_rows_and_columns_have_noise_of_their_own(axis):
    h_dropped, _ = gaussian_dropout_forward(np.ones((300, 400)), 0.2, np.random.default_rng(2))
    centred = np.moveaxis(h_dropped - 1, axis, 0)
    products = centred[1:] * centred[:-1]
    assert abs(products.mean()) < 5 * 0.25 / math.sqrt(products.size)


def test_dropping_nothing_gives_the_bits_of_the_input():
    h = np.random.default_rng(3).normal(size=(4, 5))
    np.testing.assert_array_equal(GaussianDropout(0, np.random.default_rng(4)).forward(h), h)


@pytest.mark.parametrize("training", [True, False])
def test_p_one_is_an_error_that_says_why(training):
    words = re.escape("p = 1 has no Gaussian noise: its variance p/(1-p) would be infinite. Pass p below 1.")
    with pytest.raises(ValueError, match=words):
        GaussianDropout(1.0, np.random.default_rng(0))
    with pytest.raises(ValueError, match=words):
        gaussian_dropout_forward(np.ones(3), 1, np.random.default_rng(0), training=training)


def test_a_mask_in_the_place_of_noise_is_refused():
    with pytest.raises(TypeError, match="noise is an array of floats, one real number for each unit; got bool"):
        gaussian_dropout_forward(np.ones(3), 0.2, noise=np.ones(3, bool))
