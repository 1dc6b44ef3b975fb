"""Exercises of lesson 18."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dropout_lab.checks.bank.deciding import DETECTION_ROWS, RISK_ROWS
from dropout_lab.checks.bank.information import BALD_ROWS, THRESHOLD_ROWS
from dropout_lab.checks.exercise import Exercise
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.subjects import callable_answer


def risk_curve(doubt: Tensor, loss: Tensor) -> Tensor:
    """Return the mean loss of the k surest rows for k = 1 … N: (N,), (N,) → (N,)."""
    surest_first = loss[doubt.argsort()]
    return surest_first.cumsum(dim=0) / torch.arange(1, len(loss) + 1)


def detection(familiar: Tensor, strange: Tensor) -> Tensor:
    """Return the share of pairs in which the strange row has more doubt, a tie counting half: (N,), (M,) → ()."""
    more = strange[:, None] > familiar
    tie = strange[:, None] == familiar
    return (more + 0.5 * tie).mean()


def bald_scores(logits: Tensor) -> Tensor:
    """Return the mutual information of label and network, in nats: (T, N, K) → (N,)."""
    p = logits.softmax(dim=-1)
    mean = p.mean(dim=0)
    total = -torch.xlogy(mean, mean).sum(dim=-1)
    each = -torch.xlogy(p, p).sum(dim=-1)
    return total - each.mean(dim=0)


def threshold(scores: Tensor, alpha: float) -> float:
    """Return the ⌈(n + 1)(1 - α)⌉-th smallest of n scores, infinity if there are fewer: (n,) → float."""
    rank = int(np.ceil((len(scores) + 1) * (1 - alpha)))
    return float(scores.sort().values[rank - 1]) if rank <= len(scores) else np.inf


DOUBT = torch.tensor([0.62, 0.05, 0.31, 0.88, 0.17, 0.44, 0.73])
WRONG = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0])
COSTS = torch.tensor([0.2, 0.5, 0.1, 3.0, 0.4, 0.9, 2.0])
CURVES = (on(risk_curve, "seven rows, right or wrong", DOUBT, WRONG), on(risk_curve, "seven losses", DOUBT, COSTS))

FAMILIAR = torch.tensor([0.1, 0.5, 0.2, 0.2, 0.9])
STRANGE = torch.tensor([0.2, 0.95, 0.6])
ALARMS = (
    on(detection, "5 familiar and 3 strange rows", FAMILIAR, STRANGE),
    on(detection, "4 familiar and 2 strange rows", torch.tensor([0.3, 0.4, 0.8, 0.7]), torch.tensor([0.4, 0.1])),
)

LOGITS = torch.tensor(
    [
        [[9.0, 0.0, 0.0], [0.3, 0.2, 0.1], [2.0, -1.0, 0.5], [1.0, 3.0, 0.0]],
        [[0.0, 9.0, 0.0], [0.2, 0.3, 0.1], [0.5, 1.5, -0.5], [0.0, 2.0, 0.5]],
        [[200.0, 0.0, 0.0], [0.3, 0.1, 0.2], [-1.0, 0.0, 1.0], [2.5, 2.0, 0.0]],
    ]
)

CALIBRATION = torch.tensor(
    [0.31, 0.02, 0.77, 0.12, 0.55, 0.08, 0.93, 0.21, 0.47, 0.05, 0.64, 0.16, 0.38, 0.27, 0.84, 0.10, 0.71, 0.43, 0.19]
)
QUANTILES = (
    on(threshold, "19 scores and α = 0.25", CALIBRATION, 0.25),
    on(threshold, "19 scores and α = 0.12", CALIBRATION, 0.12),
    on(threshold, "13 scores and α = 0.3", CALIBRATION[:13], 0.3),
)
TOO_FEW = on(threshold, "6 scores and α = 0.1", CALIBRATION[:6], 0.1)

EXERCISES = (
    Exercise(
        id="18-a",
        title="The risk at every coverage",
        section="lesson 18, Stay silent when in doubt",
        solution=risk_curve,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(CURVES),),),
        bank=RISK_ROWS,
        hints=(
            "Put the losses in the order of the doubt, the surest row first.",
            "The mean of the first k is their sum, cumsum, divided by k.",
        ),
    ),
    Exercise(
        id="18-b",
        title="The AUROC of an alarm",
        section="lesson 18, Notice what is new",
        solution=detection,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(ALARMS),),),
        bank=DETECTION_ROWS,
        hints=(
            "Compare every strange row with every familiar one: strange[:, None] and familiar make a table.",
            "Count 1 where the strange one is larger and 0.5 where both are equal; divide by the number of pairs.",
        ),
    ),
    Exercise(
        id="18-c",
        title="The score of BALD",
        section="lesson 18, Ask for the labels that teach most",
        solution=bald_scores,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs((on(bald_scores, "three passes of four rows", LOGITS),)),),),
        bank=BALD_ROWS,
        hints=(
            "First the softmax of every pass; logits are not averaged.",
            "The entropy of the mean minus the mean of the entropies.",
            "torch.xlogy(p, p) is p log p, and 0 where p is 0.",
        ),
    ),
    Exercise(
        id="18-d",
        title="The conformal threshold",
        section="lesson 18, Promise a share",
        solution=threshold,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(QUANTILES),), (outputs((TOO_FEW,)),)),
        bank=THRESHOLD_ROWS,
        hints=(
            "Sort the scores and take one of them; nothing is interpolated.",
            "Its rank counts from 1: the next whole number from (n + 1) * (1 - alpha), np.ceil.",
            "With a rank above n no score is large enough: np.inf.",
        ),
    ),
)
