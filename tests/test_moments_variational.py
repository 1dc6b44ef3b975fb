import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab import moments_variational as mv
from dropout_lab.masks import normal_noise

GRID = np.linspace(-8, 8, 81)


def integrated_kl(log_alpha):
    """E[log|ξ|] - ½ log α + ½ (γ + log 2) by the midpoint rule, the singularity at ξ = 0 being a midpoint's edge."""
    sd = math.exp(log_alpha / 2)
    root = -1 / sd  # ξ = 1 + sd z is 0 there; z = root ± t², so that log|ξ| = log(sd t²) is tame at t = 0
    t = (np.arange(400_000) + 0.5) * (math.sqrt(abs(root) + 12) / 400_000)
    densities = sum(np.exp(-((root + sign * t**2) ** 2) / 2) for sign in (-1, 1)) / math.sqrt(2 * math.pi)
    mean = (np.log(sd * t**2) * densities * 2 * t).sum() * (t[1] - t[0])
    return mean - log_alpha / 2 + (np.euler_gamma + math.log(2)) / 2


@pytest.mark.parametrize("value", [-8.0, -3.5, -1.0, 0.0, 2.0, 8.0])
def test_the_series_is_the_integral(value):
    assert mv.exact_variational_kl(np.array(value)) == pytest.approx(integrated_kl(value), abs=1e-6)


def test_a_sample_of_the_noise_gives_the_series_within_five_standard_errors():
    logs = np.log(abs(1 + normal_noise(400_000, np.random.default_rng(0))))  # α = 1
    drawn = logs + (np.euler_gamma + math.log(2)) / 2
    assert abs(drawn.mean() - mv.exact_variational_kl(np.zeros(1))[0]) < 5 * drawn.std() / math.sqrt(400_000)


def test_the_approximation_is_within_its_published_error_up_to_the_constant():
    # section 4.2 compares ½ log α - E log|ξ| with k₁ σ(…) - ½ log(1 + 1/α): constants k₁ and ½ (γ + log 2) differ
    constant = mv.K1 - (np.euler_gamma + math.log(2)) / 2
    error = mv.variational_kl(GRID) - mv.exact_variational_kl(GRID)
    assert abs(constant) < 6e-4
    assert abs(error - constant).max() < 0.009
    assert abs(error).max() < 0.0095


def test_it_falls_from_half_a_log_to_zero():
    kl = mv.variational_kl(GRID)
    assert (np.diff(kl) < 0).all()
    assert kl[0] == pytest.approx(4 + mv.K1, abs=1e-3)  # -½ log α, since σ and 1/α are gone
    assert 0 < kl[-1] < 2e-4


def test_the_slope_is_the_derivative_inside_the_bounds_and_zero_where_log_alpha_is_clipped():
    inside = GRID[1:-1]
    numerical = (mv.variational_kl(inside + 1e-5) - mv.variational_kl(inside - 1e-5)) / 2e-5
    np.testing.assert_allclose(mv.variational_kl_slope(inside), numerical, atol=1e-9)
    np.testing.assert_array_equal(mv.variational_kl_slope(np.array(mv.LOG_ALPHA_BOUNDS)), 0)


@given(st.floats(-3, 3).filter(lambda w: abs(w) > 1e-3), st.floats(-9, 9), st.floats(0.1, 10))
def test_log_alpha_is_the_clipped_ratio_and_knows_no_unit(weight, log_variance, unit):
    expected = min(max(log_variance - math.log(weight**2), -8), 8)
    theta, spread = np.array([weight, -weight]), np.full(2, log_variance)
    np.testing.assert_allclose(mv.log_alpha(theta, spread), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(mv.log_alpha(theta * unit, spread + 2 * math.log(unit)), expected, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtypes_are_kept_and_a_weight_of_zero_is_noise_alone(dtype):
    theta = np.array([0.0, 1.0], dtype=dtype)
    log_alpha = mv.log_alpha(theta, np.zeros(2, dtype))
    np.testing.assert_array_equal(log_alpha, np.array([8, 0], dtype))
    for function in (mv.variational_kl, mv.variational_kl_slope):
        assert function(log_alpha).dtype == log_alpha.dtype == dtype
        exact = function(log_alpha.astype(float))
        np.testing.assert_allclose(
            function(log_alpha), exact, rtol=4 * np.finfo(dtype).eps, atol=1e-3 * (dtype == np.float16)
        )


def test_the_threshold_is_dropout_at_095():
    alpha = math.exp(mv.LOG_ALPHA_THRESHOLD)
    assert alpha / (1 + alpha) == pytest.approx(0.95, abs=3e-3)


def test_a_series_that_gets_too_long_is_refused():
    for value in (-12.5, math.nan):
        with pytest.raises(ValueError, match="at least -12"):
            mv.exact_variational_kl(np.array([0.0, value]))
