import pytest
from torch import nn

from dropout_lab.torch_layers import Dropout
from dropout_lab.torch_layers.bearers import p_attribute

BEARERS = [nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout, Dropout]


@pytest.mark.parametrize("layer", BEARERS)
def test_the_named_attribute_of_a_dropout_class_holds_its_p(layer):
    module = layer(0.3)
    assert getattr(module, p_attribute(module)) == 0.3


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU])
def test_the_named_attribute_of_a_recurrent_layer_holds_its_p(layer):
    module = layer(3, 4, num_layers=2, dropout=0.3)
    assert getattr(module, p_attribute(module)) == 0.3


def test_the_named_attribute_of_attention_holds_its_p():
    module = nn.MultiheadAttention(4, 2, dropout=0.3)
    assert getattr(module, p_attribute(module)) == 0.3


def test_a_subclass_of_somebody_else_counts():
    class Loud(nn.Dropout):
        pass

    assert p_attribute(Loud(0.3)) == "p"


def test_a_layer_without_dropout_has_none():
    assert p_attribute(nn.Linear(3, 4)) is None
