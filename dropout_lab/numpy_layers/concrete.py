"""Concrete dropout on arrays: coins made soft, and the gradient for the drop probability itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_finite, require_float_array, require_gradient, require_positive, require_rng
from dropout_lab.arguments_noise import require_noise
from dropout_lab.masks import logistic_noise
from dropout_lab.numpy_layers.loss import sigmoid

Array = NDArray[np.floating]
Cache = tuple[Array, Array, float, float] | None


def concrete_dropout_forward(
    h: Array,
    p_logit: float,
    rng: np.random.Generator | None = None,
    *,
    temperature: float = 0.1,
    training: bool = True,
    noise: Array | None = None,
) -> tuple[Array, Cache]:
    """Drop softly, h̃ = (1 - z̃) h / (1 - p) with z̃ = σ((log p - log(1 - p) + ε) / t), ε logistic; h̃ = h in eval.

    Parameters
    ----------
    h : float array of any shape
        Activations; never modified.
    p_logit : float
        log p - log(1 - p), p the probability that a unit is *dropped*.
    rng : numpy.random.Generator
        Draws the noise; needed in training when no `noise` is given.
    temperature : float above 0, default 0.1
        How soft the coins are.
    training : bool, default True
        Off, the array `h` itself comes back.
    noise : float array of the shape of `h`, optional
        Logistic numbers to use in the place of new ones.

    Returns
    -------
    h_dropped : array like `h`
    cache : what :func:`concrete_dropout_backward` needs; None when nothing was done

    Raises
    ------
    TypeError, ValueError
        For integers or an empty `h`, a `p_logit` that is not finite, noise that does not fit, no generator where one is
        needed.

    Examples
    --------
    >>> out, _ = concrete_dropout_forward(np.ones(3), np.log(0.25), noise=np.array([-9.0, 0.0, 9.0]))
    >>> out.round(2)
    array([1.25, 1.25, 0.  ])

    References
    ----------
    Gal, Hron, Kendall (2017), Concrete Dropout, NeurIPS, section 3.
    """
    h, p_logit = require_float_array(h), require_finite(p_logit, "p_logit")
    temperature = require_positive(temperature, "temperature")
    if not training:
        return h, None
    noise = logistic_noise(h.shape, require_rng(rng)) if noise is None else require_noise(noise, h.shape)
    kept = sigmoid(-(p_logit + noise) / temperature).astype(h.dtype)
    scale = 1 + np.exp(p_logit)  # 1 / (1 - p)
    return h * kept * h.dtype.type(scale), (h, kept, p_logit, temperature)


def concrete_dropout_backward(grad_out: Array, cache: Cache) -> tuple[Array, float]:
    """Gradients of :func:`concrete_dropout_forward` for h and for log p - log(1 - p), with the same noise.

    ∂h̃/∂h = k / (1 - p) and ∂h̃/∂(log-odds) = h k (p - (1 - k) / t) / (1 - p), where k = 1 - z̃.

    Parameters
    ----------
    grad_out : float array of the shape of the output
        Gradient of the loss with respect to the output.
    cache : as returned by :func:`concrete_dropout_forward`

    Returns
    -------
    grad_h : array like `grad_out`
    grad_p_logit : float, zero out of training
    """
    if cache is None:
        return require_gradient(grad_out, np.shape(grad_out)), 0.0
    h, kept, p_logit, temperature = cache
    grad_out = require_gradient(grad_out, h.shape)
    scale, p = 1 + np.exp(p_logit), float(sigmoid(np.array(p_logit)))
    grad_h = grad_out * kept * grad_out.dtype.type(scale)
    return grad_h, float((grad_h * h * (p - (1 - kept) / temperature)).sum())


def concrete_kl(weight: Array, p_logit: float, length_scale: float) -> tuple[float, Array, float]:
    """The regulariser l² ‖W‖² / (2 (1 - p)) - D H(p) in nats, up to a constant, and its gradients.

    W (K, D) sees an input scaled by 1/(1 - p); H(p) = -p log p - (1 - p) log(1 - p). The derivative for the log-odds is
    l² ‖W‖² p / (2 (1 - p)) + D p (1 - p) (log p - log(1 - p)).

    Parameters
    ----------
    weight : float array (K, D)
    p_logit : float
        log p - log(1 - p), p the probability that an input is *dropped*.
    length_scale : float above 0
        The l of the prior.

    Returns
    -------
    kl : float
    grad_weight : array (K, D)
    grad_p_logit : float

    Examples
    --------
    >>> kl, _, grad = concrete_kl(np.ones((1, 2)), 0.0, 1.0)
    >>> round(kl, 3), grad  # 2 / (2 · 0.5) - 2 log 2
    (0.614, 1.0)

    References
    ----------
    Gal, Hron, Kendall (2017), Concrete Dropout, NeurIPS, section 3: there l² (1 - p) / 2 ‖M‖² for M = W / (1 - p).
    """
    weight, p_logit = require_float_array(weight, "weight"), require_finite(p_logit, "p_logit")
    l_squared = require_positive(length_scale, "length_scale") ** 2
    p, scale, inputs = float(sigmoid(np.array(p_logit))), 1 + np.exp(p_logit), weight.shape[1]
    of_weights = l_squared / 2 * float((weight**2).sum()) * scale
    entropy = -p * np.log(p) - (1 - p) * np.log1p(-p)
    grad_p_logit = of_weights * p + inputs * p * (1 - p) * p_logit
    return float(of_weights - inputs * entropy), weight * weight.dtype.type(l_squared * scale), float(grad_p_logit)
