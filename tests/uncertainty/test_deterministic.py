"""The deterministic pass: equal to the closed forms where they are exact, near to samples elsewhere."""

import numpy as np
import pytest
import torch
from torch import nn

from dropout_lab.moments_fast import dropout_moments, relu_moments, sigmoid_moments
from dropout_lab.torch_layers import DropConnectLinear, Dropout, GaussianDropout
from dropout_lab.uncertainty import moment_predict


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def seeded(make):
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return make().double()


def inputs(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=generator(1))


@pytest.mark.parametrize(("layer", "through"), [(nn.ReLU(), relu_moments), (nn.Sigmoid(), sigmoid_moments)])
@pytest.mark.parametrize("drop", [nn.Dropout, Dropout, GaussianDropout])
def test_every_step_is_that_of_the_arrays(layer, through, drop):
    model = seeded(lambda: nn.Sequential(drop(0.2), nn.Linear(5, 4), layer, nn.Sequential(drop(0.3), nn.Linear(4, 2))))
    x = inputs(3, 5)
    first, last = model[1], model[3][1]

    def linear(layer, mean, variance):
        weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        return mean @ weight.T + bias, variance @ (weight**2).T

    expected = linear(first, *dropout_moments(x.numpy(), np.zeros((3, 5)), 0.2))
    expected = linear(last, *dropout_moments(*through(*expected), 0.3))
    for found, wanted in zip(moment_predict(model, x), expected, strict=True):
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-9, atol=1e-12)


def test_one_dropconnect_layer_has_its_own_moments():
    layer, x = seeded(lambda: DropConnectLinear(5, 4, 0.3)), inputs(3, 5)
    for found, wanted in zip(moment_predict(layer, x), layer.moments(x), strict=True):
        torch.testing.assert_close(found, wanted.detach())


def test_one_linear_layer_agrees_with_its_samples_within_five_standard_errors():
    n = 100_000
    model = seeded(lambda: nn.Sequential(Dropout(0.2, generator()), nn.Linear(30, 2)))
    x = inputs(1, 30)
    mean, variance = moment_predict(model, x)
    with torch.no_grad():
        samples = model(x.expand(n, 30))
    centred = (samples - mean) ** 2
    assert ((samples.mean(0) - mean).abs() < 5 * (variance / n).sqrt()).all()
    assert ((centred.mean(0) - variance).abs() < 5 * centred.std(0) / n**0.5).all()


@pytest.mark.parametrize(("activation", "of_mean", "of_sd"), [(nn.ReLU, 0.1, 0.2), (nn.Sigmoid, 0.1, 0.2)])
def test_two_hidden_layers_are_near_to_a_hundred_thousand_samples(activation, of_mean, of_sd):
    def network():
        first = nn.Sequential(nn.Linear(8, 50), activation(), Dropout(0.1, generator(1)))
        return nn.Sequential(first, nn.Linear(50, 50), activation(), Dropout(0.1, generator(2)), nn.Linear(50, 1))

    n, model, rows = 100_000, seeded(network), inputs(4, 8)
    mean, variance = moment_predict(model, rows)
    for row in range(len(rows)):
        with torch.no_grad():
            samples = model(rows[row].expand(n, 8))
        sd = samples.std().item()
        assert abs(mean[row].item() - samples.mean().item()) < of_mean * sd
        assert abs(variance[row].item() ** 0.5 / sd - 1) < of_sd


def test_the_mode_and_the_parameters_rest_and_the_mode_does_not_matter():
    model, x = seeded(lambda: nn.Sequential(nn.Dropout(0.2), nn.Linear(5, 4), nn.ReLU())), inputs(3, 5)
    before = torch.get_rng_state()
    training = moment_predict(model.train(), x)
    assert model[0].training
    evaluating = moment_predict(model.eval(), x)
    assert not model[0].training
    assert all(torch.equal(first, second) for first, second in zip(training, evaluating, strict=True))
    assert torch.equal(before, torch.get_rng_state())


def test_maps_are_flattened():
    model, x = seeded(lambda: nn.Sequential(nn.Dropout(0.2), nn.Flatten(), nn.Linear(12, 2))), inputs(3, 4, 3)
    flat = moment_predict(nn.Sequential(model[0], model[2]), x.reshape(3, 12))
    for found, wanted in zip(moment_predict(model, x), flat, strict=True):
        torch.testing.assert_close(found, wanted)


class Doubled(nn.Dropout):
    """A subclass with a forward of its own."""

    def forward(self, h):
        return 2 * super().forward(h)


@pytest.mark.parametrize("layer", [nn.Tanh(), nn.Conv1d(1, 1, 1), Doubled(0.2), nn.BatchNorm1d(5)])
def test_what_is_not_covered_is_refused_by_name(layer):
    model = nn.Sequential(nn.Dropout(0.2), nn.Sequential(nn.Linear(5, 5), layer))
    with pytest.raises(TypeError, match=rf"no moments for 1\.1 \({type(layer).__name__}\)"):
        moment_predict(model, torch.ones(2, 5))


def test_a_model_without_dropout_one_that_drops_all_and_integers_are_refused():
    with pytest.raises(ValueError, match="no dropout that is active"):
        moment_predict(nn.Sequential(nn.Linear(5, 4), nn.Dropout(0.0)), torch.ones(2, 5))
    with pytest.raises(ValueError, match=r"0 \(Dropout\) drops everything"):
        moment_predict(nn.Sequential(nn.Dropout(1.0), nn.Linear(5, 4)), torch.ones(2, 5))
    with pytest.raises(TypeError, match="real floats"):
        moment_predict(nn.Sequential(nn.Dropout(0.2)), torch.ones(2, 5, dtype=torch.int64))
