"""Every dropout function of PyTorch is recognised, and its p and mode are read wherever they stand."""

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from dropout_lab.audit.functions import call_of

h = torch.ones(2, 3, 4)
FUNCTIONS = [F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout]
LOW_LEVEL = [torch.dropout, torch.alpha_dropout, torch.feature_dropout, torch.feature_alpha_dropout, torch.dropout_]


def call(func, *args, **kwargs):
    return call_of(func, args, kwargs, lambda: None)


@pytest.mark.parametrize("func", FUNCTIONS)
def test_p_and_training_are_read_by_position_and_by_name(func):
    by_position, by_name = call(func, h, 0.3, False), call(func, input=h, p=0.3, training=False)
    assert by_position == by_name
    assert (by_name.name, by_name.p, by_name.training, by_name.shape) == (f"F.{func.__name__}", 0.3, False, (2, 3, 4))


@pytest.mark.parametrize("func", FUNCTIONS)
def test_the_defaults_are_those_of_pytorch(func):
    import inspect

    defaults = inspect.signature(func).parameters
    seen = call(func, h)
    assert (seen.p, seen.training) == (defaults["p"].default, defaults["training"].default)


@pytest.mark.parametrize("func", LOW_LEVEL)
def test_the_functions_below_are_read_too(func):
    seen = call(func, h, 0.3, True)
    assert (seen.p, seen.training) == (0.3, True)


def test_attention_has_a_p_and_no_mode():
    seen = call(F.scaled_dot_product_attention, h, h, h, dropout_p=0.3)
    assert (seen.name, seen.p, seen.training) == ("scaled_dot_product_attention", 0.3, None)
    assert call(F.scaled_dot_product_attention, h, h, h).p == 0.0


def test_the_heads_are_read_by_their_positions():
    import inspect

    names = list(inspect.signature(F.multi_head_attention_forward).parameters)
    args = [0.3 if name == "dropout_p" else False if name == "training" else h for name in names]
    seen = call(F.multi_head_attention_forward, *args)
    assert (seen.p, seen.training) == (0.3, False)


def test_other_functions_are_none_of_its_business():
    assert call(F.relu, h) is None
    assert call(torch.mul, h, h) is None
