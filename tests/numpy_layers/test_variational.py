import copy
import math
import re

import numpy as np
import pytest

from dropout_lab.masks import normal_noise
from dropout_lab.numpy_layers import SGD, VariationalLinear

N, D, K = 6, 5, 4


def layer_and_input(seed=0, log_variance=-2.0, dtype=np.float64, **options):
    rng = np.random.default_rng(seed)
    layer = VariationalLinear(D, K, rng, log_variance=log_variance, dtype=dtype, **options)
    layer.log_variance += rng.normal(size=(K, D)).astype(dtype)
    layer.weight[0, 0] = 0
    return layer, rng.normal(size=(N, D)).astype(dtype)


def test_mean_and_variance_are_those_of_sampled_weights_within_five_standard_errors():
    n, (layer, h) = 40_000, layer_and_input(1)
    out = layer.forward(np.repeat(h[:1], n, axis=0))
    draws = layer.weight + np.exp(layer.log_variance / 2) * normal_noise((n, K, D), np.random.default_rng(7))
    sampled = draws @ h[0] + layer.bias
    mean, variance = layer.weight @ h[0] + layer.bias, np.exp(layer.log_variance) @ h[0] ** 2
    for units in (out, sampled):
        assert (abs(units.mean(axis=0) - mean) < 5 * np.sqrt(variance / n)).all()
        assert (abs(units.var(axis=0, ddof=1) / variance - 1) < 5 * math.sqrt(2 / (n - 1))).all()
        assert (abs(np.corrcoef(units.T) - np.eye(K)) < 5 / math.sqrt(n)).all()


def test_examples_have_noise_of_their_own_and_equal_states_agree():
    layer, h = layer_and_input(2)
    rows = layer.forward(np.repeat(h[:1], N, axis=0))
    assert len(np.unique(rows[:, 1])) == N
    first, second = (layer_and_input(2)[0].forward(h) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("training", [True, False])
def test_backward_matches_central_differences(training, central_differences):
    layer, h = layer_and_input(3, threshold=0.5)
    assert 0 < layer.sparsity() < 1
    rng = np.random.default_rng(4)
    noise, grad_out = rng.normal(size=(N, K)), rng.normal(size=(N, K))

    def loss():
        return (layer.forward(h, noise, training=training) * grad_out).sum()

    arrays = [h, *layer.parameters()] if training else [h, layer.bias]
    numerical = [central_differences(loss, array) for array in arrays]
    layer.forward(h, noise, training=training)
    gradients = (
        [layer.backward(grad_out), *layer.gradients()] if training else [layer.backward(grad_out), layer.bias_grad]
    )
    for gradient, expected in zip(gradients, numerical, strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-7)


def test_out_of_training_kept_weights_alone_have_a_gradient():
    layer, h = layer_and_input(3, threshold=0.5)
    layer.forward(h, training=False)
    layer.backward(np.ones((N, K)))
    kept = layer.log_alpha() < 0.5
    np.testing.assert_array_equal(layer.weight_grad, np.where(kept, np.ones((K, 1)) * h.sum(axis=0), 0))
    np.testing.assert_array_equal(layer.log_variance_grad, 0)


def test_the_gradients_of_the_kl_match_central_differences(central_differences):
    layer, _ = layer_and_input(5)
    layer.weight[0, 0], layer.log_variance[1, 1] = 0.3, -30  # one at the bound, none at exactly 0
    for gradient, array in zip(layer.kl_gradients(), layer.parameters(), strict=True):
        np.testing.assert_allclose(gradient, central_differences(layer.kl, array), atol=1e-7)
    assert layer.kl_gradients()[2][1, 1] == 0


def test_weights_and_inputs_of_zero_have_finite_gradients():
    layer, h = layer_and_input(6)
    h[0] = 0
    layer.weight[:] = 0
    layer.backward(np.ones_like(layer.forward(h)))
    for gradient in [*layer.gradients(), *layer.kl_gradients()]:
        assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(layer.kl_gradients()[0], 0)


def test_training_under_the_kl_alone_prunes_and_without_it_the_noise_shrinks():
    layer, h = layer_and_input(7, log_variance=-4.0)
    start, noise_before = layer.kl(), layer.log_variance.mean()
    for _ in range(300):
        for array, gradient in zip(layer.parameters(), layer.kl_gradients(), strict=True):
            array -= 0.05 * gradient
    assert layer.kl() < 0.5 * start
    layer, h = layer_and_input(7, log_variance=-4.0)
    optimiser, target = SGD(layer, lr=0.05), layer.forward(h, training=False)
    for _ in range(300):
        layer.backward(layer.forward(h) - target)
        optimiser.step()
    assert layer.log_variance.mean() < noise_before


@pytest.mark.parametrize("threshold", [-3.0, 0.5, 3.0, 9.0])
def test_the_pruned_layer_gives_the_same_outputs_with_the_share_of_zeros_that_is_said(threshold):
    layer, h = layer_and_input(8, threshold=threshold)
    plain = layer.pruned()
    np.testing.assert_array_equal(plain.forward(h), layer.forward(h, training=False))
    assert layer.sparsity() == (plain.weight == 0).mean() if threshold < 8 else layer.sparsity() == 0
    assert type(plain).__name__ == "Linear"
    plain.weight[:] = 7
    assert not (layer.weight == 7).any()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtype_is_kept_and_the_values_are_those_of_float64_rounded(dtype):
    layer, h = layer_and_input(9, dtype=dtype)
    noise = normal_noise((N, K), np.random.default_rng(1), dtype=dtype)
    out = layer.forward(h, noise)
    grad = layer.backward(np.ones_like(out))
    exact = copy.deepcopy(layer)
    for name in ("weight", "bias", "log_variance"):
        setattr(exact, name, getattr(layer, name).astype(float))
    epsilon = np.finfo(dtype).eps
    np.testing.assert_allclose(out, exact.forward(h.astype(float), noise), rtol=16 * epsilon, atol=16 * epsilon)
    assert {a.dtype for a in (out, grad, layer.forward(h), *layer.gradients(), *layer.kl_gradients())} == {
        np.dtype(dtype)
    }


def test_inputs_and_noise_are_never_modified_and_given_noise_draws_nothing():
    rng = np.random.default_rng(4)
    layer, h = VariationalLinear(D, K, rng, dtype=np.float64), np.ones((N, D))
    noise, before = np.ones((N, K)), rng.bit_generator.state
    out = layer.forward(h, noise)
    out += 1
    layer.forward(h, training=False)
    np.testing.assert_array_equal(h, 1)
    np.testing.assert_array_equal(noise, 1)
    assert rng.bit_generator.state == before


def test_the_layer_shows_its_threshold():
    assert repr(layer_and_input(0)[0]) == "VariationalLinear(5, 4, threshold=3)"


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"rng": 3}, TypeError, "Make one with np.random.default_rng(3)"),
        ({"threshold": math.nan}, ValueError, "threshold is a logarithm, a finite number; got nan"),
        ({"log_variance": "low"}, TypeError, "log_variance is a logarithm"),
        ({"in_features": 0}, ValueError, "in_features"),
    ],
)
def test_a_layer_that_cannot_be_is_refused(arguments, error, words):
    with pytest.raises(error, match=re.escape(words)):
        VariationalLinear(**{"in_features": D, "out_features": K, "rng": np.random.default_rng(0)} | arguments)


def test_backward_needs_a_forward_pass_and_a_gradient_that_fits():
    layer, h = layer_and_input(0)
    with pytest.raises(ValueError, match="call forward first"):
        layer.backward(np.ones((N, K)))
    layer.forward(h)
    with pytest.raises(ValueError, match="shape of the output"):
        layer.backward(np.ones((1, K)))
