import math
import re

import numpy as np
import pytest

from dropout_lab.masks import bernoulli_mask, unequal_mask
from dropout_lab.numpy_layers import Linear, ReLU, Standout


def layer(alpha=1.5, beta=-0.3, seed=0):
    linear = Linear(4, 6, np.random.default_rng(0), dtype=np.float64)
    return Standout(linear, np.random.default_rng(seed), alpha=alpha, beta=beta)


def rows(n=5):
    return np.random.default_rng(1).normal(size=(n, 4))


def keep_prob(h, alpha=1.5, beta=-0.3):
    linear = layer().linear
    return 1 / (1 + np.exp(-(alpha * (h @ linear.weight.T + linear.bias) + beta)))


def test_the_coins_have_the_probabilities_that_the_layer_says():
    h = np.repeat(rows(), 4_000, axis=0)
    linear = layer().linear
    live = h @ linear.weight.T + linear.bias > 0
    kept, p = layer().forward(h) > 0, keep_prob(h)
    share = kept.reshape(5, 4_000, 6).mean(axis=1)
    error = np.sqrt(p * (1 - p)).reshape(5, 4_000, 6)[:, 0] / math.sqrt(4_000)
    assert (np.abs(share - p.reshape(5, 4_000, 6)[:, 0]) < 5 * error)[live.reshape(5, 4_000, 6)[:, 0]].all()


def test_out_of_training_it_is_the_mean_over_masks():
    h = rows()
    expected = keep_prob(h) * np.maximum(layer().linear.forward(h), 0)
    np.testing.assert_allclose(layer().forward(h, training=False), expected, rtol=1e-12)


@pytest.mark.parametrize("training", [True, False])
def test_backward_matches_central_differences_on_fixed_coins(training, central_differences):
    standout, h, grad_out = layer(), rows(), np.random.default_rng(3).normal(size=(5, 6))
    mask = bernoulli_mask((5, 6), 0.4, np.random.default_rng(4))

    def loss():
        return (standout.forward(h, mask, training=training) * grad_out).sum()

    loss()
    gradients = [standout.backward(grad_out), *standout.gradients()]
    for gradient, array in zip(gradients, [h, *standout.parameters()], strict=True):
        np.testing.assert_allclose(gradient, central_differences(loss, array), atol=1e-7)


def test_with_alpha_zero_it_is_plain_dropout_that_is_scaled_at_test_time():
    h, standout, mask = (
        rows(),
        layer(alpha=0.0, beta=math.log(4)),
        bernoulli_mask((5, 6), 0.2, np.random.default_rng(5)),
    )
    rectified = ReLU().forward(standout.linear.forward(h))
    np.testing.assert_array_equal(standout.forward(h, mask), rectified * mask)
    np.testing.assert_allclose(standout.forward(h, training=False), 0.8 * rectified, rtol=1e-12)


def test_a_drawn_mask_is_that_of_the_generator():
    h = rows()
    mask = unequal_mask(1 - keep_prob(h), np.random.default_rng(7))
    np.testing.assert_array_equal(layer(seed=7).forward(h), layer().forward(h, mask))


@pytest.mark.parametrize("beta", [-2_000.0, 2_000.0])
def test_the_ends_neither_overflow_nor_drop_what_is_certain(beta):
    out = layer(beta=beta).forward(rows())
    assert out.any() == (beta > 0)


def test_bad_input_is_an_error_that_says_what_is_wrong():
    rng = np.random.default_rng(0)
    with pytest.raises(TypeError, match=re.escape("linear is a dropout_lab.numpy_layers.Linear; got ReLU")):
        Standout(ReLU(), rng)
    with pytest.raises(ValueError, match=re.escape("beta is a finite number; got nan")):
        Standout(Linear(4, 3, rng), rng, beta=math.nan)
    with pytest.raises(TypeError, match=re.escape("alpha is a finite number; got 'steep'")):
        Standout(Linear(4, 3, rng), rng, alpha="steep")
    with pytest.raises(ValueError, match="call forward first"):
        layer().backward(np.ones((5, 6)))
