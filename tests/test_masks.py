import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropout_lab.masks import bernoulli_mask, normal_noise, unequal_mask

PROBABILITIES = (0.1, 0.2, 0.7)

shapes_and_axes = hnp.array_shapes(max_dims=4, max_side=5).flatmap(
    lambda shape: st.tuples(st.just(shape), st.sets(st.integers(0, len(shape) - 1)).map(tuple))
)


@given(shapes_and_axes, st.floats(0, 1), st.integers(0, 2**32))
def test_the_mask_is_constant_along_the_shared_axes(case, p, seed):
    shape, shared_axes = case
    mask = bernoulli_mask(shape, p, np.random.default_rng(seed), shared_axes=shared_axes)
    first = mask[tuple(slice(0, 1) if axis in shared_axes else slice(None) for axis in range(len(shape)))]
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask, np.broadcast_to(first, shape))


@given(shapes_and_axes, st.floats(0, 1), st.integers(0, 2**32))
def test_each_position_of_the_other_axes_has_its_own_coin(case, p, seed):
    shape, shared_axes = case
    coins = [1 if axis in shared_axes else size for axis, size in enumerate(shape)]
    kept = np.random.default_rng(seed).random(coins) >= p
    mask = bernoulli_mask(shape, p, np.random.default_rng(seed), shared_axes=shared_axes)
    np.testing.assert_array_equal(mask, np.broadcast_to(kept, shape))


@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_dropped_fraction_is_p(p):
    mask = bernoulli_mask((400, 300), p, np.random.default_rng(0))
    assert abs((~mask).mean() - p) < 5 * math.sqrt(p * (1 - p) / mask.size)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_count_along_each_axis_is_binomial_not_fixed(p, axis, binomial_variance_error):
    counts = bernoulli_mask((400, 300), p, np.random.default_rng(1)).sum(axis=axis)
    n = (400, 300)[axis]
    error = binomial_variance_error(n, p, len(counts))
    assert abs(counts.var(ddof=1) - n * p * (1 - p)) < 5 * error


@pytest.mark.parametrize("p", PROBABILITIES)
def test_the_dropped_fraction_of_shared_coins_is_p(p):
    mask = bernoulli_mask((200, 100, 2, 3), p, np.random.default_rng(2), shared_axes=(2, 3))
    assert abs((~mask).mean() - p) < 5 * math.sqrt(p * (1 - p) / (200 * 100))


@pytest.mark.parametrize("axis", [0, 2])
@pytest.mark.parametrize("p", PROBABILITIES)
def test_neighbours_along_the_other_axes_are_uncorrelated(p, axis):
    mask = bernoulli_mask((200, 3, 100), p, np.random.default_rng(3), shared_axes=(1,))[:, 0]
    centred = np.moveaxis(mask - (1 - p), axis // 2, 0)
    products = centred[1:] * centred[:-1]
    assert abs(products.mean()) < 5 * p * (1 - p) / math.sqrt(products.size)


def test_stochastic_depth_is_one_coin_for_each_example():
    mask = bernoulli_mask((500, 4, 3), 0.2, np.random.default_rng(4), shared_axes=(1, 2))
    assert set(mask.mean(axis=(1, 2))) == {0.0, 1.0}


def test_negative_axes_count_from_the_end():
    masks = [bernoulli_mask((5, 4, 3), 0.3, np.random.default_rng(5), shared_axes=axes) for axes in [(1, 2), (-1, -2)]]
    np.testing.assert_array_equal(*masks)


def test_two_calls_on_one_generator_differ():
    rng = np.random.default_rng(6)
    assert (bernoulli_mask((20, 20), 0.3, rng) != bernoulli_mask((20, 20), 0.3, rng)).any()


def test_the_same_generator_state_gives_the_same_mask():
    masks = [bernoulli_mask((20, 20), 0.3, np.random.default_rng(7)) for _ in range(2)]
    np.testing.assert_array_equal(*masks)


@pytest.mark.parametrize(("p", "kept"), [(0, True), (1, False)])
def test_the_ends_of_the_range_keep_all_or_none(p, kept):
    assert (bernoulli_mask((50, 50), p, np.random.default_rng(8)) == kept).all()


def test_a_uniform_number_of_exactly_zero_is_kept_at_p_zero(zero_generator):
    assert bernoulli_mask((3, 4), 0.0, zero_generator).all()


@pytest.mark.parametrize("shared_axes", [(), (1,)])
def test_changing_one_coin_of_a_mask_changes_no_other(shared_axes):
    mask = bernoulli_mask((3, 4), 0.0, np.random.default_rng(9), shared_axes=shared_axes)
    mask[0, 0] = False
    assert mask.sum() == 11


def test_a_shape_without_axes_gives_an_array_of_one_coin():
    mask = bernoulli_mask((), 0.2, np.random.default_rng(10))
    assert isinstance(mask, np.ndarray)
    assert mask.shape == ()


def test_the_global_random_state_is_untouched(assert_global_state_untouched):
    assert_global_state_untouched(lambda: bernoulli_mask((3, 4), 0.2, np.random.default_rng(11), shared_axes=(1,)))


def test_lists_passed_in_are_not_modified():
    shape, shared_axes = [2, 3, 4], [-1, 1]
    bernoulli_mask(shape, 0.2, np.random.default_rng(12), shared_axes=shared_axes)
    assert (shape, shared_axes) == ([2, 3, 4], [-1, 1])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"p": math.nan}, ValueError, "got nan"),
        ({"p": 1.2}, ValueError, "pass p = 1 - q"),
        ({"p": "half"}, TypeError, "got 'half'"),
        ({"p": True}, TypeError, "`training` passed in the place of p"),
        ({"rng": 0}, TypeError, "Make one with np.random.default_rng(0)"),
        ({"rng": None}, TypeError, "Make one with np.random.default_rng(0)"),
        ({"shape": (0, 3)}, ValueError, "there is no unit to drop"),
        ({"shape": (2.0, 3)}, TypeError, "such as h.shape"),
        ({"shared_axes": 1}, TypeError, "For a single axis write (1,)"),
        ({"shared_axes": (1, -1)}, ValueError, "each named once"),
        ({"shared_axes": (2,)}, ValueError, "each lies in [-2, 1]"),
    ],
)
def test_bad_input_is_refused_with_the_repair(change, error, words):
    arguments = {"shape": (2, 3), "p": 0.2, "rng": np.random.default_rng(0)} | change
    with pytest.raises(error, match=re.escape(words)):
        bernoulli_mask(**arguments)


# Noise with real values


@given(hnp.array_shapes(max_dims=4, max_side=5), st.sampled_from([np.float16, np.float32, np.float64]))
def test_normal_noise_has_the_asked_shape_and_dtype_and_is_finite(shape, dtype):
    noise = normal_noise(shape, np.random.default_rng(0), dtype=dtype)
    assert (noise.shape, noise.dtype) == (shape, dtype)
    assert np.isfinite(noise).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_normal_noise_has_the_moments_of_a_standard_normal(dtype):
    # E[ε^k] = 0, 1, 0, 3 and Var[ε^k] = E[ε^2k] - E[ε^k]² = 1, 2, 15, 96
    noise = normal_noise(200_000, np.random.default_rng(1), dtype=dtype).astype(float)
    for power, mean, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        assert abs((noise**power).mean() - mean) < 5 * math.sqrt(variance / noise.size)


@pytest.mark.parametrize("axis", [0, 1])
def test_neighbours_in_normal_noise_are_uncorrelated(axis):
    noise = np.moveaxis(normal_noise((300, 400), np.random.default_rng(2)), axis, 0)
    products = noise[1:] * noise[:-1]
    assert abs(products.mean()) < 5 / math.sqrt(products.size)


def test_normal_noise_is_that_of_the_generator_whose_state_moves_on():
    rng = np.random.default_rng(3)
    first, second = normal_noise((3, 4), rng), normal_noise((3, 4), rng)
    np.testing.assert_array_equal(first, np.random.default_rng(3).standard_normal((3, 4)))
    assert (first != second).all()


def test_normal_noise_leaves_the_global_random_state_alone(assert_global_state_untouched):
    assert_global_state_untouched(lambda: normal_noise((3, 4), np.random.default_rng(4)))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"rng": 0}, TypeError, "Make one with np.random.default_rng(0)"),
        ({"shape": (0, 3)}, ValueError, "there is no unit to drop"),
        ({"shape": (2.0, 3)}, TypeError, "such as h.shape"),
        ({"dtype": np.int64}, TypeError, "such as np.float32; got int64"),
    ],
)
def test_normal_noise_refuses_bad_input_with_the_repair(change, error, words):
    arguments = {"shape": (2, 3), "rng": np.random.default_rng(0)} | change
    with pytest.raises(error, match=re.escape(words)):
        normal_noise(**arguments)


def test_units_with_a_drop_probability_each_are_dropped_by_it():
    p = np.array([0.0, 0.1, 0.6, 1.0])
    kept = unequal_mask(np.broadcast_to(p, (20_000, 4)), np.random.default_rng(0))
    assert (np.abs(1 - kept.mean(axis=0) - p) <= 5 * np.sqrt(p * (1 - p) / 20_000)).all()
    with pytest.raises(TypeError, match=re.escape("Make one with np.random.default_rng(0)")):
        unequal_mask(p, 0)
