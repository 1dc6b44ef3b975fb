"""Probes for functions that run a block of a network again with the coins of an earlier run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody uses
from torch import Tensor

from dropout_lab.checks.exercise import Observation, flag
from dropout_lab.checks.probes_torch import P
from dropout_lab.checks.subjects_torch import Stream, same_shape

UNITS = 4000


def block(h: Tensor) -> Tensor:
    """Dropout between two functions."""
    return F.dropout(h.tanh(), P).exp()


class RerunAnswer:
    """A function (block, h, state) → block(h) with the coins that fell at `state`."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def run(self, source: Stream, h: Tensor, state: Tensor) -> Tensor:
        """Result of a call, with the default generator at `source`; raises AnswerError for a wrong type or shape."""
        with source.active():
            return same_shape(self.call(block, h, state), h)


def states(seed: int) -> Iterator[Tensor]:
    """States of the default generator."""
    yield from (torch.Generator().manual_seed(2 * seed + n).get_state() for n in range(2))


def same_coins(subject: RerunAnswer, seed: int) -> Iterator[Observation]:
    """The units that an earlier run dropped are dropped again, wherever the generator stands now."""
    now, h = Stream(seed + 1), torch.ones(UNITS)
    outs = []
    for state in states(seed):
        earlier = Stream(seed)
        earlier.state = state.clone()
        with earlier.active():
            right = block(h)
        out, again = (subject.run(now, h, state.clone()) for _ in range(2))
        outs.append(out)
        differ = float((out != right).float().mean())
        seen = f"{differ:.0%} of the units have another coin than in the earlier run"
        spread = 5 * (differ * (1 - differ) / UNITS) ** 0.5 + 1e-9
        yield Observation(f"coins at state {len(outs)}", differ, differ == 0, seen, "the same coins", spread)
        other = not torch.equal(out, again)
        yield flag(f"twice at state {len(outs)}", other, "two runs from one state differ", "the same coins again")
    yield flag("state ignored", torch.equal(*outs), "two states give the same coins", "the coins of that state")


def nothing_moved(subject: RerunAnswer, seed: int) -> Iterator[Observation]:
    """The default generator stands afterwards where it stood before, and so does the state that was passed in."""
    now, state = Stream(seed + 1), next(states(seed))
    before, given = now.state.clone(), state.clone()
    subject.run(now, torch.ones(UNITS), state)
    moved = not torch.equal(now.state, before)
    yield flag("generator moved", moved, "torch's default generator does not stand where it stood", "it left alone")
    yield flag("state changed", not torch.equal(state, given), "the state has changed", "the state left as it is")


def graph_kept(subject: RerunAnswer, seed: int) -> Iterator[Observation]:
    """Autograd can follow the run."""
    out = subject.run(Stream(seed), torch.ones(UNITS, requires_grad=True), next(states(seed)))
    yield flag("gradient cut", not out.requires_grad, "no gradient can come back through the run", "a graph to follow")
