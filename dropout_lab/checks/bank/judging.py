"""Slips in how predictions are judged: what is averaged in a score, a calibration error, a coverage."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer


def score(compute: Callable[[Tensor, Tensor], Tensor]) -> ValueAnswer:
    """A version of nll_of_passes(probabilities, labels) made from p(label), (T, N)."""
    return ValueAnswer(lambda p, labels: compute(p[:, torch.arange(len(labels)), labels], p))


NLL_ROWS = (
    Misconception(
        "loglik-order",
        "the logarithm was taken before the mean over the passes: that scores single passes. The prediction is the "
        "mean of the passes, and by Jensen's inequality its score is never worse.",
        "Which prediction do you make: T of them, or one?",
        (score(lambda at, p: -at.log().mean()), score(lambda at, p: -at.log().sum(0).mean())),
    ),
    Misconception(
        "sign-of-score",
        "the sign is that of a log-likelihood. A negative log-likelihood is a loss: smaller is better, and never below "
        "0 for classes.",
        "What is the logarithm of a number between 0 and 1?",
        (score(lambda at, p: at.mean(0).log().mean()), score(lambda at, p: at.log().mean())),
    ),
    Misconception(
        "sum-for-mean",
        "the rows were added up: the result grows with the number of rows.",
        "What was asked for is the score of a row on average.",
        (score(lambda at, p: -at.mean(0).log().sum()),),
    ),
    Misconception(
        "passes-added",
        "the passes were added and not averaged, so the result falls with log T.",
        "Do your probabilities sum to 1?",
        (score(lambda at, p: -at.sum(0).log().mean()),),
    ),
    Misconception(
        "confidence-for-label",
        "that is the logarithm of the largest probability. It is the same whatever happened; a score looks at the "
        "class that came.",
        "Pick the probability at the label of each row.",
        (score(lambda at, p: -p.mean(0).amax(-1).log().mean()),),
    ),
    Misconception(
        "mean-before-log",
        "the mean over the rows was taken before the logarithm. Each row is an event of its own.",
        "First a score for each row, then their mean.",
        (score(lambda at, p: -at.mean().log()),),
    ),
    Misconception(
        "bits-not-nats",
        "the logarithm has base 2, so the result is in bits; nats were asked for.",
        "Use the natural logarithm.",
        (score(lambda at, p: -at.mean(0).log2().mean()),),
    ),
)


def upper_edge_inside(confidence: Tensor, n_bins: int) -> Tensor:
    """The bin of each confidence, counted from 0, where bin b is (b/B, (b + 1)/B]."""
    return (confidence * n_bins).ceil().long().clamp(1, n_bins) - 1


def binned(
    combine: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
    bin_of: Callable[[Tensor, int], Tensor] = upper_edge_inside,
) -> ValueAnswer:
    """A version made from counts, mean confidence, accuracy and midpoint of each filled bin."""

    def version(confidence: Tensor, correct: Tensor, n_bins: int) -> Tensor:
        place = bin_of(confidence, n_bins)
        bins = [place == b for b in range(n_bins) if bool((place == b).any())]
        counts = torch.tensor([float(rows.sum()) for rows in bins])
        sure, right = (torch.stack([values[rows].mean() for rows in bins]) for values in (confidence, correct))
        middles = torch.tensor([(float(place[rows][0]) + 0.5) / n_bins for rows in bins])
        return combine(counts, sure, right, middles)

    return ValueAnswer(version)


CALIBRATION_ROWS = (
    Misconception(
        "bins-unweighted",
        "every bin counts the same. Three rows in a bin then weigh as much as three hundred.",
        "The error is to be one of a row, on average. How many rows does a bin stand for?",
        (binned(lambda n, c, a, m: (a - c).abs().mean()), binned(lambda n, c, a, m: (a - m).abs().mean())),
    ),
    Misconception(
        "gap-signed",
        "gaps of different signs cancel each other, as if all rows lay in one bin: bins that are too sure pay for bins "
        "that are not sure enough.",
        "Take the size of each gap before you average.",
        (
            binned(lambda n, c, a, m: (n * (a - c)).sum() / n.sum()),
            binned(lambda n, c, a, m: (n * (c - a)).sum() / n.sum()),
        ),
    ),
    Misconception(
        "midpoint-for-confidence",
        "the middle of the bin stands for its confidence. The rows of a bin are rarely spread evenly over it.",
        "Average the confidences of the rows in the bin.",
        (binned(lambda n, c, a, m: (n * (a - m).abs()).sum() / n.sum()),),
    ),
    Misconception(
        "worst-bin",
        "that is the largest gap, the *maximum* calibration error.",
        "Average the gaps, weighted by the rows.",
        (binned(lambda n, c, a, m: (a - c).abs().max()),),
    ),
    Misconception(
        "squared-gap",
        "the gaps were squared.",
        "Take their size.",
        (
            binned(lambda n, c, a, m: (n * (a - c) ** 2).sum() / n.sum()),
            binned(lambda n, c, a, m: ((n * (a - c) ** 2).sum() / n.sum()).sqrt()),
        ),
    ),
    Misconception(
        "edge-in-the-bin-above",
        "a confidence right on an edge went to the bin above. Bin b is ((b - 1)/B, b/B]: its upper edge belongs to it.",
        "Into which of four bins does a confidence of 0.75 go?",
        (binned(lambda n, c, a, m: (n * (a - c).abs()).sum() / n.sum(), lambda c, n_bins: (c * n_bins).long()),),
    ),
    Misconception(
        "gap-of-rows",
        "confidence was compared row by row. A row is right or wrong, 1 or 0, so a calibrated model has gaps too; only "
        "a group has an accuracy.",
        "Average inside a bin before you compare.",
        (
            ValueAnswer(lambda confidence, correct, n_bins: (confidence - correct).abs().mean()),
            ValueAnswer(lambda confidence, correct, n_bins: ((confidence - correct) ** 2).mean()),
        ),
    ),
)


def share(half: Callable[[Tensor, float], Tensor]) -> ValueAnswer:
    """A version with another half-width, from the variance of the passes and τ."""
    return ValueAnswer(lambda s, tau, y: ((y - s.mean(0)).abs() <= half(s.var(0), tau)).double().mean())


COVERAGE_ROWS = (
    Misconception(
        "epistemic-only",
        "the interval has the spread of the passes alone. An observation also has noise of its own, of variance 1/τ.",
        "Total variance = spread of the passes + noise of an observation.",
        (share(lambda v, tau: 1.96 * v.sqrt()),),
    ),
    Misconception(
        "aleatoric-only",
        "the interval has the noise of an observation alone; the passes' spread is missing.",
        "Total variance = spread of the passes + noise of an observation.",
        (share(lambda v, tau: 1.96 * torch.full_like(v, tau**-0.5)),),
    ),
    Misconception(
        "tau-added-to-sd",
        "a standard deviation takes part in the sum. Variances add, standard deviations do not.",
        "Make both parts a variance before you add them.",
        (share(lambda v, tau: 1.96 * (v.sqrt() + tau**-0.5)), share(lambda v, tau: 1.96 * (v.sqrt() + 1 / tau))),
    ),
    Misconception(
        "variance-for-sd",
        "the variance stands where the standard deviation belongs.",
        "In which units is the half-width of an interval?",
        (share(lambda v, tau: 1.96 * (v + 1 / tau)),),
    ),
    Misconception(
        "tau-for-variance",
        "τ is a precision, one over a variance; τ itself was added.",
        "The noisier the observations, the smaller τ.",
        (share(lambda v, tau: 1.96 * (v + tau).sqrt()),),
    ),
    Misconception(
        "one-sd",
        "the interval is mean ± 1 standard deviation, which holds 68 %.",
        "How many standard deviations hold 95 % of a normal law?",
        (share(lambda v, tau: (v + 1 / tau).sqrt()),),
    ),
    Misconception(
        "missed-for-held",
        "that is the share of the observations outside.",
        "Coverage is what the interval holds.",
        (ValueAnswer(lambda s, tau, y: ((y - s.mean(0)).abs() > 1.96 * (s.var(0) + 1 / tau).sqrt()).double().mean()),),
    ),
    Misconception(
        "one-sided",
        "only one end of the interval was looked at.",
        "An observation can be too large or too small.",
        (
            ValueAnswer(lambda s, tau, y: (y - s.mean(0) <= 1.96 * (s.var(0) + 1 / tau).sqrt()).double().mean()),
            ValueAnswer(lambda s, tau, y: (s.mean(0) - y <= 1.96 * (s.var(0) + 1 / tau).sqrt()).double().mean()),
        ),
    ),
)
