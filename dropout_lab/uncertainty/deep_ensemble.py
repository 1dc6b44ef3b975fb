"""Deep ensembles: networks trained apart from each other, whose answers are used as passes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from dropout_lab.arguments import require_count
from dropout_lab.torch_layers.arguments import require_generator
from dropout_lab.training.torch_loop import seeded


class DeepEnsemble(nn.Module):
    """Networks trained apart; ``ensemble(x)`` stacks their outputs on axis 0, (M, N, …), like Monte-Carlo passes.

    Parameters
    ----------
    members : iterable of nn.Module
        Two or more different objects, each returning a tensor of the same shape.

    Raises
    ------
    TypeError, ValueError
        For fewer than two members, something that is no module, the same module twice.

    Examples
    --------
    >>> ensemble = DeepEnsemble(nn.Linear(3, 2) for _ in range(5))
    >>> ensemble(torch.ones(4, 3)).shape
    torch.Size([5, 4, 2])

    References
    ----------
    Lakshminarayanan, Pritzel, Blundell (2017), Simple and Scalable Predictive Uncertainty Estimation using Deep
    Ensembles, NeurIPS, section 2.4.
    """

    def __init__(self, members: Iterable[nn.Module]) -> None:
        super().__init__()
        networks = list(members)
        for network in networks:
            if not isinstance(network, nn.Module):
                raise TypeError(f"members are nn.Modules; got {type(network).__name__}. Call the class.")
        if len(networks) < 2:
            raise ValueError(f"an ensemble has at least two members; got {len(networks)}.")
        if len({id(network) for network in networks}) < len(networks):
            raise ValueError(
                "the same module is a member twice, so both would always agree. `[net] * 5` repeats one network: build "
                "a new one for each place."
            )
        self.members = nn.ModuleList(networks)

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs of all members, (M, N, …); each in its own mode, so call `.eval()` first."""
        return torch.stack([member(inputs) for member in self.members])


def train_ensemble(
    build: Callable[[], nn.Module],
    train: Callable[[nn.Module, torch.Generator], object],
    n_members: int,
    generator: torch.Generator,
) -> DeepEnsemble:
    """Build and train `n_members` networks from different starts, all on the same data, and put them in eval mode.

    Parameters
    ----------
    build : callable
        Returns a new network; its starting weights are drawn from a stream that `generator` starts.
    train : callable
        ``train(network, generator)`` trains it in place, for instance with :func:`dropout_lab.training.torch_loop.fit`.
    n_members : int, at least 2
    generator : torch.Generator

    Raises
    ------
    TypeError, ValueError
        As :class:`DeepEnsemble`, and for a seed in the place of the generator.

    Examples
    --------
    >>> ensemble = train_ensemble(lambda: nn.Linear(3, 2), lambda net, generator: None, 5, torch.Generator())
    >>> len(ensemble.members), ensemble.training
    (5, False)
    """
    require_count(n_members, "n_members", 2)
    members = []
    for _ in range(n_members):
        with seeded(generator):
            members.append(build())
        train(members[-1], generator)
    return DeepEnsemble(members).eval()


class StackedLinear(nn.Module):
    """The linear layers of M networks at once: (M, N, D) or (N, D) → (M, N, D'), row block m by weights of network m.

    A stack of these, with element-wise layers such as ReLU and dropout between them, is M networks that share nothing.
    Trained by the *sum* of their losses and an element-wise optimiser (SGD, Adam), each moves exactly as it would
    alone; for small networks that takes a fraction of the time. It is a layer for modules and losses of your own; where
    a perceptron will do, :mod:`dropout_lab.training.stack` needs no autograd and is faster still.

    Parameters
    ----------
    n_members, in_features, out_features : int
    generator : torch.Generator, optional
        Draws the starting weights, uniform within ± 1/√in_features as `nn.Linear` has them; None takes the global one.

    Raises
    ------
    TypeError, ValueError
        For counts that are no whole numbers above zero, or an input of another number of features or members.

    Examples
    --------
    >>> stack = nn.Sequential(StackedLinear(5, 3, 8), nn.ReLU(), nn.Dropout(0.2), StackedLinear(5, 8, 2))
    >>> stack(torch.ones(4, 3)).shape
    torch.Size([5, 4, 2])
    """

    def __init__(
        self, n_members: int, in_features: int, out_features: int, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        shape = (require_count(n_members, "n_members"), require_count(in_features, "in_features"))
        bound = 1 / math.sqrt(in_features)
        weight = torch.empty(*shape, require_count(out_features, "out_features"))
        bias = torch.empty(n_members, 1, out_features)
        for parameter in (weight, bias):
            parameter.uniform_(-bound, bound, generator=require_generator(generator))
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, h: Tensor) -> Tensor:
        """H W_m + b_m for each network m."""
        members, features, _ = self.weight.shape
        if h.shape[-1] != features or h.ndim not in {2, 3} or (h.ndim == 3 and len(h) != members):
            raise ValueError(
                f"the input is (N, {features}), the same for all, or ({members}, N, {features}); got {tuple(h.shape)}."
            )
        return torch.baddbmm(self.bias, h.expand(members, *h.shape[-2:]), self.weight)

    def extra_repr(self) -> str:
        """Members, features in and out."""
        return ", ".join(str(size) for size in self.weight.shape)
