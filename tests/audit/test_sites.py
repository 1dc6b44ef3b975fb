"""Which modules bear dropout, how each declares its p, and what says that noise is meant."""

import pytest
import torch
from torch import nn

from dropout_lab.audit.sites import Origin, declared_p, is_meant_to_be_random, kind_of, named_modules, number


class DropPath(nn.Module):
    def __init__(self, **attributes):
        super().__init__()
        vars(self).update(attributes)


class DropoutNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        (nn.Dropout3d(), "module"),
        (nn.LSTM(2, 2), "recurrent"),
        (nn.MultiheadAttention(2, 1), "attention"),
        (DropPath(), "module"),
        (DropoutNetwork(), None),
        (nn.Linear(2, 2), None),
        (nn.Identity(), None),
    ],
)
def test_a_module_bears_dropout_by_its_type_or_as_a_bare_layer_by_its_name(module, kind):
    assert kind_of(module) == kind


@pytest.mark.parametrize(
    ("attributes", "p"),
    [
        ({"p": 0.2}, 0.2),
        ({"drop_prob": 0.3}, 0.3),
        ({"keep_prob": 0.75}, 0.25),
        ({"p": torch.tensor(0.5)}, 0.5),
        ({}, None),
    ],
)
def test_p_is_read_from_the_usual_attributes(attributes, p):
    assert number(declared_p(DropPath(**attributes))) == p


@pytest.mark.parametrize("value", ["half", None, torch.ones(2), 1j])
def test_what_is_no_number_is_no_p(value):
    assert number(value) is None


@pytest.mark.parametrize(
    "name", ["MCDropout", "MC", "McDropout", "NetMC", "MonteCarloNet", "AlwaysOn", "AlwaysDropout", "BayesianNet"]
)
def test_a_class_can_say_that_it_stays_random(name):
    assert is_meant_to_be_random(type(name, (nn.Module,), {})())


@pytest.mark.parametrize(
    "name", ["Dropout", "Always", "AlwaysTrue", "Mcat", "MCollect", "Network", "Transformer", "Embc"]
)
def test_other_names_say_nothing(name):
    assert not is_meant_to_be_random(type(name, (nn.Module,), {})())


@pytest.mark.parametrize(
    ("attributes", "meant"),
    [
        ({"mc": True}, True),
        ({"mc_dropout": True}, True),
        ({"use_mc": True}, True),
        ({"stochastic": True}, True),
        ({"mc_dropout": False}, False),
        ({"mc_samples": 20}, False),
        ({"training": True, "batch_first": True}, False),
    ],
)
def test_a_switch_can_say_it_too(attributes, meant):
    assert is_meant_to_be_random(DropPath(**attributes)) is meant


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        (Origin("a.b", "Dropout", "module"), "a.b"),
        (Origin("", "Dropout", "module"), "the model itself"),
        (Origin("a", "F.dropout", "functional", "net.py:3"), "a (net.py:3)"),
        (Origin("", "F.dropout", "functional", "net.py:3"), "net.py:3"),
    ],
)
def test_an_origin_is_named_by_path_and_line(origin, text):
    assert str(origin) == text


def test_wrappers_of_compilation_are_left_out_of_paths():
    model = nn.ModuleDict({"a": nn.ModuleDict({"_orig_mod": nn.Sequential(nn.Dropout())})})
    assert [path for path, _ in named_modules(model)] == ["", "a", "a", "a.0"]
