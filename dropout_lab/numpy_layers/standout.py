"""Standout on arrays: every unit has a keep probability of its own, which depends on the input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_finite, require_gradient, require_mask, require_rng
from dropout_lab.masks import unequal_mask
from dropout_lab.numpy_layers.dense import Linear
from dropout_lab.numpy_layers.layer import Layer
from dropout_lab.numpy_layers.loss import sigmoid

Array = NDArray[np.floating]


class Standout(Layer):
    """A linear layer and ReLU under adaptive dropout: m max(u, 0) with P(m = 1) = σ(α u + β), u = W h + b.

    Units are not scaled in training, their keep probabilities differ; out of training they are multiplied by them,
    σ(α u + β) max(u, 0), the mean over masks. No gradient goes through the coins: in training ∂out/∂u = m 1[u > 0], out
    of it the product rule adds σ' α max(u, 0). With α = 0 this is dropout with p = 1 - σ(β), scaled at test time.

    Parameters
    ----------
    linear : Linear
        The layer whose weights decide.
    rng : numpy.random.Generator
        Draws a new mask at every forward pass in training.
    alpha, beta : float, default 1 and 0
        Slope and offset: larger β keeps more units, α < 0 drops the most active ones.

    Raises
    ------
    TypeError, ValueError
        If `linear` is another layer, alpha or beta no finite number.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> Standout(Linear(8, 3, rng), rng, beta=2.0)
    Standout(Linear(8, 3), p=1 - sigmoid(1.0 u + 2.0))

    References
    ----------
    Ba, Frey (2013), Adaptive dropout for training deep neural networks, NeurIPS.
    """

    def __init__(self, linear: Linear, rng: np.random.Generator, *, alpha: float = 1.0, beta: float = 0.0) -> None:
        if not isinstance(linear, Linear):
            raise TypeError(f"linear is a dropout_lab.numpy_layers.Linear; got {type(linear).__name__}.")
        self.linear, self.rng = linear, require_rng(rng)
        self.alpha, self.beta = require_finite(alpha, "alpha"), require_finite(beta, "beta")
        self.slope: Array | None = None

    def forward(self, h: Array, mask: NDArray[np.bool_] | None = None, *, training: bool = True) -> Array:
        """Output (N, K) for `h` (N, D), with a keep-mask (N, K) of your own or a new one in training."""
        u = self.linear.forward(h, training=training)
        keep_prob = sigmoid(self.alpha * u + self.beta)
        rectified = np.maximum(u, 0)
        if not training:
            self.slope = keep_prob * (u > 0) + u.dtype.type(self.alpha) * keep_prob * (1 - keep_prob) * rectified
            return keep_prob * rectified
        mask = unequal_mask(1 - keep_prob, self.rng) if mask is None else require_mask(mask, u.shape, "the output")
        self.slope = (mask & (u > 0)).astype(u.dtype)
        return rectified * mask

    def backward(self, grad_out: Array) -> Array:
        """Gradient (N, D) for the input; those of weight and bias stay with the linear layer."""
        if self.slope is None:
            raise ValueError("backward needs a forward pass before it; call forward first.")
        return self.linear.backward(require_gradient(grad_out, self.slope.shape) * self.slope)

    def parameters(self) -> list[Array]:
        """Weight (K, D) and bias (K,) of the linear layer."""
        return self.linear.parameters()

    def gradients(self) -> list[Array]:
        """Gradients of :meth:`parameters`."""
        return self.linear.gradients()

    def __repr__(self) -> str:
        return f"Standout({self.linear}, p=1 - sigmoid({self.alpha} u + {self.beta}))"
