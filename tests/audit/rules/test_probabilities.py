"""A p that is a bool, no probability, or one that drops everything."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


def test_the_mode_in_the_place_of_p_is_named(network, part, rows, only_finding):
    found = only_finding(network(part(lambda module, h: F.dropout(h, module.training))), rows)
    assert found.code == "training-passed-as-p"
    assert "every unit is set to zero" in found.message


def test_the_mode_in_the_place_of_dropout_p_is_named(network, part, sequences, only_finding):
    attention = part(lambda module, h: F.scaled_dot_product_attention(h, h, h, dropout_p=module.training))
    assert only_finding(network(attention), sequences).code == "training-passed-as-p"


def test_the_mode_given_to_a_module_is_named(network, rows, only_finding):
    found = only_finding(network(nn.Dropout(True)), rows)
    assert (found.code, found.where) == ("training-passed-as-p", "middle")


@pytest.mark.parametrize("p", [float("nan"), 30, 1.2, -0.1])
def test_a_p_set_later_to_what_is_no_probability_is_named_though_forward_raises(p, network, rows, only_finding):
    model = network(nn.Dropout(0.3))
    model.middle.p = p
    found = only_finding(model, rows)
    assert (found.code, found.where) == ("p-out-of-range", "middle")
    assert ("0.3" in found.message) == (p == 30)


def test_a_drop_rate_of_somebody_elses_layer_is_checked_as_well(network, rows, codes):
    class DropUnits(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop_rate = 20

        def forward(self, h):
            return h * (torch.rand_like(h) > self.drop_rate) if self.training else h

    assert "p-out-of-range" in codes(network(DropUnits()), rows)


def test_a_p_of_one_leaves_nothing(network, part, rows, sequences, only_finding):
    assert only_finding(network(nn.Dropout(1.0)), rows).code == "p-out-of-range"
    by_call = part(lambda module, h: F.dropout(h, 1.0, module.training))
    assert only_finding(network(by_call), rows).code == "p-out-of-range"


def test_an_lstm_with_a_p_of_one_passes_zeros_on(sequences, only_finding):
    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.read = nn.LSTM(5, 8, 2, dropout=1.0)

        def forward(self, x):
            return self.read(x)[0]

    found = only_finding(Reader(), sequences)
    assert (found.code, found.where) == ("p-out-of-range", "read")
    assert "every layer but the first" in found.message


@pytest.mark.parametrize("p", [0.0, 0.3, 0.99])
def test_a_probability_below_one_is_sound(p, network, rows, codes):
    assert codes(network(nn.Dropout(p)), rows) == []
