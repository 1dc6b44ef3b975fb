"""What a draw remembers, and how improbable it is that another one agrees."""

import math

import pytest
import torch

from dropout_lab.audit.draws import (
    FIRST,
    draw_of,
    is_plain,
    log2_agreement,
    may_draw,
    operation,
    random_state,
    set_random_state,
)
from dropout_lab.audit.sites import Origin

ORIGIN = Origin("drop", "Dropout", "module")


def draw(name, numbers):
    return draw_of(name, numbers, ORIGIN, coin=True, training=True)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.8])
def test_the_agreement_is_that_of_independent_masks(p):
    n, repeats = 4, 200_000
    generator = torch.Generator().manual_seed(0)
    coins = torch.rand(2, repeats, n, generator=generator) >= p
    agree = (coins[0] == coins[1]).all(1).double().mean().item()
    expected = (p**2 + (1 - p) ** 2) ** n
    assert abs(agree - expected) < 5 * math.sqrt(expected * (1 - expected) / repeats)
    many = torch.rand(100_000, generator=generator) >= p
    share = many.double().mean().item()
    assert log2_agreement(many) == pytest.approx(100_000 * math.log2(share**2 + (1 - share) ** 2))


def test_coins_that_all_fell_alike_do_not_count_as_certain():
    assert log2_agreement(torch.ones(5)) == pytest.approx(5 * math.log2((1 / 7) ** 2 + (6 / 7) ** 2))


def test_real_numbers_agree_by_no_chance():
    assert draw("rand", torch.rand(3)).agreement == -60


def test_the_beginnings_of_two_draws_can_be_compared():
    short, long = torch.arange(10.0), torch.arange(2.0 * FIRST)
    assert draw("rand", long).first.startswith(draw("rand", short).first)
    assert len(draw("rand", long).first) == 4 * FIRST
    assert draw("rand", long).count == 2 * FIRST


def test_numbers_that_are_not_shown_are_not_compared():
    hidden = draw("_cudnn_rnn", None)
    assert (hidden.first, hidden.agreement) == (b"", 0.0)


def test_operators_are_called_by_their_bare_names():
    aten = torch.ops.aten
    assert operation(aten.bernoulli_.float) == "bernoulli"
    assert is_plain(operation(aten.rand_like.default))
    assert not is_plain(operation(aten.native_dropout.default))
    assert may_draw(aten.bernoulli_.float)
    assert not may_draw(aten.mul.Tensor)


@pytest.mark.parametrize("generator", [None, torch.Generator()])
def test_the_state_of_the_right_generator_goes_back(generator):
    before = random_state(generator, torch.device("cpu"))
    first = torch.rand(3, generator=generator)
    assert not torch.equal(random_state(generator, torch.device("cpu")), before)
    set_random_state(before, generator, torch.device("cpu"))
    torch.testing.assert_close(torch.rand(3, generator=generator), first, rtol=0, atol=0)
