"""Slips in what to ask and what a set promises: the information of a label, the level of a conformal set."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dropout_lab.checks.bank.uncertainty import bare_entropy, entropy
from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer


def of_entropies(
    combine: Callable[[Tensor, Tensor], Tensor], each: Callable[[Tensor], Tensor] = entropy
) -> ValueAnswer:
    """A version of bald_scores(logits) from the entropy of the mean and the entropies of the passes, (T, N)."""

    def version(logits: Tensor) -> Tensor:
        p = logits.softmax(-1)
        return combine(each(p.mean(0)), each(p))

    return ValueAnswer(version)


def from_mean_logit(logits: Tensor) -> Tensor:
    return entropy(logits.mean(0).softmax(-1))


def votes(logits: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).float().mean(0)


BALD_ROWS = (
    Misconception(
        "total-for-epistemic",
        "that is the entropy of the mean. It is also high where all passes agree that a row is a toss-up, and a label "
        "would settle nothing there.",
        "Take away what would be left of the doubt if you knew which pass is right.",
        (of_entropies(lambda total, each: total),),
    ),
    Misconception(
        "aleatoric-for-epistemic",
        "that is the mean of the entropies, the part that all passes agree on and that no label removes.",
        "What is left of the entropy of the mean when this part is taken away?",
        (of_entropies(lambda total, each: each.mean(0)),),
    ),
    Misconception(
        "mutual-information-swapped",
        "the difference is the wrong way round: the largest score is then the row with the least to learn from.",
        "Which is larger, the entropy of an average or the average of the entropies?",
        (of_entropies(lambda total, each: each.mean(0) - total),),
    ),
    Misconception(
        "mutual-information-swapped",
        "a pass that is certain has a probability of 0, and 0 · log 0 became NaN. Its value is 0.",
        "torch.xlogy knows the limit of x log x at 0.",
        (
            of_entropies(lambda total, each: total - each.mean(0), bare_entropy),
            of_entropies(lambda total, each: each.mean(0) - total, bare_entropy),
        ),
    ),
    Misconception(
        "logits-averaged",
        "the logits were averaged and then made probabilities. The mean prediction is the mean of the probabilities.",
        "Softmax first, then the mean over the passes.",
        (
            ValueAnswer(lambda z: from_mean_logit(z) - entropy(z.softmax(-1)).mean(0)),
            ValueAnswer(from_mean_logit),
        ),
    ),
    Misconception(
        "labels-averaged",
        "that is the entropy of the votes. A pass that favours a class by a hair then counts like one that is certain.",
        "Average the probabilities, not the favourites.",
        (
            ValueAnswer(lambda z: entropy(votes(z))),
            ValueAnswer(lambda z: entropy(votes(z)) - entropy(z.softmax(-1)).mean(0)),
        ),
    ),
    Misconception(
        "variance-for-information",
        "that is a variance of the probabilities. It also measures disagreement, in other units and another order.",
        "BALD is a difference of two entropies.",
        (
            ValueAnswer(lambda z: z.softmax(-1).var(0).sum(-1)),
            ValueAnswer(lambda z: z.softmax(-1).var(0, unbiased=False).sum(-1)),
            ValueAnswer(lambda z: z.softmax(-1).var(0).mean(-1)),
            ValueAnswer(lambda z: z.softmax(-1).var(0, unbiased=False).mean(-1)),
        ),
    ),
    Misconception(
        "bits-not-nats",
        "the logarithm has base 2, so the result is in bits; nats were asked for.",
        "Use the natural logarithm.",
        (of_entropies(lambda total, each: (total - each.mean(0)) / math.log(2)),),
    ),
)


def ranked(rank: Callable[[int, float], float]) -> ValueAnswer:
    """A version of threshold(scores, alpha) that takes the score of another rank; beyond n it is infinite."""

    def version(scores: Tensor, alpha: float) -> float:
        r = max(1, int(rank(len(scores), alpha)))
        return float(scores.sort().values[r - 1]) if r <= len(scores) else math.inf

    return ValueAnswer(version)


def clamped(rank: Callable[[int, float], float]) -> ValueAnswer:
    """The same, but beyond n it is the largest score."""

    def version(scores: Tensor, alpha: float) -> float:
        return float(scores.sort().values[min(len(scores), max(1, int(rank(len(scores), alpha)))) - 1])

    return ValueAnswer(version)


def interpolated(level: Callable[[int, float], float]) -> ValueAnswer:
    """A version that interpolates a quantile, as torch.quantile and np.quantile do."""
    return ValueAnswer(lambda scores, alpha: scores.quantile(min(1.0, level(len(scores), alpha))))


THRESHOLD_ROWS = (
    Misconception(
        "no-finite-sample",
        "that is the (1 − α)-quantile of the n scores. The new row is one more, and with its place counted the rank is "
        "⌈(n + 1)(1 − α)⌉; without it the promise is broken a little, most with few rows.",
        "Among how many rows has the new one an equal chance of every place?",
        (
            ranked(lambda n, a: math.ceil(n * (1 - a))),
            clamped(lambda n, a: math.ceil(n * (1 - a))),
            ranked(lambda n, a: n * (1 - a)),
            interpolated(lambda n, a: 1 - a),
        ),
    ),
    Misconception(
        "quantile-interpolated",
        "a value between two scores was made. The promise is one about ranks: take a score.",
        'np.quantile takes method="higher", torch.quantile interpolation="higher".',
        (
            interpolated(lambda n, a: (n + 1) * (1 - a) / n),
            interpolated(lambda n, a: math.ceil((n + 1) * (1 - a)) / n),
        ),
    ),
    Misconception(
        "rank-rounded-down",
        "the rank was rounded down, which promises less than 1 − α.",
        "A promise of at least 1 − α needs the next whole number.",
        (ranked(lambda n, a: math.floor((n + 1) * (1 - a))), clamped(lambda n, a: math.floor((n + 1) * (1 - a)))),
    ),
    Misconception(
        "wrong-tail",
        "that is the α-quantile, the wrong end: the sets would hold a share of α.",
        "A large score is a bad miss. Which share of the rows is to lie below the threshold?",
        (
            ranked(lambda n, a: math.ceil((n + 1) * a)),
            ranked(lambda n, a: math.ceil(n * a)),
            ranked(lambda n, a: (n + 1) * a),
            interpolated(lambda n, a: a),
            ranked(lambda n, a: n + 1 - math.ceil((n + 1) * (1 - a))),
        ),
    ),
    Misconception(
        "two-sided",
        "half of α was spent on each side. A score has one bad side.",
        "Only large scores are misses.",
        (ranked(lambda n, a: math.ceil((n + 1) * (1 - a / 2))), clamped(lambda n, a: math.ceil((n + 1) * (1 - a / 2)))),
    ),
    Misconception(
        "off-by-one",
        "that is the next larger score: ranks count from 1, indices from 0.",
        "At which index of the sorted scores stands the first of them?",
        (
            ranked(lambda n, a: math.ceil((n + 1) * (1 - a)) + 1),
            clamped(lambda n, a: math.ceil((n + 1) * (1 - a)) + 1),
        ),
    ),
    Misconception(
        "too-few-rows",
        "there are not enough scores for this α, and the largest of them was returned. A set that ends there promises "
        "n/(n + 1), which is less than 1 − α.",
        "With fewer rows than the rank asks for, which threshold is never exceeded?",
        (clamped(lambda n, a: math.ceil((n + 1) * (1 - a))),),
    ),
)
