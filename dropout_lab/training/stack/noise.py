"""The coins of a stack: each network flips those of its own generator."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dropout_lab.arguments import require_survivors
from dropout_lab.torch_layers.arguments import require_generator
from dropout_lab.torch_layers.noise import bernoulli_mask, fast_dropout_noise, has_raw_bits


class StackNoise:
    """Noise of every dropout site of a stack, many steps at a time.

    Parameters
    ----------
    p : float64 tensor (S, sites)
        Probability that a unit is *dropped*.
    units : sequence of int, units of each site
    generators : sequence of S torch.Generator
    dtype : float dtype of the noise
    """

    def __init__(
        self, p: Tensor, units: Sequence[int], generators: Sequence[torch.Generator], dtype: torch.dtype
    ) -> None:
        self.p, self.units, self.generators, self.dtype = p.tolist(), tuple(units), generators, dtype
        self._memory: dict[tuple[int, ...], Tensor] = {}

    def draw(self, steps: int, rows: int) -> list[Tensor | None]:
        """Return the noise of each site, (steps, S, rows, units), 0 or 1/(1-p); None where no network drops.

        The next call for as many steps and rows writes into the same memory: fresh memory costs as much as the coins.
        """
        sites: list[Tensor | None] = []
        for site, units in enumerate(self.units):
            rates = [rates[site] for rates in self.p]
            sites.append(self._site(site, rates, (steps, rows, units)) if any(rates) else None)
        return sites

    def _site(self, site: int, rates: Sequence[float], shape: tuple[int, int, int]) -> Tensor:
        if (site, *shape) not in self._memory:
            self._memory[site, *shape] = torch.empty(len(rates), *shape, dtype=self.dtype)
        noise = self._memory[site, *shape]
        for piece, rate, generator in zip(noise, rates, self.generators, strict=True):
            if not rate:
                piece.fill_(1)
            elif has_raw_bits(rate):
                piece.copy_(fast_dropout_noise(piece.shape, rate, generator, self.dtype))
            else:
                piece.copy_(bernoulli_mask(shape, rate, generator)).mul_(1 / (1 - rate))
        return noise.transpose(0, 1)


def require_site_probabilities(p: object, stack: int, sites: int) -> Tensor:
    """Return p as a float64 tensor (stack, sites) of drop probabilities below 1.

    Raises
    ------
    TypeError, ValueError
        For a value outside [0, 1), or a shape that is neither (), (sites,) nor (stack, sites).
    """
    values = torch.as_tensor(p, dtype=torch.float64)
    for value in values.flatten().tolist():
        require_survivors(value)
    if values.shape not in ((), (sites,), (stack, sites)):
        raise ValueError(
            f"p is one drop probability, one for each of the {sites} sites, or a tensor of {stack} networks × {sites} "
            f"sites; got shape {tuple(values.shape)}."
        )
    return values.expand(stack, sites).clone()


def require_generators(generators: Sequence[torch.Generator]) -> list[torch.Generator]:
    """Return the generators as a list: at least one, all of them torch generators, no two the same."""
    if isinstance(generators, torch.Generator):
        raise TypeError("generators is a sequence, one torch.Generator for each network; got a single one.")
    each = list(generators)
    if not each or any(require_generator(generator) is None for generator in each):
        raise TypeError("generators holds a torch.Generator for each network; got none, or None among them.")
    if len({id(generator) for generator in each}) < len(each):
        raise ValueError("two networks share a generator: give each its own, torch.Generator().manual_seed(seed + s).")
    return each
