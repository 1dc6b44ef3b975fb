"""Alpha dropout on arrays, for SELU networks: dropped units take SELU's lowest value, and all are moved back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_float_array, require_mask, require_probability, require_rng
from dropout_lab.arguments_noise import require_map_axes, require_shared_mask
from dropout_lab.masks import bernoulli_mask
from dropout_lab.moments_noise import SELU_FLOOR, alpha_dropout_affine
from dropout_lab.numpy_layers.dropout import Array, Cache, Dropout


def alpha_dropout_forward(
    h: Array,
    p: float,
    rng: np.random.Generator | None = None,
    *,
    training: bool = True,
    mask: NDArray[np.bool_] | None = None,
) -> tuple[Array, Cache]:
    """Set dropped units to SELU's lowest value and move all: h̃ = a (m h + (1 - m) α') + b in training, h̃ = h otherwise.

    With α' = -λα ≈ -1.758 and a, b of :func:`dropout_lab.moments_noise.alpha_dropout_affine`, units of mean 0 and
    variance 1, as SELU's are, keep both; after another activation they do not. Of a single unit E[h̃] = a (1 - p) h. The
    backward pass is :func:`dropout_backward`.

    Parameters
    ----------
    h : float array of any shape
        Activations after SELU; never modified.
    p : float in [0, 1]
        Probability that a unit is *dropped*. At p = 1 the output is zero.
    rng : numpy.random.Generator
        Draws the mask; needed in training when no `mask` is given.
    training : bool, default True
        Off, the array `h` itself comes back.
    mask : bool array of the shape of `h`, optional
        The keep-mask to use in the place of a new one.

    Returns
    -------
    h_dropped : array like `h`, same shape and dtype
    cache : what :func:`dropout_backward` needs; None when nothing was done

    Raises
    ------
    TypeError, ValueError
        As :func:`dropout_forward`.

    Examples
    --------
    >>> h_dropped, _ = alpha_dropout_forward(np.array([0.0, 1.0]), 0.1, mask=np.array([True, False]))
    >>> h_dropped.round(3)
    array([ 0.162, -1.458])

    References
    ----------
    Klambauer, Unterthiner, Mayr, Hochreiter (2017), Self-Normalizing Neural Networks, NeurIPS, section 2.
    """
    h, p = require_float_array(h), require_probability(p)
    if not training:
        return h, None
    mask = bernoulli_mask(h.shape, p, require_rng(rng)) if mask is None else require_mask(mask, h.shape)
    if p == 1:
        return h * h.dtype.type(0), (mask, 0.0)
    scale, shift = alpha_dropout_affine(p)
    floor, number = SELU_FLOOR * scale, h.dtype.type
    return h * mask * number(scale) + (~mask * number(floor) + number(shift)), (mask, scale)


def feature_alpha_dropout_forward(
    h: Array,
    p: float,
    rng: np.random.Generator | None = None,
    *,
    training: bool = True,
    mask: NDArray[np.bool_] | None = None,
) -> tuple[Array, Cache]:
    """Alpha dropout of whole feature maps (N, C, *), one coin for each example and channel.

    Parameters, returns and errors as for :func:`alpha_dropout_forward`; p is the probability that a *feature map of an
    example* is dropped, a given mask is constant within each map, and fewer than 3 axes are an error.

    Examples
    --------
    >>> h_dropped, _ = feature_alpha_dropout_forward(np.zeros((2, 3, 4, 4)), 0.2, np.random.default_rng(0))
    >>> bool((h_dropped == h_dropped[:, :, :1, :1]).all())
    True
    """
    h, p = require_float_array(h), require_probability(p)
    axes = require_map_axes(h.shape)
    if training and mask is None:
        mask = bernoulli_mask(h.shape, p, require_rng(rng), shared_axes=axes)
    elif training:
        mask = require_shared_mask(mask, h.shape, axes)
    return alpha_dropout_forward(h, p, training=training, mask=mask)


class AlphaDropout(Dropout):
    """Alpha dropout as a layer: keeps its mask from forward to backward.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a unit is *dropped*.
    rng : numpy.random.Generator
        Draws a new mask at every forward pass in training.
    """

    def forward(self, h: Array, mask: NDArray[np.bool_] | None = None, *, training: bool = True) -> Array:
        """The output of :func:`alpha_dropout_forward`; the cache stays with the layer."""
        h_dropped, self.cache = alpha_dropout_forward(h, self.p, self.rng, training=training, mask=mask)
        return h_dropped

    def __repr__(self) -> str:
        return f"AlphaDropout(p={self.p})"


class FeatureAlphaDropout(Dropout):
    """Alpha dropout of feature maps as a layer: keeps its mask from forward to backward.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a *feature map of an example* is dropped.
    rng : numpy.random.Generator
        Draws a new mask at every forward pass in training.
    """

    def forward(self, h: Array, mask: NDArray[np.bool_] | None = None, *, training: bool = True) -> Array:
        """The output of :func:`feature_alpha_dropout_forward`; the cache stays with the layer."""
        h_dropped, self.cache = feature_alpha_dropout_forward(h, self.p, self.rng, training=training, mask=mask)
        return h_dropped

    def __repr__(self) -> str:
        return f"FeatureAlphaDropout(p={self.p})"
