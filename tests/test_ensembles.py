"""Enumeration is compared with sums written out by hand, with laws of means and with sampled masks."""

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropout_lab import ensembles, moments
from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers import softmax

H = np.array([1.5, -2.0, 0.0, 3.0, -0.5])
WEIGHT = np.array([[1.0, -0.5, 2.0, 0.25, -1.0], [0.5, 1.0, -3.0, -1.5, 2.0], [0.0, 0.5, 1.0, 1.0, 0.5]])
BIAS = np.array([0.5, -1.0, 0.0])

every_p = pytest.mark.parametrize("p", [0.1, 0.2, 0.7, 0.95])


def subnetworks(p):
    """Class probabilities of all 32 subnetworks (32, 3) and the chance of each (32,)."""
    logits = ensembles.linear_subnetworks(WEIGHT, H, p, BIAS)
    return softmax(logits), ensembles.mask_probabilities(ensembles.all_masks(len(H)), p)


@pytest.mark.parametrize("n", [1, 3, 8])
def test_all_masks_are_every_pattern_once_from_all_dropped_to_all_kept(n):
    masks = ensembles.all_masks(n)
    assert masks.dtype == np.bool_
    np.testing.assert_array_equal(masks, list(itertools.product([False, True], repeat=n)))


@pytest.mark.parametrize(
    ("n", "error", "words"),
    [
        (0, ValueError, "n is a whole number of at least 1"),
        (2.0, TypeError, "n is a whole number"),
        (21, ValueError, "21 units have 2^21 = 2,097,152 masks; listing them ends at 20 units"),
    ],
)
def test_a_number_of_units_that_cannot_be_listed_is_refused(n, error, words):
    with pytest.raises(error, match=re.escape(words)):
        ensembles.all_masks(n)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.2, 0.7, 0.95, 1.0])
def test_a_mask_with_k_of_n_kept_has_probability_q_to_k_times_p_to_n_minus_k(p):
    masks = ensembles.all_masks(7)
    k = masks.sum(axis=1)
    chances = ensembles.mask_probabilities(masks, p)
    np.testing.assert_allclose(chances, (1 - p) ** k * p ** (7 - k), rtol=1e-13)
    assert chances.sum() == pytest.approx(1, rel=1e-13)


@pytest.mark.parametrize("p", [0.1, 0.2, 0.7])
def test_sampled_masks_come_as_often_as_their_probability_says(p):
    n_samples, masks = 40_000, ensembles.all_masks(4)
    chances = ensembles.mask_probabilities(masks, p)
    drawn = bernoulli_mask((n_samples, 4), p, np.random.default_rng(0)) @ [8, 4, 2, 1]
    shares = np.bincount(drawn, minlength=16) / n_samples
    assert (abs(shares - chances) <= 5 * np.sqrt(chances * (1 - chances) / n_samples)).all()


@every_p
def test_linear_subnetworks_apply_the_layer_to_the_masked_and_scaled_inputs(p):
    outputs = ensembles.linear_subnetworks(WEIGHT, H, p, BIAS)
    expected = [WEIGHT @ (m * H / (1 - p)) + BIAS for m in ensembles.all_masks(len(H))]
    np.testing.assert_allclose(outputs, expected, rtol=1e-12, atol=1e-13)


@every_p
def test_the_mean_of_linear_subnetworks_is_the_scaled_pass_and_their_variance_the_law(p):
    outputs = ensembles.linear_subnetworks(WEIGHT, H, p, BIAS)
    chances = ensembles.mask_probabilities(ensembles.all_masks(len(H)), p)
    mean = ensembles.arithmetic_mean(outputs, chances)
    np.testing.assert_allclose(mean, WEIGHT @ H + BIAS, rtol=1e-12, atol=1e-13)
    variance = ensembles.arithmetic_mean((outputs - mean) ** 2, chances)
    np.testing.assert_allclose(variance, moments.linear_variance(WEIGHT, H, p), rtol=1e-12)


@every_p
def test_the_arithmetic_mean_is_the_weighted_sum(p):
    predictions, chances = subnetworks(p)
    expected = sum(c * y for c, y in zip(chances, predictions, strict=True))
    np.testing.assert_allclose(ensembles.arithmetic_mean(predictions, chances), expected, rtol=1e-12)


@every_p
def test_the_geometric_mean_is_the_normalised_product_of_powers(p):
    predictions, chances = subnetworks(p)
    products = [math.prod(y[k] ** c for y, c in zip(predictions, chances, strict=True)) for k in range(3)]
    expected = np.array(products) / sum(products)
    np.testing.assert_allclose(ensembles.geometric_mean(predictions, chances), expected, rtol=1e-11)


@every_p
def test_for_a_softmax_layer_weight_scaling_is_the_geometric_mean_and_not_the_arithmetic_one(p):
    predictions, chances = subnetworks(p)
    scaled_pass = softmax(WEIGHT @ H + BIAS)
    np.testing.assert_allclose(ensembles.geometric_mean(predictions, chances), scaled_pass, rtol=1e-11)
    assert abs(ensembles.arithmetic_mean(predictions, chances) - scaled_pass).max() > 0.01


@given(hnp.arrays(np.float64, (6, 2, 3), elements=st.floats(-30, 30)), st.integers(0, 2**32 - 1))
def test_softmax_turns_any_mean_of_logits_into_the_geometric_mean(logits, seed):
    chances = np.random.default_rng(seed).dirichlet(np.ones(6))
    expected = softmax(ensembles.arithmetic_mean(logits, chances))
    np.testing.assert_allclose(ensembles.geometric_mean(softmax(logits), chances), expected, rtol=1e-9)


def test_a_class_that_one_subnetwork_rules_out_has_geometric_mean_0():
    predictions = np.array([[0.0, 0.5, 0.5], [0.8, 0.1, 0.1]])
    np.testing.assert_allclose(ensembles.geometric_mean(predictions, np.array([0.2, 0.8])), [0, 0.5, 0.5])


def test_a_subnetwork_without_a_chance_has_no_say_not_even_with_a_zero():
    predictions = np.array([[0.0, 1.0], [0.3, 0.7]])
    np.testing.assert_allclose(ensembles.geometric_mean(predictions, np.array([0.0, 1.0])), [0.3, 0.7])


def test_the_geometric_mean_of_tiny_probabilities_does_not_underflow():
    predictions = np.array([[1e-300, 2e-300], [2e-300, 4e-300]])
    np.testing.assert_allclose(ensembles.geometric_mean(predictions, np.array([0.2, 0.8])), [1 / 3, 2 / 3])


@pytest.mark.parametrize("masks", [np.ones((4, 2)), [[True]], None])
def test_masks_that_are_no_bool_array_are_refused(masks):
    with pytest.raises(TypeError, match=re.escape("masks is a bool array (M, n), True where a unit is kept; got")):
        ensembles.mask_probabilities(masks, 0.2)


def test_a_single_mask_is_refused_because_its_axis_could_be_either():
    with pytest.raises(ValueError, match=re.escape("one mask a row; got shape (3,)")):
        ensembles.mask_probabilities(np.ones(3, bool), 0.2)


@pytest.mark.parametrize(
    "call", [ensembles.mask_probabilities, lambda _, p: ensembles.linear_subnetworks(WEIGHT, H, p)]
)
@pytest.mark.parametrize(("p", "error"), [(math.nan, ValueError), (1.2, ValueError), ("half", TypeError)])
def test_what_is_no_probability_is_refused(call, p, error):
    with pytest.raises(error, match="probability that a unit is dropped"):
        call(ensembles.all_masks(2), p)


def test_at_p_one_there_is_nothing_to_scale():
    with pytest.raises(ValueError, match=re.escape("nothing is left to scale by 1/(1-p)")):
        ensembles.linear_subnetworks(WEIGHT, H, 1.0)


@pytest.mark.parametrize(
    ("weight", "h", "error", "words"),
    [
        (WEIGHT.T, H, ValueError, "weight is (K, n) and h (n,); got weight (5, 3) and h (5,)"),
        (WEIGHT, H[None], ValueError, "and h (1, 5)"),
        (WEIGHT.astype(int), H, TypeError, "use weight.astype(float)"),
        (WEIGHT, H.astype(int), TypeError, "use h.astype(float)"),
    ],
)
def test_a_layer_that_does_not_fit_is_refused(weight, h, error, words):
    with pytest.raises(error, match=re.escape(words)):
        ensembles.linear_subnetworks(weight, h, 0.2)


@pytest.mark.parametrize("mean", [ensembles.arithmetic_mean, ensembles.geometric_mean])
@pytest.mark.parametrize(
    ("chances", "error", "words"),
    [
        (np.array([0.2, 0.2, 0.6]), ValueError, "got predictions (2, 2) and probabilities (3,)"),
        (np.array([0.2, 0.2]), ValueError, "never negative and sum to 1; got 0.4"),
        (np.array([-0.2, 1.2]), ValueError, "never negative"),
        ([0.2, 0.8], TypeError, "probabilities is a NumPy array of floats"),
    ],
)
def test_chances_that_are_no_distribution_are_refused(mean, chances, error, words):
    with pytest.raises(error, match=re.escape(words)):
        mean(np.array([[0.5, 0.5], [0.1, 0.9]]), chances)


def test_logits_have_no_geometric_mean():
    with pytest.raises(ValueError, match="Are they logits"):
        ensembles.geometric_mean(np.array([[1.0, -1.0]]), np.ones(1))


def test_subnetworks_that_rule_out_every_class_have_no_geometric_mean():
    with pytest.raises(ValueError, match="all geometric means are 0"):
        ensembles.geometric_mean(np.eye(2), np.array([0.2, 0.8]))


def test_float32_stays_float32_and_no_input_is_modified():
    weight, h, chances = WEIGHT.astype(np.float32), H.astype(np.float32), np.full(32, 1 / 32, np.float32)
    logits = ensembles.linear_subnetworks(weight, h, 0.2)
    means = ensembles.arithmetic_mean(logits, chances), ensembles.geometric_mean(softmax(logits), chances)
    assert {logits.dtype, *(mean.dtype for mean in means)} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(weight, WEIGHT.astype(np.float32))
    np.testing.assert_array_equal(h, H.astype(np.float32))
