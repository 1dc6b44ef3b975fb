import math
import re

import numpy as np
import pytest

from dropout_lab.masks import bernoulli_mask
from dropout_lab.moments import scaled_variance
from dropout_lab.numpy_layers import DropPath, drop_path_forward

PROBABILITIES = (0.1, 0.2, 0.7)


@pytest.mark.parametrize("p", [0, 0.2, 0.7, 1])
def test_the_drawn_mask_is_the_bernoulli_mask_that_shares_every_axis_but_the_first(p):
    _, (mask, scale) = drop_path_forward(np.ones((9, 2, 3, 4)), p, np.random.default_rng(0))
    expected = bernoulli_mask((9, 2, 3, 4), p, np.random.default_rng(0), shared_axes=(1, 2, 3))
    np.testing.assert_array_equal(mask, expected)
    assert scale == (1 / (1 - p) if p < 1 else 0)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_share_of_dropped_branches_is_p(p):
    branches = drop_path_forward(np.ones((50_000, 2)), p, np.random.default_rng(0))[0][:, 0]
    assert abs((branches == 0).mean() - p) < 5 * math.sqrt(p * (1 - p) / branches.size)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_examples_of_a_batch_flip_coins_of_their_own(p, binomial_variance_error):
    rng, n = np.random.default_rng(1), 100
    counts = np.array([(drop_path_forward(np.ones((n, 2)), p, rng)[0][:, 0] > 0).sum() for _ in range(3000)])
    # one coin for the whole batch would give n² p (1 - p)
    assert abs(counts.var(ddof=1) - n * p * (1 - p)) < 5 * binomial_variance_error(n, p, len(counts))


@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_mean_over_passes_is_the_input(p):
    h, rng = np.random.default_rng(2).normal(size=(2, 3, 2)), np.random.default_rng(3)
    passes = np.stack([drop_path_forward(h, p, rng)[0] for _ in range(4000)])
    assert (abs(passes.mean(axis=0) - h) < 5 * np.sqrt(scaled_variance(h, p) / len(passes))).all()


@pytest.mark.parametrize(("p", "factor"), [(0, 1), (1, 0)])
def test_the_ends_of_the_range_are_finite_with_their_gradient(p, factor):
    h, layer = np.random.default_rng(4).normal(size=(2, 3, 4)), DropPath(p, np.random.default_rng(5))
    np.testing.assert_array_equal(layer.forward(h), factor * h)
    np.testing.assert_array_equal(layer.backward(h), factor * h)


@pytest.mark.parametrize("training", [True, False])
def test_a_branch_without_batch_axis_is_refused_in_both_modes(training):
    with pytest.raises(ValueError, match=re.escape("(N, *); got (5,). A single example needs its batch axis, h[None]")):
        DropPath(0.2, np.random.default_rng(0)).forward(np.ones(5), training=training)


def test_a_mask_that_changes_within_an_example_is_refused():
    mask = bernoulli_mask((3, 40), 0.4, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"shared_axes=\(1,\)"):
        drop_path_forward(np.ones((3, 40)), 0.4, mask=mask)
