"""What Monte-Carlo samples say: moments, entropies, and the share of the uncertainty that comes from the model.

Samples always have the passes on axis 0: (T, N, …) for outputs, (T, N, K) for the probabilities of K classes. Entropies
and mutual information are in nats.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dropout_lab.arguments import require_count, require_positive, require_probability
from dropout_lab.uncertainty.arguments import require_passes, require_probabilities, require_samples


def predictive_mean(samples: Tensor) -> Tensor:
    """Mean over the passes, 1/T Σ_t ŷ_t; (N, …) for samples (T, N, …)."""
    return require_samples(samples).mean(dim=0)


def predictive_variance(samples: Tensor, *, precision: float | None = None) -> Tensor:
    """Variance of a new observation, 1/(T-1) Σ_t (ŷ_t - ȳ)² + 1/τ.

    The first term is the spread of the model's answers (epistemic), the second the noise of an observation around them
    (aleatoric). The paper divides by T; T - 1 removes the bias that few passes would cause.

    Parameters
    ----------
    samples : tensor (T, N) or (T, N, …), T at least 2
    precision : float, optional
        τ, the inverse variance of the observation noise, in 1 / (units of the samples)²; see :func:`model_precision`.
        Without it the epistemic term alone comes back, which is too narrow for an interval on observations.

    Returns
    -------
    variance : tensor (N, …), in (units of the samples)²

    Raises
    ------
    TypeError, ValueError
        For samples of integers, with NaN, without an axis for the passes or with one pass; a τ that is not positive.

    Examples
    --------
    >>> samples = torch.tensor([[1.0], [2.0], [3.0]])
    >>> predictive_variance(samples, precision=4.0)
    tensor([1.2500])

    References
    ----------
    Gal and Ghahramani (2016), Dropout as a Bayesian Approximation, ICML, section 4 (predictive variance).
    """
    spread = require_passes(require_samples(samples)).var(dim=0, correction=1)
    return spread if precision is None else spread + 1 / require_positive(precision, "precision")


def model_precision(p: float, length_scale: float, n: int, weight_decay: float) -> float:
    """Precision of the observation noise that weight decay implies, τ = (1 - p) l² / (2 N λ).

    Parameters
    ----------
    p : float in [0, 1)
        Probability that a unit is *dropped*; the paper's p is the keep probability 1 - p.
    length_scale : float > 0
        l, the prior length scale: a large one expects functions that vary slowly.
    n : int
        N, the number of training examples.
    weight_decay : float > 0
        λ in the loss 1/N Σ_n ½ (y_n - ŷ_n)² + λ Σ ‖W‖². For ``nn.MSELoss``, which has no ½, and an optimiser's
        ``weight_decay`` w, which means ½ w ‖W‖², it is λ = w / 4.

    Returns
    -------
    precision : float
        τ, in 1 / (units of y)².

    Examples
    --------
    >>> round(model_precision(0.1, 2.0, 100, 0.001), 6)
    18.0

    References
    ----------
    Gal and Ghahramani (2016), Dropout as a Bayesian Approximation, ICML, equation 7.
    """
    keep_prob = 1 - require_probability(p)
    if keep_prob == 0:
        raise ValueError("p = 1 drops every unit: no model is left whose precision could be stated. Pass p below 1.")
    penalty = 2 * require_count(n, "n") * require_positive(weight_decay, "weight_decay")
    return keep_prob * require_positive(length_scale, "length_scale") ** 2 / penalty


def average_probabilities(probabilities: Tensor) -> Tensor:
    """Predictive probabilities 1/T Σ_t p_t, (N, K): a mean of probabilities, never the softmax of a mean of logits."""
    return require_probabilities(probabilities).mean(dim=0)


def predictive_entropy(probabilities: Tensor) -> Tensor:
    """Total uncertainty, the entropy of the averaged probabilities, H[1/T Σ_t p_t] = -Σ_k p̄_k log p̄_k.

    Parameters
    ----------
    probabilities : tensor (T, N, K), each row of K summing to 1

    Returns
    -------
    entropy : tensor (N,), nats, between 0 and log K

    Raises
    ------
    TypeError, ValueError
        For logits, rows that do not sum to 1, NaN, or no axis for the passes.

    Examples
    --------
    >>> certain_but_divided = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    >>> predictive_entropy(certain_but_divided)
    tensor([0.6931])
    """
    return _entropy(average_probabilities(probabilities))


def expected_entropy(probabilities: Tensor) -> Tensor:
    """Aleatoric uncertainty, the mean entropy of the passes, 1/T Σ_t H[p_t]; (N,), nats, with 0 log 0 = 0.

    Parameters as in :func:`predictive_entropy`.

    Examples
    --------
    >>> expected_entropy(torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]))
    tensor([0.])
    """
    return _entropy(require_probabilities(probabilities)).mean(dim=0)


def mutual_information(probabilities: Tensor) -> Tensor:
    """Epistemic uncertainty, how far the passes disagree: H[1/T Σ_t p_t] - 1/T Σ_t H[p_t].

    Never negative, because the entropy is concave; what rounding puts below zero is set to zero.

    Parameters
    ----------
    probabilities : tensor (T, N, K), T at least 2, each row of K summing to 1

    Returns
    -------
    information : tensor (N,), nats, between 0 and log K

    Raises
    ------
    TypeError, ValueError
        As :func:`predictive_entropy`, and for a single pass, which always agrees with itself.

    Examples
    --------
    >>> mutual_information(torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]))
    tensor([0.6931])
    >>> mutual_information(torch.full((5, 1, 2), 0.5))
    tensor([0.])

    References
    ----------
    Houlsby, Huszár, Ghahramani and Lengyel (2011), Bayesian Active Learning for Classification and Preference Learning,
    arXiv:1112.5745. Gal, Islam and Ghahramani (2017), Deep Bayesian Active Learning with Image Data, ICML, for its
    estimate from dropout passes. Depeweg, Hernández-Lobato, Doshi-Velez and Udluft (2018), Decomposition of Uncertainty
    in Bayesian Deep Learning for Efficient and Risk-sensitive Learning, ICML, for the two shares.
    """
    require_passes(require_probabilities(probabilities))
    return (predictive_entropy(probabilities) - expected_entropy(probabilities)).clamp(min=0)


def _entropy(probabilities: Tensor) -> Tensor:
    surprise: Tensor = torch.special.entr(probabilities.clamp(min=0))  # -p log p, and 0 at p = 0
    return surprise.sum(dim=-1)
