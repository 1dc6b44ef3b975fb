"""Sparse variational dropout: layers whose weights are Gaussian, each with a noise level that is learned."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dropout_lab.arguments import require_finite
from dropout_lab.moments_variational import K1, K2, K3, LOG_ALPHA_BOUNDS, LOG_ALPHA_THRESHOLD
from dropout_lab.torch_layers.arguments import require_float_tensor, require_generator, require_noise_tensor
from dropout_lab.torch_layers.noise import normal_noise


def log_alpha(weight: Tensor, log_variance: Tensor) -> Tensor:
    """Noise of a weight relative to its size, log α = log σ² - log θ², clipped to [-8, 8].

    The torch twin of :func:`dropout_lab.moments_variational.log_alpha`; where it is clipped, its derivative is 0.

    Examples
    --------
    >>> log_alpha(torch.tensor([2.0, 1.0, 0.0]), torch.zeros(3))
    tensor([-1.3863,  0.0000,  8.0000])
    """
    size = weight.abs().clamp_min(torch.finfo(weight.dtype).tiny)
    return (log_variance - 2 * size.log()).clamp(*LOG_ALPHA_BOUNDS)


def variational_kl(log_alpha: Tensor) -> Tensor:
    """Divergence of N(θ, α θ²) from the log-uniform prior, approximated: nats for each weight.

    The torch twin of :func:`dropout_lab.moments_variational.variational_kl`, where formula and reference stand.

    Examples
    --------
    >>> variational_kl(torch.tensor([-4.0, 0.0, 4.0]))
    tensor([2.6342, 0.4312, 0.0093])
    """
    return K1 * torch.sigmoid(-K2 - K3 * log_alpha) + 0.5 * nn.functional.softplus(-log_alpha)


class _Variational(nn.Module):
    """What the layers share: `weight` holds the means θ, `log_variance` the log σ² of the weights."""

    weight: Tensor
    log_variance: nn.Parameter
    generator: torch.Generator | None

    def _start(self, log_variance: float, threshold: float, generator: torch.Generator | None) -> None:
        self.threshold = threshold
        self.generator = require_generator(generator)
        self.log_variance = nn.Parameter(
            torch.full_like(self.weight, require_finite(log_variance, "log_variance", "a logarithm"))
        )

    @property
    def threshold(self) -> float:
        """The log α from which on a weight counts as noise: after ``eval()`` it is 0."""
        return self._threshold

    @threshold.setter
    def threshold(self, threshold: float) -> None:
        self._threshold = require_finite(threshold, "threshold", "a logarithm")

    def log_alpha(self) -> Tensor:
        """The output of :func:`log_alpha`, of the shape of the weight."""
        return log_alpha(self.weight, self.log_variance)

    def kl(self) -> Tensor:
        """Divergence from the prior in nats, the sum of :func:`variational_kl` over the weights: a scalar."""
        return variational_kl(self.log_alpha()).sum()

    def kept(self) -> Tensor:
        """A bool tensor of the shape of the weight, True where log α is below the threshold."""
        return self.log_alpha().detach() < self.threshold

    def sparsity(self) -> float:
        """Share of the weights, biases not counted, that are 0 after ``eval()``: a number in [0, 1]."""
        return 1 - self.kept().double().mean().item()

    def forward(self, h: Tensor, noise: Tensor | None = None) -> Tensor:
        """Output; `noise`, standard normal and of its shape, replaces new noise in training."""
        require_float_tensor(h)
        if not self.training:
            return self._product(h, self.weight * self.kept())
        mean = self._product(h, self.weight)
        variance = self._product(h.square(), self.log_variance.exp(), with_bias=False)
        if noise is None:
            noise = normal_noise(mean.shape, self.generator, dtype=mean.dtype, device=mean.device)
        noise = require_noise_tensor(noise, mean.shape, mean.device).to(mean.dtype)
        random = variance > 0  # a root has no slope at 0, where nothing is random
        return mean + random * torch.where(random, variance, 1.0).sqrt() * noise

    def _product(self, h: Tensor, weight: Tensor, *, with_bias: bool = True) -> Tensor:
        raise NotImplementedError

    def _copy_to(self, plain: nn.Linear | nn.Conv2d) -> None:
        kept = {name: tensor for name, tensor in self.state_dict().items() if name != "log_variance"}
        plain.load_state_dict(kept | {"weight": self.weight.detach() * self.kept()})
        plain.train(self.training)

    def extra_repr(self) -> str:
        """What ``print(layer)`` shows between the brackets."""
        return f"{super().extra_repr()}, threshold={self.threshold:g}"


class VariationalLinear(_Variational, nn.Linear):
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


class VariationalConv2d(_Variational, nn.Conv2d):
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
