"""Locked dropout: a sequence is dropped by one mask for all of its time steps."""

from __future__ import annotations

import torch
from torch import Tensor

from dropout_lab.arguments_sequence import require_int_axis, require_time_axis
from dropout_lab.torch_layers.arguments_sequence import require_sequence_tensor
from dropout_lab.torch_layers.dropout import Dropout
from dropout_lab.torch_layers.shared import shared_dropout


def locked_dropout(
    h: Tensor,
    p: float,
    *,
    time_axis: int = 1,
    training: bool = True,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Drop the same units at every time step: h̃_ntd = m_nd h_ntd / (1 - p) in training, h̃ = h otherwise.

    With a new mask at every step a unit would survive L steps with probability (1 - p)^L alone.

    Parameters
    ----------
    h : float tensor (N, L, D), or (L, N, D) with ``time_axis=0``
        Sequences; never modified. The batch axis must be there. A packed sequence is an error that says how to pad it.
    p : float in [0, 1]
        Probability that a *unit of an example* is dropped, at all steps.
    time_axis : int, default 1
        Axis of the time steps; a negative one counts from the end.
    training : bool, default True
        Off, the tensor `h` itself comes back.
    mask : bool tensor of the shape of `h`, optional
        The keep-mask to use in the place of a new one, constant over time.
    generator : torch.Generator, optional
        Draws the mask; None means PyTorch's default generator.

    Returns
    -------
    h_dropped : tensor like `h`

    Raises
    ------
    TypeError, ValueError
        As :func:`dropout`; for a packed sequence, one without batch axis, a mask that changes over time.

    Examples
    --------
    >>> h_dropped = locked_dropout(torch.ones(3, 7, 5), 0.2)
    >>> bool((h_dropped == h_dropped[:, :1]).all())
    True

    References
    ----------
    Gal, Ghahramani (2016), A Theoretically Grounded Application of Dropout in Recurrent Neural Networks, NeurIPS,
    section 4. Merity, Keskar, Socher (2018), Regularizing and Optimizing LSTM Language Models, ICLR, for the name.
    """
    axes = require_time_axis(require_sequence_tensor(h).shape, time_axis)
    return shared_dropout(h, p, axes, training=training, mask=mask, generator=generator)


class LockedDropout(Dropout):
    """Locked dropout as a module: active after ``train()``, the identity after ``eval()``.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a *unit of an example* is dropped, at all steps. A new ``layer.p`` is checked as well.
    generator : torch.Generator, optional
        Draws a new mask at every forward pass in training; None means PyTorch's default generator.
    time_axis : int, default 1
        Axis of the time steps; a negative one counts from the end.

    Examples
    --------
    >>> layer = LockedDropout(0.2)
    >>> layer
    LockedDropout(p=0.2, time_axis=1)
    >>> layer(torch.ones(7, 5))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: h must be a batch of sequences, (N, L, D) or (L, N, D); got (7, 5). ...
    """

    def __init__(self, p: float, generator: torch.Generator | None = None, *, time_axis: int = 1) -> None:
        super().__init__(p, generator)
        self.time_axis = require_int_axis(time_axis)

    def forward(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """The output of :func:`locked_dropout`, with the module's own `training`."""
        return locked_dropout(
            h, self.p, time_axis=self.time_axis, training=self.training, mask=mask, generator=self.generator
        )

    def extra_repr(self) -> str:
        """What ``print(layer)`` shows between the brackets."""
        return f"p={self.p}, time_axis={self.time_axis}"
