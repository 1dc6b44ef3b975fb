"""Dropout whose coins are shared along axes: what depth and recurrent dropout have in common, on arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_axes, require_float_array, require_probability, require_rng
from dropout_lab.arguments_noise import require_shared_mask
from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers.dropout import Array, Cache, dropout_forward


def shared_dropout_forward(
    h: Array,
    p: float,
    shared_axes: tuple[int, ...],
    rng: np.random.Generator | None = None,
    *,
    training: bool = True,
    mask: NDArray[np.bool_] | None = None,
) -> tuple[Array, Cache]:
    """Inverted dropout, h̃ = m h / (1 - p), with one coin for all positions along `shared_axes`.

    The backward pass is :func:`dropout_backward`.

    Parameters
    ----------
    h : float array of any shape
        Activations; never modified.
    p : float in [0, 1]
        Probability that *all that shares a coin* is dropped.
    shared_axes : tuple of int
        Axes along which one coin decides for all positions.
    rng : numpy.random.Generator
        Draws the mask; needed in training when no `mask` is given.
    training : bool, default True
        Off, the array `h` itself comes back.
    mask : bool array of the shape of `h`, optional
        The keep-mask to use in the place of a new one, constant along `shared_axes`.

    Returns
    -------
    h_dropped : array like `h`, same shape and dtype
    cache : what :func:`dropout_backward` needs; None when nothing was done

    Raises
    ------
    TypeError, ValueError
        As :func:`dropout_forward`; for a mask that changes along `shared_axes`.

    Examples
    --------
    >>> h_dropped, _ = shared_dropout_forward(np.ones((2, 6)), 0.2, (1,), np.random.default_rng(0))
    >>> bool((h_dropped == h_dropped[:, :1]).all())
    True
    """
    h, p = require_float_array(h), require_probability(p)
    axes = require_axes(shared_axes, h.ndim)
    if training and mask is None:
        mask = bernoulli_mask(h.shape, p, require_rng(rng), shared_axes=axes)
    elif training:
        mask = require_shared_mask(mask, h.shape, axes)
    return dropout_forward(h, p, training=training, mask=mask)
