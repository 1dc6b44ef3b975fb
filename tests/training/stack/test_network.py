"""The networks of a stack: gradients by central differences, passes with the mean and variance they must have."""

import copy

import pytest
import torch

from dropout_lab.training.stack import StackedMLP
from dropout_lab.training.stack.noise import StackNoise


def generators(count, seed=0):
    return [torch.Generator().manual_seed(seed + network) for network in range(count)]


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("sizes", [(3, 4, 1), (3, 5, 4, 2), (2, 1), (3, 1, 2)])
def test_the_gradient_is_that_of_central_differences(activation, sizes):
    nets = StackedMLP(sizes, 0.3, generators(2), activation=activation, dtype=torch.float64)
    source = torch.Generator().manual_seed(9)
    x = torch.randn(2, 6, sizes[0], generator=source, dtype=torch.float64)
    noise = [xi.clone() for xi in StackNoise(nets.p, sizes[:-1], nets.streams, torch.float64).draw(6)]
    weight = torch.randn(2, 6, sizes[-1], generator=source, dtype=torch.float64)
    for bias in nets.biases:  # a row without a kept input stands at the kink of a ReLU while biases are 0
        bias.normal_(generator=source)
    nets.backward(nets.forward(x, noise), noise, weight)
    for index in range(len(nets.parameters)):
        values = []
        for step in (1e-6, -1e-6):
            moved = copy.deepcopy(nets.parameters)
            nets.parameters[index] += step
            values.append((nets.forward(x, noise)[-1] * weight).sum())
            nets.parameters.copy_(moved)
        torch.testing.assert_close((values[0] - values[1]) / 2e-6, nets.gradient[index], rtol=1e-5, atol=1e-7)


def test_predict_keeps_every_unit_and_is_that_of_each_network():
    nets = StackedMLP((3, 4, 2), 0.5, generators(2), weights="torch")
    x = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(3))
    for network in range(2):
        h = (x[network] @ nets.weights[0][network] + nets.biases[0][network]).relu()
        expected = h @ nets.weights[1][network] + nets.biases[1][network]
        torch.testing.assert_close(nets.predict(x)[network], expected)
        torch.testing.assert_close(nets.predict(x[network])[network], expected)


@pytest.mark.parametrize("rule", ["glorot", "torch"])
def test_weights_start_uniform_within_their_bound(rule):
    nets = StackedMLP((40, 60), 0.1, generators(3), weights=rule)
    bound = (6 / 100) ** 0.5 if rule == "glorot" else 40**-0.5
    assert nets.weights[0].abs().max() <= bound
    n = nets.weights[0].numel()
    variance, fourth = bound**2 / 3, bound**4 / 5
    assert abs(nets.weights[0].square().mean() - variance) < 5 * ((fourth - variance**2) / n) ** 0.5
    assert bool((nets.biases[0] == 0).all()) == (rule == "glorot")


def test_the_views_are_the_parameters():
    nets = StackedMLP((3, 4, 2), 0.1, generators(2))
    nets.parameters.fill_(7.0)
    assert all(bool((view == 7).all()) for view in (*nets.weights, *nets.biases))
    assert sum(view.numel() for view in (*nets.weights, *nets.biases)) == len(nets.parameters)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (((3, 1), 1.0, 2), ValueError, "p = 1 drops every unit"),
        (((3, 1), float("nan"), 2), ValueError, "probability that a unit is dropped"),
        (((3, 4, 1), [0.1, 0.1, 0.1], 2), ValueError, "one for each of the 2 sites"),
        (((3,), 0.1, 2), ValueError, "at least the number of inputs"),
        (((3, 0), 0.1, 2), ValueError, "every size"),
        (((3, 1), 0.1, 0), TypeError, "got none"),
    ],
)
def test_what_makes_no_stack_is_refused(arguments, error, words):
    sizes, p, count = arguments
    with pytest.raises(error, match=words):
        StackedMLP(sizes, p, generators(count))


def test_a_shared_generator_and_a_seed_are_refused():
    generator = torch.Generator()
    with pytest.raises(ValueError, match="share a generator"):
        StackedMLP((3, 1), 0.1, [generator, generator])
    with pytest.raises(TypeError, match="manual_seed"):
        StackedMLP((3, 1), 0.1, [0, 1])
    with pytest.raises(TypeError, match="sequence"):
        StackedMLP((3, 1), 0.1, generator)


def test_an_unknown_activation_or_start_is_refused():
    for option in ({"activation": "gelu"}, {"weights": "orthogonal"}):
        with pytest.raises(ValueError, match="activation is 'relu' or 'tanh'"):
            StackedMLP((3, 1), 0.1, generators(1), **option)
