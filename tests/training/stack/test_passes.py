"""Passes of one network: those of a plain loop over the same masks, and of the mean and variance they must have."""

import pytest
import torch

from dropout_lab.training.stack import StackedMLP
from dropout_lab.training.stack.noise import StackNoise


def generators(count, seed=0):
    return [torch.Generator().manual_seed(seed + network) for network in range(count)]


def stack(sizes, p, activation="relu"):
    nets = StackedMLP(sizes, p, generators(2), activation=activation, dtype=torch.float64)
    for bias in nets.biases:
        bias.normal_(generator=torch.Generator().manual_seed(5))
    return nets


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize(
    ("sizes", "p"),
    [
        ((3, 4, 1), 0.3),  # passes with equal masks on the inputs, and more of them than outputs
        ((90, 4, 2), 0.3),  # more inputs than bits in a word, no two masks alike
        ((3, 6, 5, 2), [0.2, 0.3, 0.4]),
        ((3, 6, 5, 2), [0.0, 0.3, 0.0]),
        ((3, 6, 5, 2), [0.2, 0.0, 0.4]),
        ((3, 2), 0.4),
    ],
)
def test_passes_are_those_of_a_plain_loop_over_their_masks(sizes, p, activation):
    nets, twins = stack(sizes, p, activation), stack(sizes, p, activation)
    x = torch.randn(5, sizes[0], generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    [found] = nets.passes(x, 1, n_samples=40)
    noise = StackNoise(twins.p[1:], sizes[:-1], twins.streams[1:], torch.float64).draw(40)
    for t in range(40):
        h = x
        for layer, xi in enumerate(noise):
            h = h if layer == 0 else getattr(h, activation)()
            h = (h if xi is None else h * xi[0, t]) @ twins.weights[layer][1] + twins.biases[layer][1]
        torch.testing.assert_close(found[t], h, rtol=1e-12, atol=1e-12)


def test_a_linear_stack_has_passes_of_the_mean_and_variance_of_the_closed_form():
    nets = StackedMLP((50, 1), torch.tensor([[0.1], [0.4]]), generators(2), dtype=torch.float64)
    x = torch.ones(1, 50, dtype=torch.float64)
    for network, p in enumerate((0.1, 0.4)):
        samples = torch.cat(list(nets.passes(x, network, n_samples=12_000))).flatten()
        weight = nets.weights[0][network, :, 0]
        variance = p / (1 - p) * weight.square().sum()  # (p / q) Σ w² h²
        error = (variance / samples.numel()) ** 0.5
        assert abs(samples.mean() - nets.predict(x)[network].mean()) < 5 * error
        assert abs(samples.var() - variance) < 5 * variance * (2 / samples.numel()) ** 0.5 * 1.5


def test_pieces_add_up_to_the_passes_and_at_p_0_each_is_the_prediction():
    nets = StackedMLP((3, 4, 2), 0.0, generators(2))
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(3))
    pieces = list(nets.passes(x, 1, n_samples=7, values=2 * 10))
    assert [len(piece) for piece in pieces] == [2, 2, 2, 1]
    for piece in pieces:
        torch.testing.assert_close(piece, nets.predict(x)[1].expand_as(piece))


def test_passes_want_the_rows_of_one_network_and_at_least_one_pass():
    nets = StackedMLP((3, 1), 0.1, generators(2))
    with pytest.raises(ValueError, match="network by network"):
        next(nets.passes(torch.zeros(2, 4, 3), 0, n_samples=3))
    with pytest.raises(ValueError, match="n_samples"):
        next(nets.passes(torch.zeros(4, 3), 0, n_samples=0))
