"""NumPy noise: nothing else in the package draws any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dropout_lab.arguments import require_axes, require_float_dtype, require_probability, require_rng, require_shape


def bernoulli_mask(
    shape: int | Sequence[int],
    p: float,
    rng: np.random.Generator,
    *,
    shared_axes: Sequence[int] = (),
) -> NDArray[np.bool_]:
    """Sample a keep-mask: True where a unit is kept.

    Every coin is independent, so the number of kept units is Binomial(n, 1 - p), not fixed. Along `shared_axes` one
    coin decides for all positions: ``(2, 3)`` on (N, C, H, W) is spatial dropout, the time axis is recurrent dropout,
    every axis but 0 is stochastic depth.

    Parameters
    ----------
    shape : int or tuple of int
        Shape of the mask, usually ``h.shape``.
    p : float in [0, 1]
        Probability that a unit is *dropped* (PyTorch's p; Srivastava et al. 2014 call the keep probability, 1 - p, by
        this letter).
    rng : numpy.random.Generator
        Where the coins come from; its state moves on.
    shared_axes : tuple of int, default ()
        Axes along which the coin is shared; negative axes count from the end.

    Returns
    -------
    mask : bool array of shape `shape`

    Raises
    ------
    TypeError, ValueError
        For a p outside [0, 1], a seed in the place of `rng`, an empty shape, an axis that is not there.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> bernoulli_mask((2, 5), 0.2, rng).shape
    (2, 5)
    >>> maps = bernoulli_mask((3, 4, 8, 8), 0.2, rng, shared_axes=(2, 3))
    >>> bool((maps == maps[:, :, :1, :1]).all())
    True

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), Dropout: A Simple Way to Prevent Neural Networks
    from Overfitting, JMLR 15, section 4.
    """
    sizes = require_shape(shape)
    p = require_probability(p)
    shared = require_axes(shared_axes, len(sizes))
    coins = tuple(1 if axis in shared else size for axis, size in enumerate(sizes))
    # >= and not >: rng.random() can return exactly 0.0, which must be kept at p = 0
    kept = np.asarray(require_rng(rng).random(coins) >= p)
    return np.broadcast_to(kept, sizes).copy() if shared else kept


def unequal_mask(p: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Sample a keep-mask of units that have a drop probability each: True where a unit is kept.

    Parameters
    ----------
    p : float array of any shape, with values in [0, 1]
        Probability that *this unit* is dropped, by the layer that asks; its values are not checked.
    rng : numpy.random.Generator
        Where the coins come from; its state moves on.

    Returns
    -------
    mask : bool array of the shape of `p`

    Raises
    ------
    TypeError
        For a seed in the place of `rng`.

    Examples
    --------
    >>> unequal_mask(np.array([0.0, 1.0]), np.random.default_rng(0))
    array([ True, False])
    """
    return np.asarray(require_rng(rng).random(p.shape) >= p)  # see bernoulli_mask for >=


def normal_noise(
    shape: int | Sequence[int], rng: np.random.Generator, *, dtype: DTypeLike = np.float64
) -> NDArray[np.floating]:
    """Sample independent standard normal numbers ε ~ N(0, 1); 1 + √α ε has mean 1 and variance α.

    Parameters
    ----------
    shape : int or tuple of int
        Shape of the noise, usually ``h.shape``.
    rng : numpy.random.Generator
        Where the numbers come from; its state moves on.
    dtype : float dtype, default float64
        What comes back. Dtypes narrower than float32 are drawn as float32 and rounded.

    Returns
    -------
    noise : float array of shape `shape`

    Raises
    ------
    TypeError, ValueError
        For a seed in the place of `rng`, an empty shape, a dtype that does not hold floats.

    Examples
    --------
    >>> noise = normal_noise((200, 500), np.random.default_rng(0), dtype=np.float32)
    >>> noise.dtype, round(float(noise.std()), 2)
    (dtype('float32'), 1.0)
    """
    wanted = require_float_dtype(dtype)
    drawn = np.float64 if wanted.itemsize >= np.dtype(np.float64).itemsize else np.float32
    return np.asarray(require_rng(rng).standard_normal(require_shape(shape), dtype=drawn)).astype(wanted, copy=False)


def logistic_noise(shape: int | Sequence[int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Sample independent logistic numbers log u - log(1 - u), u uniform in (0, 1): the noise of a relaxed coin.

    Parameters
    ----------
    shape : int or tuple of int
        Shape of the noise, usually ``h.shape``.
    rng : numpy.random.Generator
        Where the numbers come from; its state moves on.

    Returns
    -------
    noise : float64 array of shape `shape`, finite

    Raises
    ------
    TypeError, ValueError
        For a seed in the place of `rng`, an empty shape.

    Examples
    --------
    >>> noise = logistic_noise((200, 500), np.random.default_rng(0))
    >>> round(float(noise.std()), 1)  # π / √3
    1.8
    """
    uniform = require_rng(rng).random(require_shape(shape)) + 2.0**-54  # rng.random() gives k / 2^53, 0 too
    return np.asarray(np.log(uniform) - np.log1p(-uniform))
