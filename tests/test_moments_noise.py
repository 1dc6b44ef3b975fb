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
