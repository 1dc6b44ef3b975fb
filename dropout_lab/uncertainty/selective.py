"""Selective prediction and detection: does the uncertainty put the rows in the right order?

Both look at the order alone, so a measure can be good here and of no use as a probability.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dropout_lab.uncertainty.arguments import require_alpha, require_floats, require_observations


class RiskCoverage(NamedTuple):
    """`coverage` (N,), 1/N … 1, and `risk` (N,), the mean loss of the rows that are answered at that coverage."""

    coverage: Tensor
    risk: Tensor


def risk_coverage(uncertainty: Tensor, loss: Tensor) -> RiskCoverage:
    """The mean loss of the k surest rows, for k = 1 … N.

    Rows of equal uncertainty count with the mean of their losses, what a random order among them gives on average; so
    the order of the rows does not matter.

    Parameters
    ----------
    uncertainty : float tensor (N,)
        Larger is less sure: an entropy, a mutual information, or 1 - confidence.
    loss : float tensor (N,)
        What an answer costs; ``(prediction != labels).float()`` makes the risk an error rate.

    Returns
    -------
    curve : RiskCoverage, float64
        `risk[-1]` is the mean loss of all rows.

    Raises
    ------
    TypeError, ValueError
        For NaN, different shapes, booleans or whole numbers in the place of floats.

    Examples
    --------
    >>> curve = risk_coverage(torch.tensor([0.1, 0.9, 0.5]), torch.tensor([0.0, 1.0, 0.0]))
    >>> [round(value, 3) for value in curve.risk.tolist()]
    [0.0, 0.0, 0.333]

    References
    ----------
    El-Yaniv and Wiener (2010), On the Foundations of Noise-free Selective Classification, JMLR 11. Geifman and El-Yaniv
    (2017), Selective Classification for Deep Neural Networks, NeurIPS.
    """
    uncertainty = require_floats(uncertainty, "uncertainty", "(N,), larger where less sure", 1)
    loss = require_observations(loss, uncertainty.shape, "uncertainty", name="loss").double()
    _, group = torch.unique(uncertainty, return_inverse=True)  # groups in increasing order
    size = torch.bincount(group)
    fair = torch.bincount(group, loss) / size
    n = torch.arange(1, len(loss) + 1, device=loss.device)
    return RiskCoverage(n.double() / len(loss), fair.repeat_interleave(size).cumsum(0) / n)


def area_under_risk_coverage(uncertainty: Tensor, loss: Tensor) -> float:
    """AURC: the mean of :func:`risk_coverage` over all coverages; smaller is better, and in the units of the loss.

    A random order gives the mean loss of all rows. The best possible order has the losses sorted, so pass ``loss`` as
    the uncertainty to see what could be reached.

    Parameters and errors as in :func:`risk_coverage`.

    Examples
    --------
    >>> loss = torch.tensor([0.0, 1.0, 0.0])
    >>> round(area_under_risk_coverage(torch.tensor([0.1, 0.9, 0.5]), loss), 3)
    0.111
    >>> round(area_under_risk_coverage(torch.zeros(3), loss), 3)
    0.333

    References
    ----------
    Geifman, Uziel, El-Yaniv (2019), Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers, ICLR.
    """
    return float(risk_coverage(uncertainty, loss).risk.mean())


def auroc(familiar: Tensor, novel: Tensor) -> float:
    """Probability that a novel row is less sure than a familiar one, equality counted as half; 0.5 is a coin.

    Parameters
    ----------
    familiar : float tensor (N,)
        Uncertainty of rows like those of the training set.
    novel : float tensor (M,)
        Uncertainty, by the same measure, of rows that are to be detected; errors beside right answers work as well.

    Raises
    ------
    TypeError, ValueError
        For NaN, an empty tensor, more than one axis.

    Examples
    --------
    >>> auroc(torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.3, 0.9]))
    0.9166666666666666

    References
    ----------
    Hanley and McNeil (1982), The Meaning and Use of the Area under a ROC Curve, Radiology 143. Hendrycks and Gimpel
    (2017), A Baseline for Detecting Misclassified and Out-of-Distribution Examples in Neural Networks, ICLR.
    """
    order, sought = _scores(familiar, "familiar").sort().values, _scores(novel, "novel")
    below = torch.searchsorted(order, sought, right=False) + torch.searchsorted(order, sought, right=True)
    return float(below.double().mean() / (2 * len(order)))


def missed_rate(familiar: Tensor, novel: Tensor, *, alpha: float = 0.05) -> float:
    """Share of novel rows that pass as familiar when the threshold stops at most `alpha` of the familiar ones.

    With the default this is the FPR95 of the literature on out-of-distribution detection, where "positive" means
    familiar: the false-positive rate at a true-positive rate of at least 95 %.

    Parameters
    ----------
    familiar, novel : float tensors (N,), (M,)
        As in :func:`auroc`.
    alpha : float in (0, 1), default 0.05

    Raises
    ------
    TypeError, ValueError
        As :func:`auroc`, and for an alpha outside (0, 1).

    Examples
    --------
    >>> familiar = torch.linspace(0, 1, 101)
    >>> missed_rate(familiar, torch.tensor([0.5, 0.9, 0.97, 2.0]))
    0.5

    References
    ----------
    Liang, Li, Srikant (2018), Enhancing the Reliability of Out-of-Distribution Image Detection in Neural Networks,
    ICLR.
    """
    order, sought = _scores(familiar, "familiar").sort().values, _scores(novel, "novel")
    share = 1 - require_alpha(alpha)
    accepted = min(len(order), max(1, _ceil(share * len(order))))
    return float((sought <= order[accepted - 1]).double().mean())


def _scores(values: object, name: str) -> Tensor:
    return require_floats(values, name, "(N,), the uncertainty of each row", 1)


def _ceil(value: float) -> int:
    """The next whole number, where 95.00000000000001 is 95."""
    return int(-(-(value - 1e-9) // 1))
