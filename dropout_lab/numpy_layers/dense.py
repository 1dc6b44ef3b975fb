"""The two layers that dropout stands between: a linear map and ReLU."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dropout_lab.arguments import (
    require_count,
    require_float_array,
    require_float_dtype,
    require_gradient,
    require_rng,
)
from dropout_lab.numpy_layers.layer import Layer

Array = NDArray[np.floating]


class Linear(Layer):
    """A linear layer, h W^T + b, with weights uniform in ±1/√D as PyTorch's nn.Linear starts them.

    Parameters
    ----------
    in_features, out_features : int
        D and K; `weight` is (K, D) and `bias` (K,).
    rng : numpy.random.Generator
        Draws the starting values.
    dtype : float dtype, default float32

    Raises
    ------
    TypeError, ValueError
        For a seed in the place of `rng`, features below 1, a dtype that does not hold floats; `forward` and `backward`
        raise for arrays that do not fit.

    Examples
    --------
    >>> layer = Linear(8, 3, np.random.default_rng(0))
    >>> layer.forward(np.ones((4, 8), dtype=np.float32)).shape
    (4, 3)
    """

    def __init__(
        self, in_features: int, out_features: int, rng: np.random.Generator, *, dtype: DTypeLike = np.float32
    ) -> None:
        features, units = require_count(in_features, "in_features"), require_count(out_features, "out_features")
        bound, dtype = 1 / np.sqrt(features), require_float_dtype(dtype)
        self.weight: Array = require_rng(rng).uniform(-bound, bound, (units, features)).astype(dtype)
        self.bias: Array = rng.uniform(-bound, bound, units).astype(dtype)
        self.weight_grad, self.bias_grad = np.zeros_like(self.weight), np.zeros_like(self.bias)
        self.h: Array | None = None

    def forward(self, h: Array, *, training: bool = True) -> Array:
        """Output (N, K) for inputs `h` of shape (N, D)."""
        require_float_array(h)
        if h.ndim != 2 or h.shape[1] != self.weight.shape[1]:
            raise ValueError(f"h must be (N, {self.weight.shape[1]}), one row for each example; got {h.shape}.")
        self.h = h
        return h @ self.weight.T + self.bias

    def backward(self, grad_out: Array) -> Array:
        """Gradient (N, D) for the input; ∂L/∂W = gᵀ h and ∂L/∂b = Σ_n g_n stay with the layer."""
        if self.h is None:
            raise ValueError("backward needs the input of a forward pass; call forward first.")
        require_gradient(grad_out, (len(self.h), len(self.weight)))
        self.weight_grad, self.bias_grad = grad_out.T @ self.h, grad_out.sum(axis=0)
        return grad_out @ self.weight

    def parameters(self) -> list[Array]:
        """Weight (K, D) and bias (K,)."""
        return [self.weight, self.bias]

    def gradients(self) -> list[Array]:
        """Gradients of weight and bias."""
        return [self.weight_grad, self.bias_grad]

    def __repr__(self) -> str:
        return f"Linear({self.weight.shape[1]}, {self.weight.shape[0]})"


class ReLU(Layer):
    """The rectifier max(h, 0); its derivative is 1 where h > 0 and 0 elsewhere."""

    def __init__(self) -> None:
        self.positive: NDArray[np.bool_] | None = None

    def forward(self, h: Array, *, training: bool = True) -> Array:
        """Output of the shape of `h`."""
        self.positive = require_float_array(h) > 0
        return np.maximum(h, 0)

    def backward(self, grad_out: Array) -> Array:
        """Gradient for the input, zero where the input was not positive."""
        if self.positive is None:
            raise ValueError("backward needs the input of a forward pass; call forward first.")
        return require_gradient(grad_out, self.positive.shape) * self.positive

    def __repr__(self) -> str:
        return "ReLU()"
