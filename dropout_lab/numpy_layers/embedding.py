"""Embedding dropout on arrays: whole word types lose their embedding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_float_array, require_gradient, require_mask, require_probability, require_rng
from dropout_lab.arguments_sequence import require_tokens
from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers.dropout import Array, Cache, dropout_backward, dropout_forward

EmbeddingCache = tuple[NDArray[np.integer], tuple[int, int], Cache]


def embedding_dropout_forward(
    tokens: NDArray[np.integer],
    weight: Array,
    p: float,
    rng: np.random.Generator | None = None,
    *,
    training: bool = True,
    mask: NDArray[np.bool_] | None = None,
) -> tuple[Array, EmbeddingCache]:
    """Embed tokens with whole word types dropped: ẽ_nl = m_nv w_v / (1 - p) for v = tokens_nl, in training.

    One coin for each word type and sequence: a dropped word is zero wherever it stands in that sequence.

    Parameters
    ----------
    tokens : int array (N, L)
        Numbers of word types, from 0 to V - 1.
    weight : float array (V, D)
        Embedding of each word type; never modified.
    p : float in [0, 1]
        Probability that a *word type of a sequence* is dropped.
    rng : numpy.random.Generator
        Draws the mask; needed in training when no `mask` is given.
    training : bool, default True
        Off, all embeddings are used as they are.
    mask : bool array (N, V), optional
        The keep-mask of word types to use in the place of a new one.

    Returns
    -------
    embedded : array (N, L, D)
    cache : what :func:`embedding_dropout_backward` needs

    Raises
    ------
    TypeError, ValueError
        For tokens that are no whole numbers, not (N, L) or no word type; a mask that does not fit; a p outside [0, 1].

    Examples
    --------
    >>> kept = np.array([[True, False]])
    >>> embedding_dropout_forward(np.array([[0, 1, 0]]), np.ones((2, 1)), 0.2, mask=kept)[0].ravel()
    array([1.25, 0.  , 1.25])

    References
    ----------
    Gal, Ghahramani (2016), A Theoretically Grounded Application of Dropout in Recurrent Neural Networks, NeurIPS,
    section 4.2 (word embeddings dropout).
    """
    weight, p = require_float_array(weight, "weight"), require_probability(p)
    if weight.ndim != 2:
        raise ValueError(f"weight is (V, D), a row for each word type; got shape {weight.shape}.")
    types, features = weight.shape
    tokens = require_tokens(tokens, types)
    embedded = weight[tokens]
    if not training:
        return embedded, (tokens, (types, features), None)
    shape = (len(tokens), types)
    if mask is None:
        mask = bernoulli_mask(shape, p, require_rng(rng))
    kept = np.take_along_axis(require_mask(mask, shape, "a coin for each sequence and word type"), tokens, axis=1)
    everywhere = np.broadcast_to(kept[..., np.newaxis], embedded.shape)
    embedded, cache = dropout_forward(embedded, p, mask=everywhere)
    return embedded, (tokens, (types, features), cache)


def embedding_dropout_backward(grad_out: Array, cache: EmbeddingCache) -> Array:
    """Gradient for the weight of :func:`embedding_dropout_forward`: sums over all places where a word type stands.

    Parameters
    ----------
    grad_out : float array (N, L, D)
        Gradient of the loss with respect to the output.
    cache : as returned by :func:`embedding_dropout_forward`

    Returns
    -------
    grad_weight : array (V, D)

    Raises
    ------
    TypeError, ValueError
        For a gradient that holds no floats or has not the shape of the output.
    """
    tokens, shape, dropout_cache = cache
    grad_out = require_gradient(grad_out, (*tokens.shape, shape[1]))
    grad_weight = np.zeros(shape, grad_out.dtype)
    np.add.at(grad_weight, tokens, dropout_backward(grad_out, dropout_cache))
    return grad_weight
