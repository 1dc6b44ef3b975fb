"""Exercises of lesson 06."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody uses
from torch import Tensor, nn

from dropout_lab.checks.bank.pytorch import MODULE_ROWS
from dropout_lab.checks.bank.pytorch_nets import ATTENTION_ROWS, NET_ROWS
from dropout_lab.checks.exercise import Exercise
from dropout_lab.checks.probes_attention import AttentionAnswer, attention_in_evaluation, attention_in_training
from dropout_lab.checks.probes_dropout import edges, evaluation, manners, repeatability
from dropout_lab.checks.probes_gradient import gradients
from dropout_lab.checks.probes_law import training_law
from dropout_lab.checks.probes_net import NetAnswer, net_drops_hidden_units, net_is_silent
from dropout_lab.checks.probes_torch import module_habits
from dropout_lab.checks.subjects import callable_answer
from dropout_lab.checks.subjects_torch import ModuleAnswer, module_class


class Dropout(nn.Module):
    """Drop units with probability p in training and scale the survivors; return the input as it is in evaluation."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, h: Tensor) -> Tensor:
        """The activations after dropout, of the shape and dtype of h."""
        if not self.training:
            return h
        if self.p == 1:
            return torch.zeros_like(h)
        mask = torch.rand(h.shape, device=h.device) >= self.p
        return h * mask / (1 - self.p)


class Net(nn.Module):
    """8 inputs, 32 ReLU units that are dropped with probability p in training, 3 outputs."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.hidden = nn.Linear(8, 32)
        self.out = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the three classes, (N, 3)."""
        h = F.relu(self.hidden(x))
        h_dropped = F.dropout(h, self.p, training=self.training)
        scores: Tensor = self.out(h_dropped)
        return scores


def attention(query: Tensor, key: Tensor, value: Tensor, p: float, training: bool) -> Tensor:
    """Return scaled dot-product attention that drops weights with probability p in training only."""
    return F.scaled_dot_product_attention(query, key, value, dropout_p=p if training else 0.0)


EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        id="06-a",
        title="Dropout as a module",
        section="lesson 06, From a function to a module",
        solution=Dropout,
        adapt=lambda answer: ModuleAnswer(module_class(answer)),
        stages=((training_law,), (evaluation,), (repeatability,), (edges,), (manners,), (module_habits,), (gradients,)),
        bank=MODULE_ROWS,
        hints=(
            "self.training is what .train() and .eval() change.",
            "Call super().__init__() first and keep p as self.p.",
            "In training: a bool mask from torch.rand(h.shape) >= self.p, then h * mask / (1 - self.p).",
        ),
    ),
    Exercise(
        id="06-b",
        title="Functional dropout inside a network",
        section="lesson 06, Three ways to leave it on",
        solution=Net,
        adapt=lambda answer: NetAnswer(module_class(answer)),
        stages=((net_drops_hidden_units,), (net_is_silent,)),
        bank=NET_ROWS,
        hints=(
            "Two nn.Linear layers, 8 to 32 and 32 to 3, with F.relu and F.dropout between them.",
            "F.dropout takes p and training. A module knows its own mode as self.training.",
        ),
    ),
    Exercise(
        id="06-c",
        title="Attention that is silent in evaluation",
        section="lesson 06, Attention does not know about eval()",
        solution=attention,
        adapt=callable_answer(AttentionAnswer),
        stages=((attention_in_evaluation,), (attention_in_training,)),
        bank=ATTENTION_ROWS,
        hints=(
            "F.scaled_dot_product_attention takes dropout_p and has no training argument.",
            "Pass p in training and 0.0 otherwise.",
        ),
    ),
)
