import copy
import math
import re

import pytest
import torch
from torch import nn

from dropout_lab.torch_layers import Standout, bernoulli_mask


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def inputs(n=6):
    return torch.randn(n, 4, dtype=torch.float64, generator=generator(1))


def layer(source=None, **options):
    with torch.random.fork_rng():
        torch.manual_seed(6)
        return Standout(nn.Linear(4, 5), source, **options).double()


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (-2.0, 0.5)])
def test_eval_is_the_activation_times_its_keep_probability_and_training_times_its_coin(alpha, beta):
    module, h = layer(alpha=alpha, beta=beta, activation=torch.tanh), inputs()
    u = module.linear(h)
    mask = bernoulli_mask((6, 5), 0.3, generator())
    torch.testing.assert_close(module(h, mask), u.tanh() * mask)
    torch.testing.assert_close(module.eval()(h), u.tanh() / (1 + torch.exp(-(alpha * u + beta))))
    assert torch.equal(module(h), module(h, mask))


def test_each_unit_is_kept_with_its_own_probability_and_the_mean_over_masks_is_eval():
    n = 20_000
    module, h = layer(generator(2), beta=0.5, activation=lambda u: u + 3), inputs(1).expand(20_000, 4)
    with torch.no_grad():
        u, out = module.linear(h[:1]), module(h)
        keep_prob = torch.sigmoid(u + 0.5)
        errors = (keep_prob * (1 - keep_prob) / n).sqrt()
        assert bool((((out != 0).double().mean(dim=0) - keep_prob).abs() < 5 * errors).all())
        assert bool(((out.mean(dim=0) - module.eval()(h[:1])).abs() < 5 * errors * (u + 3).abs()).all())
        assert bool(((out == 0) | (out == module.activation(module.linear(h)))).all())


@pytest.mark.parametrize("p", [0.1, 0.7])
def test_with_a_slope_of_zero_it_is_dropout_scaled_at_test_time(p):
    module, h = layer(generator(3), alpha=0.0, beta=math.log((1 - p) / p)), inputs(20_000)
    with torch.no_grad():
        u = module.linear(h).relu()
        dropped = (module(h) == 0)[u > 0].double()
        assert abs(dropped.mean().item() - p) < 5 * math.sqrt(p * (1 - p) / dropped.numel())
        torch.testing.assert_close(module.eval()(h), (1 - p) * u)


def test_gradients_flow_through_kept_units_and_not_through_the_coins():
    module, h, mask = layer(activation=torch.tanh), inputs().requires_grad_(), bernoulli_mask((6, 5), 0.3, generator())
    assert torch.autograd.gradcheck(lambda h: module(h, mask), (h,))
    (ours,) = torch.autograd.grad(module(h, mask).sum(), h)
    (expected,) = torch.autograd.grad((module.linear(h).tanh() * mask).sum(), h)
    torch.testing.assert_close(ours, expected)
    assert torch.autograd.gradcheck(lambda h: module.eval()(h), (h,))


@pytest.mark.parametrize(("beta", "factor"), [(1000.0, 1), (-1000.0, 0)])
def test_the_ends_of_the_range_are_finite(beta, factor):
    module, h = layer(beta=beta), inputs()
    for out in (module(h), module.eval()(h)):
        assert torch.equal(out, factor * module.linear(h).relu())


def test_two_calls_differ_the_same_state_agrees_and_a_given_mask_draws_nothing():
    module, before = layer(generator(1), activation=torch.tanh), torch.get_rng_state()
    first = module(inputs())
    assert not torch.equal(first, module(inputs()))
    assert torch.equal(first, layer(generator(1), activation=torch.tanh)(inputs()))
    state = module.generator.get_state()
    module(inputs(), torch.ones(6, 5).bool())
    assert torch.equal(state, module.generator.get_state())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_dtype_is_kept(dtype):
    module = layer().to(dtype)
    assert module(inputs().to(dtype)).dtype == module.eval()(inputs().to(dtype)).dtype == dtype


def test_copy_state_and_print():
    module, other = layer(generator(1), beta=2.0), Standout(nn.Linear(4, 5), beta=2.0).double()
    again = copy.deepcopy(module)
    assert repr(again).splitlines()[1].strip() == "p=1 - sigmoid(1.0 u + 2.0)"
    assert torch.equal(module(inputs()), again(inputs()))
    other.load_state_dict(module.state_dict())
    assert torch.equal(other.eval()(inputs()), module.eval()(inputs()))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Standout(nn.Conv1d(4, 5, 1)), TypeError, "linear is an nn.Linear; got Conv1d"),
        (lambda: layer(0), TypeError, "manual_seed(0)"),
        (lambda: layer(alpha="1"), TypeError, "alpha is a finite number; got '1'"),
        (lambda: layer(beta=math.nan), ValueError, "beta is a finite number; got nan"),
        (lambda: layer()(inputs().long()), TypeError, "real floats"),
        (lambda: layer()(inputs(), torch.ones(6, 4).bool()), ValueError, "the output, (6, 5); got (6, 4)"),
    ],
)
def test_bad_input_is_an_error_that_says_what_is_wanted(make, error, words):
    with pytest.raises(error, match=re.escape(words)):
        make()
