"""Fast dropout: mean and variance pushed through a network in one pass, in the place of masks."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_float_array
from dropout_lab.arguments_noise import require_gaussian_p

Array = NDArray[np.floating]


def dropout_moments(mean: Array, variance: Array, p: float) -> tuple[Array, Array]:
    """Moments of m h / (1 - p) for a random h that is independent of its coin: μ and v + p / (1 - p) (v + μ²).

    Exact, and the same for Gaussian dropout with that p. Fixed inputs have variance 0.

    Parameters
    ----------
    mean, variance : float arrays of one shape
        Of the units before dropout.
    p : float in [0, 1)
        Probability that a unit is *dropped*.

    Returns
    -------
    mean, variance : arrays like those given

    Raises
    ------
    TypeError, ValueError
        For a p outside [0, 1), arrays that hold no floats or differ in shape, a negative variance.

    Examples
    --------
    >>> dropout_moments(np.array([1.0, 2.0]), np.array([0.0, 4.0]), 0.2)
    (array([1., 2.]), array([0.25, 6.  ]))
    """
    p = require_gaussian_p(p)
    mean, variance = _require_moments(mean, variance)
    return mean, variance + p / (1 - p) * (variance + mean**2)


def relu_moments(mean: Array, variance: Array) -> tuple[Array, Array]:
    """Moments of max(0, x) for x ~ N(μ, v): E = μ Φ(z) + √v φ(z), E[x²; x > 0] = (μ² + v) Φ(z) + μ √v φ(z), z = μ/√v.

    Exact for a normal x; a unit under dropout is normal only nearly, the more inputs the nearer. Parameters, shapes
    and errors as in :func:`dropout_moments`.

    Examples
    --------
    >>> mean, variance = relu_moments(np.array([0.0, -1.0]), np.array([1.0, 0.0]))
    >>> mean.round(4), variance.round(4)
    (array([0.3989, 0.    ]), array([0.3408, 0.    ]))

    References
    ----------
    Wang, Manning (2013), Fast dropout training, ICML.
    """
    mean, variance = _require_moments(mean, variance)
    sd = np.sqrt(variance)
    z = np.where(sd > 0, mean / np.where(sd > 0, sd, 1), np.copysign(np.inf, mean))
    below, density = _normal_cdf(z), np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    rectified = mean * below + sd * density
    square = (mean**2 + variance) * below + mean * sd * density
    return rectified, np.maximum(square - rectified**2, 0)


def sigmoid_moments(mean: Array, variance: Array) -> tuple[Array, Array]:
    """Moments of σ(x) for x ~ N(μ, v), nearly: s = σ(κ μ) and s (1 - s) (1 - κ), κ = 1 / √(1 + π v / 8).

    The mean takes σ for a scaled Φ, whose normal mean is known. The variance follows from it: σ² = σ - σ', and
    E[σ'] is the derivative of E[σ] in μ. Both are exact as v → 0 and as v → ∞; between, the mean is off by less than
    .02 and the variance by less than .02. Parameters, shapes and errors as in :func:`dropout_moments`.

    Examples
    --------
    >>> mean, variance = sigmoid_moments(np.array([0.0, 1.0]), np.array([4.0, 0.0]))
    >>> mean.round(4), variance.round(4)
    (array([0.5   , 0.7311]), array([0.0941, 0.    ]))

    References
    ----------
    Wang, Manning (2013), Fast dropout training, ICML, for the mean. Their second moment is another approximation.
    MacKay (1992), The evidence framework applied to classification networks, Neural Computation 4, for κ.
    """
    mean, variance = _require_moments(mean, variance)
    kappa = 1 / np.sqrt(1 + math.pi / 8 * variance)
    s = 0.5 * (1 + np.tanh(kappa * mean / 2))
    return s, s * (1 - s) * (1 - kappa)


def _require_moments(mean: object, variance: object) -> tuple[Array, Array]:
    mean, variance = require_float_array(mean, "mean"), require_float_array(variance, "variance")
    if mean.shape != variance.shape:
        raise ValueError(f"mean and variance are of one shape; got {mean.shape} and {variance.shape}.")
    if not (variance >= 0).all():
        raise ValueError("variance holds a negative number or NaN: pass variances, not log variances.")
    return mean, variance


def _normal_cdf(z: Array) -> Array:
    erf = np.vectorize(math.erf, otypes=[np.float64])
    below: Array = (0.5 * (1 + erf(z / math.sqrt(2)))).astype(z.dtype)
    return below
