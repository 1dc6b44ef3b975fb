"""DropConnect: a linear layer that drops weights, with a mask for every example."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dropout_lab.arguments import require_probability
from dropout_lab.arguments_noise import require_gaussian_p, require_inference
from dropout_lab.torch_layers.arguments import (
    require_float_tensor,
    require_generator,
    require_mask_tensor,
    require_noise_tensor,
)
from dropout_lab.torch_layers.noise import bernoulli_mask, normal_noise


def dropconnect_linear(
    h: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    p: float,
    *,
    training: bool = True,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Drop weights and scale the others: u_nk = Σ_d m_nkd w_kd h_nd / (1 - p) + b_k in training, W h + b otherwise.

    Every row of `h` has a mask of its own, so memory grows as N·K·D: a byte for each coin and a masked weight for each,
    5 bytes in float32. Autograd keeps them until the backward pass, of a first layer the coins alone. `weight` is never
    modified. Biases are not dropped (Wan et al. drop them too), and survivors are scaled in training, not weights at
    test time.

    Parameters
    ----------
    h : float tensor (..., D)
        A row for each example.
    weight : float tensor (K, D)
    bias : float tensor (K,), optional
    p : float in [0, 1]
        Probability that a *weight of an example* is dropped. At p = 1 the bias alone is left.
    training : bool, default True
    mask : bool tensor (..., K, D), optional
        The keep-mask to use in the place of a new one.
    generator : torch.Generator, optional
        Draws the mask; None means PyTorch's default generator.

    Returns
    -------
    out : tensor (..., K)

    Raises
    ------
    TypeError, ValueError
        For tensors that hold no floats or do not fit, a p outside [0, 1], a seed in the place of a generator.

    Examples
    --------
    >>> mask = torch.tensor([[[True, True]], [[True, False]]])
    >>> h, weight = torch.tensor([[3.0, 4.0], [3.0, 4.0]]), torch.tensor([[1.0, -1.0]])
    >>> dropconnect_linear(h, weight, torch.tensor([0.5]), 0.2, mask=mask)
    tensor([[-0.7500],
            [ 4.2500]])

    References
    ----------
    Wan, Zeiler, Zhang, LeCun, Fergus (2013), Regularization of Neural Networks using DropConnect, ICML, section 3.
    """
    _require_fit(h, weight)
    p = require_probability(p)
    if not training:
        return nn.functional.linear(h, weight, bias)
    shape = torch.Size((*h.shape[:-1], *weight.shape))
    if mask is None:
        mask = bernoulli_mask(shape, p, generator, device=h.device)
    kept = weight * require_mask_tensor(mask, h, shape, "a weight matrix for each row of h")
    out = (kept @ h.unsqueeze(-1)).squeeze(-1) * (1 / (1 - p) if p < 1 else 0.0)
    return out if bias is None else out + bias


def dropconnect_moments(h: Tensor, weight: Tensor, bias: Tensor | None, p: float) -> tuple[Tensor, Tensor]:
    """Mean W h + b and variance p/(1-p) Σ_d w_kd² h_nd² of :func:`dropconnect_linear` over its masks, each (..., K).

    Raises
    ------
    TypeError, ValueError
        As :func:`dropconnect_linear`, and for p = 1, where the variance is infinite.

    Examples
    --------
    >>> mean, variance = dropconnect_moments(torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, -1.0]]), None, 0.2)
    >>> mean, variance
    (tensor([[-1.]]), tensor([[6.2500]]))

    References
    ----------
    Wan et al. (2013), section 3, the part on inference: a weighted sum of Bernoulli coins is approximated by a Gaussian
    with its mean and variance.
    """
    _require_fit(h, weight)
    alpha = (p := require_gaussian_p(p)) / (1 - p)
    return nn.functional.linear(h, weight, bias), nn.functional.linear(h**2, weight**2) * alpha


class DropConnectLinear(nn.Linear):
    """nn.Linear that drops weights after ``train()``, a mask for each example; its state_dict is nn.Linear's.

    Parameters
    ----------
    in_features, out_features : int
        D and K; `weight` is (K, D) and `bias` (K,).
    p : float in [0, 1]
        Probability that a *weight of an example* is dropped.
    bias : bool, default True
    inference : {"mean", "moments"}
        After ``eval()``, "mean" gives W h + b. "moments" gives one draw u ~ N(W h + b, p/(1-p) Σ_d w_kd² h_nd²), the
        Gaussian with the mean and the variance that masks would give, at the price of a second matrix product; average
        what the next non-linearity makes of several draws (Wan et al. 2013, section 3, inference). Needs p < 1.
    generator : torch.Generator, optional
        Draws the noise of every forward pass; None means PyTorch's default generator.

    Examples
    --------
    >>> layer = DropConnectLinear(8, 3, 0.2)
    >>> layer
    DropConnectLinear(in_features=8, out_features=3, bias=True, p=0.2, inference='mean')
    >>> layer(torch.ones(4, 8)).shape
    torch.Size([4, 3])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        p: float,
        bias: bool = True,
        *,
        inference: str = "mean",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias)
        self._p = require_probability(p)
        self.inference = inference
        self.generator = require_generator(generator)

    @property
    def p(self) -> float:
        """Probability that a weight of an example is dropped."""
        return self._p

    @p.setter
    def p(self, p: float) -> None:
        require_inference(self.inference, require_probability(p))
        self._p = float(p)

    @property
    def inference(self) -> str:
        """What happens after ``eval()``: "mean" or "moments"."""
        return self._inference

    @inference.setter
    def inference(self, inference: str) -> None:
        self._inference = require_inference(inference, self.p)

    def forward(self, h: Tensor, mask: Tensor | None = None, noise: Tensor | None = None) -> Tensor:
        """Output (..., K); `mask` (..., K, D) serves training, `noise` (..., K), standard normal, the moments."""
        if self.training or self.inference == "mean":
            return dropconnect_linear(
                h, self.weight, self.bias, self.p, training=self.training, mask=mask, generator=self.generator
            )
        mean, variance = self.moments(h)
        if noise is None:
            noise = normal_noise(mean.shape, self.generator, dtype=mean.dtype, device=mean.device)
        noise = require_noise_tensor(noise, mean.shape, mean.device).to(mean.dtype)
        random = variance > 0  # a root has no slope at 0, where nothing is random
        return mean + random * torch.where(random, variance, 1.0).sqrt() * noise

    def moments(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """The output of :func:`dropconnect_moments`."""
        return dropconnect_moments(h, self.weight, self.bias, self.p)

    def extra_repr(self) -> str:
        """What ``print(layer)`` shows between the brackets."""
        return f"{super().extra_repr()}, p={self.p}, inference={self.inference!r}"


def _require_fit(h: Tensor, weight: Tensor) -> None:
    require_float_tensor(h)
    require_float_tensor(weight, "weight")
    if weight.dim() != 2 or h.dim() == 0 or h.shape[-1] != weight.shape[1]:
        shapes = f"weight {tuple(weight.shape)} and h {tuple(h.shape)}"
        raise ValueError(f"weight is (K, D) and h (..., D), a row an example; got {shapes}.")
