"""Closed forms by enumeration: all 2^n subnetworks that dropout makes of n units, their chances and their means.

Throughout, m is a keep-mask with P(m_i = 1) = q = 1 - p and independent coins. The sums run over all masks, so nothing
here is random: what a Monte-Carlo mean approaches, these functions give exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_count, require_float_array, require_probability, require_survivors

Array = NDArray[np.floating]
MOST_UNITS = 20  # 2^20 masks of 20 units are 21 MB of bools


def all_masks(n: int) -> NDArray[np.bool_]:
    """All 2^n keep-masks of `n` units (2^n, n), from all dropped to all kept.

    Raises
    ------
    TypeError, ValueError
        For an `n` that is no whole number from 1 to 20: each more unit doubles the number of masks.

    Examples
    --------
    >>> all_masks(2).astype(int)
    array([[0, 0],
           [0, 1],
           [1, 0],
           [1, 1]])
    """
    if require_count(n, "n") > MOST_UNITS:
        repair = "Draw masks with bernoulli_mask instead."
        raise ValueError(f"{n} units have 2^{n} = {2**n:,} masks; listing them ends at {MOST_UNITS} units. {repair}")
    places = 2 ** np.arange(n)[::-1]
    return np.asarray(np.arange(2**n)[:, None] & places, dtype=bool)


def mask_probabilities(masks: NDArray[np.bool_], p: float) -> NDArray[np.float64]:
    """Probability of each mask, q^k p^(n-k) where k of the n units are kept.

    Parameters
    ----------
    masks : bool array (M, n), True where a unit is kept
    p : float in [0, 1], probability that a unit is *dropped*

    Returns
    -------
    probabilities : array (M,)
        Their sum is 1 for :func:`all_masks`.

    Raises
    ------
    TypeError, ValueError
        For masks that are not bools or have another number of axes, or a p outside [0, 1].

    Examples
    --------
    >>> mask_probabilities(all_masks(2), 0.2).round(2)
    array([0.04, 0.16, 0.16, 0.64])
    """
    p = require_probability(p)
    if not isinstance(masks, np.ndarray) or masks.dtype != np.bool_:
        raise TypeError(f"masks is a bool array (M, n), True where a unit is kept; got {masks!r:.60}.")
    if masks.ndim != 2:
        raise ValueError(f"masks is a bool array (M, n), one mask a row; got shape {masks.shape}.")
    probabilities: NDArray[np.float64] = np.where(masks, 1 - p, p).prod(axis=1)
    return probabilities


def linear_subnetworks(weight: Array, h: Array, p: float, bias: Array | float = 0.0) -> Array:
    """Outputs of a linear layer in all subnetworks of its inputs, W (m h / q) + b for each mask m.

    Parameters
    ----------
    weight : array (K, n)
    h : array (n,), the inputs without dropout
    p : float in [0, 1), probability that an *input* is dropped
    bias : array (K,) or float

    Returns
    -------
    outputs : array (2^n, K), in the order of :func:`all_masks`

    Raises
    ------
    TypeError, ValueError
        At p = 1, or for shapes that do not fit.

    Examples
    --------
    >>> linear_subnetworks(np.array([[1.0, -1.0]]), np.array([3.0, 4.0]), 0.2).T
    array([[ 0.  , -5.  ,  3.75, -1.25]])
    """
    p = require_survivors(p)
    require_float_array(weight, "weight")
    if require_float_array(h).ndim != 1 or weight.ndim != 2 or weight.shape[1] != len(h):
        raise ValueError(f"weight is (K, n) and h (n,); got weight {weight.shape} and h {h.shape}.")
    return (all_masks(len(h)) * h / h.dtype.type(1 - p)) @ weight.T + bias


def arithmetic_mean(predictions: Array, probabilities: Array) -> Array:
    """Mean of the predictions of M subnetworks, Σ_m c_m y_m, each weighted with its probability c_m.

    Parameters
    ----------
    predictions : array (M, ...)
    probabilities : array (M,), never negative, of sum 1

    Returns
    -------
    mean : array (...)

    Examples
    --------
    >>> arithmetic_mean(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0.8, 0.2]))
    array([0.8, 0.2])
    """
    _require_distribution(predictions, probabilities)
    return np.asarray(np.tensordot(probabilities, predictions, axes=1))


def geometric_mean(predictions: Array, probabilities: Array) -> Array:
    """Normalised weighted geometric mean of class probabilities, G_k / Σ_j G_j with G_k = Π_m y_mk^c_m.

    For y_m = softmax(z_m) it is softmax(Σ_m c_m z_m): softmax turns a mean of logits into this mean of probabilities.

    Parameters
    ----------
    predictions : array (M, ..., K), probabilities of K classes by each subnetwork
    probabilities : array (M,), never negative, of sum 1: the chance c_m of each subnetwork

    Returns
    -------
    mean : array (..., K), of sum 1 along the last axis

    Raises
    ------
    TypeError, ValueError
        For negative predictions, chances that do not sum to 1, or where every class is ruled out by some subnetwork,
        so that all geometric means are 0.

    Examples
    --------
    >>> geometric_mean(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0.8, 0.2])).round(3)
    array([0.842, 0.158])

    References
    ----------
    Baldi and Sadowski (2013), Understanding Dropout, NIPS 26: the NWGM of logistic units.
    """
    _require_distribution(predictions, probabilities)
    if (predictions < 0).any():
        raise ValueError("predictions are probabilities of classes; some are negative. Are they logits? Use softmax.")
    likely = probabilities > 0  # 0 · log 0 counts as 0
    with np.errstate(divide="ignore"):
        logs = np.tensordot(probabilities[likely], np.log(predictions[likely]), axes=1)
    highest = logs.max(axis=-1, keepdims=True)
    if np.isneginf(highest).any():
        raise ValueError("every class has probability 0 in some subnetwork, so all geometric means are 0.")
    means = np.exp(logs - highest)
    return np.asarray(means / means.sum(axis=-1, keepdims=True))


def _require_distribution(predictions: Array, probabilities: Array) -> None:
    require_float_array(predictions, "predictions")
    require_float_array(probabilities, "probabilities")
    if probabilities.shape != predictions.shape[:1]:
        shapes = f"predictions {predictions.shape} and probabilities {probabilities.shape}"
        raise ValueError(f"predictions are (M, ...) and probabilities (M,), one for each subnetwork; got {shapes}.")
    if (probabilities < 0).any() or not np.isclose(probabilities.sum(), 1, rtol=0, atol=1e-4):
        raise ValueError(
            f"probabilities of the subnetworks are never negative and sum to 1; got {probabilities.sum()}."
        )
