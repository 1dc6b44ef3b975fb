import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab.torch_layers import Dropout, SpatialDropout, bernoulli_mask, spatial_dropout

RATES = (0.05, 0.2, 0.5, 0.9)
map_shapes = st.lists(st.integers(1, 5), min_size=3, max_size=6).map(tuple)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(shape=map_shapes, p=st.floats(0, 0.99), seed=st.integers(0, 999))
def test_every_map_is_zero_or_scaled_as_a_whole(shape, p, seed):
    h = torch.randn(shape, dtype=torch.float64, generator=generator(seed))
    h_dropped = spatial_dropout(h, p, generator=generator(seed))
    scaled = h * (1 / (1 - p))
    whole_map = tuple(range(2, h.dim()))
    kept = (h_dropped == scaled).all(dim=whole_map)
    dropped = (h_dropped == 0).all(dim=whole_map)
    assert bool((kept | dropped).all())


@given(shape=map_shapes, p=st.floats(0, 1), seed=st.integers(0, 999))
def test_the_drawn_mask_is_the_bernoulli_mask_that_shares_the_spatial_axes(shape, p, seed):
    h = torch.ones(shape)
    mask = bernoulli_mask(h.shape, p, generator(seed), shared_axes=tuple(range(2, h.dim())))
    assert torch.equal(spatial_dropout(h, p, generator=generator(seed)), spatial_dropout(h, p, mask=mask))


@pytest.mark.parametrize("p", RATES)
def test_mean_and_share_of_dropped_maps_stay_within_five_standard_errors(p):
    # a coin for each of n maps: Var[share] = p q / n, and E[m / q] = 1 with variance p / (q n)
    maps = spatial_dropout(torch.ones(300, 400, 2, 2), p, generator=generator(1))[:, :, 0, 0].double()
    n = maps.numel()
    assert abs((maps == 0).double().mean().item() - p) < 5 * math.sqrt(p * (1 - p) / n)
    assert abs(maps.mean().item() - 1) < 5 * math.sqrt(p / (1 - p) / n)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("p", RATES)
def test_examples_and_channels_flip_coins_of_their_own(p, axis, binomial_variance_error):
    kept = spatial_dropout(torch.ones(400, 300, 2), p, generator=generator(2))[:, :, 0] > 0
    counts, n = kept.double().sum(dim=axis), kept.shape[axis]
    assert abs(counts.var().item() - n * p * (1 - p)) < 5 * binomial_variance_error(n, p, len(counts))


@pytest.mark.parametrize(("p", "factor"), [(0.0, 1), (1.0, 0)])
def test_the_ends_of_the_range_are_finite_with_their_gradient(p, factor):
    h = torch.randn(2, 3, 4, generator=generator()).requires_grad_()
    h_dropped = SpatialDropout(p)(h)
    h_dropped.sum().backward()
    assert torch.equal(h_dropped, factor * h)
    assert torch.equal(h.grad, torch.full_like(h, factor))


def test_after_pooling_the_noise_of_maps_stays_and_that_of_pixels_averages_out():
    # Var of the mean of 196 pixels: (p/q)/196 for pixels with coins of their own, p/q for a shared coin
    p, n = 0.2, 20_000
    h = torch.ones(n, 1, 14, 14)
    for drop, variance in ((Dropout(p, generator()), p / (1 - p) / 196), (SpatialDropout(p, generator()), p / (1 - p))):
        pooled = drop(h).double().mean(dim=(2, 3))
        assert pooled.var().item() == pytest.approx(variance, rel=5 * math.sqrt(2 / n) * 2)


@pytest.mark.parametrize(
    ("shape", "n_spatial", "words"),
    [
        (
            (3, 5),
            None,
            "at least 1 spatial axis; got (3, 5). Unbatched maps (C, *) need their batch axis, h[None]",
        ),
        ((7,), None, "units (N, D) have no maps: use Dropout"),
        ((3, 5, 5), 2, "with 2 spatial axes; got (3, 5, 5). Unbatched maps (C, *)"),
        ((2, 3, 5, 5), 1, "with 1 spatial axis; got (2, 3, 5, 5)"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_maps_without_their_batch_axis_are_an_error_that_says_so(shape, n_spatial, words, training):
    with pytest.raises(ValueError, match=re.escape(words)):
        SpatialDropout(0.2, n_spatial=n_spatial).train(training)(torch.ones(shape))


def test_a_mask_that_changes_within_a_map_is_an_error_that_says_how_to_draw_it():
    h = torch.ones(2, 3, 4, 4)
    with pytest.raises(ValueError, match=re.escape("constant along the axes (2, 3)") + r".*shared_axes=\(2, 3\)"):
        spatial_dropout(h, 0.4, mask=bernoulli_mask(h.shape, 0.4, generator()))


def test_the_number_of_spatial_axes_is_a_whole_number():
    with pytest.raises(TypeError, match="n_spatial is a whole number"):
        SpatialDropout(0.2, n_spatial="2d")
