import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab import moments_noise


@given(st.floats(0, 0.999))
def test_alpha_is_the_variance_of_a_coin_scaled_by_one_over_q(p):
    q = 1 - p
    variance = q * (1 / q - 1) ** 2 + p * (0 - 1) ** 2
    assert moments_noise.gaussian_alpha(p) == pytest.approx(variance, rel=1e-9, abs=1e-15)


def test_alpha_at_a_keep_probability_is_srivastavas_sigma_squared():
    keep_prob = 0.8
    assert moments_noise.gaussian_alpha(1 - keep_prob) == pytest.approx((1 - keep_prob) / keep_prob)


@pytest.mark.parametrize(
    ("p", "error", "words"),
    [
        (1, ValueError, "p = 1 has no Gaussian noise"),
        (1.2, ValueError, "pass p = 1 - q"),
        ("half", TypeError, "'half'"),
    ],
)
def test_alpha_needs_a_drop_probability_below_one(p, error, words):
    with pytest.raises(error, match=re.escape(words)):
        moments_noise.gaussian_alpha(p)


def test_the_floor_is_the_limit_of_selu():
    scale, alpha = 1.0507009873554805, 1.6732632423543772  # λ and α of Klambauer et al.
    assert -scale * alpha == pytest.approx(moments_noise.SELU_FLOOR, rel=1e-15)


@given(st.floats(0, 0.999))
def test_the_affine_repair_keeps_mean_zero_and_variance_one(p):
    scale, shift = moments_noise.alpha_dropout_affine(p)
    floor, q = moments_noise.SELU_FLOOR, 1 - p
    mean = scale * (q * 0 + p * floor) + shift
    second = q * (scale**2 * 1 + shift**2) + p * (scale * floor + shift) ** 2  # E[h] = 0 and E[h²] = 1
    assert mean == pytest.approx(0, abs=1e-12)
    assert second == pytest.approx(1, rel=1e-11)


@given(st.floats(0, 0.999))
def test_scale_and_shift_are_the_formulas_of_the_paper(p):
    q, floor = 1 - p, moments_noise.SELU_FLOOR
    scale = (q + floor**2 * q * (1 - q)) ** -0.5  # written there for the keep probability q
    expected = (scale, -scale * ((1 - q) * floor))
    assert moments_noise.alpha_dropout_affine(p) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize(
    ("p", "error", "words"),
    [
        (1, ValueError, "nothing is left to scale, so a and b need p < 1"),
        (1.2, ValueError, "pass p = 1 - q"),
        (True, TypeError, "`training` passed in the place of p"),
    ],
)
def test_the_affine_repair_needs_survivors(p, error, words):
    with pytest.raises(error, match=re.escape(words)):
        moments_noise.alpha_dropout_affine(p)
