"""Laws that hold for every recurrent net with noise, and for its pass back through time."""

import re

import numpy as np
import pytest

from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers import Cell, Linear, RecurrentDropoutRNN, VariationalRNN, WeightDropRNN, ZoneoutRNN
from dropout_lab.numpy_layers.unrolled import scaled

N, L, D, H = 3, 4, 2, 3
CLASSES = (VariationalRNN, RecurrentDropoutRNN, WeightDropRNN, ZoneoutRNN)


def layer(kind, cls, p, dtype=np.float64):
    return cls(Cell(kind, D, H, np.random.default_rng(0), dtype=dtype), p, np.random.default_rng(1))


def sequences(dtype=np.float64):
    return np.random.default_rng(2).normal(size=(N, L, D)).astype(dtype)


def start(kind):
    return tuple(np.random.default_rng(3).normal(size=(2 if kind == "lstm" else 1, N, H)))


def masks(kind, cls, p):
    def drawn(*shape):
        return bernoulli_mask(shape, p, np.random.default_rng(4))

    if cls is VariationalRNN:
        return {"input_mask": drawn(N, D), "state_mask": drawn(N, H)}
    if cls is WeightDropRNN:
        return {"mask": drawn(4 * H if kind == "lstm" else 3 * H, H)}
    both = {"mask": drawn(N, L, H)}
    return both | {"memory_mask": drawn(N, L, H)} if (cls, kind) == (ZoneoutRNN, "lstm") else both


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("cls", CLASSES)
def test_backward_through_time_matches_central_differences(cls, kind, training, central_differences):
    net, h, state, options = layer(kind, cls, 0.4), sequences(), start(kind), masks(kind, cls, 0.4)
    grad_outputs, grads = np.random.default_rng(5).normal(size=(N, L, H)), start(kind)

    def loss():
        outputs, after = net.forward(h, state, training=training, **options)
        return (outputs * grad_outputs).sum() + sum((a * g).sum() for a, g in zip(after, grads, strict=True))

    loss()
    gradients = [net.backward(grad_outputs, grads), *net.gradients()]
    for gradient, array in zip(gradients, [h, *net.parameters()], strict=True):
        np.testing.assert_allclose(gradient, central_differences(loss, array), atol=1e-7)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("cls", CLASSES)
def test_at_zero_and_out_of_training_it_is_the_cell_step_by_step(cls, kind):
    quiet, state = layer(kind, cls, 0.0), start(kind)
    outputs, after = quiet.forward(sequences(), state)
    for time in range(L):
        state, _ = quiet.cell.step(sequences()[:, time], state, weight_hh=quiet.cell.weight_hh)
        np.testing.assert_allclose(outputs[:, time], state[0], rtol=1e-12)
    np.testing.assert_allclose(after, state, rtol=1e-12)
    if cls is not ZoneoutRNN:  # whose eval takes the mean of the last and the new state
        np.testing.assert_array_equal(
            layer(kind, cls, 0.4).forward(sequences(), start(kind), training=False)[0], outputs
        )


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("cls", CLASSES)
def test_noise_comes_from_the_generator_and_nothing_is_modified(cls, kind):
    net, h = layer(kind, cls, 0.4, np.float32), sequences(np.float32)
    weights = [array.copy() for array in net.parameters()]
    first, second = net.forward(h)[0], net.forward(h)[0]
    assert first.dtype == net.backward(first).dtype == np.float32
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(layer(kind, cls, 0.4, np.float32).forward(h)[0], first)
    np.testing.assert_array_equal(h, sequences(np.float32))
    for array, before in zip(net.parameters(), weights, strict=True):
        np.testing.assert_array_equal(array, before)


def test_the_factor_of_a_mask_is_zero_at_one():
    assert scaled(np.array([True, False]), 0.2, np.ones(1)).tolist() == [1.25, 0]
    assert scaled(np.array([True, False]), 1.0, np.ones(1)).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("use", "error", "text"),
    [
        (lambda net: net.forward(np.ones((2, D))), ValueError, "h must be sequences (N, L, 2); got (2, 2)"),
        (lambda net: net.forward(sequences(), (np.ones((N, H)),)), ValueError, "state is a tuple of 2 arrays of shape"),
        (lambda net: net.backward(np.ones((N, L, H))), ValueError, "call forward first"),
        (
            lambda net: type(net)(Linear(2, 2, net.rng), 0.2, net.rng),
            TypeError,
            "cell is a dropout_lab.numpy_layers.Cell",
        ),
        (lambda net: type(net)(net.cell, 1.2, net.rng), ValueError, "1.2"),
        (lambda net: type(net)(net.cell, 0.2, 7), TypeError, "np.random.default_rng(7)"),
        (
            lambda net: net.forward(sequences(), mask=np.ones((N, H), bool)),
            ValueError,
            "all updates, (3, 4, 3); got (3, 3)",
        ),
    ],
)
def test_bad_input_is_an_error_that_says_what_is_wrong(use, error, text):
    with pytest.raises(error, match=re.escape(text)):
        use(layer("lstm", RecurrentDropoutRNN, 0.2))
