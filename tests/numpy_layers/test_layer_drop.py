import math
import re

import numpy as np
import pytest

from dropout_lab.numpy_layers import LayerDrop, Linear, ReLU


def stack(p, seed=0):
    rng = np.random.default_rng(seed)
    return LayerDrop([Linear(4, 4, rng, dtype=np.float64) for _ in range(3)], p, np.random.default_rng(1))


def rows():
    return np.random.default_rng(2).normal(size=(5, 4))


@pytest.mark.parametrize("kept", [(True, True, True), (True, False, True), (False, False, False)])
def test_skipped_layers_are_not_there_forward_and_backward(kept, central_differences):
    layers, h, grad_out = stack(0.5), rows(), np.random.default_rng(3).normal(size=(5, 4))
    expected = h
    for layer, is_kept in zip(layers.layers, kept, strict=True):
        expected = expected @ layer.weight.T + layer.bias if is_kept else expected
    np.testing.assert_allclose(layers.forward(h, np.array(kept)), expected)
    grad_h = layers.backward(grad_out)
    gradients = [grad.copy() for grad in layers.gradients()]
    for gradient, array in zip([grad_h, *gradients], [h, *layers.parameters()], strict=True):
        numerical = central_differences(lambda: (layers.forward(h, np.array(kept)) * grad_out).sum(), array)
        np.testing.assert_allclose(gradient, numerical, atol=1e-7)


def test_a_layer_that_ran_before_and_is_skipped_now_has_no_gradient():
    layers = stack(0.5)
    for kept in ([True, True, True], [False, True, True]):
        layers.forward(rows(), np.array(kept))
        layers.backward(np.ones((5, 4)))
    assert not layers.gradients()[0].any()
    assert layers.gradients()[2].any()


@pytest.mark.parametrize("p", [0.1, 0.6])
def test_each_layer_is_skipped_with_probability_p(p):
    layers, skipped = stack(p), []
    for _ in range(2_000):
        layers.forward(rows())
        skipped.append([not kept for kept in layers.kept])
    error = math.sqrt(p * (1 - p) / 2_000)
    assert (np.abs(np.mean(skipped, axis=0) - p) < 5 * error).all()


def test_out_of_training_and_at_zero_all_layers_run_and_at_one_none():
    h = rows()
    everything = stack(0.5).forward(h, training=False)
    np.testing.assert_array_equal(stack(0.0).forward(h), everything)
    np.testing.assert_array_equal(stack(1.0).forward(h), h)
    assert not np.array_equal(everything, h)


def test_bad_input_is_an_error_that_says_what_is_wrong():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="layers is empty: there is no layer to skip"):
        LayerDrop([], 0.2, rng)
    with pytest.raises(TypeError, match=re.escape("got function")):
        LayerDrop([lambda h: h], 0.2, rng)
    with pytest.raises(ValueError, match=re.escape("the shape it takes; Linear(4, 3) gave (5, 3) for (5, 4)")):
        LayerDrop([Linear(4, 3, rng, dtype=np.float64)], 0.2, rng).forward(rows(), training=False)
    with pytest.raises(ValueError, match=re.escape("the stack, a bool for each layer, (3,); got (2,)")):
        stack(0.2).forward(rows(), np.array([True, False]))
    with pytest.raises(ValueError, match="call forward first"):
        LayerDrop([ReLU()], 0.2, rng).backward(rows())
    assert repr(LayerDrop([ReLU()], 0.2, rng)) == "LayerDrop([ReLU()], p=0.2)"
