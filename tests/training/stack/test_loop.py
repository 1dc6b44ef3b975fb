"""A stack trains exactly what a plain loop of autograd and torch.optim.Adam trains, network by network."""

import itertools

import pytest
import torch
from torch import nn

from dropout_lab.training.stack import StackedAdam, StackedMLP, fit_stack
from dropout_lab.training.stack.noise import StackNoise, coin_stream

SIZES = (4, 7, 5, 3)
N, BATCH, EPOCHS = 23, 8, 3
P = torch.tensor([[0.1, 0.3, 0.0], [0.0, 0.6, 0.25], [0.2, 0.2, 0.2]])
PENALTY = torch.tensor([0.0, 0.01, 0.003])


def generators(count=3):
    return [torch.Generator().manual_seed(100 + network) for network in range(count)]


def problem(dtype=torch.float64, classes=False):
    source = torch.Generator().manual_seed(1)
    x = torch.randn(3, N, SIZES[0], generator=source, dtype=dtype)
    y = torch.randint(3, (3, N), generator=source) if classes else torch.randn(3, N, 3, generator=source, dtype=dtype)
    return x, y


def plain_loop(network, x, y, activation, lr=0.01):
    """One network as anybody would write it: the reference, which shares nothing but the order of the draws."""
    generator = torch.Generator().manual_seed(100 + network)
    layers = [nn.Linear(a, b, dtype=x.dtype) for a, b in itertools.pairwise(SIZES)]
    with torch.no_grad():
        for layer in layers:
            bound = (6 / sum(layer.weight.shape)) ** 0.5
            weight = torch.empty(layer.weight.T.shape, dtype=x.dtype).uniform_(-bound, bound, generator=generator)
            layer.weight.copy_(weight.T)
            layer.bias.zero_()
    coins = StackNoise(P[network : network + 1].double(), SIZES[:-1], [coin_stream(generator)], x.dtype)
    net = nn.ModuleList(layers)
    adam = torch.optim.Adam(net.parameters(), lr=lr)
    for _ in range(EPOCHS):
        order = torch.randperm(N, generator=generator)
        noise = coins.draw(N)
        for start in range(0, N, BATCH):
            rows = order[start : start + BATCH]
            h = x[network][rows]
            for layer, xi in zip(layers, noise, strict=True):
                h = layer(h if xi is None else h * xi[0, start : start + BATCH])
                h = h if layer is layers[-1] else getattr(h, activation)()
            loss = nn.functional.cross_entropy(h, y[network][rows]) if y.dtype == torch.int64 else None
            loss = nn.functional.mse_loss(h, y[network][rows]) if loss is None else loss
            loss = loss + PENALTY[network].to(x.dtype) * sum(layer.weight.square().sum() for layer in layers)
            adam.zero_grad()
            loss.backward()
            adam.step()
    return layers


def trained(x, y, activation="relu", networks=slice(None)):
    chosen = generators()[networks]
    nets = StackedMLP(SIZES, P[networks], chosen, activation=activation, dtype=x.dtype)
    adam = StackedAdam(nets, lr=0.01, penalty=PENALTY[networks])
    losses = fit_stack(nets, x[networks], y[networks], optimiser=adam, epochs=EPOCHS, batch_size=BATCH)
    return nets, losses


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("classes", [False, True])
def test_a_stack_in_float64_equals_a_plain_loop_over_its_networks(activation, classes):
    x, y = problem(classes=classes)
    nets, _ = trained(x, y, activation)
    for network in range(3):
        for layer, weight, bias in zip(plain_loop(network, x, y, activation), nets.weights, nets.biases, strict=True):
            torch.testing.assert_close(weight[network].T, layer.weight.detach(), rtol=1e-11, atol=1e-13)
            torch.testing.assert_close(bias[network, 0], layer.bias.detach(), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_network_is_the_same_alone_and_in_any_stack(dtype):
    x, y = problem(dtype)
    together, losses = trained(x, y)
    for network in range(3):
        alone, loss = trained(x, y, networks=slice(network, network + 1))
        torch.testing.assert_close(alone.weights[0][0], together.weights[0][network])
        torch.testing.assert_close(loss[:, 0], losses[:, network])


def test_rows_shared_by_all_networks_are_the_rows_repeated():
    x, y = problem()
    shared, repeated = (StackedMLP(SIZES, P, generators(), dtype=x.dtype) for _ in range(2))
    options = {"epochs": 2, "batch_size": BATCH}
    fit_stack(shared, x[0], y[0], optimiser=StackedAdam(shared), **options)
    rows = (x[:1].expand(3, -1, -1), y[:1].expand(3, -1, -1))
    fit_stack(repeated, *rows, optimiser=StackedAdam(repeated), **options)
    torch.testing.assert_close(shared.parameters, repeated.parameters, rtol=0, atol=0)


def test_training_goes_on_where_it_stopped():
    x, y = problem()
    once, twice = (StackedMLP(SIZES, P, generators(), dtype=x.dtype) for _ in range(2))
    fit_stack(once, x, y, optimiser=StackedAdam(once), epochs=5, batch_size=BATCH)
    adam = StackedAdam(twice)
    for epochs in (2, 3):
        fit_stack(twice, x, y, optimiser=adam, epochs=epochs, batch_size=BATCH)
    torch.testing.assert_close(twice.parameters, once.parameters, rtol=0, atol=0)


def test_a_loss_of_ones_own_trains_as_the_built_in_one():
    x, y = problem()
    ours, own = (StackedMLP(SIZES, P, generators(), dtype=x.dtype) for _ in range(2))

    def squared(outputs, targets, total):
        total[:, : outputs.shape[1]] += (outputs - targets).square().mean(dim=2, keepdim=True)
        return 2 * (outputs - targets) / outputs.shape[1] / outputs.shape[2]

    options = {"epochs": 2, "batch_size": BATCH}
    losses = fit_stack(ours, x, y, optimiser=StackedAdam(ours), **options)
    own_losses = fit_stack(own, x, y, optimiser=StackedAdam(own), loss=squared, **options)
    torch.testing.assert_close(own.parameters, ours.parameters)
    torch.testing.assert_close(own_losses, losses)
    with pytest.raises(ValueError, match="a target for each row"):
        fit_stack(own, x, y[:, 1:], optimiser=StackedAdam(own), loss=squared, **options)


def test_training_leaves_the_global_generator_as_it_was():
    before = torch.get_rng_state()
    trained(*problem())
    assert torch.equal(torch.get_rng_state(), before)


def test_a_batch_larger_than_the_data_is_all_of_the_data():
    x, y = problem()
    nets = StackedMLP(SIZES, 0.0, generators(), dtype=x.dtype)
    losses = fit_stack(nets, x, y, optimiser=StackedAdam(nets), epochs=1, batch_size=1000)
    start = StackedMLP(SIZES, 0.0, generators(), dtype=x.dtype).predict(x)
    torch.testing.assert_close(losses[0], (start - y).square().mean(dim=(1, 2)))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"x": torch.zeros(3, N, 9, dtype=torch.float64)}, ValueError, "got shape"),
        ({"x": torch.zeros(3, N, 4)}, TypeError, "float32"),
        ({"y": torch.zeros(3, N, 2, dtype=torch.float64)}, ValueError, "to regress on"),
        ({"y": torch.full((3, N), 3)}, ValueError, "classes run from 0 to 2"),
        ({"y": torch.zeros(3, N, dtype=torch.int32)}, TypeError, "int32"),
        ({"epochs": 0}, ValueError, "epochs"),
        ({"batch_size": 2.5}, TypeError, "batch_size"),
    ],
)
def test_what_does_not_fit_is_refused(change, error, words):
    x, y = problem()
    nets = StackedMLP(SIZES, P, generators(), dtype=torch.float64)
    arguments = {"x": x, "y": y, "optimiser": StackedAdam(nets), "epochs": 1, "batch_size": BATCH} | change
    with pytest.raises(error, match=words):
        fit_stack(nets, **arguments)


def test_the_optimiser_of_another_stack_is_refused():
    x, y = problem()
    nets, other = (StackedMLP(SIZES, P, generators(), dtype=torch.float64) for _ in range(2))
    with pytest.raises(ValueError, match="another stack"):
        fit_stack(nets, x, y, optimiser=StackedAdam(other), epochs=1, batch_size=BATCH)
