"""Spatial dropout on arrays: whole feature maps are dropped, one coin for each example and channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_count, require_float_array, require_probability, require_rng
from dropout_lab.arguments_noise import require_map_axes, require_shared_mask
from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers.dropout import Array, Cache, Dropout, dropout_forward


def spatial_dropout_forward(
    h: Array,
    p: float,
    rng: np.random.Generator | None = None,
    *,
    training: bool = True,
    mask: NDArray[np.bool_] | None = None,
    n_spatial: int | None = None,
) -> tuple[Array, Cache]:
    """Drop whole feature maps and scale the others: h̃_nc* = m_nc h_nc* / (1 - p) in training, h̃ = h otherwise.

    Neighbouring pixels are alike, so what is lost with one of them is still there beside it; what is lost with a whole
    map is gone. The backward pass is :func:`dropout_backward`.

    Parameters
    ----------
    h : float array (N, C, *), any number of spatial axes from 1 on
        Feature maps; never modified. The batch axis must be there: an unbatched (C, L) is an error. An unbatched
        (C, H, W) has as many axes as (N, C, L), so only `n_spatial` tells them apart.
    p : float in [0, 1]
        Probability that a *feature map of an example* is dropped.
    rng : numpy.random.Generator
        Draws the mask; needed in training when no `mask` is given.
    training : bool, default True
        Off, the array `h` itself comes back.
    mask : bool array of the shape of `h`, optional
        The keep-mask to use in the place of a new one, constant within each map.
    n_spatial : int, optional
        How many spatial axes `h` must have, 2 for images.

    Returns
    -------
    h_dropped : array like `h`, same shape and dtype
    cache : what :func:`dropout_backward` needs; None when nothing was done

    Raises
    ------
    TypeError, ValueError
        As :func:`dropout_forward`; for maps without batch axis or spatial axis; for a mask that changes within a map.

    Examples
    --------
    >>> h_dropped, _ = spatial_dropout_forward(np.ones((3, 4, 5, 5)), 0.2, np.random.default_rng(0))
    >>> sorted(float(value) for value in set(h_dropped.std(axis=(2, 3)).ravel()))
    [0.0]

    References
    ----------
    Tompson, Goroshin, Jain, LeCun, Bregler (2015), Efficient Object Localization Using Convolutional Networks, CVPR:
    the section on SpatialDropout.
    """
    h, p = require_float_array(h), require_probability(p)
    axes = require_map_axes(h.shape, n_spatial)
    if training and mask is None:
        mask = bernoulli_mask(h.shape, p, require_rng(rng), shared_axes=axes)
    elif training:
        mask = require_shared_mask(mask, h.shape, axes)
    return dropout_forward(h, p, training=training, mask=mask)


class SpatialDropout(Dropout):
    """Spatial dropout as a layer: keeps its mask from forward to backward.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a *feature map of an example* is dropped.
    rng : numpy.random.Generator
        Draws a new mask at every forward pass in training.
    n_spatial : int, optional
        How many spatial axes the input must have; by default at least one.
    """

    def __init__(self, p: float, rng: np.random.Generator, *, n_spatial: int | None = None) -> None:
        super().__init__(p, rng)
        self.n_spatial = None if n_spatial is None else require_count(n_spatial, "n_spatial")

    def forward(self, h: Array, mask: NDArray[np.bool_] | None = None, *, training: bool = True) -> Array:
        """The output of :func:`spatial_dropout_forward`; the cache stays with the layer."""
        h_dropped, self.cache = spatial_dropout_forward(
            h, self.p, self.rng, training=training, mask=mask, n_spatial=self.n_spatial
        )
        return h_dropped

    def __repr__(self) -> str:
        return f"SpatialDropout(p={self.p})"
