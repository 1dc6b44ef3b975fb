"""Gaussian dropout: every unit is multiplied by normal noise, none is zero."""

from __future__ import annotations

import torch
from torch import Tensor

from dropout_lab.arguments_noise import require_gaussian_p
from dropout_lab.moments_noise import gaussian_alpha
from dropout_lab.torch_layers.arguments import require_float_tensor, require_noise_tensor
from dropout_lab.torch_layers.dropout import Dropout
from dropout_lab.torch_layers.noise import normal_noise


def gaussian_dropout(
    h: Tensor,
    p: float,
    *,
    training: bool = True,
    noise: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Multiply every unit by noise of mean 1: h̃ = ξ h with ξ ~ N(1, p / (1 - p)) in training, h̃ = h otherwise.

    The noise has the mean and the variance of dropout's m / (1 - p), so nothing needs a scale.

    Parameters
    ----------
    h : float tensor of any shape
        Activations; never modified.
    p : float in [0, 1)
        Probability that dropout with the same moments would *drop* a unit.
    training : bool, default True
        Off, the tensor `h` itself comes back.
    noise : float tensor of the shape of `h`, optional
        The ξ to use in the place of new ones.
    generator : torch.Generator, optional
        Draws the noise; None means PyTorch's default generator.

    Returns
    -------
    h_dropped : tensor like `h`

    Raises
    ------
    TypeError, ValueError
        For integers or an empty `h`, a p outside [0, 1), noise that does not fit, a seed in the place of a generator.

    Examples
    --------
    >>> gaussian_dropout(torch.tensor([1.0, 2.0]), 0.2, noise=torch.tensor([0.5, 1.75]))
    tensor([0.5000, 3.5000])

    References
    ----------
    Srivastava et al. (2014), JMLR 15, section 10.
    """
    h, alpha = require_float_tensor(h), gaussian_alpha(p)
    if not training:
        return h
    if noise is None:
        noise = 1 + alpha**0.5 * normal_noise(h.shape, generator, dtype=h.dtype, device=h.device)
    return h * require_noise_tensor(noise, h.shape, h.device).to(h.dtype)


class GaussianDropout(Dropout):
    """Gaussian dropout as a module: active after ``train()``, the identity after ``eval()``.

    Parameters
    ----------
    p : float in [0, 1)
        Probability that dropout with the same moments would *drop* a unit. A new ``layer.p`` is checked as well.
    generator : torch.Generator, optional
        Draws new noise at every forward pass in training; None means PyTorch's default generator.

    Examples
    --------
    >>> layer = GaussianDropout(0.2)
    >>> layer
    GaussianDropout(p=0.2)
    >>> layer(torch.ones(2), noise=torch.tensor([0.5, 1.75]))
    tensor([0.5000, 1.7500])
    """

    @property
    def p(self) -> float:
        """Probability that dropout with the same moments would drop a unit."""
        return self._p

    @p.setter
    def p(self, p: float) -> None:
        self._p = require_gaussian_p(p)

    def forward(self, h: Tensor, noise: Tensor | None = None) -> Tensor:
        """The output of :func:`gaussian_dropout`, with the module's own `training`."""
        return gaussian_dropout(h, self.p, training=self.training, noise=noise, generator=self.generator)
