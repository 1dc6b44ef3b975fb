import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropout_lab.moments import linear_mean, linear_variance
from dropout_lab.numpy_layers import Linear, ReLU, dropout_forward

DTYPES = (np.float16, np.float32, np.float64)
numbers = st.floats(-100, 100)


def small_linear():
    """A 2 → 3 layer with whole numbers, so that its results are exact."""
    layer = Linear(2, 3, np.random.default_rng(0), dtype=np.float64)
    layer.weight[:] = [[1, 2], [0, -1], [3, 0]]
    layer.bias[:] = [10, 20, 30]
    return layer


@given(hnp.arrays(float, st.tuples(st.integers(1, 5), st.integers(1, 4)), elements=numbers), st.integers(1, 4))
def test_each_output_of_a_linear_layer_is_a_weighted_sum_of_its_own_row(h, units):
    layer = Linear(h.shape[1], units, np.random.default_rng(0), dtype=np.float64)
    sums = [[sum(w * x for w, x in zip(row, example, strict=True)) for row in layer.weight] for example in h]
    np.testing.assert_allclose(layer.forward(h), np.array(sums) + layer.bias, atol=1e-10)


@given(hnp.arrays(float, hnp.array_shapes(), elements=numbers))
def test_relu_of_h_less_relu_of_minus_h_is_h(h):
    positive, negative = ReLU().forward(h), ReLU().forward(-h)
    assert min(positive.min(), negative.min()) >= 0
    np.testing.assert_array_equal(positive - negative, h)


def test_a_linear_layer_gives_the_numbers_of_the_formula():
    layer = small_linear()
    np.testing.assert_array_equal(layer.forward(np.array([[1.0, 1.0], [2.0, -1.0]])), [[13, 19, 33], [10, 21, 36]])
    grad = layer.backward(np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]))
    np.testing.assert_array_equal(grad, [[7, 2], [0, -1]])
    np.testing.assert_array_equal(layer.weight_grad, [[1, 1], [2, -1], [2, 2]])
    np.testing.assert_array_equal(layer.bias_grad, [1, 1, 2])


def test_relu_gives_the_numbers_of_the_formula():
    layer = ReLU()
    np.testing.assert_array_equal(layer.forward(np.array([-2.0, 0.0, 3.0])), [0, 0, 3])
    np.testing.assert_array_equal(layer.backward(np.array([5.0, 6.0, 7.0])), [0, 0, 7])


@pytest.mark.parametrize("name", ["weight", "bias", "input"])
def test_linear_backward_matches_central_differences(name, central_differences):
    rng = np.random.default_rng(1)
    layer = Linear(4, 3, rng, dtype=np.float64)
    h, grad_out = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    array = {"weight": layer.weight, "bias": layer.bias, "input": h}[name]
    numerical = central_differences(lambda: (layer.forward(h) * grad_out).sum(), array)
    grad = layer.backward(grad_out)
    analytic = {"weight": layer.weight_grad, "bias": layer.bias_grad, "input": grad}[name]
    np.testing.assert_allclose(analytic, numerical, atol=1e-8)


def test_relu_backward_matches_central_differences(central_differences):
    rng = np.random.default_rng(2)
    h, grad_out = rng.normal(size=(5, 4)), rng.normal(size=(5, 4))
    assert abs(h).min() > 1e-3  # away from the kink, where no derivative exists
    layer = ReLU()
    numerical = central_differences(lambda: (layer.forward(h) * grad_out).sum(), h)
    np.testing.assert_allclose(layer.backward(grad_out), numerical, atol=1e-8)


def test_starting_values_are_uniform_within_one_over_root_d():
    layer = Linear(25, 2000, np.random.default_rng(3), dtype=np.float64)
    for values in (layer.weight, layer.bias):
        bound, n = 1 / math.sqrt(25), values.size
        variance_error = math.sqrt((bound**4 / 5 - bound**4 / 9) / n)  # Var[w²] of U(-b, b)
        assert 0.99 * bound < abs(values).max() <= bound
        assert abs(values.mean()) < 5 * bound / math.sqrt(3 * n)
        assert abs((values**2).mean() - bound**2 / 3) < 5 * variance_error


@pytest.mark.parametrize("p", [0.1, 0.2, 0.7])
def test_a_linear_layer_on_dropped_inputs_has_the_moments_of_the_closed_form(p):
    rng = np.random.default_rng(4)
    layer, h = Linear(40, 3, rng, dtype=np.float64), rng.normal(size=40)
    units = layer.forward(dropout_forward(np.tile(h, (20_000, 1)), p, rng)[0])
    variance = linear_variance(layer.weight, h, p)
    centred = units - linear_mean(layer.weight, h, p, layer.bias)
    assert (abs(centred.mean(axis=0)) < 5 * np.sqrt(variance / len(units))).all()
    assert (abs((centred**2).mean(axis=0) - variance) < 5 * (centred**2).std(axis=0) / math.sqrt(len(units))).all()


def test_relu_of_normal_noise_has_mean_one_over_root_two_pi():
    n = 50_000
    mean = ReLU().forward(np.random.default_rng(5).normal(size=n)).mean()
    assert abs(mean - 1 / math.sqrt(2 * math.pi)) < 5 * math.sqrt((0.5 - 0.5 / math.pi) / n)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("make", [lambda dtype: Linear(3, 3, np.random.default_rng(6), dtype=dtype), lambda _: ReLU()])
def test_the_dtype_is_kept_and_the_inputs_are_not_modified(make, dtype):
    layer = make(dtype)
    h = np.array([[1.0, -2.0, 3.0], [0.0, 5.0, -6.0]], dtype)
    before = h.copy()
    results = [layer.forward(h), layer.backward(h), *layer.parameters(), *layer.gradients()]
    assert {result.dtype for result in results} == {np.dtype(dtype)}
    np.testing.assert_array_equal(h, before)


def test_weights_are_float32_unless_told_otherwise():
    assert Linear(3, 2, np.random.default_rng(7)).weight.dtype == np.float32


def test_backward_replaces_the_gradients_of_the_step_before():
    layer = small_linear()
    for _ in range(2):
        layer.forward(np.ones((1, 2)))
        layer.backward(np.ones((1, 3)))
    np.testing.assert_array_equal(layer.bias_grad, [1, 1, 1])


def test_the_global_random_state_is_untouched(assert_global_state_untouched):
    assert_global_state_untouched(lambda: Linear(3, 2, np.random.default_rng(8)))


def test_layers_show_their_sizes():
    assert repr([small_linear(), ReLU()]) == "[Linear(2, 3), ReLU()]"


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"rng": 0}, TypeError, "Make one with np.random.default_rng(0)"),
        ({"in_features": 0}, ValueError, "in_features is a whole number of at least 1; got 0"),
        ({"out_features": 2.0}, TypeError, "out_features is a whole number of at least 1; got 2.0"),
        ({"dtype": int}, TypeError, "dtype is a float dtype such as np.float32; got int64"),
    ],
)
def test_a_linear_layer_refuses_bad_input_when_it_is_made(change, error, words):
    arguments = {"in_features": 3, "out_features": 2, "rng": np.random.default_rng(0)} | change
    with pytest.raises(error, match=re.escape(words)):
        Linear(**arguments)


@pytest.mark.parametrize("make", [small_linear, ReLU])
@pytest.mark.parametrize(
    ("h", "error", "words"),
    [
        (np.ones((2, 2), int), TypeError, "use h.astype(float)"),
        ([[1.0, 2.0]], TypeError, "Wrap it in np.array"),
        (np.empty((0, 2)), ValueError, "h is empty"),
    ],
)
def test_inputs_that_are_no_float_array_are_refused(make, h, error, words):
    with pytest.raises(error, match=re.escape(words)):
        make().forward(h)


@pytest.mark.parametrize("shape", [(2,), (4, 3), (1, 4, 2)])
def test_a_linear_layer_wants_one_row_for_each_example(shape):
    with pytest.raises(ValueError, match=re.escape(f"h must be (N, 2), one row for each example; got {shape}")):
        small_linear().forward(np.ones(shape))


@pytest.mark.parametrize(("make", "shape"), [(small_linear, (4, 3)), (ReLU, (4, 2))])
def test_backward_refuses_a_gradient_that_would_be_broadcast(make, shape):
    layer = make()
    layer.forward(np.ones((4, 2)))
    with pytest.raises(ValueError, match=re.escape(f"the shape of the output, {shape}; got (4, 1)")):
        layer.backward(np.ones((4, 1)))


@pytest.mark.parametrize("make", [small_linear, ReLU])
def test_backward_before_any_forward_says_so(make):
    with pytest.raises(ValueError, match="call forward first"):
        make().backward(np.ones((1, 3)))
