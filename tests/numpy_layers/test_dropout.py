import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropout_lab.masks import bernoulli_mask
from dropout_lab.moments import scaled_variance
from dropout_lab.numpy_layers import Dropout, dropout_backward, dropout_forward

PROBABILITIES = (0.1, 0.2, 0.7)
DTYPES = (np.float16, np.float32, np.float64)

arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(
        dtype,
        hnp.array_shapes(),
        elements={"min_value": -100, "max_value": 100, "allow_subnormal": False},
    )
)


@given(arrays, st.floats(0, 0.95), st.integers(0, 2**32))
def test_each_value_is_zero_or_h_over_q(h, p, seed):
    h_dropped, (mask, _) = dropout_forward(h, p, np.random.default_rng(seed))
    expected = np.where(mask, h.astype(float) / (1 - p), 0.0)
    np.testing.assert_allclose(h_dropped, expected, rtol=3 * np.finfo(h.dtype).eps)


@given(arrays, st.floats(0, 1), st.integers(0, 2**32))
def test_eval_is_bit_identical_to_the_input(h, p, seed):
    h_dropped, cache = dropout_forward(h, p, np.random.default_rng(seed), training=False)
    assert cache is None
    assert h_dropped.tobytes() == h.tobytes()


@given(arrays, st.floats(0, 0.95) | st.just(1), st.integers(0, 2**32))
def test_backward_of_ones_is_forward_of_ones(h, p, seed):
    _, cache = dropout_forward(h, p, np.random.default_rng(seed))
    ones = np.ones_like(h)
    forward_of_ones, _ = dropout_forward(ones, p, mask=cache[0])
    np.testing.assert_array_equal(dropout_backward(ones, cache), forward_of_ones)


@given(arrays, st.floats(0, 0.95), st.integers(0, 2**32))
def test_the_input_is_not_modified_and_the_dtype_is_kept(h, p, seed):
    before = h.copy()
    h_dropped, cache = dropout_forward(h, p, np.random.default_rng(seed))
    grad = dropout_backward(h, cache)
    np.testing.assert_array_equal(h, before)
    assert (h_dropped.dtype, grad.dtype) == (h.dtype, h.dtype)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_dropped_fraction_is_p(p):
    h_dropped, _ = dropout_forward(np.ones((400, 300)), p, np.random.default_rng(0))
    assert abs((h_dropped == 0).mean() - p) < 5 * math.sqrt(p * (1 - p) / h_dropped.size)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_count_along_each_axis_is_binomial_not_fixed(p, axis, binomial_variance_error):
    h_dropped, _ = dropout_forward(np.ones((400, 300)), p, np.random.default_rng(1))
    counts = (h_dropped == 0).sum(axis=axis)
    n = h_dropped.shape[axis]
    assert abs(counts.var(ddof=1) - n * p * (1 - p)) < 5 * binomial_variance_error(n, p, len(counts))


@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_mean_over_passes_is_the_input(p):
    h = np.array([[1.5, -2.0, 0.0], [3.0, -0.5, 10.0]])
    rng = np.random.default_rng(2)
    passes = np.stack([dropout_forward(h, p, rng)[0] for _ in range(4000)])
    assert (abs(passes.mean(axis=0) - h) <= 5 * np.sqrt(scaled_variance(h, p) / len(passes))).all()


@pytest.mark.parametrize(("p", "scaled"), [(0.2, [1.25, 0, 3.75, 0]), (0.75, [4.0, 0, 12.0, 0]), (0, [1, 0, 3, 0])])
def test_the_same_mask_gives_the_numbers_of_the_formula(p, scaled):
    mask = np.array([True, False, True, False])
    h_dropped, cache = dropout_forward(np.array([1.0, 2.0, 3.0, -4.0]), p, mask=mask)
    np.testing.assert_array_equal(h_dropped, scaled)
    np.testing.assert_array_equal(dropout_backward(np.array([1.0, 2.0, 3.0, -4.0]), cache), scaled)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_a_drawn_mask_is_the_bernoulli_mask_of_that_generator(p):
    h = np.ones((30, 20))
    drawn, (mask, _) = dropout_forward(h, p, np.random.default_rng(3))
    expected = bernoulli_mask(h.shape, p, np.random.default_rng(3))
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_array_equal(drawn, dropout_forward(h, p, mask=expected)[0])


@pytest.mark.parametrize("options", [{"training": False}, {"mask": np.ones((3, 4), bool)}])
def test_the_generator_moves_only_when_a_mask_is_drawn(options):
    rng = np.random.default_rng(4)
    dropout_forward(np.ones((3, 4)), 0.2, rng, **options)
    assert rng.bit_generator.state == np.random.default_rng(4).bit_generator.state


def test_two_passes_of_one_layer_differ():
    layer = Dropout(0.3, np.random.default_rng(5))
    h = np.ones((20, 20))
    assert (layer.forward(h) != layer.forward(h)).any()


@pytest.mark.parametrize("p", PROBABILITIES)
def test_backward_matches_central_differences_on_a_fixed_mask(p, central_differences):
    rng = np.random.default_rng(6)
    h, grad_out = rng.normal(size=(5, 4)), rng.normal(size=(5, 4))
    layer, mask = Dropout(p, rng), bernoulli_mask((5, 4), p, rng)
    numerical = central_differences(lambda: (layer.forward(h, mask) * grad_out).sum(), h)
    np.testing.assert_allclose(layer.backward(grad_out), numerical, atol=1e-8)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_gradient_reaches_kept_units_whose_activation_is_zero(p):
    layer = Dropout(p, np.random.default_rng(7))
    mask = bernoulli_mask((6, 5), p, np.random.default_rng(8))
    layer.forward(np.zeros((6, 5)), mask)
    np.testing.assert_array_equal(layer.backward(np.ones((6, 5))) != 0, mask)


def test_backward_of_a_layer_uses_the_mask_that_its_forward_drew():
    layer = Dropout(0.3, np.random.default_rng(9))
    ones = np.ones((30, 20))
    np.testing.assert_array_equal(layer.forward(ones), layer.backward(ones))


def test_backward_after_an_eval_pass_is_the_identity():
    layer = Dropout(0.3, np.random.default_rng(10))
    grad_out = np.random.default_rng(11).normal(size=(4, 3))
    layer.forward(np.ones((4, 3)))
    layer.forward(np.ones((4, 3)), training=False)
    np.testing.assert_array_equal(layer.backward(grad_out), grad_out)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("p", "factor"), [(0, 1), (1, 0)])
def test_the_ends_of_the_range_are_finite(p, factor, dtype):
    h = np.array([[1.0, -2.0], [0.0, 4.0]], dtype)
    h_dropped, cache = dropout_forward(h, p, np.random.default_rng(12))
    np.testing.assert_array_equal(h_dropped, factor * h)
    np.testing.assert_array_equal(dropout_backward(h, cache), factor * h)


def test_a_uniform_number_of_exactly_zero_is_kept_at_p_zero(zero_generator):
    h = np.arange(1.0, 7.0)
    np.testing.assert_array_equal(dropout_forward(h, 0.0, zero_generator)[0], h)


def test_the_global_random_state_is_untouched(assert_global_state_untouched):
    layer = Dropout(0.2, np.random.default_rng(13))
    assert_global_state_untouched(lambda: layer.backward(layer.forward(np.ones((3, 4)))))


def test_the_layer_shows_its_p():
    assert repr(Dropout(0.2, np.random.default_rng(0))) == "Dropout(p=0.2)"


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"p": math.nan}, ValueError, "got nan"),
        ({"p": 1.2}, ValueError, "pass p = 1 - q"),
        ({"p": "half"}, TypeError, "got 'half'"),
        ({"p": True}, TypeError, "`training` passed in the place of p"),
        ({"p": 1.2, "training": False}, ValueError, "pass p = 1 - q"),
        ({"h": np.arange(6).reshape(2, 3)}, TypeError, "use h.astype(float)"),
        ({"h": [1.0, 2.0]}, TypeError, "Wrap it in np.array"),
        ({"h": np.empty((0, 3))}, ValueError, "there is no unit to drop"),
        ({"rng": 0}, TypeError, "Make one with np.random.default_rng(0)"),
        ({"rng": None}, TypeError, "Make one with np.random.default_rng(0)"),
        ({"mask": np.ones((2, 3))}, TypeError, "Leave 1/(1-p) out of it"),
        ({"mask": np.ones((3, 2), bool)}, ValueError, "the shape of h, (2, 3); got (3, 2)"),
    ],
)
def test_bad_input_is_refused_with_the_repair(change, error, words):
    arguments = {"h": np.ones((2, 3)), "p": 0.2, "rng": np.random.default_rng(0)} | change
    with pytest.raises(error, match=re.escape(words)):
        dropout_forward(**arguments)


@pytest.mark.parametrize(
    ("p", "rng", "error", "words"),
    [
        (math.nan, np.random.default_rng(0), ValueError, "got nan"),
        (True, np.random.default_rng(0), TypeError, "`training` passed in the place of p"),
        (0.2, 7, TypeError, "Make one with np.random.default_rng(7)"),
    ],
)
def test_a_layer_refuses_bad_input_when_it_is_made(p, rng, error, words):
    with pytest.raises(error, match=re.escape(words)):
        Dropout(p, rng)


@pytest.mark.parametrize(
    ("grad_out", "error", "words"),
    [
        (np.ones((2, 1)), ValueError, "grad_out must have the shape of the output, (2, 3); got (2, 1)"),
        (np.ones((2, 3), int), TypeError, "use grad_out.astype(float)"),
        (np.empty((0, 3)), ValueError, "grad_out is empty"),
    ],
)
def test_backward_refuses_a_gradient_that_does_not_fit(grad_out, error, words):
    with pytest.raises(error, match=re.escape(words)):
        dropout_backward(grad_out, (np.ones((2, 3), bool), 1.25))
