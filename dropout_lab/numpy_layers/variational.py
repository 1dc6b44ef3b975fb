"""Sparse variational dropout on arrays: a linear layer with Gaussian weights, each with a noise level of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from dropout_lab.arguments import require_finite, require_rng
from dropout_lab.moments_variational import (
    LOG_ALPHA_THRESHOLD,
    log_alpha,
    variational_kl,
    variational_kl_slope,
)
from dropout_lab.numpy_layers.dense import Linear
from dropout_lab.numpy_layers.local_reparameterisation import (
    Array,
    Cache,
    variational_linear_backward,
    variational_linear_forward,
)


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
