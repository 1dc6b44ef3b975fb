"""Spatial dropout: whole feature maps are dropped, one coin for each example and channel."""

from __future__ import annotations

import torch
from torch import Tensor

from dropout_lab.arguments import require_count, require_probability
from dropout_lab.arguments_noise import require_map_axes
from dropout_lab.torch_layers.arguments import require_float_tensor, require_shared_mask_tensor
from dropout_lab.torch_layers.dropout import Dropout, dropout
from dropout_lab.torch_layers.noise import bernoulli_mask


def spatial_dropout(
    h: Tensor,
    p: float,
    *,
    training: bool = True,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
    n_spatial: int | None = None,
) -> Tensor:
    """Drop whole feature maps and scale the others: h̃_nc* = m_nc h_nc* / (1 - p) in training, h̃ = h otherwise.

    On the same mask the numbers are those of F.dropout1d, F.dropout2d and F.dropout3d; one function does for all.

    Parameters
    ----------
    h : float tensor (N, C, *), any number of spatial axes from 1 on
        Feature maps; never modified. The batch axis must be there: an unbatched (C, L) is an error. An unbatched
        (C, H, W) has as many axes as (N, C, L), so only `n_spatial` tells them apart.
    p : float in [0, 1]
        Probability that a *feature map of an example* is dropped.
    training : bool, default True
        Off, the tensor `h` itself comes back.
    mask : bool tensor of the shape of `h`, optional
        The keep-mask to use in the place of a new one, constant within each map.
    generator : torch.Generator, optional
        Draws the mask; None means PyTorch's default generator.
    n_spatial : int, optional
        How many spatial axes `h` must have, 2 for images.

    Returns
    -------
    h_dropped : tensor like `h`

    Raises
    ------
    TypeError, ValueError
        As :func:`dropout`; for maps without batch axis or spatial axis; for a mask that changes within a map.

    Examples
    --------
    >>> h_dropped = spatial_dropout(torch.ones(3, 4, 5, 5), 0.2, generator=torch.Generator().manual_seed(0))
    >>> float(h_dropped.std(dim=(2, 3)).max())
    0.0

    References
    ----------
    Tompson, Goroshin, Jain, LeCun, Bregler (2015), Efficient Object Localization Using Convolutional Networks, CVPR:
    the section on SpatialDropout.
    """
    h, p = require_float_tensor(h), require_probability(p)
    axes = require_map_axes(h.shape, n_spatial)
    if training and mask is None:
        mask = bernoulli_mask(h.shape, p, generator, shared_axes=axes, device=h.device)
    elif training:
        mask = require_shared_mask_tensor(mask, h, axes)
    return dropout(h, p, training=training, mask=mask)


class SpatialDropout(Dropout):
    """Spatial dropout as a module: active after ``train()``, the identity after ``eval()``.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a *feature map of an example* is dropped.
    generator : torch.Generator, optional
        Draws a new mask at every forward pass in training; None means PyTorch's default generator.
    n_spatial : int, optional
        How many spatial axes the input must have; by default at least one.

    Examples
    --------
    >>> layer = SpatialDropout(0.2)
    >>> layer
    SpatialDropout(p=0.2)
    >>> layer(torch.ones(3, 5))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: h must be feature maps (N, C, *) with at least 1 spatial axis; got (3, 5). ...
    """

    def __init__(self, p: float, generator: torch.Generator | None = None, *, n_spatial: int | None = None) -> None:
        super().__init__(p, generator)
        self.n_spatial = None if n_spatial is None else require_count(n_spatial, "n_spatial")

    def forward(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """The output of :func:`spatial_dropout`, with the module's own `training`."""
        return spatial_dropout(
            h, self.p, training=self.training, mask=mask, generator=self.generator, n_spatial=self.n_spatial
        )
