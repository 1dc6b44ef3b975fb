"""Features on the last axis are known as such until somebody moves them."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from dropout_lab.audit.layouts import Layouts

h = torch.randn(4, 6, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("func", "args"),
    [
        (F.linear, (h, torch.ones(8, 8))),
        (F.embedding, (torch.zeros(4, 6, dtype=torch.long), torch.ones(3, 8))),
        (F.layer_norm, (h, (8,))),
    ],
)
def test_a_layer_that_keeps_features_last_says_so(func, args):
    layouts, result = Layouts(), func(*args)
    layouts.function(func, args, result)
    assert layouts.is_last(result)
    assert not layouts.is_last(result.transpose(1, 2))
    assert not layouts.is_last(result + 0)


@pytest.mark.parametrize("layer", [nn.LSTM(8, 8), nn.GRU(8, 8, batch_first=True), nn.MultiheadAttention(8, 2)])
def test_a_recurrent_or_attention_layer_says_so(layer):
    layouts, args = Layouts(), (h,) * (3 if isinstance(layer, nn.MultiheadAttention) else 1)
    result = layer(*args)
    layouts.module(layer, args, result)
    assert layouts.is_last(result[0])


def test_elementwise_operations_hand_the_layout_on():
    layouts, other, result = Layouts(), torch.ones(4, 6, 8), h.relu()
    layouts.produced(h)
    layouts.pointwise([h, other], [result])
    assert layouts.is_last(result)
    layouts.pointwise([other], [alone := other.relu()])
    assert not layouts.is_last(alone)


@pytest.mark.parametrize(("func", "args"), [(F.layer_norm, (h, (6, 8))), (F.conv1d, (h, torch.ones(2, 6, 3)))])
def test_other_layers_say_nothing(func, args):
    layouts, result = Layouts(), func(*args)
    layouts.function(func, args, result)
    assert not layouts.is_last(result)


def test_two_axes_have_no_positions():
    layouts, result = Layouts(), h[0] @ torch.ones(8, 8)
    layouts.function(F.linear, (h[0], torch.ones(8, 8)), result)
    assert not layouts.is_last(result)
