import itertools
import math
import random

import numpy as np
import pytest
import torch
from torch import nn

from dropout_lab.torch_layers import Dropout
from dropout_lab.uncertainty import mc_predict, predictive_mean, predictive_variance

RATES = (0.05, 0.2, 0.5, 0.9)
D, H = 3, 5
x = torch.randn(4, D, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def one_hidden_layer(p):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(D, H), nn.Tanh(), nn.Dropout(p), nn.Linear(H, 1)).double()


def enumerated(model, p):
    """Exact mean, variance and fourth central moment of the output over all 2ᴴ masks, (N,) each."""
    with torch.no_grad():
        hidden = model[1](model[0](x))
        masks = torch.tensor(list(itertools.product([0.0, 1.0], repeat=H)), dtype=torch.float64)
        weights = (p ** (1 - masks) * (1 - p) ** masks).prod(dim=1)
        outputs = torch.stack([model[3](hidden * mask / (1 - p))[:, 0] for mask in masks])
        mean = weights @ outputs
        return mean, weights @ (outputs - mean) ** 2, weights @ (outputs - mean) ** 4


# The samples


@pytest.mark.parametrize("p", RATES)
def test_mean_and_variance_are_those_of_all_masks_within_five_standard_errors(p):
    model, n_samples = one_hidden_layer(p), 4000
    samples = mc_predict(model, x, n_samples=n_samples, generator=generator())[..., 0]
    mean, variance, fourth = enumerated(model, p)
    assert bool(((predictive_mean(samples) - mean).abs() < 5 * (variance / n_samples).sqrt()).all())
    # Var[S²] = (μ₄ - σ⁴ (T-3)/(T-1)) / T
    error = ((fourth - variance**2 * (n_samples - 3) / (n_samples - 1)) / n_samples).sqrt()
    assert bool(((predictive_variance(samples) - variance).abs() < 5 * error).all())


def test_the_rows_of_a_batch_have_masks_of_their_own():
    # equal rows: with one mask for all of them the difference of two rows would be 0 in every pass
    model, n_samples = one_hidden_layer(0.3), 2000
    samples = mc_predict(model, x[:1].expand(2, D), n_samples=n_samples, generator=generator())[..., 0]
    correlation = torch.corrcoef(samples.T)[0, 1].item()
    assert abs(correlation) < 5 / math.sqrt(n_samples)


def test_successive_passes_are_uncorrelated():
    samples = mc_predict(one_hidden_layer(0.3), x[:1], n_samples=2000, generator=generator())[:, 0, 0]
    correlation = torch.corrcoef(torch.stack([samples[:-1], samples[1:]]))[0, 1].item()
    assert abs(correlation) < 5 / math.sqrt(1999)


def test_two_layers_at_the_same_rate_have_masks_of_their_own():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Dropout(0.3), Dropout(0.3, torch.Generator())

        def forward(self, h):
            return torch.stack([self.first(h), self.second(h)], dim=1)

    samples = mc_predict(Pair(), torch.ones(1, 2000), n_samples=1, generator=generator())[0, 0]
    assert abs(torch.corrcoef(samples)[0, 1].item()) < 5 / math.sqrt(2000)


def test_samples_have_the_passes_on_axis_0_and_record_no_gradient():
    samples = mc_predict(one_hidden_layer(0.3), x, n_samples=7)
    assert samples.shape == (7, 4, 1)
    assert samples.dtype == torch.float64
    assert not samples.requires_grad
    assert not samples.is_inference()


def test_a_single_pass_is_a_sample_too():
    assert mc_predict(one_hidden_layer(0.3), x, n_samples=1).shape == (1, 4, 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_dtype_of_the_model_is_kept(dtype):
    assert mc_predict(one_hidden_layer(0.3).to(dtype), x.to(dtype), n_samples=2).dtype == dtype


class Keywords(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.3)

    def forward(self, first, second, *, sign=1.0):
        return self.drop(first + sign * second)


def test_tuples_are_positional_and_dicts_are_keyword_arguments():
    by_position = mc_predict(Keywords(), (x, 2 * x), n_samples=3, generator=generator())
    by_name = mc_predict(Keywords(), {"second": 2 * x, "first": x}, n_samples=3, generator=generator())
    assert torch.equal(by_position, by_name)
    negative = mc_predict(Keywords(), {"first": x, "second": 2 * x, "sign": -1.0}, n_samples=3, generator=generator())
    assert not torch.equal(by_name, negative)


# Randomness


def test_the_same_generator_state_gives_the_same_samples_and_moves_on():
    model, source = one_hidden_layer(0.3), generator(5)
    first, second = (mc_predict(model, x, n_samples=20, generator=source) for _ in range(2))
    assert torch.equal(first, mc_predict(model, x, n_samples=20, generator=generator(5)))
    assert not torch.equal(first, second)


def test_fewer_passes_are_the_first_of_more():
    model = one_hidden_layer(0.3)
    few, many = (mc_predict(model, x, n_samples=t, generator=generator(5)) for t in (3, 9))
    torch.testing.assert_close(few, many[:3])


def test_without_a_generator_two_calls_differ_whatever_the_global_seed():
    model, calls = one_hidden_layer(0.3), []
    with torch.random.fork_rng():
        for _ in range(2):
            torch.manual_seed(0)
            calls.append(mc_predict(model, x, n_samples=20))
    assert not torch.equal(*calls)


def test_the_generator_of_a_layer_may_be_the_one_passed():
    source = generator(5)
    model = Dropout(0.3, source)
    first, second = (mc_predict(model, x, n_samples=20, generator=source) for _ in range(2))
    assert not torch.equal(first, second)


# Everything else stays as it was


class Fragile(nn.Module):
    """Batch norm, dropout, a generator of its own, and an exception at a chosen pass."""

    def __init__(self):
        super().__init__()
        self.norm, self.drop, self.own = nn.BatchNorm1d(D), nn.Dropout(0.3), Dropout(0.2, generator(9))
        self.linear = nn.Linear(D, 1)
        self.failure, self.calls_left = None, 0

    def forward(self, h):
        self.calls_left -= 1
        h = self.own(self.drop(self.norm(h)))
        if self.failure is not None and self.calls_left <= 0:
            raise self.failure
        return self.linear(h)


def prepared():
    """A model with mixed modes, gradients, a frozen parameter, a NaN and a hook."""
    model = Fragile()
    model(x.float()).sum().backward()
    model.drop.eval()
    model.linear.bias.requires_grad_(False)
    model.norm.running_var[0] = math.nan
    model.linear.register_forward_hook(lambda module, args, output: None)
    return model


def everything(model):
    """What must be bit-identical afterwards."""
    tensors = [*model.parameters(), *model.buffers(), model.own.generator.get_state()]
    gradients = [parameter.grad for parameter in model.parameters()]
    return {
        "modes": [module.training for module in model.modules()],
        "objects": [id(tensor) for tensor in (*model.parameters(), *model.buffers(), *gradients)],
        "values": [tensor.detach().numpy().tobytes() for tensor in tensors],
        "gradients": [grad.numpy().tobytes() for grad in gradients],
        "flags": [tensor.requires_grad for tensor in model.parameters()],
        "hooks": [(dict(module._forward_hooks), dict(module._forward_pre_hooks)) for module in model.modules()],
        "global hooks": [
            dict(nn.modules.module._global_forward_hooks),
            dict(nn.modules.module._global_forward_pre_hooks),
        ],
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": np.random.get_state()[1].tobytes(),  # noqa: NPY002
        "python": random.getstate(),
        "gradient mode": torch.is_grad_enabled(),
    }


def test_the_model_and_all_random_states_are_bit_identical_afterwards():
    model = prepared()
    before = everything(model)
    mc_predict(model, x.float(), n_samples=5)
    assert everything(model) == before


@pytest.mark.parametrize("failure", [ZeroDivisionError("in forward"), KeyboardInterrupt()])
@pytest.mark.parametrize(  # while sites are sought, and during the passes, of which a replay takes one
    ("method", "at"), [("auto", 1), ("auto", 2), ("loop", 1), ("loop", 2), ("loop", 3), ("loop", 9)]
)
def test_the_model_and_all_random_states_are_bit_identical_after(failure, at, method):
    model = prepared()
    model.failure, model.calls_left = failure, at
    before = everything(model)
    with pytest.raises(type(failure)) as caught:
        mc_predict(model, x.float(), n_samples=8, method=method)
    assert caught.value is failure
    assert everything(model) == before


def test_a_frozen_batch_norm_never_sees_batch_statistics():
    model = nn.Sequential(nn.BatchNorm1d(D), nn.Dropout(0.3)).double()
    samples = mc_predict(model, 1000 + x, n_samples=50, generator=generator())
    assert float(samples.abs().max()) > 1000  # normalised by the batch it would be of order 1


def test_a_pending_backward_pass_still_works():
    model = one_hidden_layer(0.3)
    loss = model(x).sum()
    mc_predict(model, x, n_samples=3)
    loss.backward()
    assert model[0].weight.grad is not None


def test_the_inputs_are_not_modified_even_by_a_layer_that_works_in_place():
    inputs = x.clone()
    mc_predict(nn.Dropout(0.3, inplace=True), inputs, n_samples=5)
    assert torch.equal(inputs, x)


def test_a_model_may_predict_by_another_model_inside():
    class Inside(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.drop, self.source = one_hidden_layer(0.3), nn.Dropout(0.2), generator(3)

        def forward(self, h):
            return self.drop(mc_predict(self.inner, h, n_samples=4, generator=self.source).mean(dim=0))

    samples = mc_predict(Inside(), x, n_samples=6, generator=generator())
    assert samples.shape == (6, 4, 1)
    assert torch.equal(samples, mc_predict(Inside(), x, n_samples=6, generator=generator()))


# What a forward pass must not do


class ChangesMode(nn.Module):
    def __init__(self, mode):
        super().__init__()
        self.mode, self.norm, self.drop = mode, nn.BatchNorm1d(D), nn.Dropout(0.3)

    def forward(self, h):
        self.train(self.mode)
        return self.drop(self.norm(h))


@pytest.mark.parametrize(("mode", "name"), [(True, "norm"), (False, "the model itself")])
def test_train_or_eval_inside_forward_is_an_error(mode, name):
    model = ChangesMode(mode).eval().double()
    with pytest.raises(RuntimeError, match=f"changed the mode of {name}"):
        mc_predict(model, x, n_samples=3)
    assert not any(module.training for module in model.modules())
    assert model.norm.num_batches_tracked == 0


@pytest.mark.parametrize("at", [1, 2, 3, 4, 7])  # while sites are sought, in the first pass, and later
def test_a_mode_changed_in_any_pass_is_an_error(at):
    class Fickle(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop, self.calls = nn.Dropout(0.3), 0

        def forward(self, h):
            self.calls += 1
            if self.calls == at:
                self.drop.train(not self.drop.training)
            return self.drop(h)

    with pytest.raises(RuntimeError, match="changed the mode of drop"):
        mc_predict(Fickle(), x, n_samples=8, method="loop")


class OverwritesWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(D, D)

    def forward(self, h):
        if self.training:
            self.linear.weight.data.mul_(torch.rand(D, D) >= 0.3)
        return self.linear(h)


class CountsCalls(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.3)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, h):
        self.calls = self.calls + 1
        return self.drop(h)


@pytest.mark.parametrize(("kind", "name"), [(OverwritesWeights, "linear.weight"), (CountsCalls, "calls")])
def test_a_forward_pass_that_writes_into_the_model_is_an_error_and_is_undone(kind, name):
    model = kind()
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    with pytest.raises(RuntimeError, match=f"changed {name}"):
        mc_predict(model, x.float(), n_samples=3)
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[key])


def test_a_batch_norm_outside_the_module_tree_is_an_error():
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers, self.drop = [nn.BatchNorm1d(D)], nn.Dropout(0.3)

        def forward(self, h):
            return self.drop(self.layers[0](h))

    model = Hidden()
    with pytest.raises(ValueError, match=r"no registered submodule: .*nn\.ModuleList"):
        mc_predict(model, x.float(), n_samples=3)
    assert model.layers[0].num_batches_tracked == 0


# Bad input


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"n_samples": 0}, ValueError, "n_samples is a whole number of at least 1"),
        ({"n_samples": 2.5}, TypeError, "n_samples"),
        ({"n_samples": True}, TypeError, "n_samples"),
        ({"n_samples": 3, "generator": 0}, TypeError, r"torch.Generator\(\).manual_seed\(0\)"),
    ],
)
def test_bad_options_are_errors(options, error, text):
    with pytest.raises(error, match=text):
        mc_predict(one_hidden_layer(0.3), x, **options)


@pytest.mark.parametrize(
    ("inputs", "error", "text"),
    [
        ([x], TypeError, r"got list. .*pass \(inputs,\)"),
        (x.numpy(), TypeError, "got ndarray"),
        (torch.empty(0, D), ValueError, r"empty tensor \(shape \(0, 3\)\)"),
    ],
)
def test_bad_inputs_are_errors(inputs, error, text):
    with pytest.raises(error, match=text):
        mc_predict(one_hidden_layer(0.3), inputs, n_samples=3)


def test_a_class_or_a_function_is_no_model():
    with pytest.raises(TypeError, match="An instance is wanted"):
        mc_predict(nn.Dropout, x, n_samples=3)


def test_an_output_that_is_no_tensor_is_an_error():
    with pytest.raises(TypeError, match=r"must return one tensor.*got tuple"):
        mc_predict(nn.LSTM(D, D, 2, dropout=0.3).double(), x, n_samples=3)


def test_passes_of_different_shapes_are_an_error():
    class Ragged(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.3)

        def forward(self, h):
            h = self.drop(h)
            return h[h != 0]

    with pytest.raises(ValueError, match="every pass must give the same shape"):
        mc_predict(Ragged(), torch.ones(50, D), n_samples=50, generator=generator())
