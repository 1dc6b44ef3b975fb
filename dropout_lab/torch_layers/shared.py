"""Dropout whose coins are shared along axes: what depth and recurrent dropout have in common, on tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from dropout_lab.arguments import require_axes, require_probability
from dropout_lab.torch_layers.arguments import require_float_tensor, require_shared_mask_tensor
from dropout_lab.torch_layers.dropout import dropout
from dropout_lab.torch_layers.noise import bernoulli_mask


def shared_dropout(
    h: Tensor,
    p: float,
    shared_axes: tuple[int, ...],
    *,
    training: bool = True,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Inverted dropout, h̃ = m h / (1 - p), with one coin for all positions along `shared_axes`.

    Parameters
    ----------
    h : float tensor of any shape
        Activations; never modified.
    p : float in [0, 1]
        Probability that *all that shares a coin* is dropped.
    shared_axes : tuple of int
        Axes along which one coin decides for all positions.
    training : bool, default True
        Off, the tensor `h` itself comes back.
    mask : bool tensor of the shape of `h`, optional
        The keep-mask to use in the place of a new one, constant along `shared_axes`.
    generator : torch.Generator, optional
        Draws the mask; None means PyTorch's default generator.

    Returns
    -------
    h_dropped : tensor like `h`

    Raises
    ------
    TypeError, ValueError
        As :func:`dropout`; for a mask that changes along `shared_axes`.

    Examples
    --------
    >>> h_dropped = shared_dropout(torch.ones(2, 6), 0.2, (1,))
    >>> bool((h_dropped == h_dropped[:, :1]).all())
    True
    """
    h, p = require_float_tensor(h), require_probability(p)
    axes = require_axes(shared_axes, h.dim())
    if training and mask is None:
        mask = bernoulli_mask(h.shape, p, generator, shared_axes=axes, device=h.device)
    elif training:
        mask = require_shared_mask_tensor(mask, h, axes)
    return dropout(h, p, training=training, mask=mask)
