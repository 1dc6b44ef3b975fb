"""Sparse variational dropout on arrays: a linear layer with Gaussian weights, each with a noise level of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dropout_lab.arguments import require_finite, require_float_array, require_gradient, require_rng
from dropout_lab.arguments_noise import require_noise
from dropout_lab.masks import normal_noise
from dropout_lab.moments_variational import (
    LOG_ALPHA_THRESHOLD,
    log_alpha,
    variational_kl,
    variational_kl_slope,
)
from dropout_lab.numpy_layers.dense import Linear

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


class VariationalLinear(Linear):
    """A linear layer with Gaussian weights in training, whose noise levels are learned; starts as :class:`Linear` does.

    The gradients that `backward` leaves are those of the loss alone: add :meth:`kl_gradients`, divided by the number of
    training examples for a loss that is a mean.

    Parameters
    ----------
    in_features, out_features : int
        D and K; `weight` and `log_variance` are (K, D) and `bias` (K,) has no noise.
    rng : numpy.random.Generator
        Draws the starting values, and the noise of every forward pass in training.
    log_variance : float
        Where log σ² starts, for all weights.
    threshold : float
        The log α from which on a weight counts as noise; 3 is α = 20, dropout with p = .95.
    dtype : float dtype, default float32

    Examples
    --------
    >>> layer = VariationalLinear(8, 3, np.random.default_rng(0))
    >>> layer
    VariationalLinear(8, 3, threshold=3)
    >>> layer.forward(np.ones((4, 8), dtype=np.float32)).shape
    (4, 3)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        rng: np.random.Generator,
        *,
        log_variance: float = -10.0,
        threshold: float = LOG_ALPHA_THRESHOLD,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(in_features, out_features, rng, dtype=dtype)
        self.rng, self.threshold = require_rng(rng), require_finite(threshold, "threshold", "a logarithm")
        self.log_variance: Array = np.full_like(
            self.weight, require_finite(log_variance, "log_variance", "a logarithm")
        )
        self.log_variance_grad = np.zeros_like(self.weight)
        self.cache: Cache | None = None

    def forward(self, h: Array, noise: Array | None = None, *, training: bool = True) -> Array:
        """The output (N, K) of :func:`variational_linear_forward`; the noise stays with the layer."""
        out, self.cache = variational_linear_forward(
            h,
            self.weight,
            self.log_variance,
            self.bias,
            self.rng,
            training=training,
            threshold=self.threshold,
            noise=noise,
        )
        return out

    def backward(self, grad_out: Array) -> Array:
        """Gradient (N, D) for the input; those of weight, bias and log_variance stay with the layer."""
        if self.cache is None:
            raise ValueError("backward needs the input of a forward pass; call forward first.")
        gradients = variational_linear_backward(grad_out, self.weight, self.log_variance, self.cache)
        grad_h, self.weight_grad, self.log_variance_grad, self.bias_grad = gradients
        return grad_h

    def log_alpha(self) -> Array:
        """The output (K, D) of :func:`dropout_lab.moments_variational.log_alpha`."""
        return log_alpha(self.weight, self.log_variance)

    def kl(self) -> float:
        """Divergence of the weights from the log-uniform prior in nats, approximated."""
        return float(variational_kl(self.log_alpha()).sum())

    def kl_gradients(self) -> list[Array]:
        """Gradients of :meth:`kl`, in the order of :meth:`parameters`."""
        slope = variational_kl_slope(self.log_alpha())
        size = np.where(self.weight == 0, 1, self.weight)  # log α is clipped there, so its slope is 0
        return [-2 * slope / size, np.zeros_like(self.bias), slope]

    def sparsity(self) -> float:
        """Share of the weights that are 0 out of training: a number in [0, 1]."""
        return float((self.log_alpha() >= self.threshold).mean())

    def pruned(self) -> Linear:
        """A plain :class:`Linear` with zeros for the noisy weights: the same outputs as here out of training."""
        plain = Linear(self.weight.shape[1], self.weight.shape[0], np.random.default_rng(0), dtype=self.weight.dtype)
        plain.weight[:], plain.bias[:] = self.weight * (self.log_alpha() < self.threshold), self.bias
        return plain

    def parameters(self) -> list[Array]:
        """Weight (K, D), bias (K,) and log_variance (K, D)."""
        return [self.weight, self.bias, self.log_variance]

    def gradients(self) -> list[Array]:
        """Gradients of :meth:`parameters`."""
        return [self.weight_grad, self.bias_grad, self.log_variance_grad]

    def __repr__(self) -> str:
        return f"VariationalLinear({self.weight.shape[1]}, {self.weight.shape[0]}, threshold={self.threshold:g})"
