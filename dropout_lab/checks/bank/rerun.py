"""Slips in running a block again with the coins of an earlier run."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_rerun import RerunAnswer

Block = Callable[[Tensor], Tensor]


def never_put_back(block: Block, h: Tensor, state: Tensor) -> Tensor:
    torch.set_rng_state(state)
    return block(h)


def without_graph(block: Block, h: Tensor, state: Tensor) -> Tensor:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.set_rng_state(state)
        return block(h)


def seeded(block: Block, h: Tensor, state: Tensor) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return block(h)


def put_back_to_state(block: Block, h: Tensor, state: Tensor) -> Tensor:
    torch.set_rng_state(state)
    out = block(h)
    torch.set_rng_state(state)
    return out


RERUN_ROWS = (
    Misconception(
        "checkpoint-new-mask",
        "the second run flips new coins. The gradient is then that of another subnetwork than the one the loss came "
        "from: right on average, and wrong in every single step.",
        "Put the generator into `state` before you call the block.",
        (RerunAnswer(lambda block, h, state: block(h)),),
    ),
    Misconception(
        "seeded-inside",
        "the run starts from a seed of your own, so it drops the same units whatever the state is.",
        "torch.set_rng_state takes the state as it is.",
        (RerunAnswer(seeded), RerunAnswer(lambda block, h, state: (torch.manual_seed(0), block(h))[1])),
    ),
    Misconception(
        "dropped-then-ignored",
        "nothing comes of the block: what is returned is not its output.",
        "Return block(h).",
        (RerunAnswer(lambda block, h, state: h),),
    ),
    Misconception(
        "generator-rewound",
        "the default generator was set back to the old state and left there. Whoever draws next gets coins that have "
        "fallen before.",
        "torch.random.fork_rng() puts the generator back at the end of its block.",
        (RerunAnswer(never_put_back), RerunAnswer(put_back_to_state)),
    ),
    Misconception(
        "gradient-cut",
        "no_grad or .detach() cut the graph. Backward runs the block again in order to differentiate it.",
        "Leave autograd on while the block runs.",
        (RerunAnswer(without_graph),),
    ),
)
