"""Split conformal prediction: sets and intervals that hold a promised share, whatever the model is worth.

The promise needs one thing: rows to calibrate with that are exchangeable with those to come, and that the model has not
been trained on. It holds on average over all rows, not for each kind of row.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor

from dropout_lab.arguments import require_count
from dropout_lab.uncertainty.arguments import (
    require_alpha,
    require_floats,
    require_labels,
    require_observations,
    require_prediction,
)


class CoverageLaw(NamedTuple):
    """`mean` and `sd` of the coverage that one split into calibration and test rows gives."""

    mean: float
    sd: float


def conformal_threshold(scores: Tensor, *, alpha: float) -> float:
    """The ⌈(n + 1)(1 - α)⌉-th smallest of n calibration scores, and infinity if there are not that many.

    A new score of the same law does not exceed it with a probability of at least 1 - α. The plain (1 - α)-quantile
    of the scores promises less: a new row is one more.

    Parameters
    ----------
    scores : float tensor (n,)
        How badly the model missed each calibration row; larger is worse.
    alpha : float in (0, 1)
        Share of new rows that may be missed.

    Raises
    ------
    TypeError, ValueError
        For NaN, no scores, an alpha outside (0, 1).

    Examples
    --------
    >>> import torch
    >>> conformal_threshold(torch.arange(1.0, 10.0), alpha=0.1)  # ⌈10 · 0.9⌉ = 9
    9.0
    >>> conformal_threshold(torch.arange(1.0, 9.0), alpha=0.1)  # ⌈9 · 0.9⌉ = 9, and there are only 8
    inf

    References
    ----------
    Vovk, Gammerman, Shafer (2005), Algorithmic Learning in a Random World. Lei, G'Sell, Rinaldo, Tibshirani, Wasserman
    (2018), Distribution-Free Predictive Inference for Regression, JASA 113, algorithm 2.
    """
    scores = require_floats(scores, "scores", "(n,), one for each calibration row", 1)
    rank = _rank(len(scores), require_alpha(alpha))
    return math.inf if rank > len(scores) else float(scores.sort().values[rank - 1])


def conformal_sets(probabilities: Tensor, calibration: Tensor, labels: Tensor, *, alpha: float) -> Tensor:
    """Sets of classes that hold the right one for a share of at least 1 - α of new rows; bool (M, K).

    A class is in the set if its probability is at least 1 - t, where t is the :func:`conformal_threshold` of
    1 - p(label) on the calibration rows. A set may be empty: no class is as probable as right ones use to be.

    Parameters
    ----------
    probabilities : tensor (M, K)
        Predictions for the new rows.
    calibration : tensor (n, K)
        Predictions for held-out rows with known labels.
    labels : int tensor (n,)
    alpha : float in (0, 1)

    Raises
    ------
    TypeError, ValueError
        For logits, rows that do not sum to 1, several passes, NaN, another number of classes, one-hot labels, an alpha
        outside (0, 1).

    Examples
    --------
    >>> import torch
    >>> calibration = torch.tensor([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6]])
    >>> conformal_sets(torch.tensor([[0.8, 0.2], [0.5, 0.5]]), calibration, torch.tensor([0, 0, 0]), alpha=0.25)
    tensor([[ True, False],
            [ True,  True]])

    References
    ----------
    Sadinle, Lei, Wasserman (2019), Least Ambiguous Set-Valued Classifiers with Bounded Error Levels, JASA 114.
    Angelopoulos and Bates (2023), Conformal Prediction: A Gentle Introduction, section 1.
    """
    n_classes = require_prediction(probabilities).shape[1]
    if require_prediction(calibration).shape[1] != n_classes:
        raise ValueError(f"calibration has {calibration.shape[1]} classes and probabilities {n_classes}.")
    labels = require_labels(labels, len(calibration), n_classes)
    # p itself is compared, because 1 - p rounds small ones away
    at_label = calibration.gather(1, labels[:, None])[:, 0]
    return probabilities >= -conformal_threshold(-at_label, alpha=alpha)


def conformal_half_width(mean: Tensor, sd: Tensor, y: Tensor, *, alpha: float) -> float:
    """The factor k for which mean ± k · sd holds a share of at least 1 - α of new observations.

    It is the :func:`conformal_threshold` of |y - mean| / sd. With an sd of ones all intervals have one width; with the
    predicted sd they are wide where the model is unsure, and hold the same share.

    Parameters
    ----------
    mean, sd, y : tensors (n,)
        Of held-out calibration rows; every `sd` above zero.
    alpha : float in (0, 1)

    Raises
    ------
    TypeError, ValueError
        For NaN, different shapes, an sd that is not positive, an alpha outside (0, 1).

    Examples
    --------
    >>> import torch
    >>> zeros, ones = torch.zeros(9), torch.ones(9)
    >>> conformal_half_width(zeros, 2 * ones, torch.arange(1.0, 10.0), alpha=0.1)
    4.5

    References
    ----------
    Lei et al. (2018), JASA 113, section 5.2 (locally weighted conformal inference).
    """
    mean = require_floats(mean, "mean", "(n,)", 1)
    sd, y = require_observations(sd, mean.shape, "mean", name="sd"), require_observations(y, mean.shape, "mean")
    if not bool((sd > 0).all()):
        raise ValueError(f"sd is a standard deviation above zero; got {sd.min().item():g}.")
    return conformal_threshold((y - mean).abs() / sd, alpha=alpha)


def coverage_law(n: int, *, alpha: float, n_test: int | None = None) -> CoverageLaw:
    """Mean and standard deviation of the coverage over random splits, if no two scores are equal.

    With n calibration rows and r = ⌈(n + 1)(1 - α)⌉ the coverage of one split follows Beta(r, n + 1 - r). Measured on
    `n_test` rows, their own chance is added.

    Parameters
    ----------
    n : int
        Number of calibration rows.
    alpha : float in (0, 1)
    n_test : int, optional
        Number of rows that the coverage is measured on; None for the true coverage.

    Raises
    ------
    TypeError, ValueError
        For counts that are no whole numbers above zero, an alpha outside (0, 1).

    Examples
    --------
    >>> law = coverage_law(500, alpha=0.1)
    >>> f"{law.mean:.4f} ± {law.sd:.4f}"
    '0.9002 ± 0.0134'
    >>> f"{coverage_law(500, alpha=0.1, n_test=500).sd:.4f}"
    '0.0189'

    References
    ----------
    Vovk (2012), Conditional Validity of Inductive Conformal Predictors, ACML.
    """
    total = require_count(n, "n") + 1
    mean = min(1.0, _rank(n, require_alpha(alpha)) / total)
    variance = mean * (1 - mean) / (total + 1)
    if n_test is not None:  # the variance of a share of successes, Beta-binomial
        variance += (mean * (1 - mean) - variance) / require_count(n_test, "n_test")
    return CoverageLaw(mean, math.sqrt(variance))


def _rank(n: int, alpha: float) -> int:
    return math.ceil((n + 1) * (1 - alpha) - 1e-9)  # 10 · (1 - 0.1) may be 9.000000000000002
