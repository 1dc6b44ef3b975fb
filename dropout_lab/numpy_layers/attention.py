"""Attention with dropout on its weights, on arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_float_array, require_gradient
from dropout_lab.arguments_sequence import require_attention_shapes
from dropout_lab.numpy_layers.dropout import Array, Cache, dropout_backward, dropout_forward
from dropout_lab.numpy_layers.loss import softmax

AttentionCache = tuple[Array, Array, Array, Array, Array, Cache]


def attention_forward(
    query: Array,
    key: Array,
    value: Array,
    p: float,
    rng: np.random.Generator | None = None,
    *,
    training: bool = True,
    mask: NDArray[np.bool_] | None = None,
    is_causal: bool = False,
) -> tuple[Array, AttentionCache]:
    """Attend with some weights dropped: out = (m W / (1 - p)) value with W = softmax(query keyᵀ / √E) in training.

    The weights are dropped after the softmax, so a row of them no longer sums to 1, only its expectation does; a row
    of S keys loses everything with probability p^S.

    Parameters
    ----------
    query : float array (..., L, E)
    key : float array (..., S, E)
    value : float array (..., S, V)
        The batch axes are those of the query; none of the three is modified.
    p : float in [0, 1]
        Probability that an *attention weight* is dropped.
    rng : numpy.random.Generator
        Draws the mask; needed in training when no `mask` is given.
    training : bool, default True
        Off, all weights are used as they are.
    mask : bool array (..., L, S), optional
        The keep-mask of the weights to use in the place of a new one.
    is_causal : bool, default False
        Whether query l sees the keys 0 … l alone.

    Returns
    -------
    out : array (..., L, V)
    cache : what :func:`attention_backward` needs

    Raises
    ------
    TypeError, ValueError
        As :func:`dropout_forward`; for shapes that do not fit.

    Examples
    --------
    >>> query, value = np.zeros((1, 2)), np.array([[4.0], [8.0]])
    >>> attention_forward(query, np.ones((2, 2)), value, 0.2, mask=np.array([[True, False]]))[0]
    array([[2.5]])

    References
    ----------
    Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin (2017), Attention Is All You Need, NeurIPS,
    equation 1 (without dropout, which their code applies to the weights).
    """
    named = {"query": query, "key": key, "value": value}
    query, key, value = (require_float_array(array, name) for name, array in named.items())
    *_, length, n_keys = require_attention_shapes(query.shape, key.shape, value.shape)
    logits = query @ np.swapaxes(key, -1, -2) * query.dtype.type(query.shape[-1] ** -0.5)
    if is_causal:
        logits = np.where(np.tri(length, n_keys, dtype=bool), logits, logits.dtype.type(-np.inf))
    weights = softmax(logits)
    dropped, cache = dropout_forward(weights, p, rng, training=training, mask=mask)
    return dropped @ value, (query, key, value, weights, dropped, cache)


def attention_backward(grad_out: Array, cache: AttentionCache) -> tuple[Array, Array, Array]:
    """Gradients for the query, key and value of :func:`attention_forward`, through the same mask.

    Parameters
    ----------
    grad_out : float array (..., L, V)
        Gradient of the loss with respect to the output.
    cache : as returned by :func:`attention_forward`

    Returns
    -------
    grad_query, grad_key, grad_value : arrays like the inputs

    Raises
    ------
    TypeError, ValueError
        For a gradient that holds no floats or has not the shape of the output.
    """
    query, key, value, weights, dropped, dropout_cache = cache
    grad_out = require_gradient(grad_out, (*query.shape[:-1], value.shape[-1]))
    grad_weights = dropout_backward(grad_out @ np.swapaxes(value, -1, -2), dropout_cache)
    # ∂W_s/∂z_t = W_s (δ_st - W_t)
    grad_logits = weights * (grad_weights - (grad_weights * weights).sum(axis=-1, keepdims=True))
    grad_logits = grad_logits * query.dtype.type(query.shape[-1] ** -0.5)
    return grad_logits @ key, np.swapaxes(grad_logits, -1, -2) @ query, np.swapaxes(dropped, -1, -2) @ grad_out
