import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropout_lab.moments import linear_mean, linear_variance
from dropout_lab.numpy_layers import (
    SGD,
    Adam,
    Dropout,
    Layer,
    Linear,
    ReLU,
    Sequential,
    softmax_cross_entropy,
)


def small_net(p, *, dtype=np.float64):
    """Dropout on the inputs and on the hidden units, as in Srivastava et al. (2014)."""
    rng = np.random.default_rng(0)
    layers = [Dropout(p, rng), Linear(4, 6, rng, dtype=dtype), ReLU(), Dropout(p, rng), Linear(6, 3, rng, dtype=dtype)]
    return Sequential(layers)


def small_batch(*, dtype=np.float64):
    rng = np.random.default_rng(1)
    return rng.normal(size=(5, 4)).astype(dtype), rng.integers(3, size=5)


def forward_with_fixed_masks(net, h):
    """A training pass whose coins are the same each time."""
    rng = np.random.default_rng(2)
    for layer in net.layers:
        if isinstance(layer, Dropout):
            layer.rng = rng
    return net.forward(h)


@given(hnp.arrays(float, st.tuples(st.integers(1, 4), st.just(4)), elements=st.floats(-10, 10)), st.floats(0, 1))
def test_an_eval_pass_is_the_composition_of_the_layers_without_dropout(h, p):
    net = small_net(p)
    _, first, relu, _, last = net.layers
    expected = last.forward(relu.forward(first.forward(h)))
    np.testing.assert_array_equal(net.forward(h, training=False), expected)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.7])
@pytest.mark.parametrize("index", range(5))
def test_backward_of_a_whole_net_matches_central_differences(p, index, central_differences):
    net, (h, labels) = small_net(p), small_batch()
    array = [h, *net.parameters()][index]
    numerical = central_differences(lambda: softmax_cross_entropy(forward_with_fixed_masks(net, h), labels)[0], array)
    grad = net.backward(softmax_cross_entropy(forward_with_fixed_masks(net, h), labels)[1])
    np.testing.assert_allclose([grad, *net.gradients()][index], numerical, atol=1e-9)


def test_a_net_gives_the_numbers_of_its_layers_applied_by_hand():
    net, (h, _) = small_net(0.2), small_batch()
    out = forward_with_fixed_masks(net, h)
    dropped, first, _, hidden, last = net.layers
    masks = [layer.cache[0] for layer in (dropped, hidden)]
    units = np.maximum((h * masks[0] * 1.25) @ first.weight.T + first.bias, 0)
    np.testing.assert_array_equal(out, (units * masks[1] * 1.25) @ last.weight.T + last.bias)


@pytest.mark.parametrize("p", [0.1, 0.2, 0.7])
def test_dropout_before_a_linear_layer_keeps_the_mean_and_adds_the_closed_form_variance(p):
    rng = np.random.default_rng(3)
    linear = Linear(40, 2, rng, dtype=np.float64)
    h, n = rng.normal(size=40), 20_000
    out = Sequential([Dropout(p, rng), linear]).forward(np.tile(h, (n, 1)))
    error = np.sqrt(linear_variance(linear.weight, h, p) / n)
    assert (abs(out.mean(axis=0) - linear_mean(linear.weight, h, p, linear.bias)) < 5 * error).all()


def test_two_sites_of_dropout_flip_independent_coins():
    rng, p, n = np.random.default_rng(4), 0.2, 40_000
    net = Sequential([Dropout(p, rng), Dropout(p, rng)])
    net.forward(np.ones((n, 1)))
    first, second = (layer.cache[0] - (1 - p) for layer in net.layers)
    assert abs((first * second).mean()) < 5 * p * (1 - p) / math.sqrt(n)


def test_parameters_and_gradients_come_in_the_same_order_first_layer_first():
    net, (h, _) = small_net(0.2), small_batch()
    net.backward(np.ones_like(net.forward(h)))
    _, first, _, _, last = net.layers
    parameters, gradients = net.parameters(), net.gradients()
    for found, expected in zip(parameters, [first.weight, first.bias, last.weight, last.bias], strict=True):
        assert found is expected
    assert [grad.shape for grad in gradients] == [parameter.shape for parameter in parameters]
    for found, expected in zip(gradients, [*first.gradients(), *last.gradients()], strict=True):
        assert found is expected


@pytest.mark.parametrize("make_optimiser", [lambda net: SGD(net, 0.1), Adam])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_training_step_keeps_the_dtype_of_everything(make_optimiser, dtype):
    net, (h, labels) = small_net(0.2, dtype=dtype), small_batch(dtype=dtype)
    optimiser = make_optimiser(net)
    logits = net.forward(h)
    _, grad_logits = softmax_cross_entropy(logits, labels)
    grad_h = net.backward(grad_logits)
    optimiser.step()
    moments = [*optimiser.first, *optimiser.second] if isinstance(optimiser, Adam) else []
    arrays = [logits, grad_logits, grad_h, *net.parameters(), *net.gradients(), *moments]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


@pytest.mark.parametrize("make_optimiser", [lambda net: SGD(net, 0.5), lambda net: Adam(net, 0.05)])
def test_training_lowers_the_loss(make_optimiser):
    net, (h, labels) = small_net(0.1), small_batch()
    optimiser = make_optimiser(net)
    before, _ = softmax_cross_entropy(net.forward(h, training=False), labels)
    for _ in range(200):
        net.backward(softmax_cross_entropy(net.forward(h), labels)[1])
        optimiser.step()
    after, _ = softmax_cross_entropy(net.forward(h, training=False), labels)
    assert after < before / 2


def test_a_training_step_modifies_neither_inputs_nor_labels_nor_the_global_random_state(assert_global_state_untouched):
    net, (h, labels) = small_net(0.2), small_batch()
    copies = h.copy(), labels.copy()
    optimiser = Adam(net)

    def step():
        net.backward(softmax_cross_entropy(net.forward(h), labels)[1])
        optimiser.step()

    assert_global_state_untouched(step)
    np.testing.assert_array_equal(h, copies[0])
    np.testing.assert_array_equal(labels, copies[1])


def test_a_net_shows_its_layers():
    assert repr(small_net(0.2)).startswith("Sequential([Dropout(p=0.2), Linear(4, 6), ReLU()")


def test_a_layer_without_forward_or_backward_says_so():
    with pytest.raises(NotImplementedError):
        Layer().forward(np.ones((1, 1)))
    with pytest.raises(NotImplementedError):
        Layer().backward(np.ones((1, 1)))


def test_a_layer_without_parameters_has_none_to_train():
    assert Layer().parameters() == Layer().gradients() == []
