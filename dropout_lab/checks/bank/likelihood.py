"""Slips in what is averaged over passes that predict a mean and a log-variance."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer


def log_density(y: Tensor, means: Tensor, log_variances: Tensor) -> Tensor:
    return -0.5 * (log_variances + (y - means) ** 2 / log_variances.exp() + math.log(2 * math.pi))


def scored(score: Callable[[Tensor], Tensor]) -> ValueAnswer:
    """A version that makes its score of log p (T, N)."""
    return ValueAnswer(lambda y, means, log_variances: score(log_density(y, means, log_variances)))


def of_the_mean(variance: Callable[[Tensor, Tensor], Tensor]) -> ValueAnswer:
    """A version that averages the passes into one Gaussian first."""
    return ValueAnswer(lambda y, m, s: log_density(y, m.mean(0), variance(m, s).log()).mean())


def averaged(log_p: Tensor) -> Tensor:
    return (log_p.logsumexp(0) - math.log(len(log_p))).mean()


LIKELIHOOD_ROWS = (
    Misconception(
        "loglik-order",
        "the logarithm, the mean over passes and the sum over points stand in another order. The passes are averaged "
        "as densities, point by point; the logarithm comes next, and the mean over points last.",
        "p(y) of one point is the mean over passes of p(y | pass). Of which number do you take the logarithm?",
        (
            scored(lambda log_p: log_p.mean()),
            scored(lambda log_p: (log_p.sum(1).logsumexp(0) - math.log(len(log_p))) / log_p.shape[1]),
            scored(lambda log_p: log_p.sum(1).logsumexp(0) - math.log(len(log_p))),
            scored(lambda log_p: (log_p.sum() - math.log(len(log_p))) / log_p.shape[1]),
            scored(lambda log_p: log_p.sum() / log_p.shape[1]),
            scored(lambda log_p: log_p.mean(1).logsumexp(0) - math.log(len(log_p))),
            of_the_mean(lambda m, s: s.mean(0).exp()),
            of_the_mean(lambda m, s: s.exp().mean(0)),
            of_the_mean(lambda m, s: m.var(0) + s.exp().mean(0)),
            of_the_mean(lambda m, s: m.var(0, correction=0) + s.exp().mean(0)),
        ),
    ),
    Misconception(
        "log-of-zero",
        "the density was computed and then its logarithm. Far out the density is too small for a float and becomes 0, "
        "whose logarithm is -∞: one such point ruins the whole mean.",
        "logsumexp adds densities without leaving the logarithm.",
        (scored(lambda log_p: log_p.exp().mean(0).log().mean()),),
    ),
    Misconception(
        "passes-added",
        "the densities of the passes were added and not averaged, so the result grows with log T.",
        "A mean over T passes divides by T. What is that inside a logarithm?",
        (scored(lambda log_p: log_p.logsumexp(0).mean()),),
    ),
    Misconception(
        "sum-for-mean",
        "the points were added up: the result grows with the number of points.",
        "What was asked for is the log-likelihood of a point on average.",
        (scored(lambda log_p: (log_p.logsumexp(0) - math.log(len(log_p))).sum()),),
    ),
    Misconception(
        "variance-for-sd",
        "the variance stands where the standard deviation belongs, or the other way round.",
        "σ² = exp(s). What is σ?",
        (
            ValueAnswer(lambda y, m, s: averaged(log_density(y, m, 2 * s))),
            ValueAnswer(lambda y, m, s: averaged(log_density(y, m, s / 2))),
        ),
    ),
    Misconception(
        "constant-missing",
        "½ log 2π is missing from the log-density of the normal distribution.",
        "Compare with torch.distributions.Normal(0.0, 1.0).log_prob(torch.tensor(0.0)).",
        (scored(lambda log_p: averaged(log_p + 0.5 * math.log(2 * math.pi))),),
    ),
    Misconception(
        "negative-log-likelihood",
        "the sign is that of a loss.",
        "Here larger is better.",
        (scored(lambda log_p: -averaged(log_p)),),
    ),
)


def combined(combine: Callable[[Tensor, Tensor], Tensor]) -> ValueAnswer:
    """A version of total_variance(means, log_variances)."""
    return ValueAnswer(combine)


TOTAL_VARIANCE_ROWS = (
    Misconception(
        "aleatoric-exp-mean",
        "the log-variances were averaged and then exponentiated: that is the geometric mean of the variances, which "
        "is smaller. The noise of a mixture of passes is the mean of their variances.",
        "In which order do exp and mean come?",
        (
            combined(lambda m, s: m.var(0) + s.mean(0).exp()),
            combined(lambda m, s: m.var(0, correction=0) + s.mean(0).exp()),
        ),
    ),
    Misconception(
        "epistemic-only",
        "that is the spread of the passes alone; the noise that they predict is missing.",
        "Total variance = spread of the means + mean of the variances.",
        (combined(lambda m, s: m.var(0)),),
    ),
    Misconception(
        "aleatoric-only",
        "that is the predicted noise alone; the spread of the passes is missing.",
        "Total variance = spread of the means + mean of the variances.",
        (combined(lambda m, s: s.exp().mean(0)), combined(lambda m, s: s.mean(0).exp())),
    ),
    Misconception(
        "biased-variance",
        "the squared deviations were divided by T. The mean was taken from the same T passes, so T - 1 is right.",
        "Tensor.var divides by T - 1, NumPy's var by T: which did you use?",
        (combined(lambda m, s: m.var(0, correction=0) + s.exp().mean(0)),),
    ),
    Misconception(
        "log-variance-added",
        "a log-variance was added to a variance.",
        "The network predicts s = log σ². What is σ²?",
        (combined(lambda m, s: m.var(0) + s.mean(0)),),
    ),
    Misconception(
        "tau-added-to-sd",
        "standard deviations were added, or a standard deviation and a variance. Only variances add.",
        "Make both parts a variance before you add them.",
        (
            combined(lambda m, s: m.std(0) + s.exp().mean(0)),
            combined(lambda m, s: m.std(0) + s.exp().mean(0).sqrt()),
            combined(lambda m, s: m.std(0) + (s / 2).exp().mean(0)),
            combined(lambda m, s: (m.std(0) + s.exp().mean(0).sqrt()) ** 2),
            combined(lambda m, s: m.var(0) + (s / 2).exp().mean(0)),
        ),
    ),
    Misconception(
        "sd-for-variance",
        "that is the standard deviation, the root of the variance.",
        "In which units is a variance measured?",
        (combined(lambda m, s: (m.var(0) + s.exp().mean(0)).sqrt()),),
    ),
)
