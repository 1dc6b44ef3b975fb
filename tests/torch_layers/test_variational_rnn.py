import math

import pytest
import torch
from torch import nn

from dropout_lab.torch_layers import VariationalRNN


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


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
