import math
import re

import numpy as np
import pytest

from dropout_lab.masks import bernoulli_mask
from dropout_lab.moments import scaled_variance
from dropout_lab.numpy_layers import LockedDropout, locked_dropout_forward

PROBABILITIES = (0.1, 0.2, 0.7)


@pytest.mark.parametrize("time_axis", [0, 1, -2])
@pytest.mark.parametrize("p", [0, 0.2, 0.7, 1])
def test_the_drawn_mask_is_the_bernoulli_mask_that_shares_the_time_axis(p, time_axis):
    _, (mask, scale) = locked_dropout_forward(np.ones((5, 6, 7)), p, np.random.default_rng(0), time_axis=time_axis)
    expected = bernoulli_mask((5, 6, 7), p, np.random.default_rng(0), shared_axes=(time_axis,))
    np.testing.assert_array_equal(mask, expected)
    assert scale == (1 / (1 - p) if p < 1 else 0)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_share_of_dropped_units_is_p_and_none_comes_back_later(p):
    h_dropped, _ = locked_dropout_forward(np.ones((300, 5, 400)), p, np.random.default_rng(0))
    dropped = h_dropped[:, 0] == 0
    assert abs(dropped.mean() - p) < 5 * math.sqrt(p * (1 - p) / dropped.size)
    np.testing.assert_array_equal((h_dropped == 0).all(axis=1), dropped)
    np.testing.assert_array_equal((h_dropped == 0).any(axis=1), dropped)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("p", PROBABILITIES)
def test_examples_and_units_flip_coins_of_their_own(p, axis, binomial_variance_error):
    h_dropped, _ = locked_dropout_forward(np.ones((400, 2, 300)), p, np.random.default_rng(1))
    counts, n = (h_dropped[:, 0] > 0).sum(axis=axis), h_dropped[:, 0].shape[axis]
    assert abs(counts.var(ddof=1) - n * p * (1 - p)) < 5 * binomial_variance_error(n, p, len(counts))


@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_mean_over_passes_is_the_input(p):
    h, rng = np.random.default_rng(2).normal(size=(2, 3, 2)), np.random.default_rng(3)
    passes = np.stack([locked_dropout_forward(h, p, rng)[0] for _ in range(4000)])
    assert (abs(passes.mean(axis=0) - h) < 5 * np.sqrt(scaled_variance(h, p) / len(passes))).all()


@pytest.mark.parametrize(("p", "factor"), [(0, 1), (1, 0)])
def test_the_ends_of_the_range_are_finite_with_their_gradient(p, factor):
    h, layer = np.random.default_rng(4).normal(size=(2, 3, 4)), LockedDropout(p, np.random.default_rng(5))
    np.testing.assert_array_equal(layer.forward(h), factor * h)
    np.testing.assert_array_equal(layer.backward(h), factor * h)


def test_the_layer_shows_and_uses_its_time_axis():
    layer = LockedDropout(0.3, np.random.default_rng(6), time_axis=0)
    h_dropped = layer.forward(np.ones((4, 5, 6)))
    assert repr(layer) == "LockedDropout(p=0.3, time_axis=0)"
    np.testing.assert_array_equal(h_dropped, np.broadcast_to(h_dropped[:1], h_dropped.shape))
    assert (h_dropped != h_dropped[:, :1]).any()


@pytest.mark.parametrize("training", [True, False])
def test_a_sequence_without_batch_axis_is_refused_in_both_modes(training):
    with pytest.raises(ValueError, match=re.escape("A single sequence (L, D) needs its batch axis, h[None]")):
        LockedDropout(0.2, np.random.default_rng(0)).forward(np.ones((5, 4)), training=training)


def test_a_mask_that_changes_over_time_is_refused():
    mask = bernoulli_mask((3, 4, 5), 0.4, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"shared_axes=\(1,\)"):
        locked_dropout_forward(np.ones((3, 4, 5)), 0.4, mask=mask)


def test_a_time_axis_that_is_no_int_is_refused_when_the_layer_is_made():
    with pytest.raises(TypeError, match="time_axis is the axis of the time steps"):
        LockedDropout(0.2, np.random.default_rng(0), time_axis="time")
