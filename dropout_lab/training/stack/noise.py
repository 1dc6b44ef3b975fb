"""The coins of a stack: each network flips those of its own stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dropout_lab.arguments import require_survivors
from dropout_lab.torch_layers.arguments import require_generator
from dropout_lab.training.stack.memory import Memory


class StackNoise:
    """Noise of every dropout site of a stack, many rows at a time, from eight raw bits a unit.

    A byte below ⌊256 p⌋ drops, one above keeps. One in 256 is equal, and a uniform number decides it with what is left
    of 256 p: the drop probability is p itself, not p in eight bits.

    Parameters
    ----------
    p : float64 tensor (S, sites)
        Probability that a unit is *dropped*, in [0, 1).
    units : sequence of int, units of each site
    streams : sequence of S bit generators, see :func:`coin_stream`
    dtype : float32 or float64, of the noise

    Examples
    --------
    >>> stream = coin_stream(torch.Generator().manual_seed(0))
    >>> [noise] = StackNoise(torch.tensor([[0.2]]), [1000], [stream], torch.float32).draw(3)
    >>> noise.shape, noise.unique()
    (torch.Size([1, 3, 1000]), tensor([0.0000, 1.2500]))
    """

    def __init__(self, p: Tensor, units: Sequence[int], streams: Sequence[Any], dtype: torch.dtype) -> None:
        self.p, self.units, self.streams, self.memory = p.numpy(), tuple(units), streams, Memory(dtype)

    def draw(self, rows: int) -> list[Tensor | None]:
        """Return the noise of each site, (S, rows, units), 0 or 1/(1-p); None where no network drops.

        The next call for as many rows writes into the same memory.
        """
        return [
            self._site(f"noise {site}", self.p[:, site], rows, units) if self.p[:, site].any() else None
            for site, units in enumerate(self.units)
        ]

    def _site(self, name: str, p: Any, rows: int, units: int) -> Tensor:
        count, (rest, whole) = rows * units, np.modf(256 * p)
        noise = self.memory(name, len(p), count)
        values, whole = noise.numpy(), whole.astype(np.uint8)[:, None]
        words = -(-count // 8)
        kept = np.full(words, 2**64 - 1, dtype=np.uint64)  # of a network that drops nothing, and draws nothing
        drawn = [stream.random_raw(words) if rate else kept for stream, rate in zip(self.streams, p, strict=True)]
        lanes = np.stack(drawn).view(np.uint8)[:, :count]
        np.copyto(values, lanes > whole)
        ties = np.flatnonzero(lanes == whole)  # on two axes, np.nonzero takes twenty times as long
        of_network = np.diff(np.searchsorted(ties, np.arange(len(p) + 1) * count))
        streams = map(np.random.Generator, self.streams)
        uniform = [stream.random(number) for stream, number in zip(streams, of_network, strict=True)]
        values.reshape(-1)[ties] = np.concatenate(uniform) >= np.repeat(rest, of_network)
        values *= (1 / (1 - p)).astype(values.dtype)[:, None]
        return noise.view(len(p), rows, units)


def coin_stream(generator: torch.Generator) -> Any:
    """Return a stream of raw words seeded by `generator`: SFC64, several times as fast as the generator itself."""
    return np.random.SFC64(int(torch.empty(1, dtype=torch.int64).random_(generator=generator)))


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
