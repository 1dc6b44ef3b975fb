"""Closed forms of noise that is not a scaled coin: the variance of Gaussian dropout, the repair of alpha dropout."""

from __future__ import annotations

import math

from dropout_lab.arguments import require_probability
from dropout_lab.arguments_noise import require_gaussian_p

SELU_FLOOR = -1.7580993408473766  # -λα: what SELU tends to for very negative inputs


def gaussian_alpha(p: float) -> float:
    """Variance α = p / (1 - p) of the Gaussian noise ξ ~ N(1, α) that has both moments of a coin scaled by 1/(1-p).

    Parameters
    ----------
    p : float in [0, 1)
        Probability that a unit is *dropped* by the coin.

    Raises
    ------
    TypeError, ValueError
        For what is no drop probability, and for p = 1, where α is infinite.

    Examples
    --------
    >>> gaussian_alpha(0.2)
    0.25

    References
    ----------
    Srivastava et al. (2014), JMLR 15, section 10, where σ² = (1-p)/p for their keep probability p.
    """
    p = require_gaussian_p(p)
    return p / (1 - p)


def alpha_dropout_affine(p: float) -> tuple[float, float]:
    """The scale a and the shift b of alpha dropout, which keep mean 0 and variance 1 of units that have them.

    A dropped unit is set to α' = -λα, the value that SELU cannot go below, and then all of them become a h + b with
    a = ((1 - p)(1 + p α'²))^(-1/2) and b = -a p α'. Of other units the mean and the variance change.

    Parameters
    ----------
    p : float in [0, 1)
        Probability that a unit is *dropped*.

    Raises
    ------
    TypeError, ValueError
        For what is no drop probability, and for p = 1, where nothing is left to scale.

    Examples
    --------
    >>> scale, shift = alpha_dropout_affine(0.1)
    >>> round(scale, 4), round(shift, 4)
    (0.9213, 0.162)

    References
    ----------
    Klambauer, Unterthiner, Mayr, Hochreiter (2017), Self-Normalizing Neural Networks, NeurIPS, section 2, where
    the text on a new dropout technique calls the keep probability q.
    """
    p = require_probability(p)
    if p == 1:
        raise ValueError("p = 1 drops every unit: nothing is left to scale, so a and b need p < 1.")
    scale = 1 / math.sqrt((SELU_FLOOR * SELU_FLOOR * p + 1) * (1 - p))
    return scale, -SELU_FLOOR * scale * p
