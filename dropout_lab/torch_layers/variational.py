"""Sparse variational dropout: layers whose weights are Gaussian, each with a noise level that is learned."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dropout_lab.moments_variational import LOG_ALPHA_THRESHOLD
from dropout_lab.torch_layers.local_reparameterisation import VariationalModule


class VariationalLinear(VariationalModule, nn.Linear):
    """nn.Linear with weights w ~ N(θ, σ²) in training, sampled through the outputs, and without the noisy ones after.

    In training an output is drawn, not the weights (local reparameterisation): u = W h + b + √v ε with v_nk =
    Σ_d σ_kd² h_nd² and a new ε ~ N(0, 1) for every example and unit. After ``eval()`` weights with log α at or above
    the threshold are 0, the others their means. Add a multiple of :meth:`kl` to the loss: for a mean over n examples,
    ``kl() / n``; without it σ² shrinks to 0.

    Parameters
    ----------
    in_features, out_features : int
        D and K; `weight` and `log_variance` are (K, D), `bias` (K,) has no noise.
    bias : bool, default True
    log_variance : float
        Where log σ² starts, for all weights.
    threshold : float
        The log α from which on a weight counts as noise; 3 is α = 20, dropout with p = .95.
    generator : torch.Generator, optional
        Draws the noise of every forward pass in training; None means PyTorch's default generator.

    Raises
    ------
    TypeError, ValueError
        For a `log_variance` or `threshold` that is no finite number, a seed in the place of a generator; `forward`
        raises for what is no tensor of floats and for noise that does not fit.

    Examples
    --------
    >>> layer = VariationalLinear(8, 3)
    >>> layer
    VariationalLinear(in_features=8, out_features=3, bias=True, threshold=3)
    >>> layer(torch.ones(4, 8)).shape, layer.kl().shape
    (torch.Size([4, 3]), torch.Size([]))
    >>> layer.pruned()
    Linear(in_features=8, out_features=3, bias=True)

    References
    ----------
    Kingma, Salimans, Welling (2015), Variational Dropout and the Local Reparameterization Trick, NIPS, section 2.
    Molchanov, Ashukha, Vetrov (2017), Variational Dropout Sparsifies Deep Neural Networks, ICML, section 4.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        log_variance: float = -10.0,
        threshold: float = LOG_ALPHA_THRESHOLD,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias)
        self._start(log_variance, threshold, generator)

    def _product(self, h: Tensor, weight: Tensor, *, with_bias: bool = True) -> Tensor:
        return nn.functional.linear(h, weight, self.bias if with_bias else None)

    def pruned(self) -> nn.Linear:
        """A plain nn.Linear with zeros for the noisy weights: after ``eval()`` it gives the same outputs.

        It is also faster than this layer, which works log α out at every pass, and half its size.
        """
        plain = nn.Linear(self.in_features, self.out_features, self.bias is not None).to(self.weight)
        self._copy_to(plain)
        return plain


class VariationalConv2d(VariationalModule, nn.Conv2d):
    """nn.Conv2d with weights w ~ N(θ, σ²) in training, sampled through the outputs: see :class:`VariationalLinear`.

    A weight serves many positions of a map. One draw of it would move them together; here every position of the output
    has an ε of its own, with the same mean and variance.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, **options
        As for nn.Conv2d: stride, padding, dilation, groups, bias, padding_mode.
    log_variance, threshold, generator
        As for :class:`VariationalLinear`.

    Examples
    --------
    >>> layer = VariationalConv2d(3, 8, 3, padding=1)
    >>> layer
    VariationalConv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), threshold=3)
    >>> layer(torch.ones(4, 3, 6, 6)).shape
    torch.Size([4, 8, 6, 6])

    References
    ----------
    Molchanov et al. (2017), section 4.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        log_variance: float = -10.0,
        threshold: float = LOG_ALPHA_THRESHOLD,
        generator: torch.Generator | None = None,
        **options: Any,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, **options)
        self._start(log_variance, threshold, generator)

    def _product(self, h: Tensor, weight: Tensor, *, with_bias: bool = True) -> Tensor:
        out: Tensor = self._conv_forward(h, weight, self.bias if with_bias else None)
        return out

    def pruned(self) -> nn.Conv2d:
        """A plain nn.Conv2d with zeros for the noisy weights: after ``eval()`` it gives the same outputs."""
        names = ("stride", "padding", "dilation", "groups", "padding_mode")
        options: dict[str, Any] = {name: getattr(self, name) for name in names}
        options |= {"kernel_size": self.kernel_size, "bias": self.bias is not None}
        plain = nn.Conv2d(self.in_channels, self.out_channels, **options).to(self.weight)
        self._copy_to(plain)
        return plain
