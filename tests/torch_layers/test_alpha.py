import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from dropout_lab.moments_noise import SELU_FLOOR, alpha_dropout_affine
from dropout_lab.torch_layers import (
    AlphaDropout,
    FeatureAlphaDropout,
    alpha_dropout,
    bernoulli_mask,
    feature_alpha_dropout,
)

RATES = (0.05, 0.2, 0.5, 0.9)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=generator(seed))


@given(p=st.floats(0, 0.95), seed=st.integers(0, 999), width=st.integers(1, 40))
def test_kept_units_are_a_h_plus_b_and_dropped_ones_a_floor_plus_b(p, seed, width):
    h, mask = numbers(3, width, seed=seed), bernoulli_mask((3, width), p, generator(seed))
    scale, shift = alpha_dropout_affine(p)
    expected = scale * torch.where(mask, h, SELU_FLOOR) + shift
    torch.testing.assert_close(alpha_dropout(h, p, generator=generator(seed)), expected, rtol=1e-13, atol=1e-14)


@given(p=st.floats(0, 0.95), seed=st.integers(0, 999), n_spatial=st.integers(1, 3))
def test_feature_alpha_dropout_is_alpha_dropout_with_one_coin_for_each_map(p, seed, n_spatial):
    h = numbers(3, 4, *(2,) * n_spatial, seed=seed)
    mask = bernoulli_mask(h.shape, p, generator(seed), shared_axes=tuple(range(2, h.dim())))
    drawn = feature_alpha_dropout(h, p, generator=generator(seed))
    assert torch.equal(drawn, alpha_dropout(h, p, mask=mask))


@pytest.mark.parametrize("layer", [AlphaDropout, FeatureAlphaDropout])
@pytest.mark.parametrize("p", RATES)
def test_selu_activations_keep_mean_and_variance_within_five_standard_errors(p, layer):
    n = 400_000
    h_dropped = layer(p, generator(1))(nn.functional.selu(numbers(n, 1, 1)))
    fourth = (h_dropped**4).mean().item()  # of a bounded-below, light-tailed unit; E[h̃²] = 1
    assert abs(h_dropped.mean().item()) < 5 / math.sqrt(n)
    assert abs((h_dropped**2).mean().item() - 1) < 5 * math.sqrt((fourth - 1) / n)


@pytest.mark.parametrize("p", RATES)
def test_the_mean_over_passes_of_a_unit_is_a_q_h(p):
    h, n = torch.tensor([-1.5, 0.0, 0.5, 2.0], dtype=torch.float64), 20_000
    passes = alpha_dropout(h.expand(n, 4), p, generator=generator(2))
    scale, _ = alpha_dropout_affine(p)
    error = scale * (h - SELU_FLOOR).abs() * math.sqrt(p * (1 - p) / n)  # two values, apart by a (h - α')
    assert bool(((passes.mean(dim=0) - scale * (1 - p) * h).abs() < 5 * error).all())


@pytest.mark.parametrize("p", RATES)
def test_backward_is_the_scale_where_a_unit_is_kept_also_where_it_is_zero(p):
    h, mask = torch.zeros(5, 6, dtype=torch.float64, requires_grad=True), bernoulli_mask((5, 6), p, generator())
    AlphaDropout(p)(h, mask).sum().backward()
    assert torch.equal(h.grad, mask.double() * alpha_dropout_affine(p)[0])


@pytest.mark.parametrize("layer", [AlphaDropout, FeatureAlphaDropout])
@pytest.mark.parametrize("p", [0, 1])
def test_the_ends_of_the_range_are_the_identity_and_zero_with_their_gradient(p, layer):
    h = numbers(2, 3, 4).requires_grad_()
    h_dropped = layer(p)(h)
    h_dropped.sum().backward()
    assert torch.equal(h_dropped, (1 - p) * h)
    assert torch.equal(h.grad, torch.full_like(h, 1 - p))


@pytest.mark.parametrize("training", [True, False])
def test_feature_alpha_dropout_refuses_maps_without_their_batch_axis(training):
    with pytest.raises(ValueError, match=re.escape("Unbatched maps (C, *) need their batch axis, h[None]")):
        FeatureAlphaDropout(0.2).train(training)(torch.ones(3, 5))


def test_feature_alpha_dropout_refuses_a_mask_that_changes_within_a_map():
    with pytest.raises(ValueError, match=re.escape("constant along the axes (2,)")):
        feature_alpha_dropout(torch.ones(2, 3, 4), 0.4, mask=bernoulli_mask((2, 3, 4), 0.4, generator()))
