"""Checks of batches of branches and of sequences, of attention and of tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_axes


def require_example_axes(shape: Sequence[int]) -> tuple[int, ...]:
    """Return every axis but the first: the axes along which all of an example shares one coin.

    Raises
    ------
    ValueError
        If there is no axis beside the first: a single example needs its batch axis.
    """
    if len(shape) < 2:
        repair = "A single example needs its batch axis, h[None]."
        raise ValueError(f"h must be a batch of branch outputs (N, *); got {tuple(shape)}. {repair}")
    return tuple(range(1, len(shape)))


def require_time_axis(shape: Sequence[int], time_axis: object) -> tuple[int, ...]:
    """Return the time axis of a batch of sequences as a tuple, the `shared_axes` of one mask for all steps.

    Raises
    ------
    TypeError
        If `time_axis` is no int.
    ValueError
        If the batch axis or the units are missing, or the axis does not exist.
    """
    if len(shape) < 3:
        repair = "A single sequence (L, D) needs its batch axis, h[None]."
        raise ValueError(f"h must be a batch of sequences, (N, L, D) or (L, N, D); got {tuple(shape)}. {repair}")
    return require_axes((time_axis,), len(shape), "time_axis")


def require_int_axis(time_axis: object) -> int:
    """Return `time_axis` if it is an int; raise TypeError otherwise. Whether it exists depends on the input."""
    if isinstance(time_axis, bool) or not isinstance(time_axis, int):
        raise TypeError(
            f"time_axis is the axis of the time steps, 1 for (N, L, D), 0 for (L, N, D); got {time_axis!r}."
        )
    return time_axis


def require_attention_shapes(query: Sequence[int], key: Sequence[int], value: Sequence[int]) -> tuple[int, ...]:
    """Return the shape (..., L, S) of the weights of queries (..., L, E), keys (..., S, E) and values (..., S, V).

    Raises
    ------
    ValueError
        If an axis is missing, E or S or the batch axes differ.
    """
    query, key, value = tuple(query), tuple(key), tuple(value)
    batches = {query[:-2], key[:-2], value[:-2]}
    if min(len(query), len(key), len(value)) < 2 or len(batches) > 1 or key[-1] != query[-1] or key[-2] != value[-2]:
        wanted = "query (..., L, E), key (..., S, E), value (..., S, V) with the same batch axes"
        raise ValueError(f"attention takes {wanted}; got {query}, {key}, {value}.")
    return (*query[:-1], key[-2])


def require_tokens(tokens: object, types: int) -> NDArray[np.integer]:
    """Return `tokens` if it is a non-empty int array (N, L) of word types from 0 to `types` - 1.

    Raises
    ------
    TypeError
        If `tokens` is not an array of whole numbers.
    ValueError
        If it is empty, has another number of axes, or holds what is no word type.
    """
    if not isinstance(tokens, np.ndarray) or not np.issubdtype(tokens.dtype, np.integer):
        kind = tokens.dtype if isinstance(tokens, np.ndarray) else type(tokens).__name__
        raise TypeError(f"tokens is an array of whole numbers, one for each word; got {kind}.")
    if tokens.ndim != 2 or tokens.size == 0:
        raise ValueError(f"tokens are sequences (N, L) with at least one word; got shape {tokens.shape}.")
    if tokens.min() < 0 or tokens.max() >= types:
        raise ValueError(f"tokens lie in 0 … {types - 1}, the rows of weight; got {tokens.min()} to {tokens.max()}.")
    return tokens
