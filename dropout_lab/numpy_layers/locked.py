"""Locked dropout on arrays: a sequence is dropped by one mask for all of its time steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_float_array
from dropout_lab.arguments_sequence import require_int_axis, require_time_axis
from dropout_lab.numpy_layers.dropout import Array, Cache, Dropout
from dropout_lab.numpy_layers.shared import shared_dropout_forward


def locked_dropout_forward(
    h: Array,
    p: float,
    rng: np.random.Generator | None = None,
    *,
    time_axis: int = 1,
    training: bool = True,
    mask: NDArray[np.bool_] | None = None,
) -> tuple[Array, Cache]:
    """Drop the same units at every time step: h̃_ntd = m_nd h_ntd / (1 - p) in training, h̃ = h otherwise.

    With a new mask at every step a unit would survive L steps with probability (1 - p)^L alone. The backward pass is
    :func:`dropout_backward`.

    Parameters
    ----------
    h : float array (N, L, D), or (L, N, D) with ``time_axis=0``
        Sequences; never modified. The batch axis must be there.
    p : float in [0, 1]
        Probability that a *unit of an example* is dropped, at all steps.
    rng : numpy.random.Generator
        Draws the mask; needed in training when no `mask` is given.
    time_axis : int, default 1
        Axis of the time steps; a negative one counts from the end.
    training : bool, default True
        Off, the array `h` itself comes back.
    mask : bool array of the shape of `h`, optional
        The keep-mask to use in the place of a new one, constant over time.

    Returns
    -------
    h_dropped : array like `h`, same shape and dtype
    cache : what :func:`dropout_backward` needs; None when nothing was done

    Raises
    ------
    TypeError, ValueError
        As :func:`dropout_forward`; for a sequence without batch axis; for a mask that changes over time.

    Examples
    --------
    >>> h_dropped, _ = locked_dropout_forward(np.ones((3, 7, 5)), 0.2, np.random.default_rng(0))
    >>> bool((h_dropped == h_dropped[:, :1]).all())
    True

    References
    ----------
    Gal, Ghahramani (2016), A Theoretically Grounded Application of Dropout in Recurrent Neural Networks, NeurIPS,
    section 4. Merity, Keskar, Socher (2018), Regularizing and Optimizing LSTM Language Models, ICLR, for the name.
    """
    axes = require_time_axis(require_float_array(h).shape, time_axis)
    return shared_dropout_forward(h, p, axes, rng, training=training, mask=mask)


class LockedDropout(Dropout):
    """Locked dropout as a layer: keeps its mask from forward to backward.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a *unit of an example* is dropped, at all steps.
    rng : numpy.random.Generator
        Draws a new mask at every forward pass in training.
    time_axis : int, default 1
        Axis of the time steps; a negative one counts from the end.
    """

    def __init__(self, p: float, rng: np.random.Generator, *, time_axis: int = 1) -> None:
        super().__init__(p, rng)
        self.time_axis = require_int_axis(time_axis)

    def forward(self, h: Array, mask: NDArray[np.bool_] | None = None, *, training: bool = True) -> Array:
        """The output of :func:`locked_dropout_forward`; the cache stays with the layer."""
        h_dropped, self.cache = locked_dropout_forward(
            h, self.p, self.rng, time_axis=self.time_axis, training=training, mask=mask
        )
        return h_dropped

    def __repr__(self) -> str:
        return f"LockedDropout(p={self.p}, time_axis={self.time_axis})"
