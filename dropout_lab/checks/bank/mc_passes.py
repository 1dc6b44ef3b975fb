"""Slips in Monte-Carlo dropout: which layers are on, what is averaged, what is left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_mc import MeanAnswer

Choose = Callable[[nn.Module], bool]


def everything_but_norm(part: nn.Module) -> bool:
    return not isinstance(part, _BatchNorm)


@contextmanager
def switched_on(model: nn.Module, chosen: Choose) -> Iterator[None]:
    """The chosen parts of a model are in training mode."""
    modes = {part: part.training for part in model.modules()}
    for part in modes:
        part.training = part.training or chosen(part)
    yield
    for part, mode in modes.items():
        part.training = mode


def averaged(average: Callable[[Tensor], Tensor], chosen: Choose = everything_but_norm) -> MeanAnswer:
    """A version that makes something of the logits (T, N, K) of passes with the chosen parts on."""

    def mc_probabilities(model: nn.Module, x: Tensor, n_samples: int) -> Tensor:
        with switched_on(model, chosen), torch.no_grad():
            logits = torch.stack([model(x) for _ in range(n_samples)])
        return average(logits)

    return MeanAnswer(mc_probabilities)


def mean_probability(logits: Tensor) -> Tensor:
    return logits.softmax(-1).mean(0)


def votes(logits: Tensor) -> Tensor:
    return nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).float().mean(0)


def mean_label(logits: Tensor) -> Tensor:
    label = logits.argmax(-1).float().mean(0).round().long()
    return nn.functional.one_hot(label, logits.shape[-1]).float()


def left_in_training(model: nn.Module, x: Tensor, n_samples: int) -> Tensor:
    for part in model.modules():
        part.training = everything_but_norm(part)
    with torch.no_grad():
        return torch.stack([model(x).softmax(-1) for _ in range(n_samples)]).mean(0)


SWITCHES = "lesson 15, Switch on the dropout, and nothing else"
MEAN_ROWS = (
    Misconception(
        "identical-passes",
        "dropout was never switched on, so all passes are the same and their mean is one pass.",
        "The model arrives in evaluation mode. What does .eval() do to dropout?",
        (averaged(mean_probability, lambda part: False),),
        SWITCHES,
    ),
    Misconception(
        "logits-averaged",
        "the logits were averaged and softmax came last. The prediction is the mean of the probabilities.",
        "Softmax is not linear. In which order do softmax and mean come?",
        (averaged(lambda logits: logits.mean(0).softmax(-1)),),
    ),
    Misconception(
        "labels-averaged",
        "each pass was turned into a label before averaging, which throws away how sure it was.",
        "Average the probabilities of the passes, not their favourites.",
        (averaged(votes), averaged(mean_label)),
    ),
    Misconception(
        "softmax-over-passes",
        "softmax ran over the passes and not over the classes: each class gets the same value, one over the number of "
        "passes.",
        "In (T, N, K), which axis holds the classes?",
        (averaged(lambda logits: logits.softmax(0).mean(0)),),
    ),
    Misconception(
        "last-pass-only",
        "only one pass is in the result.",
        "Collect the passes, then take the mean over them.",
        (averaged(lambda logits: logits[-1].softmax(-1)), averaged(lambda logits: logits[0].softmax(-1))),
    ),
    Misconception(
        "not-normalised",
        "the passes were added up, or left as logits: the result does not sum to 1 over the classes.",
        "Divide by the number of passes, after softmax.",
        (averaged(lambda logits: logits.softmax(-1).sum(0)), averaged(lambda logits: logits.mean(0))),
    ),
    Misconception(
        "sites-missed",
        "some kinds of dropout stayed off. isinstance(m, nn.Dropout) misses Dropout1d to 3d, alpha dropout, recurrent "
        "layers, attention, and functions that look at self.training.",
        "Turn on everything and then put back what must stay in evaluation mode.",
        (averaged(mean_probability, lambda part: isinstance(part, nn.Dropout)),),
        SWITCHES,
    ),
    Misconception(
        "batch-norm-in-train",
        "model.train() also switches batch norm: it then uses the statistics of this batch and moves its running ones, "
        "so that predicting changes the model.",
        "After model.train(), which layers must go back to .eval()?",
        (averaged(mean_probability, lambda part: True),),
        SWITCHES,
    ),
    Misconception(
        "left-in-train-mode",
        "the model was left in training mode: the caller's next prediction is random.",
        "Remember the mode before, and put it back, also when something goes wrong.",
        (MeanAnswer(left_in_training),),
        SWITCHES,
    ),
)
