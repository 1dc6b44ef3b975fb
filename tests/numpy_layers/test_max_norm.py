import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropout_lab.numpy_layers import SGD, Linear, max_norm_, softmax_cross_entropy

weights = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=4), elements=st.floats(-1e3, 1e3))


def norms(weight):
    return np.sqrt((weight.reshape(len(weight), -1) ** 2).sum(axis=1))


@given(weights, st.floats(1e-3, 1e3))
def test_no_unit_is_longer_than_c_and_shorter_ones_keep_their_bits(weight, c):
    before = weight.copy()
    max_norm_(weight, c)
    assert (norms(weight) <= c * (1 + 1e-14)).all()
    short = norms(before) <= c
    np.testing.assert_array_equal(weight[short], before[short])


@given(weights, st.floats(1e-3, 1e3))
def test_a_long_unit_keeps_its_direction_and_has_the_norm_c(weight, c):
    before = weight.copy()
    max_norm_(weight, c)
    long = norms(before) > c * (1 + 1e-12)
    np.testing.assert_allclose(norms(weight)[long], c, rtol=1e-13)
    factors = np.where(long, c / np.maximum(norms(before), c), 1.0).reshape(-1, *[1] * (weight.ndim - 1))
    np.testing.assert_allclose(weight, before * factors, rtol=1e-13, atol=1e-300)


def test_it_works_in_place_and_returns_the_same_array_also_on_a_view():
    weight = np.arange(24.0).reshape(4, 6)
    view = weight[:, ::2]
    assert max_norm_(view, 1.0) is view
    np.testing.assert_allclose(norms(weight[:, ::2])[1:], 1)
    np.testing.assert_array_equal(weight[:, 1::2], np.arange(24.0).reshape(4, 6)[:, 1::2])


@pytest.mark.parametrize("axis", [1, -1])
def test_the_axis_of_the_units_can_be_another(axis):
    weight = np.random.default_rng(0).normal(size=(5, 3)) * 10
    expected = max_norm_(weight.T.copy(), 2.0).T
    np.testing.assert_allclose(max_norm_(weight, 2.0, axis=axis), expected, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtype_is_kept_and_large_float16_weights_do_not_overflow(dtype):
    weight = np.full((2, 9), 300, dtype)
    max_norm_(weight, 3.0)
    assert weight.dtype == dtype
    np.testing.assert_allclose(weight.astype(float), 1.0, rtol=2 * np.finfo(dtype).eps)


def test_zero_weights_stay_zero():
    np.testing.assert_array_equal(max_norm_(np.zeros((2, 3)), 1.0), 0)


def test_after_every_step_of_training_the_bound_holds():
    rng = np.random.default_rng(1)
    layer, h, labels = Linear(5, 3, rng), rng.normal(size=(20, 5)).astype(np.float32), rng.integers(3, size=20)
    bias = layer.bias
    for _ in range(20):
        _, grad = softmax_cross_entropy(layer.forward(h), labels)
        layer.backward(grad)
        SGD(layer, lr=5.0).step()
        max_norm_(layer.weight, 0.5)
        assert (norms(layer.weight) <= 0.5 * (1 + 1e-6)).all()
    assert layer.bias is bias
    assert norms(layer.weight).max() == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize(
    ("parameter", "c", "options", "error", "words"),
    [
        (np.ones(3), 1.0, {}, ValueError, "a row a unit; got (3,). A bias has no incoming weights: leave it alone."),
        (np.ones((2, 3), int), 1.0, {}, TypeError, "use parameter.astype(float)"),
        ([[1.0]], 1.0, {}, TypeError, "parameter is a NumPy array of floats; got list"),
        (np.ones((2, 3)), 0, {}, ValueError, "c is a positive finite number; got 0"),
        (np.ones((2, 3)), math.nan, {}, ValueError, "got nan"),
        (np.ones((2, 3)), "3", {}, TypeError, "got '3'"),
        (np.ones((2, 3)), 1.0, {"axis": 2}, ValueError, "axis is a tuple of axes of an array with 2 axes"),
    ],
)
def test_bad_input_is_refused(parameter, c, options, error, words):
    with pytest.raises(error, match=re.escape(words)):
        max_norm_(parameter, c, **options)
