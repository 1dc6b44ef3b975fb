"""Random numbers as they are drawn: which operations draw, what they drew, and whether it was a coin."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from dropout_lab.audit.sites import Origin

FIRST = 4096  # so many numbers of a draw are compared with another draw
COMPARISONS = {"lt", "le", "gt", "ge", "floor", "ceil", "round", "bernoulli", "native_dropout"}
_PLAIN = {"bernoulli", "rand", "rand_like", "uniform", "randn", "randn_like", "normal", "randint", "randint_like"}
_PLAIN |= {"random", "randperm", "exponential", "geometric", "cauchy", "log_normal", "poisson", "binomial"}


@dataclass
class Draw:
    """The numbers that one operation drew.

    Attributes
    ----------
    origin : Origin
        Who asked for them.
    first : bytes
        The first numbers, to the bit; empty where the operation does not show them.
    count : int
        How many numbers were drawn.
    agreement : float
        log2 of the probability that another, independent draw begins with the same numbers.
    coin : bool
        Whether the numbers became decisions: 0 or 1, or compared with a threshold.
    training : bool
        `training` of the innermost module that the model knows.
    """

    origin: Origin
    first: bytes = field(repr=False)
    count: int
    agreement: float
    coin: bool
    training: bool


def operation(func: Any) -> str:
    """The bare name of an operator: "bernoulli" for aten.bernoulli_.float."""
    return str(func.overloadpacket.__name__).rstrip("_")


def may_draw(func: Any) -> bool:
    """Whether PyTorch says that an operator takes random numbers."""
    return torch.Tag.nondeterministic_seeded in func.tags


def is_plain(name: str) -> bool:
    """Whether all that an operation returns is its random numbers."""
    return name in _PLAIN


def random_state(generator: torch.Generator | None, device: torch.device) -> Tensor:
    """State of the generator an operation takes its numbers from."""
    if generator is not None:
        return generator.get_state()
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def set_random_state(state: Tensor, generator: torch.Generator | None, device: torch.device) -> None:
    """Put the generator of :func:`random_state` back."""
    if generator is not None:
        generator.set_state(state)
    elif device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)


def draw_of(name: str, numbers: Tensor | None, origin: Origin, *, coin: bool, training: bool) -> Draw:
    """The record of a draw; `numbers` is None where the operation keeps them to itself."""
    if numbers is None or numbers.numel() == 0 or numbers.layout != torch.strided:
        return Draw(origin, b"", 0, 0.0, coin, training)
    first = numbers.detach().reshape(-1)[:FIRST].contiguous().cpu()
    agreement = log2_agreement(first) if name in ("bernoulli", "native_dropout") else -20.0 * first.numel()
    return Draw(origin, first.view(torch.uint8).numpy().tobytes(), numbers.numel(), agreement, coin, training)


def log2_agreement(coins: Tensor) -> float:
    """log2 of (p^2 + (1-p)^2)^n, the probability that n other coins with the same p fall alike.

    Examples
    --------
    >>> log2_agreement(torch.tensor([0.0, 1.0]))
    -2.0
    """
    share = (coins != 0).double().mean().item()
    share = min(max(share, 1 / (coins.numel() + 2)), 1 - 1 / (coins.numel() + 2))
    return coins.numel() * math.log2(share**2 + (1 - share) ** 2)
