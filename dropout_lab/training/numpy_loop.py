"""Train a NumPy network: batches, the loop, and the share of right answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dropout_lab.arguments import require_count, require_float_array, require_rng
from dropout_lab.numpy_layers import Layer, softmax_cross_entropy


class Optimiser(Protocol):
    """What moves the parameters of a model, SGD or Adam for instance."""

    def step(self) -> None:
        """Change the parameters by the gradients of the last backward pass."""


def minibatches(n: int, batch_size: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of each batch: all of 0 … n - 1 in a new random order, the last batch shorter when n demands it.

    Raises
    ------
    TypeError, ValueError
        For an `n` or a `batch_size` that is no whole number above zero, or a seed in the place of `rng`.

    Examples
    --------
    >>> [len(rows) for rows in minibatches(10, 4, np.random.default_rng(0))]
    [4, 4, 2]
    """
    order = require_rng(rng).permutation(require_count(n, "n"))
    batch_size = require_count(batch_size, "batch_size")
    return (order[start : start + batch_size] for start in range(0, n, batch_size))


def fit(
    model: Layer,
    x: NDArray[np.floating],
    y: NDArray[np.integer],
    *,
    optimiser: Optimiser,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
) -> list[float]:
    """Train a classifier in place by softmax cross-entropy; a bar shows the progress in a terminal, not in a notebook.

    Parameters
    ----------
    model : Layer, usually a Sequential that ends in logits (N, K)
    x : float array (N, D)
    y : int array (N,), classes from 0 to K - 1
    optimiser : SGD or Adam of the same model
    epochs : int
        How often each row is used.
    batch_size : int
        Rows a step; the last step of an epoch takes what is left.
    rng : numpy.random.Generator
        Orders the rows anew in every epoch. Dropout layers draw from the generator they were made with.

    Returns
    -------
    losses : list of `epochs` floats
        Mean loss of the rows in each epoch, in nats, measured on the way: with dropout on and weights that move.

    Raises
    ------
    TypeError, ValueError
        For an `x` that is no float array, a `y` of another length, no epochs, a seed in the place of `rng`.

    Examples
    --------
    >>> from dropout_lab.data import two_blobs
    >>> from dropout_lab.numpy_layers import Adam, Dropout, Linear, ReLU, Sequential
    >>> rng = np.random.default_rng(0)
    >>> x, y = two_blobs(200, rng)
    >>> net = Sequential([Linear(2, 16, rng), ReLU(), Dropout(0.2, rng), Linear(16, 2, rng)])
    >>> losses = fit(net, x, y, optimiser=Adam(net, 0.01), epochs=20, batch_size=32, rng=rng)
    >>> losses[-1] < losses[0], accuracy(net, x, y) > 0.9
    (True, True)
    """
    _require_pairs(x, y)
    require_rng(rng)
    losses = []
    for _ in tqdm(range(require_count(epochs, "epochs")), desc="epochs", leave=False, disable=None):
        total = 0.0
        for rows in minibatches(len(x), batch_size, rng):
            loss, grad_logits = softmax_cross_entropy(model.forward(x[rows], training=True), y[rows])
            model.backward(grad_logits)
            optimiser.step()
            total += loss * len(rows)
        losses.append(total / len(x))
    return losses


def accuracy(model: Layer, x: NDArray[np.floating], y: NDArray[np.integer]) -> float:
    """Share of the rows whose largest logit is at the right class, with dropout off.

    Examples
    --------
    >>> from dropout_lab.numpy_layers import ReLU
    >>> accuracy(ReLU(), np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    _require_pairs(x, y)
    return float((model.forward(x, training=False).argmax(axis=1) == y).mean())


def _require_pairs(x: object, y: object) -> None:
    rows = len(require_float_array(x, "x"))
    if not isinstance(y, np.ndarray):
        raise TypeError(f"y is a NumPy array of classes; got {type(y).__name__}.")
    if y.shape != (rows,):
        raise ValueError(f"y has one class for each row of x, shape ({rows},); got {y.shape}.")
