"""Slips about what a spread, an entropy or a confidence is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer


def shares_of_votes(p: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(p.argmax(-1), p.shape[-1]).float().mean(0)


def variance(compute: Callable[[Tensor, float], Tensor]) -> ValueAnswer:
    """A version of predictive_variance(samples, precision)."""
    return ValueAnswer(compute)


VARIANCE_ROWS = (
    Misconception(
        "epistemic-only",
        "that is the spread of the passes alone. An observation also has noise of its own, of variance 1/τ; an "
        "interval without it is far too narrow.",
        "Total variance = spread of the passes + noise of an observation.",
        (variance(lambda s, tau: s.var(0)),),
    ),
    Misconception(
        "tau-added-to-sd",
        "a standard deviation takes part in the sum. Variances add, standard deviations do not.",
        "1/τ is a variance. What is the spread of the passes as a variance?",
        (
            variance(lambda s, tau: s.std(0) + 1 / tau),
            variance(lambda s, tau: (s.std(0) + 1 / tau) ** 2),
            variance(lambda s, tau: s.std(0) + (1 / tau) ** 0.5),
            variance(lambda s, tau: (s.std(0) + (1 / tau) ** 0.5) ** 2),
        ),
    ),
    Misconception(
        "tau-for-variance",
        "τ is a precision, one over a variance; τ itself was added.",
        "The noisier the observations, the smaller τ. Which of τ and 1/τ is the noise?",
        (variance(lambda s, tau: s.var(0) + tau),),
    ),
    Misconception(
        "sd-for-variance",
        "that is the predictive standard deviation, the root of the variance.",
        "In which units is a variance measured?",
        (variance(lambda s, tau: (s.var(0) + 1 / tau).sqrt()),),
    ),
    Misconception(
        "biased-variance",
        "the squared deviations were divided by T. The mean was taken from the same T passes, so T - 1 is right; at "
        "T = 5 the difference is a fifth.",
        "Tensor.var divides by T - 1, NumPy's var by T: which did you use?",
        (
            variance(lambda s, tau: s.var(0, unbiased=False) + 1 / tau),
            variance(lambda s, tau: s.var(0, unbiased=False)),
        ),
    ),
    Misconception(
        "aleatoric-only",
        "that is the noise of an observation alone; the passes' spread is missing.",
        "Total variance = spread of the passes + noise of an observation.",
        (variance(lambda s, tau: torch.full(s.shape[1:], 1 / tau)),),
    ),
)


def precision(factor: Callable[..., float]) -> ValueAnswer:
    """A version that is off by a factor, which may depend on the settings."""
    return ValueAnswer(lambda p, scale, n, w: 2 * (1 - p) * scale**2 / (n * w) * factor(p, scale, n, w))


PRECISION_ROWS = (
    Misconception(
        "tau-keep-drop",
        "the probability of dropping stands where the formula has the probability of keeping. At p = 0.1 that is a "
        "factor of 9.",
        "The paper's p keeps. How is it written with our p?",
        (precision(lambda p, scale, n, w: p / (1 - p)), precision(lambda p, scale, n, w: p / (1 - p) / 4)),
    ),
    Misconception(
        "decay-for-penalty",
        "weight_decay was taken for λ. PyTorch's loss has no ½ before the squared error, and its decay adds the "
        "gradient wθ, that of w/2 ‖θ‖².",
        "The table turns w into λ in three lines.",
        (precision(lambda p, scale, n, w: 0.25), precision(lambda p, scale, n, w: 0.5)),
    ),
    Misconception(
        "variance-for-precision",
        "that is the variance of the noise, 1/τ.",
        "A precision is one over a variance.",
        (ValueAnswer(lambda p, scale, n, w: n * w / (2 * (1 - p) * scale**2)),),
    ),
    Misconception(
        "keep-forgotten",
        "the factor 1 - p is missing.",
        "Compare your formula with the last line of the table.",
        (precision(lambda p, scale, n, w: 1 / (1 - p)),),
    ),
    Misconception(
        "length-not-squared",
        "the length scale enters squared.",
        "Compare your formula with the last line of the table.",
        (precision(lambda p, scale, n, w: 1 / scale),),
    ),
)


def entropy(p: Tensor) -> Tensor:
    return -torch.xlogy(p, p).sum(-1)


def bare_entropy(p: Tensor) -> Tensor:
    return -(p * p.log()).sum(-1)


def from_entropies(combine: Callable[[Tensor, Tensor], Tensor], each: Any = entropy) -> ValueAnswer:
    """A version that combines the entropy of the mean with the mean of the entropies."""
    return ValueAnswer(lambda p: combine(each(p.mean(0)), each(p).mean(0)))


INFORMATION_ROWS = (
    Misconception(
        "mutual-information-swapped",
        "the difference is the wrong way round. Mutual information is the entropy of the mean minus the mean of the "
        "entropies, and is never negative.",
        "Which is larger, the entropy of an average or the average of the entropies?",
        (from_entropies(lambda total, expected: expected - total),),
    ),
    Misconception(
        "mutual-information-swapped",
        "a pass that is certain has a probability of 0, and 0 · log 0 became NaN. Its value is 0.",
        "torch.xlogy knows the limit of x log x at 0.",
        (
            from_entropies(lambda total, expected: total - expected, bare_entropy),
            from_entropies(lambda total, expected: expected - total, bare_entropy),
        ),
    ),
    Misconception(
        "total-for-epistemic",
        "that is the entropy of the mean, the total uncertainty. It is also high where all passes agree on a toss-up.",
        "Take away what would be left if you knew which pass is right.",
        (from_entropies(lambda total, expected: total),),
    ),
    Misconception(
        "aleatoric-for-epistemic",
        "that is the mean of the entropies, the part that all passes agree on.",
        "What is left of the entropy of the mean when this part is taken away?",
        (from_entropies(lambda total, expected: expected),),
    ),
    Misconception(
        "bits-not-nats",
        "the logarithm has base 2, so the result is in bits; nats were asked for.",
        "Use the natural logarithm.",
        (from_entropies(lambda total, expected: (total - expected) / torch.log(torch.tensor(2.0))),),
    ),
)
CONFIDENCE_ROWS = (
    Misconception(
        "confidence-of-passes",
        "that is the mean confidence of single passes. Passes that disagree are each sure of something else; the mean "
        "prediction is not.",
        "In which order do mean and max come?",
        (ValueAnswer(lambda p: p.amax(-1).mean(0)),),
    ),
    Misconception(
        "labels-averaged",
        "that is the share of the passes that vote for the winner, not a probability that they give it.",
        "Average the probabilities before you look for the largest.",
        (ValueAnswer(lambda p: shares_of_votes(p).amax(-1)),),
    ),
    Misconception(
        "label-for-confidence",
        "that is the number of the favourite class, not its probability.",
        "argmax says which, amax says how much.",
        (ValueAnswer(lambda p: p.mean(0).argmax(-1)),),
    ),
    Misconception(
        "largest-of-all",
        "that is the largest probability that any pass gives.",
        "Average over the passes first.",
        (ValueAnswer(lambda p: p.amax(-1).amax(0)),),
    ),
)
