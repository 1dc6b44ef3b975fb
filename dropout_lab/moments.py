"""Closed forms: means and variances of masked units, of scaled units, of a unit on top, of a Monte-Carlo mean.

Throughout, m is a keep-mask with P(m = 1) = q = 1 - p, the inputs h are fixed numbers, and coins are independent.
Srivastava et al. 2014 (JMLR 15, section 4) define the model; the moments follow from E[m] = q and Var[m] = pq.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_count, require_float_array, require_probability, require_survivors

Array = NDArray[np.floating]


def kept_count_mean(n: int, p: float) -> float:
    """Mean number of kept units out of `n`, n q: the mean of Binomial(n, q)."""
    return require_count(n, "n") * (1 - require_probability(p))


def kept_count_variance(n: int, p: float) -> float:
    """Variance of the number of kept units out of `n`, n p q: the count is random, never exactly n q."""
    p = require_probability(p)
    return require_count(n, "n") * p * (1 - p)


def masked_mean(h: Array, p: float) -> Array:
    """Mean of a masked unit that is not scaled, E[m h] = q h; same shape and units as `h`."""
    return require_float_array(h) * (1 - require_probability(p))


def masked_variance(h: Array, p: float) -> Array:
    """Variance of a masked unit that is not scaled, Var[m h] = p q h²; same shape as `h`, its units squared."""
    p = require_probability(p)
    return require_float_array(h) ** 2 * (p * (1 - p))


def scaled_mean(h: Array, p: float) -> Array:
    """Mean of a unit under inverted dropout, E[m h / q] = h: the scale repairs the mean. Needs p < 1."""
    require_survivors(p)
    return require_float_array(h).copy()


def scaled_variance(h: Array, p: float) -> Array:
    """Variance of a unit under inverted dropout, Var[m h / q] = h² p / q; same shape as `h`, its units squared.

    The mean is kept, the variance is not: this is the noise that dropout adds.

    Raises
    ------
    ValueError
        At p = 1, where nothing survives and no scale repairs the mean.

    Examples
    --------
    >>> scaled_variance(np.array([1.0, 2.0]), 0.2)
    array([0.25, 1.  ])
    """
    p = require_survivors(p)
    return require_float_array(h) ** 2 * (p / (1 - p))


def linear_mean(weight: Array, h: Array, p: float, bias: Array | float = 0.0) -> Array:
    """Mean of the units on top, E[W (m h / q) + b] = W h + b.

    Parameters
    ----------
    weight : array (K, D)
    h : array (..., D), the fixed inputs under inverted dropout
    p : float in [0, 1), probability that an *input* is dropped
    bias : array (K,) or float

    Returns
    -------
    mean : array (..., K)

    Raises
    ------
    ValueError
        At p = 1, or for a weight, an h or a bias whose shapes do not fit.

    Examples
    --------
    >>> linear_mean(np.array([[1.0, -1.0]]), np.array([3.0, 4.0]), 0.2, bias=0.5)
    array([-0.5])
    """
    require_survivors(p)
    _require_linear(weight, h)
    if np.shape(bias) not in ((), weight.shape[:1]):
        raise ValueError(f"bias is a number or (K,), here ({weight.shape[0]},); got shape {np.shape(bias)}.")
    return h @ weight.T + bias


def linear_variance(weight: Array, h: Array, p: float) -> Array:
    """Variance of the units on top, Var[Σ_d w_d m_d h_d / q] = (p / q) Σ_d w_d² h_d².

    Independent coins make the variances add up; a bias changes nothing. Shapes as in :func:`linear_mean`. Wang and
    Manning (2013), Fast dropout training, ICML, section 2, approximate the unit by a Gaussian with these two moments.

    Examples
    --------
    >>> linear_variance(np.array([[1.0, -1.0]]), np.array([3.0, 4.0]), 0.2)
    array([6.25])
    """
    p = require_survivors(p)
    _require_linear(weight, h)
    return (h**2) @ (weight**2).T * (p / (1 - p))


def linear_covariance(weight: Array, h: Array, p: float) -> Array:
    """Covariance of the units on top, Cov[u_k, u_l] = (p / q) Σ_d w_kd w_ld h_d², of shape (..., K, K).

    Units that share an input share its coin. DropConnect flips a coin for every weight, so its units are uncorrelated:
    of this matrix only the diagonal is left, which is :func:`linear_variance`. Shapes as in :func:`linear_mean`.

    Examples
    --------
    >>> linear_covariance(np.array([[1.0, -1.0], [1.0, 0.0]]), np.array([3.0, 4.0]), 0.2)
    array([[6.25, 2.25],
           [2.25, 2.25]])
    """
    p = require_survivors(p)
    _require_linear(weight, h)
    covariance: Array = np.einsum("kd,ld,...d->...kl", weight, weight, h**2) * h.dtype.type(p / (1 - p))
    return covariance


def monte_carlo_variance(variance: Array | float, n_samples: int) -> Array | float:
    """Variance of the mean of `n_samples` independent passes, Var / T: its standard error falls as 1/√T."""
    return variance / require_count(n_samples, "n_samples")


def _require_linear(weight: Array, h: Array) -> None:
    require_float_array(weight, "weight")
    require_float_array(h)
    if weight.ndim != 2 or h.shape[-1:] != weight.shape[1:]:
        raise ValueError(f"weight is (K, D) and h (..., D); got weight {weight.shape} and h {h.shape}.")
