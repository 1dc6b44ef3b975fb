"""Alpha dropout, for SELU networks: dropped units take SELU's lowest value, and all are moved back."""

from __future__ import annotations

import torch
from torch import Tensor

from dropout_lab.arguments import require_probability
from dropout_lab.arguments_noise import require_map_axes
from dropout_lab.moments_noise import SELU_FLOOR, alpha_dropout_affine
from dropout_lab.torch_layers.arguments import (
    require_float_tensor,
    require_mask_tensor,
    require_shared_mask_tensor,
)
from dropout_lab.torch_layers.dropout import Dropout
from dropout_lab.torch_layers.noise import bernoulli_mask


def alpha_dropout(
    h: Tensor,
    p: float,
    *,
    training: bool = True,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Set dropped units to SELU's lowest value and move all: h̃ = a (m h + (1 - m) α') + b in training, h̃ = h otherwise.

    With α' = -λα ≈ -1.758 and a, b of :func:`dropout_lab.moments_noise.alpha_dropout_affine`, units of mean 0 and
    variance 1, as SELU's are, keep both; after another activation they do not. Of a single unit E[h̃] = a (1 - p) h. On
    the same mask the numbers are those of F.alpha_dropout.

    Parameters
    ----------
    h : float tensor of any shape
        Activations after SELU; never modified.
    p : float in [0, 1]
        Probability that a unit is *dropped*. At p = 1 the output is zero.
    training : bool, default True
        Off, the tensor `h` itself comes back.
    mask : bool tensor of the shape of `h`, optional
        The keep-mask to use in the place of a new one.
    generator : torch.Generator, optional
        Draws the mask; None means PyTorch's default generator.

    Returns
    -------
    h_dropped : tensor like `h`

    Raises
    ------
    TypeError, ValueError
        As :func:`dropout`.

    Examples
    --------
    >>> alpha_dropout(torch.tensor([0.0, 1.0]), 0.1, mask=torch.tensor([True, False]))
    tensor([ 0.1620, -1.4577])

    References
    ----------
    Klambauer, Unterthiner, Mayr, Hochreiter (2017), Self-Normalizing Neural Networks, NeurIPS, section 2.
    """
    h, p = require_float_tensor(h), require_probability(p)
    if not training:
        return h
    if mask is None:
        mask = bernoulli_mask(h.shape, p, generator, device=h.device)
    mask = require_mask_tensor(mask, h)
    if p == 1:
        return h * 0.0
    scale, shift = alpha_dropout_affine(p)
    return h * mask * scale + ((~mask).to(h.dtype) * (SELU_FLOOR * scale) + shift)


def feature_alpha_dropout(
    h: Tensor,
    p: float,
    *,
    training: bool = True,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Alpha dropout of whole feature maps (N, C, *), one coin for each example and channel.

    Parameters, returns and errors as for :func:`alpha_dropout`; p is the probability that a *feature map of an example*
    is dropped, a given mask is constant within each map, and fewer than 3 axes are an error. On the same mask the
    numbers are those of F.feature_alpha_dropout.

    Examples
    --------
    >>> h_dropped = feature_alpha_dropout(torch.zeros(2, 3, 4, 4), 0.2)
    >>> bool((h_dropped == h_dropped[:, :, :1, :1]).all())
    True
    """
    h, p = require_float_tensor(h), require_probability(p)
    axes = require_map_axes(h.shape)
    if training and mask is None:
        mask = bernoulli_mask(h.shape, p, generator, shared_axes=axes, device=h.device)
    elif training:
        mask = require_shared_mask_tensor(mask, h, axes)
    return alpha_dropout(h, p, training=training, mask=mask)


class AlphaDropout(Dropout):
    """Alpha dropout as a module: active after ``train()``, the identity after ``eval()``.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a unit is *dropped*. A new ``layer.p`` is checked as well.
    generator : torch.Generator, optional
        Draws a new mask at every forward pass in training; None means PyTorch's default generator.

    Examples
    --------
    >>> AlphaDropout(0.1)
    AlphaDropout(p=0.1)
    """

    def forward(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """The output of :func:`alpha_dropout`, with the module's own `training`."""
        return alpha_dropout(h, self.p, training=self.training, mask=mask, generator=self.generator)


class FeatureAlphaDropout(Dropout):
    """Alpha dropout of feature maps as a module: active after ``train()``, the identity after ``eval()``.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a *feature map of an example* is dropped. A new ``layer.p`` is checked as well.
    generator : torch.Generator, optional
        Draws a new mask at every forward pass in training; None means PyTorch's default generator.

    Examples
    --------
    >>> FeatureAlphaDropout(0.1)
    FeatureAlphaDropout(p=0.1)
    """

    def forward(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """The output of :func:`feature_alpha_dropout`, with the module's own `training`."""
        return feature_alpha_dropout(h, self.p, training=self.training, mask=mask, generator=self.generator)
