"""Calibration: of all predictions made with a confidence of 80 %, do 80 % come true? And what to do if not.

Calibration alone is no merit: whoever always predicts the frequencies of the classes is calibrated. Read it beside a
proper score of :mod:`dropout_lab.uncertainty.scores`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dropout_lab.arguments import require_count
from dropout_lab.uncertainty.arguments import require_labels, require_logits, require_prediction


class Reliability(NamedTuple):
    """Bins of predictions, empty ones left out: `counts` (B,), mean `confidence` (B,) and `accuracy` (B,) of each."""

    counts: Tensor
    confidence: Tensor
    accuracy: Tensor


def reliability(probabilities: Tensor, labels: Tensor, *, n_bins: int = 15, adaptive: bool = False) -> Reliability:
    """Confidence beside accuracy, bin by bin: the data of a reliability diagram.

    The confidence of a prediction is its largest probability; it is right if that class is the label.

    Parameters
    ----------
    probabilities : tensor (N, K)
        One prediction for each row, such as :func:`~dropout_lab.uncertainty.average_probabilities` of passes.
    labels : int tensor (N,)
    n_bins : int, default 15
    adaptive : bool, default False
        False cuts [0, 1] into bins of equal width, each with its right end. True orders the predictions by confidence
        and gives each bin as many of them; equal confidences share a bin.

    Returns
    -------
    bins : Reliability
        At most `n_bins` bins in order of confidence, as float64; the counts as int64.

    Raises
    ------
    TypeError, ValueError
        For logits, rows that do not sum to 1, several passes, NaN, one-hot labels, a class that does not exist.

    Examples
    --------
    >>> probabilities = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6]])
    >>> bins = reliability(probabilities, torch.tensor([0, 1, 1]), n_bins=2)
    >>> bins.counts.tolist(), [round(value, 2) for value in bins.accuracy.tolist()]
    ([3], [0.67])

    References
    ----------
    Guo, Pleiss, Sun, Weinberger (2017), On Calibration of Modern Neural Networks, ICML, section 2. Nixon et al. (2019),
    Measuring Calibration in Deep Learning, CVPR workshops, for bins of equal counts.
    """
    labels = require_labels(labels, *require_prediction(probabilities).shape)
    n_bins = require_count(n_bins, "n_bins")
    confidence, favourite = probabilities.double().max(dim=1)
    if adaptive:
        place = torch.searchsorted(confidence.sort().values, confidence) * n_bins // len(confidence)
    else:
        edges = torch.linspace(0, 1, n_bins + 1, dtype=torch.float64, device=confidence.device)
        place = torch.bucketize(confidence, edges[1:-1])  # (a, b], as Guo et al. cut
    counts = torch.bincount(place, minlength=n_bins)
    right = torch.bincount(place, (favourite == labels).double(), n_bins)
    filled = counts > 0
    sums = torch.bincount(place, confidence, n_bins), right
    return Reliability(counts[filled], *(total[filled] / counts[filled] for total in sums))


def expected_calibration_error(
    probabilities: Tensor, labels: Tensor, *, n_bins: int = 15, adaptive: bool = False
) -> float:
    """Mean gap between confidence and accuracy over the bins, weighted by their counts: Σ_b n_b/N |acc_b - conf_b|.

    It is biased upwards, the more the smaller the bins: a perfect model has a gap in each bin by chance. Compare models
    on the same rows and bins only.

    Parameters and errors as in :func:`reliability`.

    Returns
    -------
    error : float in [0, 1]

    Examples
    --------
    >>> sure = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    >>> expected_calibration_error(sure, torch.tensor([0, 1]))
    0.5

    References
    ----------
    Naeini, Cooper, Hauskrecht (2015), Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI. Guo et al.
    (2017), ICML, equation 3.
    """
    counts, confidence, accuracy = reliability(probabilities, labels, n_bins=n_bins, adaptive=adaptive)
    return float((counts * (accuracy - confidence).abs()).sum() / counts.sum())


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature T for which softmax(logits / T) has the least negative log-likelihood on held-out rows.

    T > 1 makes predictions less sure. No prediction changes its favourite class. The loss is convex in 1/T, so its
    slope has one zero, found by bisection.

    Parameters
    ----------
    logits : tensor (N, K)
        Of rows that were used neither for training nor for what you report. For a mean of passes take its log():
        log-probabilities are logits.
    labels : int tensor (N,)

    Returns
    -------
    temperature : float > 0
        Use it as ``(logits / temperature).softmax(dim=-1)``.

    Raises
    ------
    TypeError, ValueError
        For probabilities, infinite logits, NaN, one-hot labels, a class that does not exist; if every row is right or
        the logits are worse than none, because no T is then best.

    Examples
    --------
    >>> logits = torch.tensor([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    >>> labels = torch.tensor([0, 0, 1, 1])
    >>> round(fit_temperature(logits, labels), 3)  # three in four are right: softmax([4 / T, 0]) is [0.75, 0.25]
    3.641

    References
    ----------
    Guo, Pleiss, Sun, Weinberger (2017), On Calibration of Modern Neural Networks, ICML, section 4.2.
    """
    table = require_logits(logits)
    labels = require_labels(labels, *table.shape)
    table = table - table.max(dim=1, keepdim=True).values
    at_label = table.gather(1, labels[:, None])[:, 0]

    def slope(inverse: float) -> float:
        """Derivative of the mean loss by 1/T: the logit expected minus the logit that came."""
        return float((((inverse * table).softmax(dim=1) * table).sum(dim=1) - at_label).mean())

    if slope(0.0) >= 0:
        raise ValueError(
            "these logits predict the labels no better than chance, at any temperature: are rows shuffled?"
        )
    if float(at_label.min()) == 0:
        raise ValueError(
            "every row is classified right, so the colder the better and no temperature is best. Are these rows of the "
            "training set? Fit on held-out rows, and on more of them."
        )
    low, high = 0.0, 1.0 / float(table.abs().max())
    while slope(high) < 0:
        low, high = high, 2 * high
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return 2 / (low + high)
