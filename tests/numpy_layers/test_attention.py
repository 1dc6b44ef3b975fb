import math
import re

import numpy as np
import pytest

from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers import attention_backward, attention_forward

PROBABILITIES = (0.1, 0.2, 0.7)


def inputs(dtype=np.float64):
    rng = np.random.default_rng(0)
    shapes = [(2, 3, 4), (2, 5, 4), (2, 5, 6)]
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def weights(p, rng, shape=(200, 3, 40), **options):
    """What becomes of equal weights: with the identity as values they are the output."""
    query, key = np.zeros((*shape[:-1], 2)), np.zeros((shape[0], shape[2], 2))
    value = np.broadcast_to(np.eye(shape[2]), (shape[0], shape[2], shape[2])).copy()
    return attention_forward(query, key, value, p, rng, **options)[0]


@pytest.mark.parametrize("is_causal", [False, True])
def test_out_of_training_the_rows_of_weights_sum_to_one(is_causal):
    rows = weights(0.3, None, training=False, is_causal=is_causal)
    np.testing.assert_allclose(rows.sum(axis=-1), 1, rtol=1e-12)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_each_weight_is_zero_or_scaled_and_the_share_of_zeros_is_p(p):
    dropped = weights(p, np.random.default_rng(1)) * 40
    values = np.unique(dropped.round(12))
    np.testing.assert_allclose(values, [0, 1 / (1 - p)], rtol=1e-11)
    assert abs((dropped == 0).mean() - p) < 5 * math.sqrt(p * (1 - p) / dropped.size)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_rows_sum_to_one_on_average_alone(p, binomial_variance_error):
    # a row is the mean of 40 scaled coins, so its variance is p / (1 - p) / 40
    rows = weights(p, np.random.default_rng(2), (2000, 3, 40)).sum(axis=-1)
    variance = p / (1 - p) / 40
    assert abs(rows.mean() - 1) < 5 * math.sqrt(variance / rows.size)
    assert (abs(rows - 1) > 1e-9).mean() > 0.5
    counts = rows * 40 * (1 - p)  # of kept weights
    assert abs(counts.var(ddof=1) - 40 * p * (1 - p)) < 5 * binomial_variance_error(40, p, counts.size)


def test_later_keys_have_no_influence_when_causal():
    query, key, value = inputs()
    out, _ = attention_forward(query, key, value, 0.3, training=False, is_causal=True)
    key[:, 1:], value[:, 1:] = 9, 9
    moved, _ = attention_forward(query, key, value, 0.3, training=False, is_causal=True)
    np.testing.assert_array_equal(out[:, 0], moved[:, 0])
    assert (out[:, 1:] != moved[:, 1:]).any()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("p", [0.0, 0.2, 0.7])
def test_backward_matches_central_differences_on_a_fixed_mask(p, is_causal, training, central_differences):
    arrays, rng = inputs(), np.random.default_rng(3)
    mask, grad_out = bernoulli_mask((2, 3, 5), p, rng), rng.normal(size=(2, 3, 6))

    def forward():
        return attention_forward(*arrays, p, mask=mask, is_causal=is_causal, training=training)

    grads = attention_backward(grad_out, forward()[1])
    for array, grad in zip(arrays, grads, strict=True):
        numerical = central_differences(lambda: (forward()[0] * grad_out).sum(), array)
        np.testing.assert_allclose(grad, numerical, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtype_is_kept_and_inputs_are_never_modified(dtype):
    arrays = inputs(dtype)
    before = [array.copy() for array in arrays]
    out, cache = attention_forward(*arrays, 0.3, np.random.default_rng(4))
    grads = attention_backward(out, cache)
    assert {array.dtype for array in (out, *grads)} == {np.dtype(dtype)}
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_the_ends_of_the_range_are_finite():
    arrays = inputs()
    out, cache = attention_forward(*arrays, 1.0, np.random.default_rng(5))
    assert not out.any()
    assert not any(grad.any() for grad in attention_backward(np.ones_like(out), cache))
    kept, _ = attention_forward(*arrays, 0.0, np.random.default_rng(5))
    np.testing.assert_array_equal(kept, attention_forward(*arrays, 0.0, training=False)[0])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda q, k, v: (q[..., :2], k, v), ValueError, "query (..., L, E), key (..., S, E)"),
        (lambda q, k, v: (q, k[:, :2], v), ValueError, "got (2, 3, 4), (2, 2, 4), (2, 5, 6)"),
        (lambda q, k, v: (q[:1], k, v), ValueError, "same batch axes"),
        (lambda q, k, v: (q[0, 0], k, v), ValueError, "query (..., L, E)"),
        (lambda q, k, v: (q, k.astype(int), v), TypeError, "key must hold floats"),
        (lambda q, k, v: (q, k, v.tolist()), TypeError, "value is a NumPy array of floats"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_inputs_that_do_not_fit_are_refused_in_both_modes(change, error, words, training):
    with pytest.raises(error, match=re.escape(words)):
        attention_forward(*change(*inputs()), 0.3, np.random.default_rng(0), training=training)


def test_a_mask_or_a_gradient_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=re.escape("mask must have the shape of h, (2, 3, 5)")):
        attention_forward(*inputs(), 0.3, mask=np.ones((2, 5, 3), bool))
    out, cache = attention_forward(*inputs(), 0.3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="grad_out must have the shape of the output"):
        attention_backward(out[:1], cache)
    with pytest.raises(ValueError, match="got nan"):
        attention_forward(*inputs(), math.nan)
