"""What a NumPy layer is, and layers one after another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


class Layer:
    """A function with a memory: `forward` keeps what `backward` needs.

    `parameters()` lists the arrays that training changes in place and `gradients()` their gradients, in the same order,
    as the last `backward` left them.
    """

    def forward(self, h: Array, *, training: bool = True) -> Array:
        """Output of the layer for inputs `h` of shape (N, D)."""
        raise NotImplementedError

    def backward(self, grad_out: Array) -> Array:
        """Gradient of the loss with respect to the input of the last forward pass."""
        raise NotImplementedError

    def parameters(self) -> list[Array]:
        """Arrays that training changes in place."""
        return []

    def gradients(self) -> list[Array]:
        """Gradient of the loss for each of :meth:`parameters`."""
        return []


class Sequential(Layer):
    """Layers applied one after another, and their gradients in reverse order (the chain rule).

    Parameters
    ----------
    layers : sequence of Layer

    Examples
    --------
    >>> from dropout_lab.numpy_layers import Dropout, Linear, ReLU
    >>> rng = np.random.default_rng(0)
    >>> net = Sequential([Linear(8, 16, rng), ReLU(), Dropout(0.2, rng), Linear(16, 3, rng)])
    >>> net.forward(np.ones((4, 8), dtype=np.float32), training=False).shape
    (4, 3)
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)

    def forward(self, h: Array, *, training: bool = True) -> Array:
        """Output of the last layer."""
        for layer in self.layers:
            h = layer.forward(h, training=training)
        return h

    def backward(self, grad_out: Array) -> Array:
        """Gradient with respect to the input; every layer keeps the gradients of its own parameters."""
        for layer in reversed(self.layers):
            grad_out = layer.backward(grad_out)
        return grad_out

    def parameters(self) -> list[Array]:
        """Arrays of all layers, first layer first."""
        return [array for layer in self.layers for array in layer.parameters()]

    def gradients(self) -> list[Array]:
        """Gradients of all layers, in the order of :meth:`parameters`."""
        return [array for layer in self.layers for array in layer.gradients()]

    def __repr__(self) -> str:
        return f"Sequential({self.layers})"
