"""Inverted dropout three times: a function, the module that calls it, and the same thing with its backward by hand."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dropout_lab.arguments import require_probability
from dropout_lab.torch_layers.arguments import require_float_tensor, require_generator, require_mask_tensor
from dropout_lab.torch_layers.noise import bernoulli_mask
from dropout_lab.torch_layers.raw_bits import fast_bernoulli_mask, fast_dropout_noise, has_raw_bits


def dropout(
    h: Tensor,
    p: float,
    *,
    training: bool = True,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
    exact: bool = False,
) -> Tensor:
    """Drop units and scale the survivors: h̃ = m h / (1 - p) in training, h̃ = h otherwise.

    Made of differentiable operations, so autograd derives the backward pass. Dtype, device and memory layout are kept.

    Parameters
    ----------
    h : float tensor of any shape
        Activations; never modified.
    p : float in [0, 1]
        Probability that a unit is *dropped*. At p = 1 everything is dropped and the output is zero.
    training : bool, default True
        Off, the tensor `h` itself comes back.
    mask : bool tensor of the shape of `h`, optional
        The keep-mask to use in the place of a new one.
    generator : torch.Generator, optional
        Draws the mask; None means PyTorch's default generator.
    exact : bool, default False
        On a CPU the mask comes from raw random bits, several times faster, with p rounded to a multiple of 2⁻¹⁶: see
        :func:`fast_bernoulli_mask`. True takes the coins of :func:`bernoulli_mask`, whose p is not rounded.

    Returns
    -------
    h_dropped : tensor like `h`

    Raises
    ------
    TypeError, ValueError
        For integers or an empty `h`, a p outside [0, 1], a mask that does not fit, a seed in the place of a generator.

    Examples
    --------
    >>> h = torch.tensor([1.0, 2.0, 3.0, 4.0])
    >>> dropout(h, 0.2, mask=torch.tensor([True, False, True, True]))
    tensor([1.2500, 0.0000, 3.7500, 5.0000])

    References
    ----------
    Srivastava et al. (2014), JMLR 15, section 4 for the mask and section 10 for scaling by 1/(keep probability) in
    training, which is called inverted dropout.
    """
    h = require_float_tensor(h)
    p = require_probability(p)
    if not training:
        return h
    if mask is not None:
        return h * require_mask_tensor(mask, h) * _scale(p)
    if exact or h.device.type != "cpu":
        return h * bernoulli_mask(h.shape, p, generator, device=h.device) * _scale(p)
    if h.dtype in _WIDE and type(h) in (Tensor, nn.Parameter) and h.is_contiguous() and has_raw_bits(p):
        noise = fast_dropout_noise(h.shape, p, require_generator(generator), h.dtype)
        return h * noise if torch.is_grad_enabled() and h.requires_grad else noise.mul_(h)
    return h * fast_bernoulli_mask(h.shape, p, generator, device=h.device) * _scale(p)


class Dropout(nn.Module):
    """Inverted dropout as a module: active after ``train()``, the identity after ``eval()``.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a unit is *dropped*. A schedule may assign a new ``layer.p`` later; it is checked as well.
    generator : torch.Generator, optional
        Draws a new mask at every forward pass in training; None means PyTorch's default generator, as in nn.Dropout.
    exact : bool, default False
        As in :func:`dropout`: whether p must not be rounded to a multiple of 2⁻¹⁶ for the sake of speed.

    Examples
    --------
    >>> layer = Dropout(0.2)
    >>> layer
    Dropout(p=0.2)
    >>> layer(torch.ones(3), mask=torch.tensor([True, False, True]))
    tensor([1.2500, 0.0000, 1.2500])
    >>> layer.eval()(torch.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p: float, generator: torch.Generator | None = None, *, exact: bool = False) -> None:
        super().__init__()
        self.p = p
        self.generator = require_generator(generator)
        self.exact = exact

    @property
    def p(self) -> float:
        """Probability that a unit is dropped."""
        return self._p

    @p.setter
    def p(self, p: float) -> None:
        self._p = require_probability(p)

    def forward(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """The output of :func:`dropout`, with the module's own `training`."""
        options: Any = {"training": self.training, "mask": mask, "generator": self.generator, "exact": self.exact}
        return dropout(h, self.p, **options)

    def extra_repr(self) -> str:
        """What ``print(layer)`` shows between the brackets."""
        return f"p={self.p}"


class DropoutFunction(torch.autograd.Function):
    """Inverted dropout with its derivative written by hand: ``DropoutFunction.apply(h, mask, p)``.

    The layer multiplies by the constant m / (1 - p), so the backward pass multiplies by it too. Only the mask is saved,
    one byte a unit. The mask comes from :func:`bernoulli_mask`; nothing is checked here. Forward-mode derivatives need
    :func:`dropout`: torch.compile refuses a Function with a ``jvp`` of its own.

    Examples
    --------
    >>> h = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> DropoutFunction.apply(h, torch.tensor([True, False, True]), 0.2).sum().backward()
    >>> h.grad
    tensor([1.2500, 0.0000, 1.2500])
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(h: Tensor, mask: Tensor, p: float) -> Tensor:
        """Output m h / (1 - p)."""
        return h * mask * _scale(p)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, float], output: Tensor) -> None:
        """Keep the mask and p for the derivative."""
        _, mask, ctx.p = inputs
        ctx.save_for_backward(mask)

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor, None, None]:
        """Gradient for h; mask and p have none."""
        (mask,) = ctx.saved_tensors
        return grad_out * mask * _scale(ctx.p), None, None


_WIDE = (torch.float32, torch.float64)  # narrower floats would round the scale and then the product


def _scale(p: float) -> float:
    return 1 / (1 - p) if p < 1 else 0.0  # at p = 1 nothing survives that could be scaled
