"""Closed forms of noise that is not a scaled coin: the variance of Gaussian dropout, the repair of alpha dropout."""

from __future__ import annotations

from dropout_lab.arguments_noise import require_gaussian_p


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
