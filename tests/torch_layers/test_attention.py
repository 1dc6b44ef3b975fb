import copy
import math
import re

import pytest
import torch
from torch import nn

from dropout_lab.torch_layers import AttentionDropout, bernoulli_mask

RATES = (0.05, 0.2, 0.5, 0.9)
SDPA = nn.functional.scaled_dot_product_attention


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def inputs(dtype=torch.float64):
    source, shapes = generator(), [(2, 3, 4), (2, 5, 4), (2, 5, 6)]
    return [torch.randn(shape, generator=source, dtype=torch.float64).to(dtype) for shape in shapes]


@pytest.mark.parametrize("is_causal", [False, True])
def test_after_eval_it_is_attention_without_dropout_whatever_is_passed_in(is_causal):
    arrays, mask = inputs(), bernoulli_mask((2, 3, 5), 0.3, generator())
    for layer in (AttentionDropout(0.3, is_causal=is_causal), AttentionDropout(0.3, generator(), is_causal=is_causal)):
        layer.eval()
        for out in (layer(*arrays), layer(*arrays), layer(*arrays, mask)):
            assert torch.equal(out, SDPA(*arrays, is_causal=is_causal))


@pytest.mark.parametrize("p", RATES)
@pytest.mark.parametrize("source", [None, generator(1)])
def test_each_weight_is_zero_or_scaled_and_the_share_of_zeros_is_p(p, source, binomial_variance_error):
    zeros = torch.zeros(200, 30, 2, dtype=torch.float64)
    value = torch.eye(30, dtype=torch.float64).expand(200, 30, 30)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        dropped = AttentionDropout(p, source)(zeros, zeros, value) * 30
    torch.testing.assert_close(dropped[dropped != 0], torch.full_like(dropped[dropped != 0], 1 / (1 - p)))
    share = (dropped == 0).double().mean().item()
    assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / dropped.numel())
    # a row is the mean of 30 scaled coins: it sums to 1 on average alone
    rows = dropped.mean(dim=-1)
    assert abs(rows.mean().item() - 1) < 5 * math.sqrt(p / (1 - p) / dropped.numel())
    counts = (dropped != 0).double().sum(dim=-1).flatten()
    assert abs(counts.var().item() - 30 * p * (1 - p)) < 5 * binomial_variance_error(30, p, len(counts))


@pytest.mark.parametrize("is_causal", [False, True])
def test_the_derivative_agrees_with_central_differences(is_causal):
    arrays, mask = [array.requires_grad_() for array in inputs()], bernoulli_mask((2, 3, 5), 0.3, generator())
    layer = AttentionDropout(0.3, is_causal=is_causal)
    assert torch.autograd.gradcheck(lambda *arrays: layer(*arrays, mask), arrays)


def test_two_calls_differ_and_the_same_state_agrees():
    layer, arrays = AttentionDropout(0.3, generator(1)), inputs()
    before = torch.get_rng_state()
    first, second = layer(*arrays), layer(*arrays)
    assert not torch.equal(first, second)
    assert torch.equal(first, AttentionDropout(0.3, generator(1))(*arrays))
    assert torch.equal(before, torch.get_rng_state())
    with torch.random.fork_rng():
        drawn = [AttentionDropout(0.3)(*arrays) for _ in range(2)]
    assert not torch.equal(*drawn)


@pytest.mark.parametrize("source", [None, generator()])
def test_the_ends_of_the_range_are_finite_and_a_new_p_is_checked(source):
    layer, arrays = AttentionDropout(1.0, source), inputs()
    assert not layer(*arrays).any()
    layer.p = 0.0
    torch.testing.assert_close(layer(*arrays), SDPA(*arrays))
    with pytest.raises(ValueError, match="pass p = 1 - q"):
        layer.p = 1.2


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("source", [None, generator()])
def test_the_dtype_is_kept(dtype, source):
    assert AttentionDropout(0.3, source)(*inputs(dtype)).dtype == dtype


def test_a_copy_prints_and_draws_the_same_and_there_is_no_state():
    layer = AttentionDropout(0.2, generator(4), is_causal=True)
    again = copy.deepcopy(layer)
    assert repr(again) == "AttentionDropout(p=0.2, is_causal=True)"
    assert torch.equal(layer(*inputs()), again(*inputs()))
    assert not layer.state_dict()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda q, k, v: (q[..., :2], k, v), ValueError, "query (..., L, E), key (..., S, E)"),
        (lambda q, k, v: (q, k[:, :2], v), ValueError, "got (2, 3, 4), (2, 2, 4), (2, 5, 6)"),
        (lambda q, k, v: (q[:1], k, v), ValueError, "same batch axes"),
        (lambda q, k, v: (q, k.long(), v), TypeError, "key must hold real floats"),
        (lambda q, k, v: (q, k, v.tolist()), TypeError, "value is a tensor of floats"),
        (lambda q, k, v: (q, k, v, torch.ones(2, 5, 3).bool()), ValueError, "mask must have the shape of h, (2, 3, 5)"),
        (lambda q, k, v: (q, k, v, torch.ones(2, 3, 5)), TypeError, "mask is a bool tensor"),
    ],
)
def test_what_does_not_fit_is_an_error(change, error, words):
    with pytest.raises(error, match=re.escape(words)):
        AttentionDropout(0.3)(*change(*inputs()))


def test_a_seed_in_the_place_of_a_generator_is_an_error():
    with pytest.raises(TypeError, match=r"torch.Generator\(\).manual_seed\(0\)"):
        AttentionDropout(0.3, 0)
