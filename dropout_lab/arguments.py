"""Checks of what callers pass in: each error says what the value means, its range, what came and the usual slip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_INTEGERS = (int, np.integer)
_REALS = (int, float, np.integer, np.floating)


def require_probability(p: object, name: str = "p") -> float:
    """Return `p` as a float if it is a drop probability.

    Raises
    ------
    TypeError
        If `p` is not a real number (a bool or a string, for instance).
    ValueError
        If `p` is NaN or outside [0, 1].
    """
    meaning = f"{name} is the probability that a unit is dropped, a number in [0, 1]"
    if isinstance(p, (bool, np.bool_)):
        raise TypeError(f"{meaning}; got {p!r}. A bool looks like `training` passed in the place of {name}.")
    if not isinstance(p, _REALS):
        raise TypeError(f"{meaning}; got {p!r} of type {type(p).__name__}.")
    if not 0 <= p <= 1:  # written so that NaN fails as well
        slip = f" If it is a percentage, pass {p / 100:g}." if 1 < p <= 100 else ""
        raise ValueError(f"{meaning}; got {p!r}.{slip} If you have a keep probability q, pass {name} = 1 - q.")
    return float(p)


def require_survivors(p: object) -> float:
    """Return `p` as a float if it is a drop probability below 1: at p = 1 nothing is left to scale by 1/(1-p).

    Raises
    ------
    TypeError, ValueError
        As :func:`require_probability`, and at p = 1.
    """
    p = require_probability(p)
    if p == 1:
        raise ValueError("p = 1 drops every unit: nothing is left to scale by 1/(1-p), so this needs p < 1.")
    return p


def require_rng(rng: object) -> np.random.Generator:
    """Return `rng` if it is a NumPy generator; raise TypeError with the usual repair otherwise."""
    if not isinstance(rng, np.random.Generator):
        seed = rng if isinstance(rng, _INTEGERS) and not isinstance(rng, bool) else 0
        hint = f"Make one with np.random.default_rng({seed}) and pass it on."
        raise TypeError(f"rng is the numpy.random.Generator that flips the coins; got {rng!r}. {hint}")
    return rng


def require_shape(shape: object) -> tuple[int, ...]:
    """Return `shape` as a tuple of positive ints.

    Raises
    ------
    TypeError
        If a size is not an int.
    ValueError
        If a size is zero or negative: an empty array has no unit to drop.
    """
    sizes = (shape,) if isinstance(shape, _INTEGERS) else shape
    if isinstance(sizes, str) or not isinstance(sizes, Sequence):
        raise TypeError(f"shape is an int or a tuple of ints, such as h.shape; got {shape!r}.")
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, _INTEGERS):
            raise TypeError(f"shape is an int or a tuple of ints, such as h.shape; got {shape!r}.")
        if size < 1:
            raise ValueError(f"every size in shape must be at least 1; got {shape!r}: there is no unit to drop.")
    return tuple(int(size) for size in sizes)


def require_axes(axes: object, ndim: int, name: str = "shared_axes") -> tuple[int, ...]:
    """Return `axes` as sorted non-negative ints, each below `ndim` and named once.

    Raises
    ------
    TypeError
        If `axes` is not a tuple or list of ints.
    ValueError
        If an axis does not exist or is named twice.
    """
    meaning = f"{name} is a tuple of axes of an array with {ndim} axes"
    if not isinstance(axes, (tuple, list)):
        repair = f" For a single axis write ({axes},)." if isinstance(axes, _INTEGERS) else ""
        raise TypeError(f"{meaning}; got {axes!r}.{repair}")
    for axis in axes:
        if isinstance(axis, bool) or not isinstance(axis, _INTEGERS):
            raise TypeError(f"{meaning}; got {axes!r}.")
        if not -ndim <= axis < ndim:
            raise ValueError(f"{meaning}, so each lies in [{-ndim}, {ndim - 1}]; got {axes!r}.")
    positive = tuple(sorted(int(axis) % ndim for axis in axes))
    if len(set(positive)) < len(positive):
        raise ValueError(f"{meaning}, each named once; got {axes!r}.")
    return positive


def require_float_array(h: object, name: str = "h") -> NDArray[np.floating]:
    """Return `h` if it is a non-empty NumPy array of floats.

    Raises
    ------
    TypeError
        If `h` is not an array or does not hold floats: scaling by 1/(1-p) has no place in integers.
    ValueError
        If `h` is empty.
    """
    if not isinstance(h, np.ndarray):
        repair = "Wrap it in np.array(..., dtype=float)."
        raise TypeError(f"{name} is a NumPy array of floats; got {type(h).__name__}. {repair}")
    if not np.issubdtype(h.dtype, np.floating):
        repair = f"Scaled units are not whole: use {name}.astype(float)."
        raise TypeError(f"{name} must hold floats; got dtype {h.dtype}. {repair}")
    if h.size == 0:
        raise ValueError(f"{name} is empty (shape {h.shape}): there is no unit to drop.")
    return h


def require_float_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return `dtype` as a NumPy dtype if it is one of floats; raise TypeError otherwise."""
    found: np.dtype[Any] = np.dtype(dtype)
    if not np.issubdtype(found, np.floating):
        raise TypeError(f"dtype is a float dtype such as np.float32; got {found}, which would round every weight.")
    return found


def require_gradient(grad_out: object, shape: tuple[int, ...]) -> NDArray[np.floating]:
    """Return `grad_out` if it is a float array of exactly `shape`, the shape of the output it belongs to.

    Raises
    ------
    TypeError
        If `grad_out` is not an array of floats.
    ValueError
        If it is empty or its shape differs from `shape`: broadcasting would hide the slip.
    """
    grad = require_float_array(grad_out, "grad_out")
    if grad.shape != shape:
        raise ValueError(f"grad_out must have the shape of the output, {shape}; got {grad.shape}.")
    return grad


def require_mask(mask: object, shape: tuple[int, ...], of: str = "h") -> NDArray[np.bool_]:
    """Return `mask` if it is a bool array of exactly `shape`, the shape of `of`, True where a unit is kept.

    Raises
    ------
    TypeError
        If `mask` is not a bool array; noise with real values is not a mask.
    ValueError
        If its shape differs from `shape`.
    """
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
        kind = mask.dtype if isinstance(mask, np.ndarray) else type(mask).__name__
        raise TypeError(f"mask is a bool array, True where a unit is kept; got {kind}. Leave 1/(1-p) out of it.")
    if mask.shape != shape:
        raise ValueError(f"mask must have the shape of {of}, {shape}; got {mask.shape}.")
    return mask


def require_count(n: object, name: str, least: int = 1) -> int:
    """Return `n` as an int if it is a whole number of at least `least`; raise TypeError or ValueError otherwise."""
    if isinstance(n, bool) or not isinstance(n, _INTEGERS):
        raise TypeError(f"{name} is a whole number of at least {least}; got {n!r}.")
    if n < least:
        raise ValueError(f"{name} is a whole number of at least {least}; got {n!r}.")
    return int(n)


def require_decay(value: object, name: str) -> float:
    """Return `value` as a float if it lies in [0, 1), the share of a running mean that is kept; else raise."""
    meaning = f"{name} is the share of a running mean that each step keeps, a number in [0, 1)"
    if isinstance(value, bool) or not isinstance(value, _REALS):
        raise TypeError(f"{meaning}; got {value!r}.")
    if not 0 <= value < 1:
        raise ValueError(f"{meaning}; got {value!r}.")
    return float(value)


def require_positive(value: object, name: str, unit: str = "") -> float:
    """Return `value` as a float if it is a finite number above zero; raise TypeError or ValueError otherwise."""
    meaning = f"{name} is a positive finite number{f' ({unit})' if unit else ''}"
    if isinstance(value, bool) or not isinstance(value, _REALS):
        raise TypeError(f"{meaning}; got {value!r}.")
    if not 0 < value < math.inf:
        raise ValueError(f"{meaning}; got {value!r}.")
    return float(value)


def require_finite(value: object, name: str, what: str = "") -> float:
    """Return `value` as a float if it is a finite number; raise TypeError or ValueError otherwise.

    `what` says in the message what the number is: "a logarithm".
    """
    meaning = f"{name} is {f'{what}, ' if what else ''}a finite number"
    if isinstance(value, bool) or not isinstance(value, _REALS):
        raise TypeError(f"{meaning}; got {value!r}.")
    if not math.isfinite(value):
        raise ValueError(f"{meaning}; got {value!r}.")
    return float(value)
