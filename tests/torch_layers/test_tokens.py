import copy
import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab.torch_layers import TokenDropout, bernoulli_mask, token_dropout

RATES = (0.05, 0.2, 0.5, 0.9)
UNKNOWN, PADDING = 1, 0


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def words(n=4, length=30):
    return torch.randint(10, (n, length), generator=generator())


@given(st.floats(0, 1), st.sets(st.integers(0, 9)), st.integers(0, 999))
def test_a_token_stays_or_is_replaced_and_a_protected_one_stays(p, protected, seed):
    tokens = words()
    dropped = token_dropout(tokens, p, 99, protected=tuple(protected), generator=generator(seed))
    mask = bernoulli_mask(tokens.shape, p, generator(seed))
    for token, kept, out in zip(tokens.flatten(), mask.flatten(), dropped.flatten(), strict=True):
        assert out == (token if kept or token.item() in protected else 99)


@pytest.mark.parametrize("p", RATES)
def test_the_share_of_replaced_tokens_is_p(p):
    tokens = torch.full((300, 400), 5)
    dropped = TokenDropout(p, UNKNOWN, generator(1))(tokens)
    share = (dropped == UNKNOWN).double().mean().item()
    assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / tokens.numel())


def test_after_eval_the_tokens_themselves_come_back():
    tokens = words()
    assert TokenDropout(0.9, UNKNOWN).eval()(tokens) is tokens


def test_at_one_only_protected_tokens_are_left_and_at_zero_all():
    tokens = torch.tensor([[5, PADDING, 7, PADDING]])
    expected = torch.tensor([[UNKNOWN, PADDING, UNKNOWN, PADDING]])
    assert torch.equal(TokenDropout(1.0, UNKNOWN, protected=[PADDING])(tokens), expected)
    assert torch.equal(TokenDropout(0.0, UNKNOWN)(tokens), tokens)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_the_dtype_is_kept_and_the_tokens_are_never_modified(dtype):
    tokens = words().to(dtype)
    before = tokens.clone()
    assert TokenDropout(0.5, UNKNOWN)(tokens).dtype == dtype
    assert torch.equal(tokens, before)


def test_two_calls_differ_the_same_state_agrees_and_a_given_mask_draws_nothing():
    layer, before = TokenDropout(0.3, UNKNOWN, generator(1)), torch.get_rng_state()
    first = layer(words())
    assert not torch.equal(first, layer(words()))
    assert torch.equal(first, TokenDropout(0.3, UNKNOWN, generator(1))(words()))
    state = layer.generator.get_state()
    layer(words(), bernoulli_mask((4, 30), 0.3, generator()))
    assert torch.equal(state, layer.generator.get_state())
    assert torch.equal(before, torch.get_rng_state())


def test_a_copy_prints_and_draws_the_same_and_there_is_no_state():
    layer = TokenDropout(0.3, UNKNOWN, generator(1), protected=[PADDING])
    again = copy.deepcopy(layer)
    assert repr(again) == "TokenDropout(p=0.3, replacement=1, protected=(0,))"
    assert torch.equal(layer(words()), again(words()))
    assert not layer.state_dict()


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: TokenDropout(1.2, 1), ValueError, "pass p = 1 - q"),
        (lambda: TokenDropout(True, 1), TypeError, "training"),
        (lambda: TokenDropout(0.2, -1), ValueError, "replacement is a whole number of at least 0"),
        (lambda: TokenDropout(0.2, "unk"), TypeError, "replacement is a whole number"),
        (lambda: TokenDropout(0.2, 1, protected=[0.5]), TypeError, "each protected token is a whole number"),
        (lambda: TokenDropout(0.2, 1, 0), TypeError, "manual_seed(0)"),
        (lambda: TokenDropout(0.2, 1)(torch.ones(3)), TypeError, "tensor of whole numbers"),
        (lambda: TokenDropout(0.2, 1)(words(), torch.ones(3).bool()), ValueError, "mask must have the shape of"),
    ],
)
def test_bad_input_is_an_error_that_says_what_is_wanted(make, error, text):
    with pytest.raises(error, match=re.escape(text)):
        make()
