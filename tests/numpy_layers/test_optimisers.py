import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropout_lab.numpy_layers import SGD, Adam, Layer

gradients = hnp.arrays(float, 4, elements=st.floats(0.01, 100) | st.floats(-100, -0.01))


class Parameters(Layer):
    """A layer that is nothing but parameters, with gradients set by hand."""

    def __init__(self, *arrays):
        self.arrays, self.grads = list(arrays), [np.zeros_like(array) for array in arrays]

    def parameters(self):
        return self.arrays

    def gradients(self):
        return self.grads


def path(make_optimiser, start, grads):
    """Where `start` has moved to after a step for each gradient."""
    model = Parameters(start.copy())
    optimiser = make_optimiser(model)
    for grad in grads:
        model.grads[0] = grad
        optimiser.step()
    return model.arrays[0]


@given(gradients, gradients, st.floats(1e-4, 1))
def test_sgd_steps_add_up_to_lr_times_the_gradients(first, second, lr):
    moved = path(lambda model: SGD(model, lr), np.zeros(4), [first, second])
    np.testing.assert_allclose(moved, -lr * (first + second), rtol=1e-10, atol=1e-12)


@given(gradients, st.floats(1e-4, 1))
def test_the_first_step_of_adam_is_lr_in_the_direction_of_the_sign(grad, lr):
    moved = path(lambda model: Adam(model, lr), np.zeros(4), [grad])
    np.testing.assert_allclose(moved, -lr * np.sign(grad), rtol=2e-6)


@given(gradients, gradients, st.floats(0.1, 10))
def test_adam_ignores_the_size_of_the_gradients(first, second, factor):
    moved, scaled = (
        path(lambda model: Adam(model, epsilon=1e-300), np.zeros(4), [c * first, c * second]) for c in (1, factor)
    )
    np.testing.assert_allclose(scaled, moved, rtol=1e-9, atol=1e-12)


def test_sgd_gives_the_numbers_of_the_formula():
    moved = path(lambda model: SGD(model, 0.25), np.array([1.0, 2.0]), [np.array([4.0, -2.0])])
    np.testing.assert_array_equal(moved, [0.0, 2.5])


def test_adam_gives_the_numbers_of_algorithm_1():
    theta, first, second = np.array([1.0, -1.0]), np.zeros(2), np.zeros(2)
    grads = np.random.default_rng(0).normal(size=(5, 2))
    for t, grad in enumerate(grads, start=1):
        first = 0.8 * first + 0.2 * grad
        second = 0.9 * second + 0.1 * grad**2
        theta = theta - 0.1 * (first / (1 - 0.8**t)) / (np.sqrt(second / (1 - 0.9**t)) + 0.01)
    moved = path(lambda model: Adam(model, 0.1, betas=(0.8, 0.9), epsilon=0.01), np.array([1.0, -1.0]), grads)
    np.testing.assert_allclose(moved, theta, rtol=1e-13)


@pytest.mark.parametrize("options", [{}, {"betas": (0.5, 0.9)}, {"epsilon": 0.1}, {"betas": (0.0, 0.0)}])
def test_adam_takes_the_same_steps_as_torch(options):
    rng = np.random.default_rng(1)
    start, grads = rng.normal(size=6), rng.normal(size=(20, 6))
    theta = torch.nn.Parameter(torch.tensor(start))
    torch_options = {"betas": options.get("betas", (0.9, 0.999)), "eps": options.get("epsilon", 1e-8)}
    optimiser = torch.optim.Adam([theta], lr=0.03, **torch_options)
    for grad in grads:
        theta.grad = torch.tensor(grad)
        optimiser.step()
    moved = path(lambda model: Adam(model, 0.03, **options), start, grads)
    np.testing.assert_allclose(moved, theta.detach().numpy(), rtol=1e-12)


def test_sgd_takes_the_same_steps_as_torch():
    rng = np.random.default_rng(2)
    start, grads = rng.normal(size=6), rng.normal(size=(20, 6))
    theta = torch.nn.Parameter(torch.tensor(start))
    optimiser = torch.optim.SGD([theta], lr=0.03)
    for grad in grads:
        theta.grad = torch.tensor(grad)
        optimiser.step()
    np.testing.assert_allclose(path(lambda model: SGD(model, 0.03), start, grads), theta.detach().numpy(), rtol=1e-12)


def test_sgd_on_a_noisy_parabola_ends_with_the_variance_of_an_autoregression():
    rng, lr, n = np.random.default_rng(3), 0.2, 20_000
    model = Parameters(np.zeros(n))
    optimiser = SGD(model, lr)
    for _ in range(60):  # (1 - lr)^120 of the start is left in the variance
        model.grads[0] = model.arrays[0] + rng.normal(size=n)
        optimiser.step()
    variance = lr / (2 - lr)
    assert abs(model.arrays[0].var() - variance) < 5 * variance * math.sqrt(2 / n)


@pytest.mark.parametrize("make_optimiser", [lambda model: SGD(model, 0.1), Adam])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_step_moves_the_same_array_in_place_and_keeps_its_dtype(make_optimiser, dtype):
    theta = np.ones(3, dtype)
    model = Parameters(theta)
    model.grads[0] = np.full(3, 0.5, dtype)
    make_optimiser(model).step()
    assert model.arrays[0] is theta
    assert theta.dtype == dtype
    assert (theta < 1).all()


@pytest.mark.parametrize("make_optimiser", [lambda model: SGD(model, 0.1), Adam])
def test_a_step_does_not_modify_the_gradients(make_optimiser):
    model = Parameters(np.ones(3), np.ones((2, 2)))
    model.grads = [np.array([1.0, -2.0, 3.0]), np.eye(2)]
    before = [grad.copy() for grad in model.grads]
    make_optimiser(model).step()
    for grad, copy in zip(model.grads, before, strict=True):
        np.testing.assert_array_equal(grad, copy)


@pytest.mark.parametrize("make_optimiser", [SGD, Adam])
@pytest.mark.parametrize(
    ("lr", "error"),
    [(0, ValueError), (-0.1, ValueError), (math.nan, ValueError), ("fast", TypeError), (True, TypeError)],
)
def test_a_step_size_is_positive(make_optimiser, lr, error):
    with pytest.raises(error, match="lr is a positive finite number; got"):
        make_optimiser(Parameters(np.ones(1)), lr)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"betas": (1.0, 0.999)}, "betas[0] is the share of a running mean"),
        ({"betas": (0.9, math.nan)}, "betas[1] is the share of a running mean"),
        ({"epsilon": 0.0}, "epsilon is a positive finite number; got 0.0"),
    ],
)
def test_adam_refuses_options_that_divide_by_zero(options, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Adam(Parameters(np.ones(1)), **options)
