"""Stochastic depth on arrays: the branch beside a shortcut is dropped as a whole, one coin for each example."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_float_array
from dropout_lab.arguments_sequence import require_example_axes
from dropout_lab.numpy_layers.dropout import Array, Cache, Dropout
from dropout_lab.numpy_layers.shared import shared_dropout_forward


def drop_path_forward(
    h: Array,
    p: float,
    rng: np.random.Generator | None = None,
    *,
    training: bool = True,
    mask: NDArray[np.bool_] | None = None,
) -> tuple[Array, Cache]:
    """Drop a branch for some examples and scale it for the others: h̃_n = m_n h_n / (1 - p), h̃ = h out of training.

    It belongs on the branch, x + drop_path(branch(x)): a coin on the shortcut or on the sum would cut the network in
    two. The backward pass is :func:`dropout_backward`.

    Parameters
    ----------
    h : float array (N, *)
        Output of the branch; never modified. The batch axis must be there.
    p : float in [0, 1]
        Probability that the *branch of an example* is dropped.
    rng : numpy.random.Generator
        Draws the mask; needed in training when no `mask` is given.
    training : bool, default True
        Off, the array `h` itself comes back.
    mask : bool array of the shape of `h`, optional
        The keep-mask to use in the place of a new one, constant within each example.

    Returns
    -------
    h_dropped : array like `h`, same shape and dtype
    cache : what :func:`dropout_backward` needs; None when nothing was done

    Raises
    ------
    TypeError, ValueError
        As :func:`dropout_forward`; for a single axis; for a mask that changes within an example.

    Examples
    --------
    >>> kept = np.array([[True, True], [False, False], [True, True]])
    >>> drop_path_forward(np.ones((3, 2)), 0.2, mask=kept)[0]
    array([[1.25, 1.25],
           [0.  , 0.  ],
           [1.25, 1.25]])

    References
    ----------
    Huang, Sun, Liu, Sedra, Weinberger (2016), Deep Networks with Stochastic Depth, ECCV, section 3: there one coin
    decides for the whole mini-batch and the branch is scaled at test time. Larsson, Maire, Shakhnarovich (2017),
    FractalNet, ICLR, for the name.
    """
    axes = require_example_axes(require_float_array(h).shape)
    return shared_dropout_forward(h, p, axes, rng, training=training, mask=mask)


class DropPath(Dropout):
    """Stochastic depth as a layer: keeps its mask from forward to backward.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that the *branch of an example* is dropped.
    rng : numpy.random.Generator
        Draws a new mask at every forward pass in training.
    """

    def forward(self, h: Array, mask: NDArray[np.bool_] | None = None, *, training: bool = True) -> Array:
        """The output of :func:`drop_path_forward`; the cache stays with the layer."""
        h_dropped, self.cache = drop_path_forward(h, self.p, self.rng, training=training, mask=mask)
        return h_dropped

    def __repr__(self) -> str:
        return f"DropPath(p={self.p})"
