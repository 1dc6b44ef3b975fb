"""Slips in a small model with a recurrent layer, attention, batch norm and a linear layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F  # noqa: N812 - the name that everybody uses
from torch import Tensor, nn

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_audit import TaggerAnswer

Drop = Callable[[Any, Tensor], Tensor]


def right(own: Any, h: Tensor) -> Tensor:
    return F.dropout(h, own.p, training=own.training)


def in_training(own: Any) -> float:
    return own.p if own.training else 0.0


def tagger(
    *,
    drop: Drop = right,
    weights: Callable[[Any], float] = in_training,
    recurrent: float = 0.0,
    norm_last: bool = False,
    on_scores: bool = False,
) -> TaggerAnswer:
    """A version of the model; `recurrent` is the share of p that the LSTM is given."""

    class Version(nn.Module):
        def __init__(self, p: float) -> None:
            super().__init__()
            self.p = p
            self.lstm = nn.LSTM(8, 16, dropout=recurrent * p, batch_first=True)
            self.norm, self.out = nn.BatchNorm1d(16), nn.Linear(16, 3)

        def forward(self, x: Tensor) -> Tensor:
            h, _ = self.lstm(x)
            h = F.scaled_dot_product_attention(h, h, h, dropout_p=weights(self)).mean(dim=1)
            if on_scores:
                return drop(self, self.out(self.norm(h)))
            return self.out(self.norm(drop(self, h)) if norm_last else drop(self, self.norm(h)))

    return TaggerAnswer(Version)


def ignored(own: Any, h: Tensor) -> Tensor:
    F.dropout(h, own.p, training=own.training)
    return h


TAGGER_ROWS = (
    Misconception(
        "lstm-one-layer",
        "nn.LSTM(dropout=…) drops between its layers. With one layer there is no between, and nothing is ever dropped; "
        "PyTorch says so in a warning when the layer is made.",
        "Take the argument away: it does nothing here.",
        (tagger(recurrent=1.0),),
    ),
    Misconception(
        "before-batch-norm",
        "batch norm is fed a dropped tensor. In training it stores a variance that dropout has made larger, and in "
        "evaluation it divides by it although nothing is dropped.",
        "Which of the two should come first, batch norm or dropout?",
        (tagger(norm_last=True),),
    ),
    Misconception(
        "sdpa-in-eval",
        "scaled_dot_product_attention does not know about .eval(): it drops whenever dropout_p is above 0.",
        "Which number should dropout_p be when self.training is False?",
        (tagger(weights=lambda own: own.p),),
    ),
    Misconception(
        "functional-always-on",
        "dropout stays on after .eval(). F.dropout(h, p) has training=True by default, and a dropout module made "
        "inside forward is always in training mode.",
        "Which line asks for self.training?",
        (tagger(drop=lambda own, h: F.dropout(h, own.p)),),
    ),
    Misconception(
        "training-passed-as-p",
        "the second argument of F.dropout is p: with True in its place everything is dropped in training.",
        "Name the arguments: F.dropout(h, p=…, training=…).",
        (
            tagger(drop=lambda own, h: F.dropout(h, own.training)),
            tagger(weights=lambda own: own.training),
        ),
    ),
    Misconception(
        "dropped-then-ignored",
        "the dropped tensor is computed, and the other one is passed on.",
        "F.dropout returns a new tensor. Which one goes into the last layer?",
        (tagger(drop=ignored),),
    ),
    Misconception(
        "dropout-on-output",
        "the scores are dropped: a class's score is then 0 for no reason of its own.",
        "Drop what goes into the last layer, not what comes out.",
        (tagger(on_scores=True),),
    ),
    Misconception(
        "keep-drop-swapped",
        "p of F.dropout and nn.Dropout is the probability of dropping; a keep probability was passed.",
        "At p = 0.2, how many of the units should stay?",
        (tagger(drop=lambda own, h: F.dropout(h, 1 - own.p, training=own.training)),),
    ),
    Misconception(
        "site-removed",
        "a place that should drop was silenced and not mended. The audit finds no bug where nothing is dropped.",
        "In training the attention weights and the input of the last layer should still be dropped.",
        (tagger(weights=lambda own: 0.0), tagger(drop=lambda own, h: h)),
    ),
)
