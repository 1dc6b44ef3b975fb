"""Probes for a small network that drops its hidden units."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from dropout_lab.checks.exercise import AnswerError, Observation, flag
from dropout_lab.checks.probes_torch import P, share_of_zeros
from dropout_lab.checks.subjects_torch import ModuleAnswer, Stream


class NetAnswer(ModuleAnswer):
    """A class `Net(p)`: 8 inputs, a linear layer, 32 ReLU units that are dropped, a linear layer, 3 outputs."""

    def look_inside(self, p: float, source: Stream, training: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs of the two linear layers, and the output, of one pass."""
        net = self.module(p, source).train(training)
        seen: dict[int, Tensor] = {}
        hooks = [
            part.register_forward_pre_hook(lambda part, inputs: seen.update({part.in_features: inputs[0].detach()}))
            for part in net.modules()
            if isinstance(part, torch.nn.Linear)
        ]
        x = torch.linspace(-2, 2, 64 * 8).reshape(64, 8).sin()
        try:
            with source.active():
                out = net(x)
        finally:
            for hook in hooks:
                hook.remove()
        if set(seen) != {8, 32} or not isinstance(out, Tensor) or out.shape != (64, 3):
            raise AnswerError(
                "I expected two nn.Linear layers, 8 to 32 and 32 to 3, both used, and an output of shape (64, 3) for "
                f"64 examples; the layers used take {sorted(seen)} inputs."
            )
        return seen[8], seen[32], out.detach()


def net_drops_hidden_units(subject: NetAnswer, seed: int) -> Iterator[Observation]:
    """In training the hidden units, and nothing else, are dropped with probability p."""
    for p in (0.2, 0.7):
        source = subject.source(seed)
        _, plain, _ = subject.look_inside(p, source, False)
        inputs, dropped, out = subject.look_inside(p, source, True)
        lit = plain > 0
        share = float((dropped[lit] == 0).float().mean())
        yield share_of_zeros("hidden units", share, p, int(lit.sum()), "of the active hidden units")
        yield flag(f"inputs at p={p}", bool((inputs == 0).any()), "inputs of the network are zero", "inputs kept")
        yield flag(f"outputs at p={p}", bool((out == 0).any()), "outputs are exactly zero", "outputs kept")


def net_is_silent(subject: NetAnswer, seed: int) -> Iterator[Observation]:
    """After .eval() two passes agree."""
    source = subject.source(seed)
    (*_, first), (*_, second) = (subject.look_inside(P, source, False) for _ in range(2))
    yield flag(
        "random after eval", not torch.equal(first, second), "after .eval() two passes differ", "the same output"
    )
