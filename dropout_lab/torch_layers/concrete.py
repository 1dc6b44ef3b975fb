"""Concrete dropout: coins made soft, so that the drop probability itself can be learned by gradient descent."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from dropout_lab.arguments import require_positive, require_probability
from dropout_lab.torch_layers.arguments import require_float_tensor, require_generator, require_noise_tensor
from dropout_lab.torch_layers.noise import logistic_noise


def concrete_drop(p_logit: Tensor, noise: Tensor, temperature: float) -> Tensor:
    """Soft drop variables z̃ = σ((log p - log(1 - p) + log u - log(1 - u)) / t): near 1 where a unit is dropped.

    As t → 0, z̃ becomes 1 with probability p and 0 otherwise; at t > 0 it has a derivative with respect to p.

    Parameters
    ----------
    p_logit : tensor ()
        log p - log(1 - p), p the probability that a unit is dropped.
    noise : float tensor of any shape
        log u - log(1 - u), see :func:`logistic_noise`.
    temperature : float above 0
        The t above.

    Returns
    -------
    dropped : tensor of the shape of `noise`, values in [0, 1]

    Examples
    --------
    >>> concrete_drop(torch.tensor(0.0), torch.tensor([-1.0, 0.0, 1.0]), 0.1)
    tensor([4.5398e-05, 5.0000e-01, 9.9995e-01])

    References
    ----------
    Gal, Hron, Kendall (2017), Concrete Dropout, NeurIPS, section 3 (the concrete relaxation of the dropout mask).
    Maddison, Mnih, Teh (2017), The Concrete Distribution, ICLR.
    """
    return torch.sigmoid((p_logit + noise) / temperature)


class ConcreteDropout(nn.Module):
    """A linear or convolutional layer whose input is dropped with a probability that is learned.

    In training the input is multiplied by (1 - z̃) / (1 - p) with the soft drop variables of :func:`concrete_drop`, one
    for each unit, or for each example and channel in front of a convolution. In eval it is left alone, as in every
    layer here; a relaxed coin has the mean p only as t → 0, so the expectation is nearly kept. Without the regulariser
    p falls to 0: dropping nothing fits best. Add ``layer.kl() / N`` of every such layer, N the number of training
    examples, to the mean negative log-likelihood in nats.

    Parameters
    ----------
    layer : nn.Linear, nn.Conv1d, nn.Conv2d or nn.Conv3d
        Sees the dropped input; its `weight` enters the regulariser.
    p : float in (0, 1), default 0.1
        Probability that a unit is *dropped*, to start with; `p_logit`, its log-odds, is a parameter.
    generator : torch.Generator, optional
        Draws new noise at every forward pass in training; None means PyTorch's default generator.
    length_scale : float above 0, default 0.01
        The l of the prior: smaller values punish large weights less.
    temperature : float above 0, default 0.1
        How soft the coins are.

    Raises
    ------
    TypeError, ValueError
        For another module, a p of 0 or 1, which no finite parameter gives, a length or temperature not above 0.

    Examples
    --------
    >>> layer = ConcreteDropout(nn.Linear(8, 3), 0.2)
    >>> layer
    ConcreteDropout(
      p=0.200
      (layer): Linear(in_features=8, out_features=3, bias=True)
    )
    >>> layer(torch.ones(4, 8)).shape
    torch.Size([4, 3])

    References
    ----------
    Gal, Hron, Kendall (2017), Concrete Dropout, NeurIPS.
    """

    def __init__(
        self,
        layer: nn.Module,
        p: float = 0.1,
        generator: torch.Generator | None = None,
        *,
        length_scale: float = 0.01,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        if not isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            raise TypeError(f"layer is an nn.Linear or nn.Conv1d, 2d or 3d; got {type(layer).__name__}.")
        if require_probability(p) in (0.0, 1.0):
            raise ValueError(f"p is learned through log p - log(1 - p), so it lies in (0, 1), ends excluded; got {p}.")
        self.layer: nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d = layer
        self.p_logit = nn.Parameter(torch.tensor(math.log(p / (1 - p)), dtype=layer.weight.dtype))
        self.length_scale = require_positive(length_scale, "length_scale")
        self.temperature = require_positive(temperature, "temperature")
        self.generator = require_generator(generator)

    @property
    def p(self) -> float:
        """Probability that a unit is dropped, as learned so far."""
        return float(torch.sigmoid(self.p_logit.detach()))

    def forward(self, h: Tensor, noise: Tensor | None = None) -> Tensor:
        """Output of the layer for `h`, (..., D) or (N, C, *), with logistic noise of its shape, your own or new."""
        h = require_float_tensor(h)
        if not self.training:
            return self._apply_layer(h)
        n_spatial = 0 if isinstance(self.layer, nn.Linear) else self.layer.weight.dim() - 2
        if n_spatial and h.dim() != n_spatial + 2:
            axes = f"(N, C, *) with {n_spatial + 2} axes"
            raise ValueError(f"h must be a batch of feature maps {axes}; got {tuple(h.shape)}.")
        if noise is None:
            shared = tuple(range(2, 2 + n_spatial))
            noise = logistic_noise(h.shape, self.generator, shared_axes=shared, device=h.device)
        dropped = concrete_drop(
            self.p_logit, require_noise_tensor(noise, h.shape, h.device).to(h.dtype), self.temperature
        )
        return self._apply_layer(h * (1 - dropped) / torch.sigmoid(-self.p_logit))

    def _apply_layer(self, h: Tensor) -> Tensor:
        out: Tensor = self.layer(h)
        return out

    def kl(self) -> Tensor:
        """The regulariser, in nats for the whole training set: l² ‖W‖² / (2 (1 - p)) - D H(p), up to a constant.

        W is the weight as stored, which sees an input scaled by 1/(1 - p); D is the number of inputs (of a convolution:
        channels) and H(p) = -p log p - (1 - p) log(1 - p) the entropy of a coin. The bias has no prior.

        References
        ----------
        Gal, Hron, Kendall (2017), section 3: there l² (1 - p) / 2 ‖M‖² for M = W / (1 - p).
        """
        weight = self.layer.weight
        log_p, log_keep = nn.functional.logsigmoid(self.p_logit), nn.functional.logsigmoid(-self.p_logit)
        entropy = -(log_p.exp() * log_p + log_keep.exp() * log_keep)
        of_weights = self.length_scale**2 / 2 * weight.pow(2).sum() * torch.exp(-log_keep)
        inputs = weight.shape[1] * (1 if isinstance(self.layer, nn.Linear) else self.layer.groups)
        return of_weights - inputs * entropy

    def extra_repr(self) -> str:
        """What ``print(layer)`` shows between the brackets."""
        return f"p={self.p:.3f}"
