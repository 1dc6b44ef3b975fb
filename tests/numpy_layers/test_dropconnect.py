import itertools
import math
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab import moments
from dropout_lab.masks import bernoulli_mask, normal_noise
from dropout_lab.numpy_layers import SGD, DropConnectLinear, Linear, dropconnect_backward, dropconnect_forward

PROBABILITIES = (0.1, 0.2, 0.7)
H, WEIGHT, BIAS = np.array([1.5, -2.0, 0.5]), np.array([[1.0, -0.5, 2.0], [0.25, -1.0, 1.5]]), np.array([0.5, -1.0])


def layer_and_input(p, seed=0, **options):
    rng = np.random.default_rng(seed)
    return DropConnectLinear(5, 4, p, rng, dtype=np.float64, **options), rng.normal(size=(6, 5))


sizes = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))


@given(sizes, st.floats(0, 0.95), st.integers(0, 2**32))
def test_every_example_goes_through_its_own_masked_weights(size, p, seed):
    n, k, d = size
    rng = np.random.default_rng(seed)
    h, weight, bias = rng.normal(size=(n, d)), rng.normal(size=(k, d)), rng.normal(size=k)
    out, (_, mask, _) = dropconnect_forward(h, weight, bias, p, rng)
    assert mask.shape == (n, k, d)
    for row in range(n):
        np.testing.assert_allclose(out[row], (weight * mask[row] / (1 - p)) @ h[row] + bias, atol=1e-12)


@given(sizes, st.floats(0, 1), st.integers(0, 2**32))
def test_the_drawn_mask_has_a_coin_for_every_weight_of_every_example(size, p, seed):
    n, k, d = size
    _, (_, mask, _) = dropconnect_forward(np.ones((n, d)), np.ones((k, d)), 0.0, p, np.random.default_rng(seed))
    np.testing.assert_array_equal(mask, bernoulli_mask((n, k, d), p, np.random.default_rng(seed)))


@pytest.mark.parametrize("p", PROBABILITIES)
def test_over_all_masks_the_mean_is_w_h_and_only_the_diagonal_of_dropouts_covariance_is_left(p):
    masks = np.array(list(itertools.product([True, False], repeat=6))).reshape(-1, 2, 3)
    probabilities = np.where(masks, 1 - p, p).prod(axis=(1, 2))
    units, _ = dropconnect_forward(np.tile(H, (64, 1)), WEIGHT, BIAS, p, mask=masks)
    mean = probabilities @ units
    covariance = np.einsum("t,tk,tl->kl", probabilities, units - mean, units - mean)
    np.testing.assert_allclose(mean, moments.linear_mean(WEIGHT, H, p, BIAS), rtol=1e-12)
    np.testing.assert_allclose(covariance, np.diag(moments.linear_variance(WEIGHT, H, p)), atol=1e-12)
    assert abs(moments.linear_covariance(WEIGHT, H, p)[0, 1]) > 0.1  # dropout on the inputs would have this


@pytest.mark.parametrize("p", PROBABILITIES)
def test_drawn_masks_give_that_mean_variance_and_covariance_within_five_standard_errors(p):
    n = 40_000
    units, _ = dropconnect_forward(np.tile(H, (n, 1)), WEIGHT, 0.0, p, np.random.default_rng(1))
    variance = moments.linear_variance(WEIGHT, H, p)
    assert (abs(units.mean(axis=0) - WEIGHT @ H) < 5 * np.sqrt(variance / n)).all()
    # the fourth cumulant of a sum of independent terms is the sum of theirs; that of m/q is p q (1 - 6 p q) / q⁴
    fourth = ((WEIGHT * H) ** 4).sum(axis=1) * p * (1 - 6 * p * (1 - p)) / (1 - p) ** 3
    error = np.sqrt((fourth + 2 * variance**2) / n)
    assert (abs(units.var(axis=0, ddof=1) - variance) < 5 * error).all()
    # Var[u_k u_l] = Var[u_k] Var[u_l] for independent centred units
    assert abs(np.cov(units.T)[0, 1]) < 5 * math.sqrt(variance.prod() / n)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_gradients_of_weight_and_bias_match_central_differences(p, central_differences):
    layer, h = layer_and_input(p)
    rng = np.random.default_rng(2)
    mask, grad_out = bernoulli_mask((6, 4, 5), p, rng), rng.normal(size=(6, 4))
    numerical = [
        central_differences(lambda: (layer.forward(h, mask) * grad_out).sum(), array) for array in layer.parameters()
    ]
    layer.forward(h, mask)
    layer.backward(grad_out)
    for gradient, expected in zip(layer.gradients(), numerical, strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-8)


def test_training_passes_leave_the_stored_weight_alone():
    layer, h = layer_and_input(0.7)
    before = layer.weight.copy()
    for _ in range(20):
        layer.backward(layer.forward(h)[:, :])
    np.testing.assert_array_equal(layer.weight, before)


def test_a_step_moves_every_weight_that_some_example_kept():
    layer, h = layer_and_input(0.7)
    before = layer.weight.copy()
    layer.backward(np.ones_like(layer.forward(h)))
    mask = layer.cache[1]
    SGD(layer, lr=0.1).step()
    np.testing.assert_array_equal(layer.weight != before, mask.any(axis=0))


def test_out_of_training_the_cache_and_the_gradients_are_those_of_a_linear_layer():
    layer, h = layer_and_input(0.3)
    plain = Linear(5, 4, np.random.default_rng(0), dtype=np.float64)
    grad_out = np.random.default_rng(4).normal(size=(6, 4))
    np.testing.assert_array_equal(layer.forward(h, training=False), plain.forward(h))
    np.testing.assert_array_equal(layer.backward(grad_out), plain.backward(grad_out))
    for gradient, expected in zip(layer.gradients(), plain.gradients(), strict=True):
        np.testing.assert_array_equal(gradient, expected)


def test_a_forward_and_a_backward_pass_with_a_given_mask_make_nothing_of_its_size():
    n, k, d = 100, 80, 90
    h, weight, mask = np.ones((n, d)), np.ones((k, d)), np.ones((n, k, d), bool)
    tracemalloc.start()
    out, cache = dropconnect_forward(h, weight, 0.0, 0.2, mask=mask)
    dropconnect_backward(out, weight, cache)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < mask.nbytes == n * k * d


@pytest.mark.parametrize("training", [True, False])
def test_dropping_everything_leaves_the_bias_in_training_and_the_linear_layer_out_of_it(training):
    layer, h = layer_and_input(1.0)
    expected = layer.bias + (0 if training else h @ layer.weight.T)
    np.testing.assert_array_equal(layer.forward(h, training=training), np.broadcast_to(expected, (6, 4)))
    layer.backward(np.ones((6, 4)))
    assert (layer.weight_grad == 0).all() == training


def test_without_a_bias_there_is_one_parameter_and_nothing_is_added():
    layer, h = layer_and_input(0.2, bias=False)
    assert [array.shape for array in layer.parameters()] == [(4, 5)]
    assert len(layer.gradients()) == 1
    np.testing.assert_array_equal(layer.forward(h, training=False), h @ layer.weight.T)


# Moments


@pytest.mark.parametrize("p", PROBABILITIES)
def test_moment_inference_is_the_mean_plus_the_standard_deviation_times_the_noise(p):
    layer, h = layer_and_input(p, inference="moments")
    noise = normal_noise((6, 4), np.random.default_rng(5))
    expected = h @ layer.weight.T + layer.bias + np.sqrt(p / (1 - p) * h**2 @ layer.weight.T**2) * noise
    np.testing.assert_allclose(layer.forward(h, training=False, noise=noise), expected, rtol=1e-13)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_drawn_moments_are_those_of_the_masks_within_five_standard_errors(p):
    layer, h = layer_and_input(p, inference="moments")
    n = 20_000
    draws = layer.forward(np.tile(h[0], (n, 1)), training=False)
    mean, variance = layer.moments(h[:1])
    assert (abs(draws.mean(axis=0) - mean[0]) < 5 * np.sqrt(variance[0] / n)).all()
    assert (abs(draws.var(axis=0, ddof=1) / variance[0] - 1) < 5 * math.sqrt(2 / (n - 1))).all()


def test_moment_inference_draws_masks_in_training_and_nothing_when_noise_is_given():
    layer, h = layer_and_input(0.2, inference="moments")
    mean, _ = layer_and_input(0.2)
    np.testing.assert_array_equal(layer.forward(h), mean.forward(h))
    before = layer.rng.bit_generator.state
    layer.forward(h, training=False, noise=np.zeros((6, 4)))
    assert layer.rng.bit_generator.state == before


def test_backward_after_a_gaussian_draw_or_before_any_pass_is_refused():
    layer, h = layer_and_input(0.2, inference="moments")
    for _ in range(2):
        with pytest.raises(ValueError, match="backward needs a forward pass before it, in training"):
            layer.backward(np.ones((6, 4)))
        layer.forward(h)
        layer.forward(h, training=False)


# Bad input


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"h": np.ones((2, 4))}, ValueError, "and h (N, D), a row an example; got weight (2, 3) and h (2, 4)"),
        ({"h": np.ones(3)}, ValueError, "and h (3,)"),
        ({"weight": np.ones(3)}, ValueError, "got weight (3,)"),
        ({"weight": np.ones((2, 3), int)}, TypeError, "use weight.astype(float)"),
        ({"mask": np.ones((2, 3), bool)}, ValueError, "a weight matrix for each example, (4, 2, 3); got (2, 3)"),
        ({"rng": None}, TypeError, "Make one with np.random.default_rng(0)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, error, words):
    arguments = {"h": np.ones((4, 3)), "weight": WEIGHT, "bias": 0.0, "p": 0.2, "rng": np.random.default_rng(0)}
    with pytest.raises(error, match=re.escape(words)):
        dropconnect_forward(**arguments | change)


@pytest.mark.parametrize(
    ("p", "inference", "words"),
    [
        (0.2, "gaussian", 'inference is "mean" (weight scaling) or "moments" (a Gaussian draw); got \'gaussian\''),
        (1.0, "moments", "p = 1 has no Gaussian noise"),
    ],
)
def test_an_inference_that_there_is_not_is_refused(p, inference, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        DropConnectLinear(5, 4, p, np.random.default_rng(0), inference=inference)


def test_moment_noise_that_does_not_fit_is_refused():
    layer, h = layer_and_input(0.2, inference="moments")
    with pytest.raises(ValueError, match=re.escape("(6, 4); got (6, 1)")):
        layer.forward(h, training=False, noise=np.ones((6, 1)))
