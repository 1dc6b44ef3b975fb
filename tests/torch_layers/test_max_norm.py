import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from dropout_lab.torch_layers import max_norm_

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
shapes = st.lists(st.integers(1, 6), min_size=2, max_size=4).map(tuple)


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@given(shape=shapes, c=st.floats(1e-3, 1e3), seed=st.integers(0, 999))
def test_no_unit_is_longer_than_c_and_shorter_ones_keep_their_bits(shape, c, seed):
    weight = numbers(*shape, seed=seed)
    before = weight.clone()
    max_norm_(weight, c)
    norms = before.flatten(1).norm(dim=1)
    assert bool((weight.flatten(1).norm(dim=1) <= c * (1 + 1e-14)).all())
    assert torch.equal(weight[norms <= c], before[norms <= c])


@given(shape=shapes, c=st.floats(1e-3, 1e3), seed=st.integers(0, 999))
def test_it_is_renorm_of_torch_but_for_its_tiny_margin(shape, c, seed):
    weight = numbers(*shape, seed=seed)
    expected = torch.renorm(weight, p=2, dim=0, maxnorm=c)  # divides by ‖w‖ + 1e-7
    norms = weight.flatten(1).norm(dim=1)
    margin = 1e-7 / norms.clamp(min=c).min().item()
    torch.testing.assert_close(max_norm_(weight, c), expected, rtol=2 * margin + 1e-14, atol=0)


@pytest.mark.parametrize("module", [nn.Linear(5, 4), nn.Conv2d(3, 4, 3), nn.Conv1d(3, 4, 2)])
def test_a_parameter_stays_the_same_leaf_and_autograd_sees_nothing(module):
    weight, address = module.weight, module.weight.data_ptr()
    assert max_norm_(module.weight, 0.1) is weight
    assert (weight.data_ptr(), weight.is_leaf, weight.requires_grad, weight.grad_fn) == (address, True, True, None)
    assert bool((weight.flatten(1).norm(dim=1) <= 0.1 * (1 + 1e-6)).all())


@pytest.mark.parametrize("axis", [1, -1])
def test_the_axis_of_the_units_can_be_another(axis):
    weight = numbers(5, 3) * 10
    expected = max_norm_(weight.T.clone(), 2.0).T
    torch.testing.assert_close(max_norm_(weight, 2.0, axis=axis), expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_dtype_is_kept_and_large_weights_do_not_overflow(dtype):
    weight = torch.full((2, 9), 300.0, dtype=dtype)
    max_norm_(weight, 3.0)
    assert weight.dtype == dtype
    torch.testing.assert_close(weight, torch.ones_like(weight), rtol=2 * torch.finfo(dtype).eps, atol=0)


def test_zero_weights_stay_zero():
    assert torch.equal(max_norm_(torch.zeros(2, 3), 1.0), torch.zeros(2, 3))


def test_after_every_step_of_training_the_bound_holds_and_momentum_is_left_alone():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = nn.Linear(5, 3)
    optimizer = torch.optim.SGD(layer.parameters(), lr=5.0, momentum=0.9)
    for step in range(20):
        optimizer.zero_grad()
        nn.functional.cross_entropy(layer(numbers(20, 5).float()), torch.arange(20) % 3).backward()
        optimizer.step()
        momentum = optimizer.state[layer.weight]["momentum_buffer"].clone()
        max_norm_(layer.weight, 0.5)
        assert torch.equal(optimizer.state[layer.weight]["momentum_buffer"], momentum)
        assert bool((layer.weight.norm(dim=1) <= 0.5 * (1 + 1e-6)).all()), step


@pytest.mark.parametrize(
    ("parameter", "c", "options", "error", "words"),
    [
        (torch.ones(3), 1.0, {}, ValueError, "a row a unit; got (3,). A bias has no incoming weights: leave it alone."),
        (torch.ones(2, 3).long(), 1.0, {}, TypeError, "use parameter.float()"),
        ([[1.0]], 1.0, {}, TypeError, "parameter is a tensor of floats; got list"),
        (torch.ones(2, 3), 0, {}, ValueError, "c is a positive finite number; got 0"),
        (torch.ones(2, 3), math.nan, {}, ValueError, "got nan"),
        (torch.ones(2, 3), "3", {}, TypeError, "got '3'"),
        (torch.ones(2, 3), 1.0, {"axis": 2}, ValueError, "axis is a tuple of axes of an array with 2 axes"),
    ],
)
def test_bad_input_is_refused(parameter, c, options, error, words):
    with pytest.raises(error, match=re.escape(words)):
        max_norm_(parameter, c, **options)
