import math

import pytest
import torch
from torch import nn

from dropout_lab.torch_layers import VariationalRNN, bernoulli_mask


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("p", [0.2, 0.7])
def test_lstm_masks_on_inputs_and_state_are_masks_on_the_columns_of_its_weights(p):
    cell, h = nn.LSTMCell(3, 5).double(), torch.randn(1, 6, 3, dtype=torch.float64, generator=generator())
    of_input, of_state = bernoulli_mask((1, 3), p, generator(1)), bernoulli_mask((1, 5), 0.4, generator(2))
    out, (last, memory) = VariationalRNN(cell, p, p_state=0.4)(h, input_mask=of_input, state_mask=of_state)
    whole = nn.LSTM(3, 5, batch_first=True).double()
    whole.load_state_dict({f"{name}_l0": weight for name, weight in cell.state_dict().items()})
    with torch.no_grad():
        whole.weight_ih_l0.mul_(of_input.double() / (1 - p))
        whole.weight_hh_l0.mul_(of_state.double() / (1 - 0.4))
    expected, (expected_last, expected_memory) = whole(h)
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close((last, memory), (expected_last[0], expected_memory[0]), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell])
@pytest.mark.parametrize("p", [0.1, 0.4])
def test_an_input_is_dropped_at_all_steps_or_at_none(kind, p):
    # the gradient for an input is zero where it is dropped
    n, h = 3000, torch.ones(3000, 3, 4, requires_grad=True)
    VariationalRNN(kind(4, 5), p, generator(3), p_state=0.0)(h)[0].sum().backward()
    dropped = h.grad == 0
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert abs(dropped[:, 0].double().mean().item() - p) < 5 * math.sqrt(p * (1 - p) / (4 * n))


@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell])
def test_each_mask_has_a_p_of_its_own(kind):
    h = torch.randn(4, 6, 3, generator=generator())
    for p, p_state in [(0.0, 0.5), (0.5, 0.0)]:
        layer = VariationalRNN(kind(3, 5), p, generator(4), p_state=p_state)
        assert repr(layer).splitlines()[1].strip() == f"p={p}, p_state={p_state}"
        assert not torch.equal(layer(h)[0], layer(h)[0])
        # the first step starts from zeros, so masks of the state show from the second one on
        assert torch.equal(layer(h)[0][:, 0], layer(h)[0][:, 0]) == (p == 0)


def test_p_state_is_p_unless_given_and_is_checked():
    layer = VariationalRNN(nn.GRUCell(3, 5), 0.3)
    assert layer.p_state == 0.3
    with pytest.raises(ValueError, match="p_state is the probability"):
        layer.p_state = 1.2
