import math
import re

import numpy as np
import pytest

from dropout_lab.masks import logistic_noise
from dropout_lab.numpy_layers import concrete_dropout_backward, concrete_dropout_forward, concrete_kl


def units(dtype=np.float64):
    return np.random.default_rng(0).normal(size=(3, 4)).astype(dtype)


@pytest.mark.parametrize("p", [0.05, 0.3, 0.8])
def test_cold_coins_are_bernoulli_coins_and_the_output_is_that_of_dropout(p):
    noise = logistic_noise((400, 500), np.random.default_rng(1))
    out, _ = concrete_dropout_forward(np.ones((400, 500)), math.log(p / (1 - p)), noise=noise, temperature=1e-12)
    dropped = math.log(p / (1 - p)) + noise > 0
    np.testing.assert_allclose(out, ~dropped / (1 - p), atol=1e-9)
    assert abs(dropped.mean() - p) < 5 * math.sqrt(p * (1 - p) / dropped.size)


@pytest.mark.parametrize("temperature", [0.1, 0.7])
@pytest.mark.parametrize("p_logit", [-2.0, 0.3])
def test_backward_matches_central_differences_for_h_and_for_the_log_odds(p_logit, temperature, central_differences):
    h, noise = units(), logistic_noise((3, 4), np.random.default_rng(2))
    odds, grad_out = np.array([p_logit]), np.random.default_rng(3).normal(size=(3, 4))

    def forward():
        return concrete_dropout_forward(h, float(odds[0]), noise=noise, temperature=temperature)

    grad_h, grad_odds = concrete_dropout_backward(grad_out, forward()[1])
    for gradient, array in ((grad_h, h), ([grad_odds], odds)):
        numerical = central_differences(lambda: (forward()[0] * grad_out).sum(), array)
        np.testing.assert_allclose(gradient, numerical, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("p_logit", [-3.0, 0.0, 1.5])
def test_the_regulariser_and_its_gradients(p_logit, central_differences):
    weight, odds, p = units(), np.array([p_logit]), 1 / (1 + math.exp(-p_logit))
    kl, grad_weight, grad_odds = concrete_kl(weight, p_logit, 0.7)
    entropy = -p * math.log(p) - (1 - p) * math.log(1 - p)
    assert math.isclose(kl, 0.49 * (weight**2).sum() / (2 * (1 - p)) - 4 * entropy, rel_tol=1e-12)
    for gradient, array in ((grad_weight, weight), ([grad_odds], odds)):
        numerical = central_differences(lambda: concrete_kl(weight, float(odds[0]), 0.7)[0], array)
        np.testing.assert_allclose(gradient, numerical, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept_and_eval_gives_the_input_back(dtype):
    h = units(dtype)
    out, cache = concrete_dropout_forward(h, 0.0, np.random.default_rng(4))
    assert out.dtype == concrete_dropout_backward(out, cache)[0].dtype == concrete_kl(h, 0.0, 1.0)[1].dtype == dtype
    np.testing.assert_array_equal(h, units(dtype))
    quiet, cache = concrete_dropout_forward(h, 0.0, training=False)
    assert quiet is h
    assert concrete_dropout_backward(out, cache) == (out, 0.0)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"p_logit": math.inf}, ValueError, "p_logit is a finite number; got inf"),
        ({"temperature": 0.0}, ValueError, "temperature is a positive finite number; got 0.0"),
        ({"noise": np.ones(3)}, ValueError, "(3, 4); got (3,)"),
        ({"rng": 7}, TypeError, "np.random.default_rng(7)"),
    ],
)
def test_bad_input_is_an_error_that_says_what_is_wrong(options, error, text):
    with pytest.raises(error, match=re.escape(text)):
        concrete_dropout_forward(units(), **{"p_logit": 0.0, **options})
