import math
import re

import pytest
import torch

from dropout_lab.torch_layers import DropPath, bernoulli_mask, drop_path

RATES = (0.05, 0.2, 0.5, 0.9)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.7, 1.0])
def test_the_drawn_mask_is_the_bernoulli_mask_that_shares_every_axis_but_the_first(p):
    h = torch.randn(9, 2, 3, 4, generator=generator())
    mask = bernoulli_mask(h.shape, p, generator(1), shared_axes=(1, 2, 3))
    assert torch.equal(drop_path(h, p, generator=generator(1)), drop_path(h, p, mask=mask))
    assert torch.equal(drop_path(h, p, mask=mask), h * mask * (1 / (1 - p) if p < 1 else 0))


@pytest.mark.parametrize("p", RATES)
def test_mean_and_share_of_dropped_branches_stay_within_five_standard_errors(p):
    # a coin for each of n branches: Var[share] = p q / n, and E[m / q] = 1 with variance p / (q n)
    branches, n = drop_path(torch.ones(100_000, 2), p, generator=generator(1))[:, 0].double(), 100_000
    assert abs((branches == 0).double().mean().item() - p) < 5 * math.sqrt(p * (1 - p) / n)
    assert abs(branches.mean().item() - 1) < 5 * math.sqrt(p / (1 - p) / n)


@pytest.mark.parametrize("p", RATES)
def test_examples_of_a_batch_flip_coins_of_their_own(p, binomial_variance_error):
    layer, n = DropPath(p, generator(2)), 100
    counts = torch.stack([(layer(torch.ones(n, 2))[:, 0] > 0).sum() for _ in range(2000)]).double()
    assert abs(counts.var().item() - n * p * (1 - p)) < 5 * binomial_variance_error(n, p, len(counts))


@pytest.mark.parametrize(("p", "factor"), [(0.0, 1), (1.0, 0)])
def test_the_ends_of_the_range_are_finite_with_their_gradient(p, factor):
    h = torch.randn(2, 3, 4, generator=generator()).requires_grad_()
    h_dropped = DropPath(p)(h)
    h_dropped.sum().backward()
    assert torch.equal(h_dropped, factor * h)
    assert torch.equal(h.grad, torch.full_like(h, factor))


@pytest.mark.parametrize("training", [True, False])
def test_a_branch_without_batch_axis_is_an_error_in_both_modes(training):
    with pytest.raises(ValueError, match=re.escape("(N, *); got (5,). A single example needs its batch axis, h[None]")):
        DropPath(0.2).train(training)(torch.ones(5))


def test_a_mask_that_changes_within_an_example_is_an_error():
    with pytest.raises(ValueError, match=r"shared_axes=\(1,\)"):
        drop_path(torch.ones(3, 40), 0.4, mask=bernoulli_mask((3, 40), 0.4, generator()))
