import math

import pytest
import torch
from torch import nn

from dropout_lab.torch_layers import Dropout, GaussianDropout, SpatialDropout
from dropout_lab.uncertainty import mc_predict

N, L, D, T = 4, 3, 8, 12
sequences = torch.randn(1, L, D, generator=torch.Generator().manual_seed(0)).expand(N, L, D)
images = torch.randn(1, 2, 6, 6, generator=torch.Generator().manual_seed(1)).expand(N, 2, 6, 6)


def generator():
    return torch.Generator().manual_seed(5)


class FirstOf(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, h):
        return self.inner(h)[0]


class FoldedRows(nn.Module):
    """Drops units of all rows and steps in one table, the rows outermost or innermost."""

    def __init__(self, outermost):
        super().__init__()
        self.outermost, self.drop = outermost, nn.Dropout(0.3)

    def forward(self, h):
        if self.outermost:
            return self.drop(h.reshape(-1, D)).view(len(h), L, D)
        return self.drop(h.transpose(0, 1).reshape(-1, D)).view(L, len(h), D).transpose(0, 1)


MODELS = {
    "units": (lambda: nn.Sequential(nn.Linear(D, D), nn.Dropout(0.3), nn.Linear(D, 2)), sequences),
    "ours": (lambda: nn.Sequential(Dropout(0.3), GaussianDropout(0.2)), sequences),
    "maps": (lambda: nn.Sequential(nn.Dropout2d(0.3), SpatialDropout(0.4)), images),
    "LSTM": (lambda: FirstOf(nn.LSTM(D, D, 2, dropout=0.3, batch_first=True)), sequences),
    "encoder": (lambda: nn.TransformerEncoderLayer(D, 2, 16, 0.3, batch_first=True), sequences),
    "folded rows": (lambda: FoldedRows(outermost=True), sequences),
}


@pytest.mark.parametrize("method", ["auto", "loop"])
@pytest.mark.parametrize("kind", MODELS)
def test_all_rows_are_of_one_network_in_every_pass(kind, method):
    build, inputs = MODELS[kind]
    options = {"n_samples": T, "consistent": True, "method": method}
    samples = mc_predict(build(), inputs, generator=generator(), **options)
    torch.testing.assert_close(samples, samples[:, :1].expand_as(samples))
    assert bool((samples.var(dim=0) > 0).any())


@pytest.mark.parametrize("kind", MODELS)
def test_both_ways_of_sampling_share_the_same_noise(kind):
    build, inputs = MODELS[kind]
    model = build()
    options = {"n_samples": T, "consistent": True}
    looped = mc_predict(model, inputs, generator=generator(), method="loop", **options)
    torch.testing.assert_close(mc_predict(model, inputs, generator=generator(), method="fast", **options), looped)


def test_the_units_of_a_row_still_have_coins_of_their_own():
    samples = mc_predict(nn.Dropout(0.3), torch.ones(2, 2000), n_samples=1, generator=generator(), consistent=True)
    kept = (samples[0, 0] > 0).double()
    assert abs(kept.mean().item() - 0.7) < 5 * math.sqrt(0.21 / 2000)


def test_rows_that_are_not_outermost_are_an_error():
    with pytest.raises(ValueError, match="two equal rows got different outputs"):
        mc_predict(FoldedRows(outermost=False), sequences, n_samples=3, consistent=True)


def test_inputs_whose_first_axes_differ_are_an_error():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.3)

        def forward(self, first, second):
            return self.drop(first) + second

    with pytest.raises(ValueError, match="their first axes differ"):
        mc_predict(Sum(), (torch.ones(3, D), torch.ones(1, D)), n_samples=3, consistent=True)


def test_one_row_has_nothing_to_share():
    assert mc_predict(nn.Dropout(0.3), torch.ones(1, D), n_samples=3, consistent=True).shape == (3, 1, D)
