"""Moments through dropout, a ReLU and a sigmoid, against quadrature and enumeration."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab.moments import linear_variance, scaled_variance
from dropout_lab.moments_fast import dropout_moments, relu_moments, sigmoid_moments

MEANS = np.linspace(-6, 6, 49)
VARIANCES = np.array([0.01, 0.1, 0.5, 1.0, 4.0, 20.0])
GRID_MEANS, GRID_VARIANCES = np.meshgrid(MEANS, VARIANCES)


def quadrature(function):
    """Mean and variance of `function` of N(μ, v) on the grid, by a fine trapezium rule over ± 12 sd."""
    z = np.linspace(-12, 12, 20_001)
    weights = np.exp(-(z**2) / 2)
    weights /= weights.sum()
    values = function(GRID_MEANS[..., None] + np.sqrt(GRID_VARIANCES)[..., None] * z)
    mean = values @ weights
    return mean, values**2 @ weights - mean**2


@given(
    values=st.lists(st.floats(-5, 5), min_size=2, max_size=5),
    p=st.floats(0, 0.95),
)
def test_dropout_of_a_random_unit_has_the_moments_of_enumerated_outcomes(values, p):
    h = np.array(values)
    kept = h / (1 - p)
    mean = (1 - p) * kept.mean()
    variance = (1 - p) * (kept**2).mean() - mean**2
    found = dropout_moments(np.array([h.mean()]), np.array([h.var()]), p)
    np.testing.assert_allclose(np.concatenate(found), [mean, variance], rtol=1e-9, atol=1e-9)


def test_dropout_of_fixed_units_and_the_linear_unit_on_top_have_the_known_moments():
    h, weight = np.array([3.0, -4.0]), np.array([[1.0, -1.0], [0.5, 2.0]])
    _, variance = dropout_moments(h, np.zeros(2), 0.2)
    np.testing.assert_allclose(variance, scaled_variance(h, 0.2))
    np.testing.assert_allclose(variance @ (weight**2).T, linear_variance(weight, h, 0.2))


def test_rectified_moments_agree_with_quadrature():
    mean, variance = quadrature(lambda x: np.maximum(x, 0))
    found_mean, found_variance = relu_moments(GRID_MEANS, GRID_VARIANCES)
    np.testing.assert_allclose(found_mean, mean, atol=1e-5)
    np.testing.assert_allclose(found_variance, variance, atol=2e-5)


def test_without_variance_a_relu_and_a_sigmoid_are_themselves():
    x = np.array([-2.0, -0.0, 0.0, 3.0])
    for found, expected in (
        (relu_moments(x, np.zeros(4)), np.maximum(x, 0)),
        (sigmoid_moments(x, np.zeros(4)), 1 / (1 + np.exp(-x))),
    ):
        np.testing.assert_allclose(found[0], expected, atol=1e-15)
        np.testing.assert_array_equal(found[1], np.zeros(4))


def test_the_moments_of_a_sigmoid_are_within_the_documented_distance_of_quadrature():
    mean, variance = quadrature(lambda x: 1 / (1 + np.exp(-x)))
    found_mean, found_variance = sigmoid_moments(GRID_MEANS, GRID_VARIANCES)
    assert np.abs(found_mean - mean).max() < 0.02
    assert np.abs(found_variance - variance).max() < 0.02


def test_the_variance_of_a_sigmoid_is_the_mean_minus_its_slope_minus_its_square():
    step = 1e-5
    mean, variance = sigmoid_moments(GRID_MEANS, GRID_VARIANCES)
    above, _ = sigmoid_moments(GRID_MEANS + step, GRID_VARIANCES)
    below, _ = sigmoid_moments(GRID_MEANS - step, GRID_VARIANCES)
    slope = (above - below) / (2 * step)  # E[σ'] = dE[σ]/dμ, and σ² = σ - σ'
    np.testing.assert_allclose(variance, mean - slope - mean**2, atol=1e-9)


def test_an_immense_variance_makes_a_sigmoid_a_fair_coin():
    mean, variance = sigmoid_moments(np.array([0.3]), np.array([1e12]))
    np.testing.assert_allclose([mean[0], variance[0]], [0.5, 0.25], atol=1e-5)


@pytest.mark.parametrize("moments", [relu_moments, sigmoid_moments, lambda m, v: dropout_moments(m, v, 0.2)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept_and_bad_variances_are_refused(moments, dtype):
    mean, variance = moments(np.array([0.5], dtype), np.array([2.0], dtype))
    assert (mean.dtype, variance.dtype) == (dtype, dtype)
    with pytest.raises(ValueError, match="negative"):
        moments(np.array([0.5]), np.array([-1.0]))
    with pytest.raises(ValueError, match="negative number or NaN"):
        moments(np.array([0.5]), np.array([math.nan]))
    with pytest.raises(ValueError, match="one shape"):
        moments(np.array([0.5]), np.zeros(2))


def test_a_rate_of_one_is_refused():
    with pytest.raises(ValueError, match="p"):
        dropout_moments(np.ones(2), np.zeros(2), 1.0)
