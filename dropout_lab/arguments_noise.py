"""Checks of masks that share coins, of noise with real values and its p, of feature maps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_count, require_mask, require_probability


def require_shared_mask(mask: object, shape: tuple[int, ...], axes: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return `mask` if it is a bool array of exactly `shape` that holds one coin along `axes`.

    Raises
    ------
    TypeError, ValueError
        As :func:`require_mask`, and where two positions that share a coin differ.
    """
    mask = require_mask(mask, shape)
    coins = mask[tuple(slice(1) if axis in axes else slice(None) for axis in range(mask.ndim))]
    if (mask != coins).any():
        raise ValueError(unshared_mask(axes))
    return mask


def unshared_mask(axes: tuple[int, ...]) -> str:
    """Return what is wrong with a mask that has more than one coin along `axes`."""
    repair = f"Draw it with bernoulli_mask(h.shape, p, ..., shared_axes={axes})."
    return f"mask must be constant along the axes {axes}, which share one coin; it changes along them. {repair}"


def require_noise(noise: object, shape: tuple[int, ...]) -> NDArray[np.floating]:
    """Return `noise` if it is a float array of exactly `shape`.

    Raises
    ------
    TypeError
        If `noise` is not a float array; a mask of bools is not noise with real values.
    ValueError
        If its shape differs from `shape`.
    """
    if not isinstance(noise, np.ndarray) or not np.issubdtype(noise.dtype, np.floating):
        kind = noise.dtype if isinstance(noise, np.ndarray) else type(noise).__name__
        raise TypeError(f"noise is an array of floats, one real number for each unit; got {kind}.")
    if noise.shape != shape:
        raise ValueError(f"noise must have the shape of what it multiplies or moves, {shape}; got {noise.shape}.")
    return noise


def require_map_axes(shape: Sequence[int], n_spatial: int | None = None) -> tuple[int, ...]:
    """Return the spatial axes of feature maps (N, C, *): every axis after the first two.

    Parameters
    ----------
    shape : sequence of int
        Shape of the feature maps.
    n_spatial : int, optional
        How many spatial axes there must be; by default at least one.

    Raises
    ------
    ValueError
        If there are too few axes (the batch axis is missing, or there is nothing spatial) or too many.
    """
    least = 1 if n_spatial is None else n_spatial
    if len(shape) < 2 + least or (n_spatial is not None and len(shape) > 2 + n_spatial):
        wanted = f"{'at least ' if n_spatial is None else ''}{least} spatial {'axis' if least == 1 else 'axes'}"
        repair = "Unbatched maps (C, *) need their batch axis, h[None]; units (N, D) have no maps: use Dropout."
        raise ValueError(f"h must be feature maps (N, C, *) with {wanted}; got {tuple(shape)}. {repair}")
    return tuple(range(2, len(shape)))


def require_gaussian_p(p: object) -> float:
    """Return `p` as a float if there is Gaussian noise with the variance p/(1-p) of a coin scaled by 1/(1-p).

    Raises
    ------
    TypeError, ValueError
        For what is no drop probability, and for p = 1.
    """
    p = require_probability(p)
    if p == 1:
        raise ValueError("p = 1 has no Gaussian noise: its variance p/(1-p) would be infinite. Pass p below 1.")
    return p


def require_inference(inference: object, p: float) -> str:
    """Return `inference` if it is "mean" or "moments", and p is below 1 for the latter; raise ValueError otherwise."""
    if inference not in ("mean", "moments"):
        raise ValueError(f'inference is "mean" (weight scaling) or "moments" (a Gaussian draw); got {inference!r}.')
    if inference == "moments":
        require_gaussian_p(p)
    return str(inference)


def require_block_size(block_size: object, height: int, width: int) -> int:
    """Return `block_size` as an int if a square block of that side fits a map of `height` × `width`.

    Raises
    ------
    TypeError
        If `block_size` is not a whole number.
    ValueError
        If it is below 1 or above the height or the width of the map.
    """
    block_size = require_count(block_size, "block_size")
    if block_size > min(height, width):
        repair = "Take a smaller block, or leave maps this small alone."
        raise ValueError(f"a block of {block_size}×{block_size} does not fit a map of {height}×{width}. {repair}")
    return block_size


def require_gamma_rule(gamma: object) -> str:
    """Return `gamma` if it is "solved" or "paper"; raise ValueError otherwise."""
    if gamma not in ("solved", "paper"):
        raise ValueError(f'gamma is "solved" (a share of p is dropped) or "paper" (overlaps ignored); got {gamma!r}.')
    return str(gamma)


def require_disagreement_weight(alpha: object) -> float:
    """Return R-Drop's alpha as a float if it is a finite number of at least 0; raise TypeError or ValueError if not."""
    meaning = "alpha is the weight of the disagreement, a number of at least 0"
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)):
        raise TypeError(f"{meaning}; got {alpha!r}.")
    if not 0 <= alpha < math.inf:
        raise ValueError(f"{meaning}; got {alpha!r}.")
    return float(alpha)
