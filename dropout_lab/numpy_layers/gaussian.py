"""Gaussian dropout on arrays: every unit is multiplied by normal noise, none is zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_float_array, require_gradient, require_rng
from dropout_lab.arguments_noise import require_gaussian_p, require_noise
from dropout_lab.masks import normal_noise
from dropout_lab.moments_noise import gaussian_alpha
from dropout_lab.numpy_layers.layer import Layer

Array = NDArray[np.floating]


def gaussian_dropout_forward(
    h: Array,
    p: float,
    rng: np.random.Generator | None = None,
    *,
    training: bool = True,
    noise: Array | None = None,
) -> tuple[Array, Array | None]:
    """Multiply every unit by noise of mean 1: h̃ = ξ h with ξ ~ N(1, p / (1 - p)) in training, h̃ = h otherwise.

    The noise has the mean and the variance of dropout's m / (1 - p), so nothing needs a scale.

    Parameters
    ----------
    h : float array of any shape
        Activations; never modified.
    p : float in [0, 1)
        Probability that dropout with the same moments would *drop* a unit.
    rng : numpy.random.Generator
        Draws the noise; needed in training when no `noise` is given.
    training : bool, default True
        Off, the array `h` itself comes back.
    noise : float array of the shape of `h`, optional
        The ξ to use in the place of new ones.

    Returns
    -------
    h_dropped : array like `h`, same shape and dtype
    noise : what :func:`gaussian_dropout_backward` needs; None when nothing was done

    Raises
    ------
    TypeError, ValueError
        For integers or an empty `h`, a p outside [0, 1), noise that does not fit, no generator where one is needed.

    Examples
    --------
    >>> gaussian_dropout_forward(np.array([1.0, 2.0]), 0.2, noise=np.array([0.5, 1.75]))[0]
    array([0.5, 3.5])

    References
    ----------
    Srivastava et al. (2014), JMLR 15, section 10.
    """
    h, alpha = require_float_array(h), gaussian_alpha(p)
    if not training:
        return h, None
    if noise is None:
        noise = 1 + h.dtype.type(alpha**0.5) * normal_noise(h.shape, require_rng(rng), dtype=h.dtype)
    noise = require_noise(noise, h.shape).astype(h.dtype, copy=False)
    return h * noise, noise


def gaussian_dropout_backward(grad_out: Array, noise: Array | None) -> Array:
    """Gradient with respect to the input of :func:`gaussian_dropout_forward`, ∂L/∂h = ξ ∂L/∂h̃ with the same noise.

    Parameters
    ----------
    grad_out : float array of the shape of the output
        Gradient of the loss with respect to the output.
    noise : as returned by :func:`gaussian_dropout_forward`

    Returns
    -------
    grad_h : array like `grad_out`

    Examples
    --------
    >>> gaussian_dropout_backward(np.ones(2), np.array([0.5, 1.75]))
    array([0.5 , 1.75])
    """
    if noise is None:
        return require_float_array(grad_out, "grad_out")
    return require_gradient(grad_out, noise.shape) * noise


class GaussianDropout(Layer):
    """Gaussian dropout as a layer: keeps its noise from forward to backward.

    Parameters
    ----------
    p : float in [0, 1)
        Probability that dropout with the same moments would *drop* a unit.
    rng : numpy.random.Generator
        Draws new noise at every forward pass in training.
    """

    def __init__(self, p: float, rng: np.random.Generator) -> None:
        self.p = require_gaussian_p(p)
        self.rng = require_rng(rng)
        self.noise: Array | None = None

    def forward(self, h: Array, noise: Array | None = None, *, training: bool = True) -> Array:
        """The output of :func:`gaussian_dropout_forward`; the noise stays with the layer."""
        h_dropped, self.noise = gaussian_dropout_forward(h, self.p, self.rng, training=training, noise=noise)
        return h_dropped

    def backward(self, grad_out: Array) -> Array:
        """The output of :func:`gaussian_dropout_backward` for the last forward pass."""
        return gaussian_dropout_backward(grad_out, self.noise)

    def __repr__(self) -> str:
        return f"GaussianDropout(p={self.p})"
