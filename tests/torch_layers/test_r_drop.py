import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from dropout_lab.torch_layers import dropout, r_drop_loss


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def passes(seed: int = 0, dtype: torch.dtype = torch.float64):
    logits = torch.randn(2, 6, 4, dtype=torch.float64, generator=generator(seed)).to(dtype)
    return logits[0], logits[1], torch.randint(4, (6,), generator=generator(seed))


@given(st.integers(0, 999), st.floats(0, 10))
def test_the_loss_is_the_formula_with_divergences_of_torch(seed, alpha):
    first, second, labels = passes(seed)
    p, q = torch.distributions.Categorical(logits=first), torch.distributions.Categorical(logits=second)
    divergence = torch.distributions.kl_divergence(p, q) + torch.distributions.kl_divergence(q, p)
    expected = -(p.log_prob(labels) + q.log_prob(labels)).mean() + alpha * divergence.mean() / 2
    torch.testing.assert_close(r_drop_loss(first, second, labels, alpha=alpha), expected, rtol=1e-10, atol=1e-12)


def test_passes_that_agree_cost_their_cross_entropies_alone_and_others_more():
    first, second, labels = passes()
    both = nn.functional.cross_entropy(first, labels) + nn.functional.cross_entropy(second, labels)
    torch.testing.assert_close(r_drop_loss(first, second, labels, alpha=0), both)
    torch.testing.assert_close(
        r_drop_loss(first, first, labels, alpha=3), 2 * nn.functional.cross_entropy(first, labels)
    )
    assert r_drop_loss(first, second, labels, alpha=1) > both


def test_the_order_of_passes_and_a_constant_in_the_logits_do_not_matter():
    first, second, labels = passes()
    loss = r_drop_loss(first, second, labels, alpha=2)
    torch.testing.assert_close(r_drop_loss(second, first, labels, alpha=2), loss)
    torch.testing.assert_close(r_drop_loss(first + 1000, second - 1000, labels, alpha=2), loss)


def test_the_derivative_agrees_with_central_differences():
    first, second, labels = passes()
    logits = first.requires_grad_(), second.requires_grad_()
    assert torch.autograd.gradcheck(lambda *logits: r_drop_loss(*logits, labels, alpha=2), logits)


def test_training_on_it_makes_two_passes_agree_more():
    h, labels = torch.randn(64, 10, generator=generator()), torch.randint(3, (64,), generator=generator(1))
    gaps = []
    for alpha in (0, 20):
        weight = torch.zeros(3, 10).copy_(torch.randn(3, 10, generator=generator(2))).requires_grad_()
        source = generator(3)
        for _ in range(100):
            two = [dropout(h, 0.4, generator=source) @ weight.T for _ in range(2)]
            (grad,) = torch.autograd.grad(r_drop_loss(*two, labels, alpha=alpha), weight)
            weight.data.sub_(0.1 * grad)
        two = [(dropout(h, 0.4, generator=source) @ weight.T).softmax(dim=1) for _ in range(2)]
        gaps.append((two[0] - two[1]).abs().mean().item())
    assert gaps[1] < gaps[0] / 2


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_dtype_is_kept(dtype):
    assert r_drop_loss(*passes(dtype=dtype), alpha=1).dtype == dtype


@pytest.mark.parametrize(
    ("change", "alpha", "error", "words"),
    [
        (lambda a, b, y: (a, b[:1], y), 1, ValueError, "got (6, 4) and (1, 4)"),
        (lambda a, b, y: (a[0], b[0], y), 1, ValueError, "logits of both passes are (N, K)"),
        (lambda a, b, y: (a, b, y[:2]), 1, ValueError, "got (2,) for (6, 4)"),
        (lambda a, b, y: (a, b, y.double()), 1, TypeError, "got torch.float64"),
        (lambda a, b, y: (a, b, y.tolist()), 1, TypeError, "got list"),
        (lambda a, b, y: (a.long(), b, y), 1, TypeError, "first must hold real floats"),
        (lambda a, b, y: (a, b, y), -1, ValueError, "a number of at least 0; got -1"),
        (lambda a, b, y: (a, b, y), math.nan, ValueError, "got nan"),
        (lambda a, b, y: (a, b, y), "1", TypeError, "got '1'"),
    ],
)
def test_bad_input_is_an_error_that_says_what_is_wanted(change, alpha, error, words):
    with pytest.raises(error, match=re.escape(words)):
        r_drop_loss(*change(*passes()), alpha=alpha)
