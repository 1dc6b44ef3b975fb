"""Slips in decisions: which rows are answered and which inputs are strange."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer


def curve(compute: Callable[[Tensor, Tensor], Tensor]) -> ValueAnswer:
    """A version of risk_curve(doubt, loss) from the losses, surest row first, and k = 1 … N."""
    return ValueAnswer(lambda doubt, loss: compute(loss[doubt.argsort()], torch.arange(1, len(loss) + 1)))


RISK_ROWS = (
    Misconception(
        "least-sure-first",
        "the rows with the most doubt are answered first. The curve then shows what you would get by keeping what you "
        "should hand over.",
        "Which row do you answer if you may answer one?",
        (curve(lambda loss, k: loss.flip(0).cumsum(0) / k),),
    ),
    Misconception(
        "divided-by-all",
        "the losses of the answered rows are divided by the number of all rows. A row that is not answered then counts "
        "as a right answer.",
        "A risk of k answers is a mean over how many?",
        (curve(lambda loss, k: loss.cumsum(0) / len(loss)), curve(lambda loss, k: loss.flip(0).cumsum(0) / len(loss))),
    ),
    Misconception(
        "order-ignored",
        "the rows were taken in the order in which they came; the doubt has no part in it.",
        "argsort of the doubt says which row is next.",
        (ValueAnswer(lambda doubt, loss: loss.cumsum(0) / torch.arange(1, len(loss) + 1)),),
    ),
    Misconception(
        "sorted-by-loss",
        "the losses themselves were sorted. That is the best possible order; it needs the answers.",
        "Order the losses by the doubt.",
        (curve(lambda loss, k: loss.sort().values.cumsum(0) / k),),
    ),
    Misconception(
        "rank-for-order",
        "loss[rank of the row] was taken. argsort twice gives ranks; argsort once gives the rows in order.",
        "The first entry you want is the number of the surest row.",
        (ValueAnswer(lambda doubt, loss: loss[doubt.argsort().argsort()].cumsum(0) / torch.arange(1, len(loss) + 1)),),
    ),
    Misconception(
        "handed-over",
        "that is the mean loss of the rows that are handed over.",
        "Average over the rows that are answered.",
        (
            curve(lambda loss, k: (loss.sum() - loss.cumsum(0)) / (len(loss) - k)),
            curve(lambda loss, k: (loss.sum() - loss.cumsum(0)) / (len(loss) - k).clamp(min=1)),
            curve(lambda loss, k: loss.flip(0).cumsum(0).flip(0) / (len(loss) - k + 1)),
        ),
    ),
    Misconception(
        "sum-for-mean",
        "the losses were added up and not divided by the number of rows answered.",
        "A risk is a loss per answer.",
        (curve(lambda loss, k: loss.cumsum(0)),),
    ),
    Misconception(
        "accuracy-for-risk",
        "that is one minus the risk, the share of right answers.",
        "The loss of a wrong row is 1.",
        (curve(lambda loss, k: 1 - loss.cumsum(0) / k),),
    ),
)


def pairs(compute: Callable[[Tensor, Tensor], Tensor]) -> ValueAnswer:
    """A version of detection(familiar, strange) from two tables of pairs: strictly more, and ties."""

    def version(familiar: Tensor, strange: Tensor) -> Tensor:
        difference = strange[:, None] - familiar
        return compute((difference > 0).double(), (difference == 0).double())

    return ValueAnswer(version)


DETECTION_ROWS = (
    Misconception(
        "sign-reversed",
        "the familiar row is asked to have more doubt. An alarm that is right nine times in ten then scores 0.1.",
        "Which of the two should look stranger?",
        (
            pairs(lambda more, tie: 1 - (more + 0.5 * tie).mean()),
            pairs(lambda more, tie: 1 - (more + tie).mean()),
            pairs(lambda more, tie: 1 - more.mean()),
        ),
    ),
    Misconception(
        "ties-lost",
        "a tie counts as a failure. A doubt that is the same for all rows would then score 0, worse than a coin.",
        "What should an alarm score that cannot tell the two apart?",
        (pairs(lambda more, tie: more.mean()),),
    ),
    Misconception(
        "ties-won",
        "a tie counts as a success. A doubt that is the same for all rows would then be perfect.",
        "What should an alarm score that cannot tell the two apart?",
        (pairs(lambda more, tie: (more + tie).mean()),),
    ),
    Misconception(
        "sum-for-mean",
        "the pairs were counted and not divided by their number.",
        "A probability is a share of the pairs.",
        (pairs(lambda more, tie: (more + 0.5 * tie).sum()), pairs(lambda more, tie: more.sum())),
    ),
    Misconception(
        "means-compared",
        "every strange row is compared with the mean or the median of the familiar ones, not with each of them.",
        "Draw one row of each kind at random. Which pairs can come?",
        (
            ValueAnswer(lambda f, s: (s > f.mean()).double().mean()),
            ValueAnswer(lambda f, s: (s > f.median()).double().mean()),
            ValueAnswer(lambda f, s: s.mean() - f.mean()),
        ),
    ),
    Misconception(
        "pairs-per-row",
        "the pairs were divided by the number of rows of one kind, so the result can exceed 1.",
        "How many pairs are there?",
        (
            pairs(lambda more, tie: (more + 0.5 * tie).sum() / more.shape[0]),
            pairs(lambda more, tie: (more + 0.5 * tie).sum() / more.shape[1]),
            pairs(lambda more, tie: (more + 0.5 * tie).sum() / sum(more.shape)),
        ),
    ),
)
