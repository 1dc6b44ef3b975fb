"""Local reparameterisation on arrays: outputs of Gaussian weights are drawn, no weight is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_float_array, require_gradient, require_rng
from dropout_lab.arguments_noise import require_noise
from dropout_lab.masks import normal_noise
from dropout_lab.moments_variational import LOG_ALPHA_THRESHOLD, log_alpha

Array = NDArray[np.floating]
Cache = tuple[Array, Array, Array | None]


def variational_linear_forward(
    h: Array,
    weight: Array,
    log_variance: Array,
    bias: Array | float,
    rng: np.random.Generator | None = None,
    *,
    training: bool = True,
    threshold: float = LOG_ALPHA_THRESHOLD,
    noise: Array | None = None,
) -> tuple[Array, Cache]:
    """Draw the outputs of a linear layer with weights w ~ N(θ, σ²): u = W h + b + √v ε with v_nk = Σ_d σ_kd² h_nd².

    The outputs have the distribution that new weights for every example would give them, and no weight is drawn (local
    reparameterisation). Out of training, weights with log α at or above the threshold are 0, the others their means.

    Parameters
    ----------
    h : float array (N, D)
    weight, log_variance : float arrays (K, D)
        θ and log σ².
    bias : float array (K,) or number
    rng : numpy.random.Generator
        Draws ε; needed in training when no `noise` is given.
    training : bool, default True
    threshold : float
        The log α from which on a weight counts as noise.
    noise : float array (N, K), optional
        The standard normal ε to use in the place of a new one.

    Returns
    -------
    out : array (N, K)
    cache : what :func:`variational_linear_backward` needs, beside the parameters

    Raises
    ------
    TypeError, ValueError
        For arrays that hold no floats or do not fit, no generator where one is needed.

    Examples
    --------
    >>> h, weight, noise = np.array([[3.0, 4.0]]), np.array([[1.0, -1.0]]), np.array([[2.0]])
    >>> variational_linear_forward(h, weight, np.zeros((1, 2)), 0.5, noise=noise)[0]
    array([[9.5]])

    References
    ----------
    Kingma, Salimans, Welling (2015), Variational Dropout and the Local Reparameterization Trick, NIPS, section 2.
    Molchanov, Ashukha, Vetrov (2017), Variational Dropout Sparsifies Deep Neural Networks, ICML, section 4.
    """
    h, weight = require_float_array(h), require_float_array(weight, "weight")
    log_variance = require_float_array(log_variance, "log_variance")
    if weight.ndim != 2 or h.ndim != 2 or h.shape[1] != weight.shape[1] or log_variance.shape != weight.shape:
        shapes = f"weight {weight.shape}, log_variance {log_variance.shape} and h {h.shape}"
        raise ValueError(f"weight and log_variance are (K, D) and h (N, D), a row an example; got {shapes}.")
    if not training:
        kept = weight * (log_alpha(weight, log_variance) < threshold)
        return h @ kept.T + bias, (h, kept, None)
    sd = np.sqrt(h**2 @ np.exp(log_variance).T)
    if noise is None:
        noise = normal_noise(sd.shape, require_rng(rng), dtype=h.dtype)
    noise = require_noise(noise, sd.shape).astype(h.dtype, copy=False)
    return h @ weight.T + bias + sd * noise, (h, sd, noise)


def variational_linear_backward(
    grad_out: Array, weight: Array, log_variance: Array, cache: Cache
) -> tuple[Array, Array, Array, Array]:
    """Gradients of :func:`variational_linear_forward` for h, θ, log σ² and b, through the same noise.

    With g_v = g ε / (2 √v): ∂L/∂h = g W + 2 h (g_v σ²), ∂L/∂θ = gᵀ h, ∂L/∂log σ² = σ² (g_vᵀ h²), ∂L/∂b_k = Σ_n g_nk.
    Where v is 0 nothing is random, and g_v counts as 0.

    Parameters
    ----------
    grad_out : float array (N, K)
        Gradient of the loss with respect to the output.
    weight, log_variance : float arrays (K, D), as in the forward pass
    cache : as returned by :func:`variational_linear_forward`

    Returns
    -------
    grad_h, grad_weight, grad_log_variance, grad_bias : arrays (N, D), (K, D), (K, D), (K,)
    """
    h, second, noise = cache
    grad_out = require_gradient(grad_out, (len(h), len(weight)))
    grad_bias = grad_out.sum(axis=0)
    if noise is None:  # `second` holds the kept weights
        return grad_out @ second, (grad_out.T @ h) * (second != 0), np.zeros_like(log_variance), grad_bias
    variance = np.exp(log_variance)
    grad_v = np.divide(grad_out * noise, 2 * second, out=np.zeros_like(second), where=second > 0)
    grad_h = grad_out @ weight + 2 * h * (grad_v @ variance)
    return grad_h, grad_out.T @ h, variance * (grad_v.T @ h**2), grad_bias
