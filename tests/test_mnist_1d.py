"""The generator of one-dimensional digits."""

import numpy as np
import pytest

from dropout_lab.mnist_1d import LENGTH, _read_off, _smooth, mnist_1d, templates


def test_the_classes_alternate_and_the_dtypes_are_those_of_the_other_data():
    x, y = mnist_1d(25, np.random.default_rng(0))
    assert (x.shape, x.dtype, y.dtype) == ((25, LENGTH), np.float32, np.int64)
    np.testing.assert_array_equal(y, np.arange(25) % 10)


def test_all_comes_from_the_generator_and_another_call_gives_other_examples():
    rng = np.random.default_rng(3)
    first, second = mnist_1d(50, rng)[0], mnist_1d(50, rng)[0]
    np.testing.assert_array_equal(first, mnist_1d(50, np.random.default_rng(3))[0])
    assert not np.isclose(first, second).any(axis=1).all()


def test_templates_start_at_zero_are_equally_large_and_none_looks_like_another():
    curves = templates()
    np.testing.assert_array_equal(curves[:, 0], 0)
    np.testing.assert_allclose(curves.std(axis=1), 1 / 6)
    correlations = np.corrcoef(curves)[np.triu_indices(10, 1)]
    assert abs(correlations).max() < 0.95


def test_a_curve_is_read_off_on_straight_lines_and_stays_beyond_its_ends():
    curve = np.array([[0.0, 2.0, 1.0]])
    at = np.array([[-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 9.0]])
    np.testing.assert_allclose(_read_off(curve, at), [[0, 0, 1, 2, 1.5, 1, 1]])


def test_smoothing_keeps_a_constant_and_shrinks_noise_to_the_sum_of_the_squared_weights():
    np.testing.assert_allclose(_smooth(np.ones((1, LENGTH + 12))), np.ones((1, LENGTH)))
    weights = np.exp(-(np.arange(-6, 7) ** 2) / 8)
    weights /= weights.sum()
    smoothed = _smooth(np.random.default_rng(0).standard_normal((20_000, 13)))[:, 0]  # one point each
    variance = (weights**2).sum()
    assert abs(smoothed.var() - variance) < 5 * variance * (2 / 20_000) ** 0.5


def test_each_curve_has_a_tilt_a_size_a_place_and_a_length_of_its_own():
    x = mnist_1d(40_000, np.random.default_rng(5), noise=1e-9)[0][::10].astype(float)  # all zeros
    tilt = -2 * x[:, 0]  # a template starts at 0, so the first point shows the line that is added, from -½ to ½
    assert abs(tilt).max() <= 0.4
    assert abs(tilt.var() - 0.8**2 / 12) < 5 * 0.8**2 / 12 * (0.8 / len(x)) ** 0.5  # a uniform law's kurtosis is 1.8
    drawn = abs(x - tilt[:, None] * np.linspace(-0.5, 0.5, LENGTH)) > 1e-5
    before, behind = (
        drawn.argmax(axis=1),
        drawn[:, ::-1].argmax(axis=1),
    )  # points at rest, 4 to 16 in all
    assert set(range(5, 16)) <= set(before + behind) <= set(range(3, 18))
    for at_rest in (before, behind):
        assert at_rest.min() <= 1
        assert at_rest.max() >= 14
    size = abs(x - tilt[:, None] * np.linspace(-0.5, 0.5, LENGTH)).max(axis=1) / templates()[0].max()
    assert 0.55 < size.min() < 0.62
    assert 1.38 < size.max() < 1.401


@pytest.mark.parametrize("noise", [0.1, 0.6])
def test_the_noise_is_what_is_asked_for(noise):
    quiet = mnist_1d(5_000, np.random.default_rng(1), noise=1e-9)[0].astype(float)
    loud = mnist_1d(5_000, np.random.default_rng(1), noise=noise)[0].astype(float)
    weights = np.exp(-(np.arange(-6, 7) ** 2) / 8)
    variance = noise**2 * (weights**2).sum() / weights.sum() ** 2
    middle = (loud - quiet)[:, 20]
    assert abs(middle.var() - variance) < 5 * variance * (2 / 5_000) ** 0.5


def test_a_nearest_mean_beats_guessing_by_far_and_is_far_from_perfect():
    x, y = mnist_1d(5_000, np.random.default_rng(2))
    new, labels = mnist_1d(2_000, np.random.default_rng(4))
    means = np.stack([x[y == digit].mean(axis=0) for digit in range(10)])
    guessed = ((new[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert 0.3 < (guessed == labels).mean() < 0.8


@pytest.mark.parametrize(
    ("arguments", "error"),
    [((0, np.random.default_rng(0)), ValueError), ((4.0, np.random.default_rng(0)), TypeError), ((4, 0), TypeError)],
)
def test_bad_input_is_refused(arguments, error):
    with pytest.raises(error):
        mnist_1d(*arguments)


def test_no_noise_at_all_is_refused():
    with pytest.raises(ValueError, match="noise is a positive finite number"):
        mnist_1d(4, np.random.default_rng(0), noise=0.0)
