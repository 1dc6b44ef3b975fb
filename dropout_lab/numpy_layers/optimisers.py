"""One step of gradient descent, plain or with Adam."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_decay, require_positive
from dropout_lab.numpy_layers.layer import Layer

Array = NDArray[np.floating]


class SGD:
    """Stochastic gradient descent, θ ← θ - lr g, in place.

    Parameters
    ----------
    model : Layer, usually a Sequential
    lr : float > 0, step size

    Raises
    ------
    TypeError, ValueError
        For an lr that is not a positive finite number.

    Examples
    --------
    >>> from dropout_lab.numpy_layers import Linear
    >>> layer = Linear(1, 1, np.random.default_rng(0), dtype=np.float64)
    >>> layer.weight[:], layer.weight_grad[:] = 1.0, 2.0
    >>> SGD(layer, lr=0.1).step()
    >>> layer.weight
    array([[0.8]])
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
    betas : pair of floats in [0, 1), default (0.9, 0.999)
        Share of the running mean of the gradients, and of their squares, that each step keeps.
    epsilon : float > 0, default 1e-8

    Raises
    ------
    TypeError, ValueError
        For an lr or epsilon that is not a positive finite number, or a beta outside [0, 1).

    Examples
    --------
    The first step moves by lr in the direction of the sign, whatever the size of the gradient.

    >>> from dropout_lab.numpy_layers import Linear
    >>> layer = Linear(1, 1, np.random.default_rng(0), dtype=np.float64)
    >>> layer.weight[:], layer.weight_grad[:] = 1.0, 250.0
    >>> Adam(layer, lr=0.1).step()
    >>> layer.weight.round(6)
    array([[0.9]])

    References
    ----------
    Kingma and Ba (2015), Adam: A Method for Stochastic Optimization, ICLR, algorithm 1.
    """

    def __init__(
        self, model: Layer, lr: float = 1e-3, *, betas: tuple[float, float] = (0.9, 0.999), epsilon: float = 1e-8
    ) -> None:
        self.model, self.lr = model, require_positive(lr, "lr")
        self.betas = require_decay(betas[0], "betas[0]"), require_decay(betas[1], "betas[1]")
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
