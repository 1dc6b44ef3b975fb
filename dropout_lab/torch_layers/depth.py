"""Stochastic depth: the branch beside a shortcut is dropped as a whole, one coin for each example."""

from __future__ import annotations

import torch
from torch import Tensor

from dropout_lab.arguments_sequence import require_example_axes
from dropout_lab.torch_layers.arguments import require_float_tensor
from dropout_lab.torch_layers.dropout import Dropout
from dropout_lab.torch_layers.shared import shared_dropout


def drop_path(
    h: Tensor,
    p: float,
    *,
    training: bool = True,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Drop a branch for some examples and scale it for the others: h̃_n = m_n h_n / (1 - p), h̃ = h out of training.

    It belongs on the branch, ``x + drop_path(branch(x))``: a coin on the shortcut or on the sum would cut the network
    in two.

    Parameters
    ----------
    h : float tensor (N, *)
        Output of the branch; never modified. The batch axis must be there.
    p : float in [0, 1]
        Probability that the *branch of an example* is dropped.
    training : bool, default True
        Off, the tensor `h` itself comes back.
    mask : bool tensor of the shape of `h`, optional
        The keep-mask to use in the place of a new one, constant within each example.
    generator : torch.Generator, optional
        Draws the mask; None means PyTorch's default generator.

    Returns
    -------
    h_dropped : tensor like `h`

    Raises
    ------
    TypeError, ValueError
        As :func:`dropout`; for a single axis; for a mask that changes within an example.

    Examples
    --------
    >>> kept = torch.tensor([[True, True], [False, False], [True, True]])
    >>> drop_path(torch.ones(3, 2), 0.2, mask=kept)
    tensor([[1.2500, 1.2500],
            [0.0000, 0.0000],
            [1.2500, 1.2500]])

    References
    ----------
    Huang, Sun, Liu, Sedra, Weinberger (2016), Deep Networks with Stochastic Depth, ECCV, section 3: there one coin
    decides for the whole mini-batch and the branch is scaled at test time. Larsson, Maire, Shakhnarovich (2017),
    FractalNet, ICLR, for the name.
    """
    axes = require_example_axes(require_float_tensor(h).shape)
    return shared_dropout(h, p, axes, training=training, mask=mask, generator=generator)


class DropPath(Dropout):
    """Stochastic depth as a module: active after ``train()``, the identity after ``eval()``.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that the *branch of an example* is dropped. A new ``layer.p`` is checked as well.
    generator : torch.Generator, optional
        Draws a new mask at every forward pass in training; None means PyTorch's default generator.

    Examples
    --------
    >>> layer = DropPath(0.2)
    >>> layer
    DropPath(p=0.2)
    >>> sorted(layer(torch.ones(64, 3)).unique().tolist())
    [0.0, 1.25]
    """

    def forward(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """The output of :func:`drop_path`, with the module's own `training`."""
        return drop_path(h, self.p, training=self.training, mask=mask, generator=self.generator)
