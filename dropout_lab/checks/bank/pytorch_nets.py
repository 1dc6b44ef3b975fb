"""Slips in using dropout: inside a network, and inside attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody uses
from torch import Tensor, nn

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_attention import AttentionAnswer
from dropout_lab.checks.probes_net import NetAnswer


def net(drop: Callable[[Any, Tensor], Tensor], place: str = "hidden") -> NetAnswer:
    """A version that calls `drop(net, h)` on the inputs, the hidden units or the outputs."""

    class Version(nn.Module):
        def __init__(self, p: float) -> None:
            super().__init__()
            self.p = p
            self.hidden, self.out = nn.Linear(8, 32), nn.Linear(32, 3)

        def forward(self, x: Tensor) -> Tensor:
            h = self.hidden(drop(self, x) if place == "inputs" else x).relu()
            out: Tensor = self.out(drop(self, h) if place == "hidden" else h)
            return drop(self, out) if place == "outputs" else out

    return NetAnswer(Version)


def right(own: Any, h: Tensor) -> Tensor:
    return F.dropout(h, own.p, training=own.training)


def ignored(own: Any, h: Tensor) -> Tensor:
    F.dropout(h, own.p, training=own.training)
    return h


NET_ROWS = (
    Misconception(
        "training-passed-as-p",
        "the second argument of F.dropout is p. `F.dropout(h, self.training)` sets p = True = 1 in training, which "
        "drops everything, and p = False = 0 in evaluation.",
        "Name the arguments: F.dropout(h, p=…, training=…).",
        (net(lambda own, h: F.dropout(h, float(own.training))),),
    ),
    Misconception(
        "dropped-then-ignored",
        "nothing is dropped in training: the dropped tensor is computed and the other one is passed on, or dropout is "
        "never called.",
        "F.dropout returns a new tensor. Which one goes into the second layer?",
        (net(ignored),),
    ),
    Misconception(
        "keep-drop-swapped",
        "F.dropout's p is the probability of dropping; a keep probability was passed.",
        "At p = 0.2, how many of the hidden units should stay?",
        (net(lambda own, h: F.dropout(h, 1 - own.p, training=own.training)),),
    ),
    Misconception(
        "default-p",
        "half of the units are dropped whatever p is: F.dropout has p = 0.5 by default.",
        "Which argument carries p?",
        (net(lambda own, h: F.dropout(h, training=own.training)),),
    ),
    Misconception(
        "dropout-on-input",
        "the inputs are dropped and not the hidden units.",
        "Between which two layers do the hidden units stand?",
        (net(right, "inputs"),),
    ),
    Misconception(
        "dropout-on-output",
        "the outputs are dropped: a class's score is then 0 for no reason of its own.",
        "Between which two layers do the hidden units stand?",
        (net(right, "outputs"),),
    ),
    Misconception(
        "functional-always-on",
        "dropout stays on after .eval(). F.dropout(h, p) has training=True by default, and a dropout module made "
        "inside forward is always in training mode.",
        "Which line asks for self.training?",
        (net(lambda own, h: F.dropout(h, own.p)),),
    ),
)


def by_hand(finish: Callable[[Tensor, float, bool], Tensor], scale: float | None = None) -> AttentionAnswer:
    """A version that computes the weights itself and lets `finish` drop some."""

    def attention(query: Tensor, key: Tensor, value: Tensor, p: float, training: bool) -> Tensor:
        d = query.shape[-1] if scale is None else scale
        weights = torch.softmax(query @ key.transpose(-1, -2) / d**0.5, dim=-1)
        return finish(weights, p, training) @ value

    return AttentionAnswer(attention)


def sdpa(chosen: Callable[[float, bool], float]) -> AttentionAnswer:
    """A version that passes another number as dropout_p."""
    return AttentionAnswer(
        lambda q, k, v, p, training: F.scaled_dot_product_attention(q, k, v, dropout_p=chosen(p, training))
    )


def renormalised(weights: Tensor, p: float, training: bool) -> Tensor:
    kept = F.dropout(weights, p, training)
    return kept / kept.sum(-1, keepdim=True)


ATTENTION_ROWS = (
    Misconception(
        "sdpa-in-eval",
        "scaled_dot_product_attention does not know about .eval(): it drops whenever dropout_p is above 0.",
        "Which number should dropout_p be when training is False?",
        (sdpa(lambda p, training: p),),
    ),
    Misconception(
        "training-passed-as-p",
        "`training` was passed as the probability: True counts as 1 and drops every weight.",
        "dropout_p is p in training and 0 otherwise.",
        (
            sdpa(lambda p, training: float(training)),
            by_hand(lambda weights, p, training: F.dropout(weights, float(training))),
        ),
    ),
    Misconception(
        "only-in-evaluation",
        "the condition is the wrong way round: weights are dropped when training is False.",
        "Read it aloud: if training, then dropout_p is …",
        (sdpa(lambda p, training: 0.0 if training else p),),
    ),
    Misconception(
        "attention-not-scaled",
        "Q Kᵀ is not divided by √d, so the weights are too sharp.",
        "scaled_dot_product_attention does it for you; by hand it is query.shape[-1] ** 0.5.",
        (by_hand(F.dropout, scale=1.0),),
    ),
    Misconception(
        "dropped-then-ignored",
        "no weight is ever dropped.",
        "dropout_p is 0 by default.",
        (sdpa(lambda p, training: 0.0),),
    ),
    Misconception(
        "keep-drop-swapped",
        "dropout_p is the probability of dropping a weight; a keep probability was passed.",
        "At p = 0.2, how many of the weights should stay?",
        (sdpa(lambda p, training: 1 - p if training else 0.0),),
    ),
    Misconception(
        "attention-sums-to-one",
        "after dropping, each row was divided by its sum. Dropped rows sum to 1 on average only; that is what dropout "
        "does to attention, and dividing by the realised sum undoes its scale.",
        "Leave the rows as dropout made them.",
        (by_hand(renormalised),),
    ),
    Misconception(
        "not-scaled",
        "the kept weights are not divided by 1 - p.",
        "scaled_dot_product_attention and F.dropout both do it for you.",
        (by_hand(lambda w, p, training: w * (torch.rand(w.shape) >= p) if training else w),),
    ),
    Misconception(
        "dropout-on-output",
        "the output is dropped and not the weights: a query then loses entries of its result, and not whole values.",
        "Which argument of scaled_dot_product_attention drops weights?",
        (
            AttentionAnswer(
                lambda q, k, v, p, training: F.dropout(F.scaled_dot_product_attention(q, k, v), p, training)
            ),
        ),
    ),
)
