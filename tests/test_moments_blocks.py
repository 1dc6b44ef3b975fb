"""Counts and shares are compared with slow, obvious ones: all places tried for each pixel, all seed patterns summed."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab import moments_blocks
from dropout_lab.moments_blocks import (
    dropped_share,
    gamma_and_share,
    paper_gamma,
    pooled_variance,
    seed_counts,
    solved_gamma,
)

maps_and_blocks = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(
    lambda size: st.tuples(st.just(size[0]), st.just(size[1]), st.integers(1, min(size)))
)
MAPS = ((5, 5, 3), (5, 5, 4), (5, 5, 5), (7, 7, 3), (7, 7, 7), (14, 14, 5), (14, 10, 6), (28, 28, 7), (56, 56, 7))


@given(maps_and_blocks)
def test_each_pixel_counts_the_places_whose_block_covers_it(case):
    height, width, block_size = case
    counts = np.zeros((height, width), int)
    for row in range(height - block_size + 1):
        for column in range(width - block_size + 1):
            counts[row : row + block_size, column : column + block_size] += 1
    np.testing.assert_array_equal(seed_counts(height, width, block_size), counts)


@given(maps_and_blocks, st.floats(0, 1))
def test_the_share_is_the_mean_over_pixels_of_having_a_seed_among_their_places(case, gamma):
    expected = (1 - (1 - gamma) ** seed_counts(*case)).mean()
    assert dropped_share(gamma, *case) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("case", [(4, 3, 2), (5, 4, 3), (3, 3, 3), (3, 3, 1)])
@pytest.mark.parametrize("gamma", [0.1, 0.35, 0.8])
def test_the_share_is_that_of_all_seed_patterns_weighted_with_their_probabilities(case, gamma):
    height, width, block_size = case
    places = list(itertools.product(range(height - block_size + 1), range(width - block_size + 1)))
    share = 0.0
    for pattern in itertools.product([True, False], repeat=len(places)):
        dropped = np.zeros((height, width), bool)
        for (row, column), seed in zip(places, pattern, strict=True):
            dropped[row : row + block_size, column : column + block_size] |= seed
        share += dropped.mean() * np.prod([gamma if seed else 1 - gamma for seed in pattern])
    assert dropped_share(gamma, *case) == pytest.approx(share, rel=1e-12)


@given(maps_and_blocks, st.floats(1e-6, 1))
def test_the_solved_gamma_drops_a_share_of_exactly_p(case, p):
    gamma = solved_gamma(p, *case)
    assert 0 <= gamma <= p or gamma == pytest.approx(p, rel=1e-12)
    assert dropped_share(gamma, *case) == pytest.approx(p, rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("p", [0.0, 1e-9, 0.05, 0.1, 0.2, 0.5, 0.9, 1 - 1e-12, 1.0])
@pytest.mark.parametrize("case", MAPS)
def test_the_solved_gamma_holds_on_maps_from_5_to_56_and_at_both_ends(case, p):
    assert dropped_share(solved_gamma(p, *case), *case) == pytest.approx(p, rel=1e-6, abs=1e-13)


def test_single_pixels_and_blocks_of_the_maps_own_size_need_no_solving():
    for case in ((6, 9, 1), (6, 6, 6)):
        assert solved_gamma(0.3, *case) == pytest.approx(0.3, rel=1e-14)
        assert paper_gamma(0.3, *case) == pytest.approx(0.3, rel=1e-14)


@given(maps_and_blocks, st.floats(0, 1))
def test_the_papers_gamma_is_equation_one_and_never_drops_more_than_p(case, p):
    height, width, block_size = case
    gamma = paper_gamma(p, *case)
    valid = (height - block_size + 1) * (width - block_size + 1)
    # as many pixels as p asks for would be covered if no two blocks overlapped
    assert gamma * valid * block_size**2 == pytest.approx(p * height * width, rel=1e-12)
    assert dropped_share(gamma, *case) <= p + 1e-12


@pytest.mark.parametrize(
    ("p", "case", "share"),
    [
        (0.1, (7, 7, 3), 0.0947),
        (0.1, (56, 56, 7), 0.0946),
        (0.2, (14, 14, 7), 0.1734),
        (0.2, (56, 56, 7), 0.1793),
        (0.5, (5, 5, 3), 0.3899),
        (0.5, (28, 28, 7), 0.3723),
    ],
)
def test_the_papers_gamma_drops_less_and_by_more_than_two_points_from_p_one_fifth_on(p, case, share):
    gamma, found = gamma_and_share(p, *case, "paper")
    assert gamma == paper_gamma(p, *case)
    assert found == pytest.approx(share, abs=5e-5)
    assert (p - found > 0.02) == (p >= 0.2)
    assert gamma_and_share(p, *case, "solved") == (solved_gamma(p, *case), p)


CALLS = [
    lambda case: seed_counts(*case),
    lambda case: dropped_share(0.1, *case),
    lambda case: paper_gamma(0.1, *case),
    lambda case: solved_gamma(0.1, *case),
    lambda case: gamma_and_share(0.1, *case, "paper"),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("case", "error", "words"),
    [
        ((5, 7, 6), ValueError, "a block of 6×6 does not fit a map of 5×7"),
        ((7, 5, 6), ValueError, "a block of 6×6 does not fit a map of 7×5"),
        ((7, 7, 0), ValueError, "block_size is a whole number of at least 1"),
        ((7, 7, 3.0), TypeError, "block_size is a whole number"),
    ],
)
def test_a_block_that_does_not_fit_is_refused(call, case, error, words):
    with pytest.raises(error, match=re.escape(words)):
        call(case)


def test_what_is_no_probability_and_no_rule_is_refused():
    for function in (dropped_share, paper_gamma, solved_gamma):
        with pytest.raises(ValueError, match=r"number in \[0, 1\]"):
            function(1.2, 7, 7, 3)
    with pytest.raises(ValueError, match=re.escape('gamma is "solved" (a share of p is dropped) or "paper"')):
        moments_blocks.gamma_and_share(0.1, 7, 7, 3, "exact")


@pytest.mark.parametrize("case", [(4, 3, 2), (5, 4, 3), (3, 3, 3), (3, 3, 1)])
@pytest.mark.parametrize("p", [0.1, 0.35, 0.8])
def test_the_pooled_variance_is_that_of_all_seed_patterns_weighted_with_their_probabilities(case, p):
    height, width, block_size = case
    gamma = solved_gamma(p, *case)
    places = list(itertools.product(range(height - block_size + 1), range(width - block_size + 1)))
    means, chances = [], []
    for pattern in itertools.product([True, False], repeat=len(places)):
        kept = np.ones((height, width))
        for (row, column), seed in zip(places, pattern, strict=True):
            if seed:
                kept[row : row + block_size, column : column + block_size] = 0
        means.append(kept.mean() / (1 - p))
        chances.append(np.prod([gamma if seed else 1 - gamma for seed in pattern]))
    mean = np.dot(chances, means)
    assert mean == pytest.approx(1, rel=1e-12)
    assert pooled_variance(p, *case) == pytest.approx(np.dot(chances, (np.array(means) - mean) ** 2), rel=1e-10)


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0.01, 0.95))
def test_the_pooled_variance_runs_from_that_of_dropout_to_that_of_spatial_dropout(height, width, p):
    assert pooled_variance(p, height, width, 1) == pytest.approx(p / (1 - p) / (height * width), rel=1e-9)
    side = min(height, width)
    assert pooled_variance(p, side, side, side) == pytest.approx(p / (1 - p), rel=1e-9)


def test_the_pooled_variance_refuses_p_1_where_nothing_survives():
    assert pooled_variance(0.0, 4, 4, 2) == pytest.approx(0, abs=1e-15)
    with pytest.raises(ValueError, match="nothing is left to scale"):
        pooled_variance(1.0, 4, 4, 2)
