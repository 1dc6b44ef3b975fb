"""Each formula is compared with the sum over all 2^n keep-masks, weighted with their probabilities: no sampling."""

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropout_lab import moments
from dropout_lab.masks import bernoulli_mask

H = np.array([1.5, -2.0, 0.0, 3.0, -0.5])
WEIGHT = np.array([[1.0, -0.5, 2.0, 0.25, -1.0], [0.5, 1.0, -3.0, -1.5, 2.0]])
BIAS = np.array([0.5, -1.0])
PROBABILITIES = (0.0, 0.1, 0.2, 0.7, 0.95)

every_p = pytest.mark.parametrize("p", PROBABILITIES)


def all_masks(n, p):
    """All 2^n keep-masks (2^n, n) and the probability of each (2^n,)."""
    masks = np.array(list(itertools.product([0.0, 1.0], repeat=n)))
    return masks, np.prod(np.where(masks == 1, 1 - p, p), axis=1)


def mean_and_variance(values, probabilities):
    """Exact mean and variance over the first axis of `values`."""
    mean = np.tensordot(probabilities, values, axes=1)
    return mean, np.tensordot(probabilities, (values - mean) ** 2, axes=1)


def assert_equal_up_to_rounding(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-13)


@every_p
def test_a_coin_has_mean_q_and_variance_p_q(p):
    mean, variance = mean_and_variance(*all_masks(1, p))
    assert_equal_up_to_rounding([mean, variance], [[1 - p], [p * (1 - p)]])


@every_p
@pytest.mark.parametrize("n", [1, 7])
def test_the_kept_count_has_the_moments_of_a_binomial(p, n):
    masks, probabilities = all_masks(n, p)
    mean, variance = mean_and_variance(masks.sum(axis=1), probabilities)
    assert_equal_up_to_rounding(moments.kept_count_mean(n, p), mean)
    assert_equal_up_to_rounding(moments.kept_count_variance(n, p), variance)


@pytest.mark.parametrize("p", [*PROBABILITIES, 1.0])
def test_masked_units_have_mean_q_h_and_variance_p_q_h_squared(p):
    masks, probabilities = all_masks(len(H), p)
    mean, variance = mean_and_variance(masks * H, probabilities)
    assert_equal_up_to_rounding(moments.masked_mean(H, p), mean)
    assert_equal_up_to_rounding(moments.masked_variance(H, p), variance)


@every_p
def test_scaled_units_have_mean_h_and_variance_h_squared_p_over_q(p):
    masks, probabilities = all_masks(len(H), p)
    mean, variance = mean_and_variance(masks * H / (1 - p), probabilities)
    assert_equal_up_to_rounding(moments.scaled_mean(H, p), mean)
    assert_equal_up_to_rounding(moments.scaled_variance(H, p), variance)


@every_p
def test_a_linear_unit_on_top_has_the_stated_moments(p):
    masks, probabilities = all_masks(len(H), p)
    mean, variance = mean_and_variance((masks * H / (1 - p)) @ WEIGHT.T + BIAS, probabilities)
    assert_equal_up_to_rounding(moments.linear_mean(WEIGHT, H, p, BIAS), mean)
    assert_equal_up_to_rounding(moments.linear_variance(WEIGHT, H, p), variance)


@every_p
def test_two_linear_units_on_the_same_inputs_have_the_stated_covariance(p):
    masks, probabilities = all_masks(len(H), p)
    units = (masks * H / (1 - p)) @ WEIGHT.T
    centred = units - np.tensordot(probabilities, units, axes=1)
    expected = np.einsum("t,tk,tl->kl", probabilities, centred, centred)
    covariance = moments.linear_covariance(WEIGHT, H, p)
    assert_equal_up_to_rounding(covariance, expected)
    assert_equal_up_to_rounding(covariance.diagonal(), moments.linear_variance(WEIGHT, H, p))


def test_linear_moments_of_a_batch_are_those_of_its_rows():
    batch = np.stack([H, 2 * H, -H])
    for function in (moments.linear_mean, moments.linear_variance, moments.linear_covariance):
        rows = [function(WEIGHT, h, 0.2) for h in batch]
        assert_equal_up_to_rounding(function(WEIGHT, batch, 0.2), rows)


@pytest.mark.parametrize("n_samples", [1, 2, 3])
@pytest.mark.parametrize("p", [0.1, 0.2, 0.7])
def test_a_monte_carlo_mean_of_independent_passes_has_variance_over_t(p, n_samples):
    masks, probabilities = all_masks(3, p)
    passes = itertools.product(range(len(masks)), repeat=n_samples)
    chosen = np.array(list(passes))  # every way to draw T masks
    means = (masks * H[:3] / (1 - p))[chosen].mean(axis=1)
    _, variance = mean_and_variance(means, probabilities[chosen].prod(axis=1))
    assert_equal_up_to_rounding(moments.monte_carlo_variance(moments.scaled_variance(H[:3], p), n_samples), variance)


def test_the_standard_error_falls_as_one_over_root_t():
    errors = [math.sqrt(moments.monte_carlo_variance(2.0, n_samples)) for n_samples in (5, 20)]
    assert errors[0] == pytest.approx(2 * errors[1], rel=1e-15)


@pytest.mark.parametrize("p", [0.1, 0.2, 0.7])
def test_sampled_masks_follow_the_closed_forms(p):
    masks = bernoulli_mask((20_000, len(H)), p, np.random.default_rng(0))
    units = (masks * H / (1 - p)) @ WEIGHT.T
    error = np.sqrt(moments.linear_variance(WEIGHT, H, p) / len(units))
    assert (abs(units.mean(axis=0) - moments.linear_mean(WEIGHT, H, p)) < 5 * error).all()


@given(
    hnp.arrays(np.float64, hnp.array_shapes(), elements=st.floats(-100, 100)),
    st.floats(0, 0.99),
)
def test_scaling_divides_the_mean_by_q_and_the_variance_by_q_squared(h, p):
    q = 1 - p
    tolerance = {"rtol": 1e-12, "atol": 1e-300}  # below, squares lose digits
    np.testing.assert_allclose(moments.scaled_mean(h, p), moments.masked_mean(h, p) / q, **tolerance)
    np.testing.assert_allclose(moments.scaled_variance(h, p), moments.masked_variance(h, p) / q**2, **tolerance)


ON_UNITS = [moments.masked_mean, moments.masked_variance, moments.scaled_mean, moments.scaled_variance]
ON_LINEAR = [moments.linear_mean, moments.linear_variance, moments.linear_covariance]
ON_COUNTS = [moments.kept_count_mean, moments.kept_count_variance]
CALLS = (
    [lambda p, f=f: f(H, p) for f in ON_UNITS]
    + [lambda p, f=f: f(WEIGHT, H, p) for f in ON_LINEAR]
    + [lambda p, f=f: f(4, p) for f in ON_COUNTS]
)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("p", "error", "words"),
    [
        (math.nan, ValueError, "got nan"),
        (1.2, ValueError, "pass p = 1 - q"),
        ("half", TypeError, "got 'half'"),
        (True, TypeError, "`training` passed in the place of p"),
    ],
)
def test_every_moment_refuses_what_is_no_probability(call, p, error, words):
    with pytest.raises(error, match=words):
        call(p)


@pytest.mark.parametrize("call", CALLS[2:6])
def test_scaled_moments_at_p_one_say_that_nothing_survives(call):
    with pytest.raises(ValueError, match=r"nothing is left to scale by 1/\(1-p\)"):
        call(1.0)


@pytest.mark.parametrize("function", ON_UNITS)
@pytest.mark.parametrize(
    ("h", "error", "words"),
    [
        (np.arange(3), TypeError, "use h.astype(float)"),
        ([1.0], TypeError, "Wrap it in np.array"),
        (np.empty(0), ValueError, "h is empty"),
    ],
)
def test_units_that_are_no_float_array_are_refused(function, h, error, words):
    with pytest.raises(error, match=re.escape(words)):
        function(h, 0.2)


@pytest.mark.parametrize("function", ON_LINEAR)
@pytest.mark.parametrize(
    ("weight", "h", "error", "words"),
    [
        (WEIGHT.T, H, ValueError, "weight is (K, D) and h (..., D); got weight (5, 2) and h (5,)"),
        (WEIGHT[0], H, ValueError, "got weight (5,)"),
        (WEIGHT, np.array(1.0), ValueError, "and h ()"),
        (WEIGHT.astype(int), H, TypeError, "use weight.astype(float)"),
        (WEIGHT, H.astype(int), TypeError, "use h.astype(float)"),
    ],
)
def test_a_weight_that_does_not_fit_is_refused(function, weight, h, error, words):
    with pytest.raises(error, match=re.escape(words)):
        function(weight, h, 0.2)


@pytest.mark.parametrize("bias", [np.zeros(3), np.zeros((2, 1))])
def test_a_bias_that_does_not_fit_is_refused(bias):
    with pytest.raises(ValueError, match=re.escape("bias is a number or (K,), here (2,); got shape")):
        moments.linear_mean(WEIGHT, H, 0.2, bias)


@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (2.5, TypeError), (True, TypeError)])
def test_a_number_of_units_or_passes_is_a_whole_number(n, error):
    for call in (
        lambda: moments.kept_count_mean(n, 0.2),
        lambda: moments.kept_count_variance(n, 0.2),
        lambda: moments.monte_carlo_variance(1.0, n),
    ):
        with pytest.raises(error, match="is a whole number of at least 1"):
            call()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtype_is_kept_and_the_input_is_not_modified(dtype):
    h, weight = H.astype(dtype), WEIGHT.astype(dtype)
    results = [f(h, 0.2) for f in ON_UNITS] + [f(weight, h, 0.2) for f in ON_LINEAR]
    results.append(moments.monte_carlo_variance(h, 4))
    results[2][:] = 0  # scaled_mean hands out a copy
    assert {result.dtype for result in results} == {np.dtype(dtype)}
    np.testing.assert_array_equal(h, H)
    np.testing.assert_array_equal(weight, WEIGHT)
