"""What the modules have in common that drop inside of themselves: a checked p and a generator."""

from __future__ import annotations

import torch
from torch import nn

from dropout_lab.arguments import require_probability
from dropout_lab.torch_layers.arguments import require_generator


class RatedModule(nn.Module):
    """A module with a p that is checked whenever it is set, and the generator that draws its noise.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a unit is *dropped*; each subclass says of what.
    generator : torch.Generator, optional
        Draws the noise in training; None means PyTorch's default generator.
    """

    def __init__(self, p: float, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.p = p
        self.generator = require_generator(generator)

    @property
    def p(self) -> float:
        """Probability that a unit is dropped."""
        return self._p

    @p.setter
    def p(self, p: float) -> None:
        self._p = require_probability(p)

    def extra_repr(self) -> str:
        """What ``print(module)`` shows between the brackets."""
        return f"p={self.p}"
