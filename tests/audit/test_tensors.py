"""Tensors are found wherever they are, and compared as an audit needs it."""

import math
from dataclasses import dataclass

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from dropout_lab.audit.tensors import clones, largest_difference, rounding, scale, tensors_in

a, b = torch.tensor([1.0, 2.0]), torch.tensor([3, 4])


@dataclass
class Output:
    logits: torch.Tensor
    name: str = "output"


@pytest.mark.parametrize(
    "nest",
    [
        (a, b),
        [a, [b]],
        {"a": a, "b": (b,)},
        Output(a, b),
        (Output(a), None, 3, "text", b),
        {"x": Output((a, {"y": b}))},
    ],
)
def test_tensors_are_found_in_any_nest(nest):
    found = list(tensors_in(nest))
    assert [tensor is expected for tensor, expected in zip(found, (a, b), strict=True)] == [True, True]


def test_a_distribution_shows_its_parameters():
    assert any(tensor is a for tensor in tensors_in(torch.distributions.Normal(a, 1.0, validate_args=False)))


def test_clones_are_independent_and_keep_the_nest():
    packed = pack_sequence([torch.ones(3), torch.ones(2)])
    copies = clones((a, {"b": b}, packed, "text", 3))
    copies[0].add_(1)
    assert a.tolist() == [1.0, 2.0]
    assert copies[1]["b"].equal(b)
    assert type(copies[2]) is type(packed)
    assert copies[3:] == ("text", 3)


@pytest.mark.parametrize(
    ("x", "y", "difference"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0),
        ([1.0, 2.0], [1.0, 2.5], 0.5),
        ([1.0, math.nan], [1.0, math.nan], 0),
        ([1.0, math.nan], [1.0, 2.0], math.inf),
        ([math.inf, 1.0], [math.inf, 1.25], 0.25),
        ([1.0, 2.0], [1.0], math.inf),
        ([3, 4], [3, 6], 2),
        ([True], [False], 1),
        ([], [], 0),
        ([1 + 1j], [1 + 3j], 2),
    ],
)
def test_the_largest_difference(x, y, difference):
    assert largest_difference([torch.tensor(x)], [torch.tensor(y)]) == difference


def test_a_different_number_of_tensors_is_a_difference():
    assert largest_difference([a], [a, b]) == math.inf


def test_rounding_grows_with_the_numbers_and_the_coarseness_of_their_type():
    assert scale([a, b]) == 4
    assert rounding([a]) == 16 * torch.finfo(torch.float32).eps * 2
    assert rounding([a.bfloat16()]) > rounding([a]) > rounding([a.double()])
    assert rounding([b]) == 0
