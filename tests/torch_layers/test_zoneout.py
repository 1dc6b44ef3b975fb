import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from dropout_lab.torch_layers import ZoneoutRNN, bernoulli_mask, recurrent_step, zoneout


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def two_states(*shape):
    return torch.randn(2, *shape, dtype=torch.float64, generator=generator())


@given(st.floats(0, 1), st.integers(0, 999))
def test_every_unit_is_the_new_one_where_the_update_is_kept_and_else_the_last(p, seed):
    previous, current = two_states(4, 5)
    mask = bernoulli_mask((4, 5), p, generator(seed))
    state = zoneout(previous, current, p, generator=generator(seed))
    assert torch.equal(state[mask], current[mask])
    assert torch.equal(state[~mask], previous[~mask])


@pytest.mark.parametrize("p", [0.05, 0.2, 0.9])
def test_eval_is_the_mean_over_masks(p):
    previous, current = two_states(3, 2)
    n = 20_000
    passes = zoneout(previous.expand(n, 3, 2), current.expand(n, 3, 2), p, generator=generator(1))
    expected = zoneout(previous, current, p, training=False)
    torch.testing.assert_close(expected, p * previous + (1 - p) * current)
    errors = (current - previous).abs() * math.sqrt(p * (1 - p) / n)
    assert bool(((passes.mean(dim=0) - expected).abs() < 5 * errors).all())


@pytest.mark.parametrize("training", [True, False])
def test_at_zero_every_update_happens_and_at_one_none(training):
    previous, current = two_states(3, 2)
    assert torch.equal(zoneout(previous, current, 0.0, training=training), current)
    assert torch.equal(zoneout(previous, current, 1.0, training=training), previous)


def test_gradients_flow_to_the_last_state_where_the_update_is_dropped():
    previous, current = (state.requires_grad_() for state in two_states(4, 5))
    mask = bernoulli_mask((4, 5), 0.3, generator())
    assert torch.autograd.gradcheck(lambda *states: zoneout(*states, 0.3, mask=mask), (previous, current))
    zoneout(previous, current, 0.3, mask=mask).sum().backward()
    assert torch.equal(current.grad, mask.double())
    assert torch.equal(previous.grad, (~mask).double())


def test_an_lstm_makes_its_new_h_from_the_memory_before_zoneout():
    cell, x = nn.LSTMCell(3, 5).double(), torch.randn(2, 1, 3, dtype=torch.float64, generator=generator())
    start = tuple(two_states(2, 5))
    masks = [bernoulli_mask((2, 1, 5), 0.5, generator(seed)) for seed in (1, 2)]
    _, (h, c) = ZoneoutRNN(cell, 0.5)(x, start, mask=masks[0], memory_mask=masks[1])
    new_h, new_c = recurrent_step(x[:, 0], start, cell)
    torch.testing.assert_close(h, torch.where(masks[0][:, 0], new_h, start[0]))
    torch.testing.assert_close(c, torch.where(masks[1][:, 0], new_c, start[1]))


@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell])
def test_after_eval_each_step_takes_the_mean(kind):
    cell, h = kind(3, 5).double(), torch.randn(2, 4, 3, dtype=torch.float64, generator=generator())
    rates, state = (0.2, 0.6), (torch.zeros(2, 5).double(),) * (2 if kind is nn.LSTMCell else 1)
    out, _ = ZoneoutRNN(cell, rates[0], p_memory=rates[1]).eval()(h)
    for step in range(4):
        new = recurrent_step(h[:, step], state, cell)
        state = tuple(p * old + (1 - p) * part for p, old, part in zip(rates, state, new, strict=False))
        torch.testing.assert_close(out[:, step], state[0])


def test_a_state_that_is_never_updated_stays():
    start = (torch.ones(2, 5), torch.ones(2, 5))
    _, state = ZoneoutRNN(nn.LSTMCell(3, 5), 1.0)(torch.ones(2, 4, 3), start)
    assert all(torch.equal(part, first) for part, first in zip(state, start, strict=True))


def test_h_and_memory_have_a_p_of_their_own_which_is_checked_and_shown():
    layer = ZoneoutRNN(nn.LSTMCell(3, 5), 0.1, p_memory=0.5)
    assert repr(layer).splitlines()[1].strip() == "p=0.1, p_memory=0.5"
    with pytest.raises(ValueError, match="p_memory is the probability"):
        layer.p_memory = 1.2


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((torch.ones(2), torch.ones(3), 0.2), ValueError, "one shape; got (2,) and (3,)"),
        ((torch.ones(2).long(), torch.ones(2), 0.2), TypeError, "previous must hold real floats"),
        ((torch.ones(2), torch.ones(2), 1.2), ValueError, "pass p = 1 - q"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_states_that_do_not_fit_are_an_error_in_both_modes(arguments, error, words, training):
    with pytest.raises(error, match=re.escape(words)):
        zoneout(*arguments, training=training)
