"""Standout: every unit has a keep probability of its own, which depends on the input."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dropout_lab.arguments import require_finite
from dropout_lab.torch_layers.arguments import require_float_tensor, require_generator, require_mask_tensor
from dropout_lab.torch_layers.noise import unequal_mask


class Standout(nn.Module):
    """A linear layer and its activation under adaptive dropout: m g(u) with P(m = 1) = σ(α u + β), u = W h + b.

    The belief net that sets the keep probabilities shares its weights with the layer. Units are not scaled in
    training, their keep probabilities differ; eval multiplies by them, σ(α u + β) g(u), the mean over masks. No
    gradient goes through the coins. With α = 0 this is dropout with p = 1 - σ(β), scaled at test time.

    Parameters
    ----------
    linear : nn.Linear
        The layer whose weights decide.
    generator : torch.Generator, optional
        Draws a new mask at every forward pass in training; None means PyTorch's default generator.
    alpha, beta : float, default 1 and 0
        Slope and offset: larger β keeps more units, α < 0 drops the most active ones.
    activation : function of a tensor, default torch.relu
        The g above.

    Raises
    ------
    TypeError, ValueError
        If `linear` is another module, alpha or beta no finite number.

    Examples
    --------
    >>> Standout(nn.Linear(8, 3), beta=2.0)
    Standout(
      p=1 - sigmoid(1.0 u + 2.0)
      (linear): Linear(in_features=8, out_features=3, bias=True)
    )

    References
    ----------
    Ba, Frey (2013), Adaptive dropout for training deep neural networks, NeurIPS.
    """

    def __init__(
        self,
        linear: nn.Linear,
        generator: torch.Generator | None = None,
        *,
        alpha: float = 1.0,
        beta: float = 0.0,
        activation: Callable[[Tensor], Tensor] = torch.relu,
    ) -> None:
        super().__init__()
        if not isinstance(linear, nn.Linear):
            raise TypeError(f"linear is an nn.Linear; got {type(linear).__name__}.")
        self.linear, self.activation = linear, activation
        self.alpha, self.beta = require_finite(alpha, "alpha"), require_finite(beta, "beta")
        self.generator = require_generator(generator)

    def forward(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """Output (..., K) for `h` (..., D), with a keep-mask (..., K) of your own or a new one in training."""
        u = self.linear(require_float_tensor(h))
        keep_prob = torch.sigmoid(self.alpha * u + self.beta)
        if not self.training:
            return self.activation(u) * keep_prob
        if mask is None:
            mask = unequal_mask(1 - keep_prob.detach(), self.generator)
        return self.activation(u) * require_mask_tensor(mask, u, of="the output")

    def extra_repr(self) -> str:
        """What ``print(layer)`` shows between the brackets: the drop probability of a unit."""
        return f"p=1 - sigmoid({self.alpha} u + {self.beta})"
