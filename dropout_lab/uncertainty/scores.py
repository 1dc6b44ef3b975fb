"""Proper scores: a number for a prediction and what happened, best on average for whoever says what they believe.

Every score comes back example by example, (N,), so that its mean can be given with a standard error.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dropout_lab.arguments import require_positive
from dropout_lab.uncertainty.arguments import (
    require_floats,
    require_labels,
    require_observations,
    require_passes,
    require_prediction,
    require_samples,
)


def log_likelihood(samples: Tensor, y: Tensor, *, precision: float) -> Tensor:
    """Log-density of an observation under the passes, log 1/T Σ_t N(y; ŷ_t, 1/τ); larger is better.

    As in the paper it is logsumexp_t(-½ τ (y - ŷ_t)²) - log T - ½ log 2π + ½ log τ: densities are averaged, and their
    logarithm is taken last. The mean of the logarithms would be smaller.

    Parameters
    ----------
    samples : tensor (T, N)
        Passes of the model, each the mean of a Gaussian.
    y : tensor (N,)
        What was observed.
    precision : float > 0
        τ, the inverse variance of the observation noise; see :func:`~dropout_lab.uncertainty.model_precision`.

    Returns
    -------
    log_density : tensor (N,), nats per unit of y

    Raises
    ------
    TypeError, ValueError
        For NaN, a y of another shape than one pass (an (N, 1) beside an (N,), for instance), a τ that is not positive.

    Examples
    --------
    >>> log_likelihood(torch.tensor([[0.0], [2.0]]), torch.tensor([0.0]), precision=1.0)
    tensor([-1.4852])

    References
    ----------
    Gal and Ghahramani (2016), Dropout as a Bayesian Approximation, ICML, equation 8.
    """
    precision = require_positive(precision, "precision")
    y = require_observations(y, _of_numbers(samples).shape[1:], "one pass")
    exponents = -0.5 * precision * (y - samples) ** 2
    constant = -math.log(len(samples)) - 0.5 * math.log(2 * math.pi) + 0.5 * math.log(precision)
    return exponents.logsumexp(dim=0) + constant


def negative_log_likelihood(probabilities: Tensor, labels: Tensor) -> Tensor:
    """The log score of a classifier, -log p(label); (N,) in nats, smaller is better.

    It is infinite where what happened was given the probability 0.

    Parameters
    ----------
    probabilities : tensor (N, K)
        One prediction for each row, such as :func:`~dropout_lab.uncertainty.average_probabilities` of passes.
    labels : int tensor (N,)

    Returns
    -------
    scores : tensor (N,)

    Raises
    ------
    TypeError, ValueError
        For logits, rows that do not sum to 1, several passes, NaN, one-hot labels, a class that does not exist.

    Examples
    --------
    >>> negative_log_likelihood(torch.tensor([[0.5, 0.5], [0.9, 0.1]]), torch.tensor([0, 1]))
    tensor([0.6931, 2.3026])

    References
    ----------
    Gneiting and Raftery (2007), Strictly Proper Scoring Rules, Prediction, and Estimation, JASA 102: the logarithmic
    score, the Brier score, and the CRPS of the functions below.
    """
    labels = require_labels(labels, *require_prediction(probabilities).shape)
    return -probabilities.clamp(min=0).gather(1, labels[:, None])[:, 0].log()


def brier_score(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Squared distance of the probabilities from what happened, Σ_k (p_k - [k = label])²; (N,) between 0 and 2.

    Parameters and errors as in :func:`negative_log_likelihood`. With two classes some authors count one of them only,
    which halves the score.

    Examples
    --------
    >>> brier_score(torch.tensor([[0.5, 0.5], [0.9, 0.1]]), torch.tensor([0, 1]))
    tensor([0.5000, 1.6200])

    References
    ----------
    Brier (1950), Verification of Forecasts Expressed in Terms of Probability, Monthly Weather Review 78.
    """
    labels = require_labels(labels, *require_prediction(probabilities).shape)
    happened = torch.nn.functional.one_hot(labels, probabilities.shape[1])
    return ((probabilities - happened) ** 2).sum(dim=-1)


def crps_samples(samples: Tensor, y: Tensor, *, fair: bool = True) -> Tensor:
    """Continuous ranked probability score of samples, mean |ŷ - y| less half the mean |ŷ - ŷ'|; smaller is better.

    It is ∫ (F(z) - [y ≤ z])² dz, a Brier score for every threshold z, and has the units of y.

    Parameters
    ----------
    samples : tensor (T, N), T at least 2
        Draws of a *new observation*. Passes of a network are draws of its mean: add noise of variance 1/τ first.
    y : tensor (N,)
    fair : bool, default True
        True divides by the T (T - 1) pairs of different draws, which estimates the score of the distribution without
        bias. False divides by T²: the exact score of the T draws themselves, as most libraries give it.

    Returns
    -------
    scores : tensor (N,), in units of y

    Raises
    ------
    TypeError, ValueError
        For a single pass, NaN, a y of another shape than one pass.

    Examples
    --------
    >>> crps_samples(torch.tensor([[0.0], [2.0]]), torch.tensor([0.0]))
    tensor([0.])
    >>> crps_samples(torch.tensor([[0.0], [2.0]]), torch.tensor([0.0]), fair=False)
    tensor([0.5000])

    References
    ----------
    Gneiting and Raftery (2007), JASA 102, section 4.2. Ferro (2014), Fair scores for ensemble forecasts, Q. J. R.
    Meteorol. Soc. 140, for T (T - 1).
    """
    n_samples = len(require_passes(_of_numbers(samples)))
    y = require_observations(y, samples.shape[1:], "one pass")
    # Σ_ij |x_i - x_j| = 2 Σ_k (2k - T - 1) x_(k) over the sorted draws: T log T in the place of T²
    places = torch.arange(1, n_samples + 1, dtype=samples.dtype, device=samples.device)[:, None]
    between = 2 * ((2 * places - n_samples - 1) * samples.sort(dim=0).values).sum(dim=0)
    pairs = n_samples * (n_samples - 1 if fair else n_samples)
    return (samples - y).abs().mean(dim=0) - between / (2 * pairs)


def crps_gaussian(mean: Tensor, sd: Tensor, y: Tensor) -> Tensor:
    """CRPS of a normal distribution, σ (z (2 Φ(z) - 1) + 2 φ(z) - 1/√π) with z = (y - μ)/σ; (N,) in units of y.

    Parameters
    ----------
    mean, sd, y : tensors (N,)
        `sd` is the standard deviation of a new observation, above zero; not the variance.

    Raises
    ------
    TypeError, ValueError
        For NaN, different shapes, an sd that is not positive.

    Examples
    --------
    >>> crps_gaussian(torch.tensor([0.0]), torch.tensor([1.0]), torch.tensor([0.0]))
    tensor([0.2337])

    References
    ----------
    Gneiting and Raftery (2007), JASA 102, equation 21.
    """
    mean = require_floats(mean, "mean", "(N,)", 1)
    sd, y = require_observations(sd, mean.shape, "mean", name="sd"), require_observations(y, mean.shape, "mean")
    if not bool((sd > 0).all()):
        raise ValueError(f"sd is a standard deviation above zero; got {sd.min().item():g}.")
    z = (y - mean) / sd
    density = torch.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    score: Tensor = sd * (z * (2 * torch.special.ndtr(z) - 1) + 2 * density - 1 / math.sqrt(math.pi))
    return score


def _of_numbers(samples: object) -> Tensor:
    checked = require_samples(samples)
    if checked.ndim != 2:
        raise ValueError(
            f"samples are (T, N), one number for each pass and row; got {tuple(checked.shape)}. If the network has one "
            "output, take samples[..., 0]."
        )
    return checked
