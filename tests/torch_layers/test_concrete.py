import copy
import math
import re

import pytest
import torch
from torch import nn

from dropout_lab.torch_layers import ConcreteDropout, concrete_drop, logistic_noise
from dropout_lab.uncertainty import mc_predict


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def linear(p=0.2, dtype=torch.float64, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ConcreteDropout(nn.Linear(4, 3, dtype=dtype), p, generator(1), **options)


def rows(dtype=torch.float64):
    return torch.randn(5, 4, dtype=dtype, generator=generator(2))


def test_noise_is_logistic_within_five_standard_errors():
    noise = logistic_noise((400, 500), generator()).double()
    assert bool(noise.isfinite().all())
    assert abs(noise.mean().item()) < 5 * math.pi / math.sqrt(3 * noise.numel())
    for quantile in (0.05, 0.5, 0.9):  # P(ε < log q/(1-q)) = q
        share = (noise < math.log(quantile / (1 - quantile))).double().mean().item()
        assert abs(share - quantile) < 5 * math.sqrt(quantile * (1 - quantile) / noise.numel())
    maps = logistic_noise((2, 3, 4, 5), generator(), shared_axes=(2, 3))
    assert torch.equal(maps, maps[:, :, :1, :1].expand_as(maps))


@pytest.mark.parametrize("p", [0.05, 0.3, 0.8])
def test_a_coin_is_above_one_half_with_probability_p_at_any_temperature(p):
    noise = logistic_noise((100_000,), generator())
    for temperature in (0.01, 0.1, 1.0):
        share = (concrete_drop(torch.tensor(math.log(p / (1 - p))), noise, temperature) > 0.5).double().mean().item()
        assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / 100_000)


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_the_expectation_is_kept_in_the_limit_of_cold_coins(p):
    h, biases = torch.ones(1, 4, dtype=torch.float64).expand(100_000, 4), []
    for temperature in (0.01, 1.0):
        layer = linear(p, temperature=temperature)
        difference = layer(h).mean(dim=0) - layer.eval()(h[:1])[0]
        standard_error = layer.layer.weight.pow(2).sum(dim=1).mul(p / (1 - p) / 100_000).sqrt()
        biases.append((difference.abs() / standard_error).max().item())
    assert biases[0] < 6
    assert biases[1] > 20 or p == 0.5  # warm coins are biased towards one half, which at p = 0.5 is no bias


def test_p_is_learned_and_falls_without_the_regulariser():
    h = rows()
    y = h @ torch.ones(4, 3, dtype=torch.float64)
    learned = []
    for weight in (0.0, 3.0):
        layer = linear(0.2)
        optimiser = torch.optim.Adam(layer.parameters(), lr=0.05)
        for _ in range(200):
            optimiser.zero_grad()
            ((layer(h) - y).pow(2).mean() + weight * layer.kl()).backward()
            optimiser.step()
        learned.append(layer.p)
    assert learned[0] < 0.15 < 0.3 < learned[1]


def test_a_convolution_drops_whole_channels_and_counts_them_all_when_grouped():
    h = torch.ones(6, 4, 5, 5, dtype=torch.float64)
    layer = ConcreteDropout(nn.Conv2d(4, 2, 1, groups=2, bias=False).double(), 0.3, generator(), length_scale=1e-9)
    outputs = layer(h)
    assert torch.equal(outputs, outputs[:, :, :1, :1].expand_as(outputs))
    entropy = -0.3 * math.log(0.3) - 0.7 * math.log(0.7)
    assert math.isclose(layer.kl().item(), -4 * entropy, rel_tol=1e-6)
    with pytest.raises(ValueError, match=re.escape("(N, C, *) with 4 axes; got (4, 5, 5)")):
        layer(h[0])


def test_after_eval_it_is_the_layer_and_mc_predict_switches_it_on():
    layer, h = linear(0.4), rows()
    model = nn.Sequential(layer, nn.Tanh()).eval()
    assert torch.equal(model(h), layer.layer(h).tanh())
    samples = mc_predict(model, h, n_samples=8, generator=generator())
    assert bool((samples.var(dim=0) > 0).all())
    assert not layer.training


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_dtype_copies_and_state_dict(dtype):
    layer, h = linear(0.2, dtype), rows().to(dtype)
    assert layer(h).dtype == layer.kl().dtype == dtype
    twin, fresh = copy.deepcopy(layer), linear(0.7, dtype)
    noise = logistic_noise(h.shape, generator(5))
    fresh.load_state_dict(layer.state_dict())
    assert torch.equal(twin(h, noise), layer(h, noise))
    assert torch.equal(fresh(h, noise), layer(h, noise))
    assert repr(fresh).splitlines()[1].strip() == "p=0.200" or dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: ConcreteDropout(nn.ReLU()), TypeError, "layer is an nn.Linear or nn.Conv1d, 2d or 3d; got ReLU"),
        (lambda: linear(0.0), ValueError, "so it lies in (0, 1), ends excluded; got 0.0"),
        (lambda: linear(1.2), ValueError, "1.2"),
        (lambda: linear(temperature=0.0), ValueError, "temperature is a positive finite number; got 0.0"),
        (lambda: linear()(rows(), torch.ones(3)), ValueError, "(5, 4); got (3,)"),
        (lambda: ConcreteDropout(nn.Linear(2, 2), 0.1, 7), TypeError, "7"),
    ],
)
def test_bad_input_is_an_error_that_says_what_is_wrong(make, error, text):
    with pytest.raises(error, match=re.escape(text)):
        make()
