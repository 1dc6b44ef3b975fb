"""Local reparameterisation: what layers with Gaussian weights share, whose outputs are drawn and not the weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dropout_lab.arguments import require_finite
from dropout_lab.moments_variational import K1, K2, K3, LOG_ALPHA_BOUNDS
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


class VariationalModule(nn.Module):
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
