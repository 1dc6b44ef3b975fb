"""Digits with one dimension, generated: as many as you like, small enough to train many networks on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_count, require_positive, require_rng

LENGTH = 40  # points of a curve

# How far to the right the pen is while it draws each digit from top to bottom, in ten steps
STROKES = (
    (0, 4, 6, 7, 7.5, 7.5, 7, 6, 4, 0),
    (0, -3, -4, -1.5, 0, 0, 0, 0, 0, 0),
    (0, 4, 6, 6, 4, 1, -2, -4, -4, 2),
    (0, 5, 6, 4, 1, 1, 5, 6, 5, 0),
    (0, -2, -4, -6, -7, 3, 3, 3, 3, 3),
    (0, -5, -5, -5, -2, 3, 5, 5, 3, -2),
    (0, -3, -5, -6, -6, -4, 2, 3, 1, -3),
    (0, 7, 6, 5, 4, 3, 2, 1, 0, 0),
    (0, -4, -4, 0, 4, 5, 4, 0, -4, -1),
    (0, -4, -5, -4, 0, 2, 2, 1, -1, -4),
)


def templates() -> NDArray[np.float64]:
    """The ten curves without any disturbance, (10, 10): they start at 0 and have standard deviation 1/6.

    Examples
    --------
    >>> templates().shape, templates()[:, 0].any(), templates().std(axis=1).round(3)[:3]
    ((10, 10), np.False_, array([0.167, 0.167, 0.167]))
    """
    strokes = np.array(STROKES, dtype=np.float64)
    curves: NDArray[np.float64] = (strokes - strokes[:, :1]) / (6 * strokes.std(axis=1, keepdims=True))
    return curves


def mnist_1d(n: int, rng: np.random.Generator, *, noise: float = 0.3) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Curves of ten classes, each a template that is stretched, moved, scaled, tilted and covered with smooth noise.

    Made in the manner of MNIST-1D, with templates and disturbances of our own: error rates cannot be compared with
    published ones. Another call gives other examples of the same ten classes.

    Parameters
    ----------
    n : int
        Number of curves; the classes run 0, 1, …, 9, 0, 1, …, so that the first 10 n rows hold n of each.
    rng : numpy.random.Generator
    noise : float > 0, default 0.3
        Standard deviation of the white noise that is then smoothed over some five points; a template's is 0.17.

    Returns
    -------
    x : float32 array (N, 40)
    y : int64 array (N,), 0 to 9

    Raises
    ------
    TypeError, ValueError
        For an `n` that is no whole number above zero, a seed in the place of `rng`, a noise that is not positive.

    Examples
    --------
    >>> x, y = mnist_1d(1000, np.random.default_rng(0))
    >>> x.shape, y[:12].tolist()
    ((1000, 40), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])

    References
    ----------
    Greydanus (2020), Scaling Down Deep Learning, arXiv:2011.14439, section 2 (MNIST-1D).
    """
    y = np.arange(require_count(n, "n")) % 10
    uniform = require_rng(rng).uniform
    stretch = uniform(0.6, 0.9, (n, 1)) * LENGTH
    start = uniform(0, 1, (n, 1)) * (LENGTH - stretch)
    x = _read_off(templates()[y], (np.arange(LENGTH) - start) / stretch)
    x *= uniform(0.6, 1.4, (n, 1))
    x += uniform(-0.4, 0.4, (n, 1)) * np.linspace(-0.5, 0.5, LENGTH)
    x += _smooth(rng.standard_normal((n, LENGTH + 12))) * require_positive(noise, "noise")
    return x.astype(np.float32), y.astype(np.int64)


def _read_off(curves: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of `curves` (N, P), given on P even points from 0 to 1, at places (N, L); beyond the ends they stay."""
    place = np.clip(at, 0, 1) * (curves.shape[1] - 1)
    left = np.minimum(place.astype(np.intp), curves.shape[1] - 2)
    low, high = np.take_along_axis(curves, left, 1), np.take_along_axis(curves, left + 1, 1)
    between: NDArray[np.float64] = low + (high - low) * (place - left)
    return between


def _smooth(white: NDArray[np.float64]) -> NDArray[np.float64]:
    """Moving average with Gaussian weights, standard deviation 2 points: (N, L + 12) → (N, L)."""
    weights = np.exp(-(np.arange(-6, 7) ** 2) / 8)
    windows = np.lib.stride_tricks.sliding_window_view(white, 13, axis=1)
    smoothed: NDArray[np.float64] = windows @ (weights / weights.sum())
    return smoothed
