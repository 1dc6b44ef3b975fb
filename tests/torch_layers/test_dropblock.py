import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from dropout_lab.moments_blocks import gamma_and_share, seed_counts, solved_gamma
from dropout_lab.torch_layers import DropBlock2d, Dropout, bernoulli_mask, block_mask, drop_blocks, dropblock2d

RATES = (0.05, 0.2, 0.5, 0.9)
cases = st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(
    lambda size: st.tuples(st.just(size[0]), st.just(size[1]), st.integers(1, min(size)))
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(case=cases, gamma=st.floats(0, 1), seed=st.integers(0, 999))
def test_a_pixel_is_dropped_exactly_where_a_block_that_begins_at_a_seed_covers_it(case, gamma, seed):
    height, width, block_size = case
    places = (2, 2, height - block_size + 1, width - block_size + 1)
    seeds = ~bernoulli_mask(places, gamma, generator(seed))
    expected = torch.ones(2, 2, height, width, dtype=torch.bool)
    for n, c, row, column in seeds.nonzero().tolist():
        expected[n, c, row : row + block_size, column : column + block_size] = False
    assert torch.equal(drop_blocks(seeds, block_size), expected)
    assert torch.equal(block_mask(expected.shape, gamma, block_size, generator(seed)), expected)


@given(case=cases, p=st.floats(0, 0.95), seed=st.integers(0, 999))
def test_each_value_is_zero_or_h_over_one_minus_p(case, p, seed):
    height, width, block_size = case
    h = torch.randn(2, 2, height, width, dtype=torch.float64, generator=generator(seed))
    mask = block_mask(h.shape, solved_gamma(p, *case), block_size, generator(seed))
    h_dropped = dropblock2d(h, p, block_size, generator=generator(seed))
    assert torch.equal(h_dropped, h * mask * (1 / (1 - p)))


@pytest.mark.parametrize("p", RATES)
@pytest.mark.parametrize("case", [(5, 5, 3), (7, 7, 7), (9, 6, 4)])
@pytest.mark.parametrize("rule", ["solved", "paper"])
def test_pixels_and_the_mean_of_the_map_stay_within_five_standard_errors(case, p, rule):
    n = 5000
    gamma, share = gamma_and_share(p, *case, rule)
    layer = DropBlock2d(p, case[2], generator(1), gamma=rule)
    passes = layer(torch.ones(n, 1, *case[:2], dtype=torch.float64))[:, 0]
    keep = torch.from_numpy((1 - gamma) ** seed_counts(*case))
    error = (keep * (1 - keep) / n).sqrt() / (1 - share)
    assert bool(((passes.mean(dim=0) - keep / (1 - share)).abs() < 5 * error).all())
    # the mean of a map has at most the standard error of its noisiest pixel
    assert abs(passes.mean().item() - 1) < 5 * error.max().item()


@pytest.mark.parametrize("p", RATES)
def test_the_dropped_share_is_p_also_where_blocks_overlap(p):
    shares = (dropblock2d(torch.ones(20, 40, 28, 28), p, 6, generator=generator(2)) == 0).double().mean(dim=(2, 3))
    # maps are independent: the standard error comes from their own spread, known to 1/√(2·800) of itself
    error = shares.std().item() / math.sqrt(shares.numel()) * (1 + 5 / math.sqrt(2 * shares.numel()))
    assert abs(shares.mean().item() - p) < 5 * error


def test_blocks_of_one_pixel_are_dropout():
    h = torch.randn(4, 3, 6, 7, generator=generator())
    assert torch.equal(DropBlock2d(0.3, 1, generator(3))(h), Dropout(0.3, generator(3), exact=True)(h))


@pytest.mark.parametrize(("p", "factor"), [(0.0, 1), (1.0, 0)])
@pytest.mark.parametrize("rule", ["solved", "paper"])
def test_the_ends_of_the_range_are_finite_with_their_gradient(p, factor, rule):
    h = torch.randn(2, 3, 4, 4, generator=generator()).requires_grad_()
    h_dropped = DropBlock2d(p, 4, gamma=rule)(h)
    h_dropped.sum().backward()
    assert torch.equal(h_dropped, factor * h)
    assert torch.equal(h.grad, torch.full_like(h, factor))


def test_one_layer_serves_maps_of_several_sizes_in_a_network():
    net = nn.Sequential(DropBlock2d(0.1, 3, generator()), nn.AvgPool2d(2), DropBlock2d(0.1, 3, generator(1)))
    assert net(torch.ones(2, 3, 12, 8)).shape == (2, 3, 6, 4)
    assert net(torch.ones(2, 3, 7, 7)).shape == (2, 3, 3, 3)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Dynamo warns of PyTorch code
def test_the_compiled_layer_solves_gamma_for_each_size_of_map():
    layer = DropBlock2d(0.2, 3, generator=None)
    torch.compiler.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    for size in (3, 5, 14):
        shares = (compiled(torch.ones(20, 50, size, size)) == 0).double().mean(dim=(2, 3))
        error = shares.std().item() / math.sqrt(shares.numel()) * (1 + 5 / math.sqrt(2 * shares.numel()))
        assert abs(shares.mean().item() - 0.2) < 5 * error


def test_the_printed_layer_shows_what_it_does():
    assert repr(DropBlock2d(0.1, 5, gamma="paper")) == "DropBlock2d(p=0.1, block_size=5, gamma='paper')"


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((3, 8, 8), "h must be feature maps (N, C, *) with 2 spatial axes; got (3, 8, 8). Unbatched maps"),
        ((2, 3, 8, 4), "a block of 5×5 does not fit a map of 8×4"),
    ],
)
def test_maps_that_no_block_fits_are_an_error_in_both_modes(shape, words, training):
    with pytest.raises(ValueError, match=re.escape(words)):
        DropBlock2d(0.1, 5).train(training)(torch.ones(shape))


@pytest.mark.parametrize(
    ("block_size", "rule", "error", "words"),
    [
        (0, "solved", ValueError, "block_size is a whole number of at least 1"),
        (2.5, "solved", TypeError, "block_size is a whole number"),
        (3, "exact", ValueError, 'gamma is "solved" (a share of p is dropped) or "paper"'),
    ],
)
def test_a_layer_refuses_bad_input_when_it_is_made(block_size, rule, error, words):
    with pytest.raises(error, match=re.escape(words)):
        DropBlock2d(0.1, block_size, gamma=rule)
