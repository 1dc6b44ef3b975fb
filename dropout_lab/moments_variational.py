"""Closed forms of variational dropout: how noisy a weight is, log α, and what the log-uniform prior charges for it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

K1, K2, K3 = 0.63576, 1.87320, 1.48695  # Molchanov et al. (2017), equation 14
LOG_ALPHA_BOUNDS = (-8.0, 8.0)
LOG_ALPHA_THRESHOLD = 3.0  # α = 20: the noise of a weight is 4.5 times its mean, dropout with p = .95


def log_alpha(weight: Array, log_variance: Array) -> Array:
    """Noise of a weight relative to its size, log α = log σ² - log θ², clipped to [-8, 8].

    A weight w ~ N(θ, σ²) has the moments of a weight θ behind Gaussian dropout with α = σ²/θ². A weight of exactly 0 is
    noise alone: it has the upper bound.

    Parameters
    ----------
    weight : float array of any shape
        The means θ.
    log_variance : float array of the same shape
        The logarithms of the variances σ².

    Returns
    -------
    log_alpha : array like `weight`

    Examples
    --------
    >>> log_alpha(np.array([2.0, 1.0, 0.0]), np.log(np.array([1.0, 1.0, 1.0]))).round(3)
    array([-1.386,  0.   ,  8.   ])

    References
    ----------
    Molchanov, Ashukha, Vetrov (2017), Variational Dropout Sparsifies Deep Neural Networks, ICML, section 4.1 (additive
    noise reparameterization).
    """
    size = np.maximum(np.abs(weight), np.finfo(weight.dtype).tiny)
    clipped: Array = np.clip(log_variance - 2 * np.log(size), *LOG_ALPHA_BOUNDS)
    return clipped


def variational_kl(log_alpha: Array) -> Array:
    """Kullback–Leibler divergence of N(θ, α θ²) from the log-uniform prior, approximated: nats for each weight.

    KL(α) ≈ k₁ - k₁ σ(k₂ + k₃ log α) + ½ log(1 + 1/α), with the sigmoid σ. The prior is improper, so the divergence is
    known up to a constant only; this one makes it go to 0 as α grows. It depends on α alone, never on θ by itself.

    Parameters
    ----------
    log_alpha : float array of any shape

    Returns
    -------
    kl : array like `log_alpha`

    Examples
    --------
    >>> variational_kl(np.array([-4.0, 0.0, 4.0])).round(3)
    array([2.634, 0.431, 0.009])

    References
    ----------
    Molchanov et al. (2017), section 4.2, equation 14 and figure 1; the constants are K1, K2, K3.
    """
    return K1 * _sigmoid(-K2 - K3 * log_alpha) + 0.5 * np.logaddexp(0, -log_alpha)


def variational_kl_slope(log_alpha: Array) -> Array:
    """Derivative of :func:`variational_kl` with respect to log α; 0 at the bounds, where log α is clipped.

    Examples
    --------
    >>> variational_kl_slope(np.array([-8.0, 0.0, 4.0])).round(3)
    array([ 0.   , -0.359, -0.009])
    """
    bell = _sigmoid(K2 + K3 * log_alpha) * _sigmoid(-K2 - K3 * log_alpha)
    slope = -K1 * K3 * bell - 0.5 * _sigmoid(-log_alpha)
    inside = (log_alpha > LOG_ALPHA_BOUNDS[0]) & (log_alpha < LOG_ALPHA_BOUNDS[1])
    return np.where(inside, slope, 0)


def exact_variational_kl(log_alpha: Array) -> Array:
    """The divergence that :func:`variational_kl` approximates, as a series: nats for each weight.

    KL(α) = E[log|ξ|] - ½ log α + ½ (γ + log 2) with ξ ~ N(1, α), which is Σ_j P(J = j) Σ_{k≤j} 1/(2k - 1) for a
    Poisson number J with mean u = 1/(2α). It takes about u + 12 √u terms: 1500 at log α = -8.

    Parameters
    ----------
    log_alpha : float array of any shape, with values of at least -12

    Returns
    -------
    kl : float64 array of the shape of `log_alpha`

    Raises
    ------
    ValueError
        For a log α below -12, where the series gets long.

    Examples
    --------
    >>> exact_variational_kl(np.array([-4.0, 0.0, 4.0])).round(3)
    array([2.626, 0.427, 0.009])

    References
    ----------
    Hron, Matthews, Ghahramani (2017), Variational Gaussian Dropout is not Bayesian, arXiv:1711.02989: dKL/du = D(√u)/√u
    with Dawson's integral D, whose series in u is the one used here.
    """
    wanted = np.asarray(log_alpha, dtype=np.float64)
    if not (wanted >= -12).all():
        raise ValueError(f"log_alpha must be at least -12, or the series gets too long; got {wanted.min():g}.")
    return np.reshape([_series(0.5 * math.exp(-value)) for value in wanted.ravel()], wanted.shape)


def _sigmoid(x: Array) -> Array:
    return np.exp(-np.logaddexp(0, -x))


def _series(u: float) -> float:
    counts = np.arange(1, int(u + 12 * math.sqrt(u)) + 40)
    log_factorial = np.log(counts).cumsum()
    weights = np.exp(counts * math.log(u) - u - log_factorial)  # P(J = j)
    return float(weights @ (1 / (2 * counts - 1)).cumsum())
