import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropout_lab.numpy_layers import softmax, softmax_cross_entropy

DTYPES = (np.float16, np.float32, np.float64)
logit_arrays = hnp.arrays(float, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.floats(-50, 50))
batches = logit_arrays.flatmap(
    lambda logits: st.tuples(
        st.just(logits), hnp.arrays(np.int64, len(logits), elements=st.integers(0, logits.shape[1] - 1))
    )
)


@given(logit_arrays, st.floats(-1000, 1000))
def test_softmax_gives_probabilities_that_ignore_a_shift(logits, shift):
    probabilities = softmax(logits)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=1e-14)
    np.testing.assert_allclose(softmax(logits + shift), probabilities, rtol=1e-10)


@given(batches)
def test_the_loss_is_the_mean_of_minus_log_softmax_at_the_labels(batch):
    logits, labels = batch
    per_example = [-math.log(softmax(z)[y]) for z, y in zip(logits, labels, strict=True)]
    loss, _ = softmax_cross_entropy(logits, labels)
    np.testing.assert_allclose(loss, sum(per_example) / len(per_example), rtol=1e-12, atol=1e-14)


@given(batches)
def test_the_gradient_is_softmax_less_one_hot_over_n(batch):
    logits, labels = batch
    _, grad = softmax_cross_entropy(logits, labels)
    expected = (softmax(logits) - np.eye(logits.shape[1])[labels]) / len(labels)
    np.testing.assert_allclose(grad, expected, atol=1e-14)


@given(batches)
def test_repeating_the_batch_leaves_the_loss_and_halves_each_gradient(batch):
    logits, labels = batch
    loss, grad = softmax_cross_entropy(logits, labels)
    loss_twice, grad_twice = softmax_cross_entropy(np.tile(logits, (2, 1)), np.tile(labels, 2))
    np.testing.assert_allclose(loss_twice, loss, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(grad_twice, np.tile(grad, (2, 1)) / 2, rtol=1e-12)


def test_softmax_gives_the_numbers_of_the_formula():
    np.testing.assert_allclose(softmax(np.log([[1.0, 2.0, 5.0]])), [[0.125, 0.25, 0.625]], rtol=1e-15)


def test_equal_logits_cost_log_k_nats():
    loss, grad = softmax_cross_entropy(np.zeros((3, 4)), np.array([0, 2, 3]))
    assert loss == pytest.approx(math.log(4), rel=1e-15)
    np.testing.assert_array_equal(grad, (0.25 - np.eye(4)[[0, 2, 3]]) / 3)


def test_the_gradient_matches_central_differences(central_differences):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(6, 4)), rng.integers(4, size=6)
    numerical = central_differences(lambda: softmax_cross_entropy(logits, labels)[0], logits)
    np.testing.assert_allclose(softmax_cross_entropy(logits, labels)[1], numerical, atol=1e-9)


def test_the_gradient_is_zero_on_average_over_labels_that_follow_the_softmax():
    rng = np.random.default_rng(1)
    logits, n = np.array([1.0, -0.5, 0.2]), 40_000
    probabilities = softmax(logits)
    labels = rng.choice(3, size=n, p=probabilities)
    _, grad = softmax_cross_entropy(np.tile(logits, (n, 1)), labels)  # each row is divided by n: the sum is the mean
    assert (abs(grad.sum(axis=0)) < 5 * np.sqrt(probabilities * (1 - probabilities) / n)).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_large_logits_do_not_overflow(dtype):
    logits = np.array([[60_000.0, -60_000.0, 0.0]], dtype) / 2
    loss, grad = softmax_cross_entropy(logits, np.array([1]))
    assert loss == pytest.approx(60_000, rel=1e-3)
    np.testing.assert_array_equal(grad, [[1, -1, 0]])


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_dtype_is_kept_and_the_inputs_are_not_modified(dtype):
    logits, labels = np.array([[1.0, -2.0], [0.5, 3.0]], dtype), np.array([1, 0])
    copies = logits.copy(), labels.copy()
    loss, grad = softmax_cross_entropy(logits, labels)
    assert (type(loss), grad.dtype, softmax(logits).dtype) == (float, dtype, dtype)
    np.testing.assert_array_equal(logits, copies[0])
    np.testing.assert_array_equal(labels, copies[1])


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_labels_may_be_whole_numbers_of_any_width(dtype):
    loss, _ = softmax_cross_entropy(np.zeros((2, 3)), np.array([0, 2], dtype))
    assert loss == pytest.approx(math.log(3))


@pytest.mark.parametrize(
    ("logits", "labels", "error", "words"),
    [
        (np.zeros((2, 3)), [0, 1], TypeError, "got list. Wrap them in np.array(...)"),
        (np.zeros((2, 3)), np.array([0.0, 1.0]), TypeError, "got dtype float64. Use labels.astype(int)"),
        (np.zeros((2, 3)), np.array([True, False]), TypeError, "got dtype bool"),
        (np.zeros((2, 3)), np.eye(3)[:2], ValueError, "For one-hot rows pass labels.argmax(axis=1)"),
        (np.zeros((2, 3)), np.array([0, 1, 2]), ValueError, "labels (N,); got (2, 3) and (3,)"),
        (np.zeros(3), np.array([0, 1, 2]), ValueError, "logits are (N, K)"),
        (np.zeros((2, 3)), np.array([0, 3]), ValueError, "labels lie in 0 … 2; got 0 to 3"),
        (np.zeros((2, 3)), np.array([-1, 0]), ValueError, "labels lie in 0 … 2; got -1 to 0"),
        (np.zeros((2, 3), int), np.array([0, 1]), TypeError, "use logits.astype(float)"),
        (np.zeros((0, 3)), np.array([], int), ValueError, "logits is empty"),
    ],
)
def test_bad_input_is_refused_with_the_repair(logits, labels, error, words):
    with pytest.raises(error, match=re.escape(words)):
        softmax_cross_entropy(logits, labels)


def test_softmax_refuses_what_is_no_float_array():
    with pytest.raises(TypeError, match=re.escape("use logits.astype(float)")):
        softmax(np.arange(3))
