"""Inverted dropout on arrays: the forward pass, the backward pass, and the layer that remembers the mask between."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import (
    require_float_array,
    require_gradient,
    require_mask,
    require_probability,
    require_rng,
)
from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers.layer import Layer

Array = NDArray[np.floating]
Cache = tuple[NDArray[np.bool_], float] | None


def dropout_forward(
    h: Array,
    p: float,
    rng: np.random.Generator | None = None,
    *,
    training: bool = True,
    mask: NDArray[np.bool_] | None = None,
) -> tuple[Array, Cache]:
    """Drop units and scale the survivors: h̃ = m h / (1 - p) in training, h̃ = h otherwise.

    Parameters
    ----------
    h : float array of any shape
        Activations; never modified.
    p : float in [0, 1]
        Probability that a unit is *dropped*. At p = 1 everything is dropped and the output is zero.
    rng : numpy.random.Generator
        Draws the mask; needed in training when no `mask` is given.
    training : bool, default True
        Off, the array `h` itself comes back.
    mask : bool array of the shape of `h`, optional
        The keep-mask to use in the place of a new one.

    Returns
    -------
    h_dropped : array like `h`, same shape and dtype
    cache : what :func:`dropout_backward` needs, the mask and its scale; None when nothing was done

    Raises
    ------
    TypeError, ValueError
        For integers or an empty `h`, a p outside [0, 1], a mask that does not fit, no generator where one is needed.

    Examples
    --------
    >>> h = np.array([1.0, 2.0, 3.0, 4.0])
    >>> h_dropped, cache = dropout_forward(h, 0.2, mask=np.array([True, False, True, True]))
    >>> h_dropped
    array([1.25, 0.  , 3.75, 5.  ])

    References
    ----------
    Srivastava et al. (2014), JMLR 15, section 4 for the mask and section 10 for scaling by 1/(keep probability) in
    training, which is called inverted dropout.
    """
    h = require_float_array(h)
    p = require_probability(p)
    if not training:
        return h, None
    mask = bernoulli_mask(h.shape, p, require_rng(rng)) if mask is None else require_mask(mask, h.shape)
    scale = 1 / (1 - p) if p < 1 else 0.0
    return h * mask * h.dtype.type(scale), (mask, scale)


def dropout_backward(grad_out: Array, cache: Cache) -> Array:
    """Gradient with respect to the input of :func:`dropout_forward`, ∂L/∂h = m ∂L/∂h̃ / (1 - p).

    The same mask and the same scale as in the forward pass: the layer multiplies by a constant, so its derivative is
    that constant.

    Parameters
    ----------
    grad_out : float array of the shape of the output
        Gradient of the loss with respect to the output.
    cache : as returned by :func:`dropout_forward`

    Returns
    -------
    grad_h : array like `grad_out`

    Raises
    ------
    TypeError, ValueError
        For a gradient that holds no floats or has not the shape of the output.

    Examples
    --------
    >>> dropout_backward(np.ones(3), (np.array([True, False, True]), 1.25))
    array([1.25, 0.  , 1.25])
    """
    if cache is None:
        return require_float_array(grad_out, "grad_out")
    mask, scale = cache
    return require_gradient(grad_out, mask.shape) * mask * grad_out.dtype.type(scale)


class Dropout(Layer):
    """Inverted dropout as a layer: keeps its mask from forward to backward.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a unit is *dropped*.
    rng : numpy.random.Generator
        Draws a new mask at every forward pass in training.
    """

    def __init__(self, p: float, rng: np.random.Generator) -> None:
        self.p = require_probability(p)
        self.rng = require_rng(rng)
        self.cache: Cache = None

    def forward(self, h: Array, mask: NDArray[np.bool_] | None = None, *, training: bool = True) -> Array:
        """The output of :func:`dropout_forward`; the cache stays with the layer."""
        h_dropped, self.cache = dropout_forward(h, self.p, self.rng, training=training, mask=mask)
        return h_dropped

    def backward(self, grad_out: Array) -> Array:
        """The output of :func:`dropout_backward` for the last forward pass."""
        return dropout_backward(grad_out, self.cache)

    def __repr__(self) -> str:
        return f"Dropout(p={self.p})"
