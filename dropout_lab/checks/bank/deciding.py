"""Slips in decisions: which rows are answered, which inputs are strange, what to ask, what a set promises."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dropout_lab.checks.bank.uncertainty import bare_entropy, entropy
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
