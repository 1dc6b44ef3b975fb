import itertools
import math
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab.masks import bernoulli_mask
from dropout_lab.moments_blocks import dropped_share, gamma_and_share, paper_gamma, seed_counts, solved_gamma
from dropout_lab.numpy_layers import (
    DropBlock2d,
    Dropout,
    block_mask,
    drop_blocks,
    dropblock2d_forward,
    dropout_backward,
)

PROBABILITIES = (0.1, 0.2, 0.7)
MAPS = ((5, 5, 3), (5, 5, 4), (7, 7, 7), (14, 10, 6), (28, 28, 7), (56, 56, 7))
cases = st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(
    lambda size: st.tuples(st.just(size[0]), st.just(size[1]), st.integers(1, min(size)))
)


@pytest.fixture(scope="module")
def share_variance():
    """Variance of the dropped share of one map: from P(two pixels kept) = (1 - γ)^(places that hit either of them)."""

    def pairs(length, block_size):
        """How often two positions on a line have counts a and b and c places in common."""
        places = [set(range(max(0, i - block_size + 1), min(i, length - block_size) + 1)) for i in range(length)]
        return Counter((len(a), len(b), len(a & b)) for a in places for b in places)

    def variance(gamma, height, width, block_size):
        keep, total = 1 - gamma, 0.0
        rows, columns = pairs(height, block_size).items(), pairs(width, block_size).items()
        for ((a, b, both), n), ((c, d, both_too), m) in itertools.product(rows, columns):
            apart = a * c + b * d
            total += n * m * (keep ** (apart - both * both_too) - keep**apart)
        return total / (height * width) ** 2

    return variance


@given(cases, st.floats(0, 1), st.integers(0, 2**32))
def test_a_pixel_is_dropped_exactly_where_a_block_that_begins_at_a_seed_covers_it(case, gamma, seed):
    height, width, block_size = case
    shape = (2, 2, height - block_size + 1, width - block_size + 1)
    seeds = ~bernoulli_mask(shape, gamma, np.random.default_rng(seed))
    expected = np.ones((2, 2, height, width), bool)
    for n, c, row, column in np.argwhere(seeds):
        expected[n, c, row : row + block_size, column : column + block_size] = False
    np.testing.assert_array_equal(drop_blocks(seeds, block_size), expected)
    np.testing.assert_array_equal(block_mask(expected.shape, gamma, block_size, np.random.default_rng(seed)), expected)


@given(cases, st.floats(0, 0.95), st.integers(0, 2**32))
def test_each_value_is_zero_or_h_over_q_and_backward_of_ones_is_forward_of_ones(case, p, seed):
    height, width, block_size = case
    h = np.random.default_rng(seed).normal(size=(2, 2, height, width))
    h_dropped, cache = dropblock2d_forward(h, p, block_size, np.random.default_rng(seed))
    np.testing.assert_allclose(h_dropped, np.where(cache[0], h / (1 - p), 0), rtol=1e-14)
    ones = np.ones_like(h)
    forward_of_ones, _ = dropblock2d_forward(ones, p, block_size, mask=cache[0])
    np.testing.assert_array_equal(dropout_backward(ones, cache), forward_of_ones)


@pytest.mark.parametrize("p", PROBABILITIES)
@pytest.mark.parametrize("case", MAPS)
def test_the_dropped_share_is_p_on_maps_from_5_to_56(case, p, share_variance):
    height, width, block_size = case
    maps = (20, 30 if height > 20 else 200)
    layer = DropBlock2d(p, block_size, np.random.default_rng(0))
    share = (layer.forward(np.ones((*maps, height, width))) == 0).mean()
    error = math.sqrt(share_variance(solved_gamma(p, *case), *case) / math.prod(maps))
    assert abs(share - p) < 5 * error
    assert 5 * error < 0.04


@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_papers_gamma_drops_its_own_share_and_scales_by_it(p, share_variance):
    case, maps = (14, 14, 5), (20, 200)
    gamma, expected = gamma_and_share(p, *case, "paper")
    layer = DropBlock2d(p, 5, np.random.default_rng(1), gamma="paper")
    h_dropped = layer.forward(np.ones((*maps, 14, 14)))
    error = math.sqrt(share_variance(gamma, *case) / math.prod(maps))
    assert abs((h_dropped == 0).mean() - expected) < 5 * error
    assert abs(h_dropped.mean() - 1) < 5 * error / (1 - expected)
    np.testing.assert_allclose(h_dropped[h_dropped > 0], 1 / (1 - expected), rtol=1e-12)
    assert gamma == paper_gamma(p, *case)
    assert expected < p


def all_seeds(height, width, block_size, gamma):
    """Every seed pattern (T, 1, H - b + 1, W - b + 1) and its probability."""
    shape = (height - block_size + 1, width - block_size + 1)
    patterns = np.array(list(itertools.product([True, False], repeat=math.prod(shape)))).reshape(-1, 1, *shape)
    return patterns, np.where(patterns, gamma, 1 - gamma).prod(axis=(1, 2, 3))


@pytest.mark.parametrize("p", PROBABILITIES)
@pytest.mark.parametrize("rule", ["solved", "paper"])
def test_over_all_seeds_a_map_keeps_its_mean_and_a_pixel_the_stated_one(p, rule):
    gamma, share = gamma_and_share(p, 4, 5, 3, rule)
    seeds, probabilities = all_seeds(4, 5, 3, gamma)
    h = np.random.default_rng(2).normal(size=(4, 5))
    passes, _ = dropblock2d_forward(np.tile(h, (len(seeds), 1, 1, 1)), p, 3, mask=drop_blocks(seeds, 3), gamma=rule)
    mean = np.tensordot(probabilities, passes[:, 0], axes=1)
    keep = (1 - gamma) ** seed_counts(4, 5, 3)
    np.testing.assert_allclose(mean, h * keep / (1 - share), rtol=1e-10)
    np.testing.assert_allclose((mean / h).mean(), 1, rtol=1e-10)
    assert mean[0, 0] / h[0, 0] > 1 > mean[1, 2] / h[1, 2]  # corners are hit by fewer blocks


@pytest.mark.parametrize("p", PROBABILITIES)
def test_dividing_by_the_realised_share_loses_the_mean_of_maps_that_vanish(p):
    for case in ((3, 3, 3), (4, 4, 3)):
        gamma = solved_gamma(p, *case)
        seeds, probabilities = all_seeds(*case, gamma)
        kept = drop_blocks(seeds, 3).mean(axis=(1, 2, 3))
        all_dropped = probabilities[kept == 0].sum()
        realised = probabilities @ np.divide(kept, kept, out=np.zeros_like(kept), where=kept > 0)
        assert realised == pytest.approx(1 - all_dropped)
        assert probabilities @ kept / (1 - p) == pytest.approx(1)
        assert all_dropped == pytest.approx(p if case == (3, 3, 3) else gamma**4)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_mean_of_each_pixel_over_passes_stays_within_five_standard_errors(p):
    n, gamma = 4000, solved_gamma(p, 6, 5, 3)
    passes, _ = dropblock2d_forward(np.ones((n, 1, 6, 5)), p, 3, np.random.default_rng(3))
    keep = (1 - gamma) ** seed_counts(6, 5, 3)
    error = np.sqrt(keep * (1 - keep) / n) / (1 - p)
    assert (abs(passes[:, 0].mean(axis=0) - keep / (1 - p)) < 5 * error).all()


@pytest.mark.parametrize("axis", [0, 1])
def test_examples_and_channels_have_blocks_of_their_own(axis, share_variance):
    shares = (~block_mask((80, 90, 6, 6), 0.1, 3, np.random.default_rng(4))).mean(axis=(2, 3))
    centred = np.moveaxis(shares - dropped_share(0.1, 6, 6, 3), axis, 0)
    products = centred[1:] * centred[:-1]
    assert abs(products.mean()) < 5 * share_variance(0.1, 6, 6, 3) / math.sqrt(products.size)


def test_blocks_of_one_pixel_are_dropout():
    h = np.random.default_rng(5).normal(size=(4, 3, 6, 7))
    blocks = DropBlock2d(0.3, 1, np.random.default_rng(6)).forward(h)
    np.testing.assert_array_equal(blocks, Dropout(0.3, np.random.default_rng(6)).forward(h))


@pytest.mark.parametrize(("p", "factor"), [(0, 1), (1, 0)])
@pytest.mark.parametrize("rule", ["solved", "paper"])
def test_the_ends_of_the_range_are_finite_with_their_gradient(p, factor, rule):
    # a block of the map's own size: equation 1 never drops everything of a larger map
    h = np.random.default_rng(7).normal(size=(2, 3, 4, 4))
    layer = DropBlock2d(p, 4, np.random.default_rng(8), gamma=rule)
    np.testing.assert_array_equal(layer.forward(h), factor * h)
    np.testing.assert_array_equal(layer.backward(h), factor * h)


def test_the_layer_shows_what_it_does():
    rng = np.random.default_rng(0)
    assert repr(DropBlock2d(0.1, 5, rng, gamma="paper")) == "DropBlock2d(p=0.1, block_size=5, gamma='paper')"


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((3, 8, 8), "h must be feature maps (N, C, *) with 2 spatial axes; got (3, 8, 8). Unbatched maps"),
        ((2, 3, 8, 4), "a block of 5×5 does not fit a map of 8×4"),
    ],
)
def test_maps_that_no_block_fits_are_refused_in_both_modes(shape, words, training):
    layer = DropBlock2d(0.1, 5, np.random.default_rng(0))
    with pytest.raises(ValueError, match=re.escape(words)):
        layer.forward(np.ones(shape), training=training)


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
        DropBlock2d(0.1, block_size, np.random.default_rng(0), gamma=rule)
