"""Softmax cross-entropy and its gradient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_float_array

Array = NDArray[np.floating]


def softmax(logits: Array) -> Array:
    """Probabilities exp(z_k) / Σ_j exp(z_j) along the last axis, computed from z - max z so that nothing overflows.

    Examples
    --------
    >>> softmax(np.log(np.array([1.0, 2.0, 5.0])))
    array([0.125, 0.25 , 0.625])
    """
    exponentials = np.exp(require_float_array(logits, "logits") - logits.max(axis=-1, keepdims=True))
    probabilities: Array = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities


def log_softmax(logits: Array) -> Array:
    """Log-probabilities z_k - log Σ_j exp(z_j) along the last axis, computed so that nothing overflows.

    Examples
    --------
    >>> log_softmax(np.array([1000.0, 0.0]))
    array([    0., -1000.])
    """
    shifted = require_float_array(logits, "logits") - logits.max(axis=-1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def sigmoid(u: Array) -> Array:
    """The logistic function 1 / (1 + exp(-u)), computed so that nothing overflows; the dtype is kept.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    result: Array = 0.5 + 0.5 * np.tanh(u / 2)
    return result


def softmax_cross_entropy(logits: Array, labels: NDArray[np.integer]) -> tuple[float, Array]:
    """Mean negative log-likelihood in nats, -1/N Σ_n log softmax(z_n)[y_n], and its gradient for the logits.

    Parameters
    ----------
    logits : float array (N, K)
    labels : int array (N,), classes from 0 to K - 1

    Returns
    -------
    loss : float
    grad_logits : array (N, K)
        (softmax(z) - one_hot(y)) / N.

    Raises
    ------
    TypeError, ValueError
        For labels that are not whole numbers, that lie outside 0 … K - 1, or whose number is not N.

    Examples
    --------
    >>> loss, grad = softmax_cross_entropy(np.zeros((1, 4)), np.array([2]))
    >>> round(loss, 4), grad
    (1.3863, array([[ 0.25,  0.25, -0.75,  0.25]]))
    """
    _require_labels(labels, require_float_array(logits, "logits"))
    rows = np.arange(len(labels))
    log_probabilities = log_softmax(logits)
    grad = np.exp(log_probabilities)
    grad[rows, labels] -= 1
    return float(-log_probabilities[rows, labels].mean()), grad / logits.dtype.type(len(labels))


def _require_labels(labels: object, logits: Array) -> None:
    if not isinstance(labels, np.ndarray):
        raise TypeError(f"labels are an int array (N,); got {type(labels).__name__}. Wrap them in np.array(...).")
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        repair = " For one-hot rows pass labels.argmax(axis=1)." if labels.shape == logits.shape else ""
        raise ValueError(f"logits are (N, K) and labels (N,); got {logits.shape} and {labels.shape}.{repair}")
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(f"labels are classes from 0 to K - 1; got dtype {labels.dtype}. Use labels.astype(int).")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(f"labels lie in 0 … {logits.shape[1] - 1}; got {labels.min()} to {labels.max()}.")
