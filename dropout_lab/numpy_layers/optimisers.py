"""One step of gradient descent, plain or with Adam."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_positive
from dropout_lab.numpy_layers.layer import Layer

Array = NDArray[np.floating]


class SGD:
    """Stochastic gradient descent, θ ← θ - lr g, in place.

    Parameters
    ----------
    model : Layer, usually a Sequential
    lr : float > 0, step size
    """

    def __init__(self, model: Layer, lr: float) -> None:
        self.model, self.lr = model, require_positive(lr, "lr")

    def step(self) -> None:
        """Move every parameter against its gradient."""
        for parameter, grad in zip(self.model.parameters(), self.model.gradients(), strict=True):
            parameter -= self.lr * grad


class Adam:
    """Adam with bias-corrected moments, θ ← θ - lr m̂ / (√v̂ + ε), in place.

    Parameters
    ----------
    model : Layer, usually a Sequential
    lr : float > 0, default 0.001
    betas : decay of the mean of the gradients and of their squares, default (0.9, 0.999)
    epsilon : float > 0, default 1e-8

    References
    ----------
    Kingma and Ba (2015), Adam: A Method for Stochastic Optimization, ICLR, algorithm 1.
    """

    def __init__(
        self, model: Layer, lr: float = 1e-3, *, betas: tuple[float, float] = (0.9, 0.999), epsilon: float = 1e-8
    ) -> None:
        self.model, self.lr, self.betas = model, require_positive(lr, "lr"), betas
        self.epsilon = require_positive(epsilon, "epsilon")
        self.first: list[Array] = [np.zeros_like(parameter) for parameter in model.parameters()]
        self.second: list[Array] = [np.zeros_like(parameter) for parameter in model.parameters()]
        self.steps = 0

    def step(self) -> None:
        """Update both moments and move every parameter."""
        self.steps += 1
        beta1, beta2 = self.betas
        lr = self.lr * (1 - beta2**self.steps) ** 0.5 / (1 - beta1**self.steps)
        epsilon = self.epsilon * (1 - beta2**self.steps) ** 0.5  # the correction of v̂, applied to both sides
        moments = zip(self.model.parameters(), self.model.gradients(), self.first, self.second, strict=True)
        for parameter, grad, first, second in moments:
            first += (1 - beta1) * (grad - first)
            second += (1 - beta2) * (grad**2 - second)
            parameter -= lr * first / (np.sqrt(second) + epsilon)
