import math

import pytest
import torch
from torch import nn

from dropout_lab.torch_layers import RecurrentDropoutRNN, bernoulli_mask, recurrent_step


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def cell_with_gates(kind, gates):
    """A cell without weights, so its gates are those of `gates` before their sigmoid or tanh."""
    cell = kind(1, 1).double()
    with torch.no_grad():
        for weight in cell.parameters():
            weight.zero_()
        cell.bias_ih.copy_(torch.tensor(gates))
    return cell


@pytest.mark.parametrize("p", [0.2, 0.7])
def test_an_lstm_adds_masked_and_scaled_candidates_to_its_memory(p):
    cell, h = nn.LSTMCell(3, 5).double(), torch.randn(2, 6, 3, dtype=torch.float64, generator=generator())
    mask = bernoulli_mask((2, 6, 5), p, generator(1))
    out, _ = RecurrentDropoutRNN(cell, p)(h, mask=mask)
    state, c = torch.zeros(2, 5).double(), torch.zeros(2, 5).double()
    for step in range(6):
        gates = h[:, step] @ cell.weight_ih.T + cell.bias_ih + state @ cell.weight_hh.T + cell.bias_hh
        i, f, g, o = gates.chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * (g.tanh() * mask[:, step] / (1 - p))
        state = o.sigmoid() * c.tanh()
        torch.testing.assert_close(out[:, step], state, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("p", [0.1, 0.4])
@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTMCell, (-100.0, 100, 0, 0)), (nn.GRUCell, (0.0, 100, 0))])
def test_nothing_that_is_remembered_is_lost_over_time(p, kind, gates):
    layer = RecurrentDropoutRNN(cell_with_gates(kind, gates), p, generator())
    memory = torch.ones(3, 1).double()
    state = (torch.zeros_like(memory), memory) if kind is nn.LSTMCell else (memory,)
    _, last = layer(torch.zeros(3, 100, 1).double(), state)
    torch.testing.assert_close(last[-1], memory, rtol=1e-12, atol=0)


@pytest.mark.parametrize("p", [0.1, 0.4])
@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell])
def test_the_mean_of_one_step_is_the_step_without_dropout_and_the_share_of_dropped_updates_is_p(p, kind):
    n, gates = 40_000, (1.0, 0, 1, 0) if kind is nn.LSTMCell else (0.0, 0, 1)
    cell = cell_with_gates(kind, gates)
    zeros = torch.zeros(n, 1).double()
    _, last = RecurrentDropoutRNN(cell, p, generator(2))(zeros[:, None])
    updates = last[-1]
    plain = recurrent_step(zeros, (zeros, zeros)[: len(last)], cell)[-1][0].item()
    # a scaled coin times the update: its variance is update² p / (1 - p)
    assert abs(updates.mean().item() - plain) < 5 * plain * math.sqrt(p / (1 - p) / n)
    assert abs((updates == 0).double().mean().item() - p) < 5 * math.sqrt(p * (1 - p) / n)
