"""LayerDrop: whole layers of a stack are skipped, so that a shallower net can be cut out of it later."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Size, Tensor, nn

from dropout_lab.torch_layers.arguments import require_float_tensor, require_mask_tensor
from dropout_lab.torch_layers.noise import bernoulli_mask
from dropout_lab.torch_layers.rated import RatedModule


class LayerDrop(RatedModule):
    """A stack of layers of which each is skipped with probability p in training, for the whole batch.

    A skipped layer is not computed, and the others are not scaled: each layer is expected to hold its own shortcut, as
    in a transformer, so that skipping it leaves what came in. One coin decides for the whole batch, unlike
    :class:`DropPath`, which has one for each example and scales.

    Parameters
    ----------
    layers : iterable of nn.Module
        Each gives back the shape that it takes.
    p : float in [0, 1]
        Probability that a *layer* is skipped.
    generator : torch.Generator, optional
        Draws a new mask at every forward pass in training; None means PyTorch's default generator.

    Raises
    ------
    TypeError, ValueError
        For what is no module, no layer at all, a p outside [0, 1]; in ``forward`` for a layer that changes the shape.

    Examples
    --------
    >>> stack = LayerDrop([nn.Tanh(), nn.Tanh()], 0.2)
    >>> torch.equal(stack(torch.ones(3), mask=torch.tensor([True, False])), torch.ones(3).tanh())
    True

    References
    ----------
    Fan, Grave, Joulin (2020), Reducing Transformer Depth on Demand with Structured Dropout, ICLR.
    """

    def __init__(self, layers: Iterable[nn.Module], p: float, generator: torch.Generator | None = None) -> None:
        super().__init__(p, generator)
        self.layers = nn.ModuleList(layers)
        if not len(self.layers):
            raise ValueError("layers is empty: there is no layer to skip.")

    def forward(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """Output of the layers that `mask` (one bool a layer) keeps; all of them after ``eval()``."""
        h = require_float_tensor(h)
        n_layers = Size((len(self.layers),))
        if not self.training:
            kept = [True] * len(self.layers)
        elif mask is None:
            kept = bernoulli_mask(n_layers, self.p, self.generator, device="cpu").tolist()
        else:
            kept = require_mask_tensor(mask, mask, n_layers, "the stack, a bool for each layer").tolist()
        for layer, is_kept in zip(self.layers, kept, strict=True):
            h = _same_shape(layer, h) if is_kept else h
        return h


def _same_shape(layer: nn.Module, h: Tensor) -> Tensor:
    out: Tensor = layer(h)
    if out.shape != h.shape:
        found = f"{tuple(out.shape)} for {tuple(h.shape)}"
        raise ValueError(f"a layer that can be skipped gives back the shape it takes; {layer} gave {found}.")
    return out
