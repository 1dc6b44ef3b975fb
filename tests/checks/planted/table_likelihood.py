"""Answers to 19-a."""

import math
import statistics

import numpy as np
import torch
from torch.distributions import Categorical, MixtureSameFamily, Normal


def with_distributions(passes, y, centre, scale, tau):
    mixture = MixtureSameFamily(
        Categorical(torch.ones(len(y), len(passes))), Normal((centre + scale * passes).T, tau**-0.5)
    )
    return mixture.log_prob(y).mean()


def point_by_point(passes, y, centre, scale, tau):
    scores = []
    for n in range(len(y)):
        terms = [-0.5 * tau * float(y[n] - (float(p) * scale + centre)) ** 2 for p in passes[:, n]]
        top = max(terms)
        scores.append(top + math.log(sum(math.exp(t - top) for t in terms) / len(terms)))
    return statistics.mean(scores) + 0.5 * math.log(tau / (2 * math.pi))


def standardised_throughout(passes, y, centre, scale, tau):
    normal = Normal(passes, 1 / (scale * math.sqrt(tau)))
    log_p = normal.log_prob((y - centre) / scale).logsumexp(dim=0) - math.log(passes.shape[0])
    return log_p.mean() - math.log(scale)


def in_pieces(passes, y, centre, scale, tau):
    total = torch.full(y.shape, -math.inf, dtype=torch.float64)
    for p in passes:
        total = torch.logaddexp(total, -0.5 * tau * (p * scale + centre - y).square())
    return float(total.mean()) - math.log(len(passes)) - 0.5 * math.log(2 * math.pi / tau)


def in_numpy(passes, y, centre, scale, tau):
    log_p = -0.5 * tau * np.square(y.numpy() - scale * passes.numpy() - centre)
    return (np.logaddexp.reduce(log_p, axis=0) + 0.5 * np.log(tau / 2 / np.pi) - np.log(len(log_p))).mean()


def normals(passes, y, centre, scale, tau):
    """log p (T, N)."""
    return Normal(passes * scale + centre, tau**-0.5).log_prob(y)


RIGHT = (("19-a", (with_distributions, point_by_point, standardised_throughout, in_pieces, in_numpy)),)
WRONG = (
    (
        "19-a",
        "log-of-zero",
        (
            lambda s, y, c, k, tau: normals(s, y, c, k, tau).exp().mean(dim=0).log().mean(),
            lambda s, y, c, k, tau: np.mean(
                [math.log(max(0.0, float(p))) if p > 0 else -math.inf for p in normals(s, y, c, k, tau).exp().mean(0)]
            ),
        ),
    ),
    (
        "19-a",
        "standardised-units",
        (
            lambda s, y, c, k, tau: normals(s, (y - c) / k, 0.0, 1.0, tau).logsumexp(0).mean() - math.log(len(s)),
            lambda s, y, c, k, tau: in_numpy(s, (y - c) / k, 0.0, 1.0, tau * k * k),
            lambda s, y, c, k, tau: standardised_throughout(s, y, c, k, tau) + math.log(k),
        ),
    ),
    (
        "19-a",
        "loglik-order",
        (
            lambda s, y, c, k, tau: normals(s, y, c, k, tau).mean(),
            lambda s, y, c, k, tau: normals(s.mean(0), y, c, k, tau).mean(),
            lambda s, y, c, k, tau: Normal(s.mean(0) * k + c, (s.var(0) * k**2 + 1 / tau).sqrt()).log_prob(y).mean(),
        ),
    ),
    (
        "19-a",
        "passes-added",
        (
            lambda s, y, c, k, tau: torch.logsumexp(normals(s, y, c, k, tau), 0).mean(),
            lambda s, y, c, k, tau: in_pieces(s, y, c, k, tau) + math.log(len(s)),
        ),
    ),
    (
        "19-a",
        "constant-missing",
        (
            lambda s, y, c, k, tau: in_numpy(s, y, c, k, tau) + 0.5 * math.log(2 * math.pi / tau),
            lambda s, y, c, k, tau: point_by_point(s, y, c, k, tau) + math.log(2 * math.pi) / 2,
            lambda s, y, c, k, tau: in_pieces(s, y, c, k, tau) - 0.5 * math.log(tau),
        ),
    ),
    (
        "19-a",
        "tau-for-variance",
        (
            lambda s, y, c, k, tau: with_distributions(s, y, c, k, 1 / tau),
            lambda s, y, c, k, tau: (Normal(c + k * s, tau**0.5).log_prob(y).logsumexp(0) - math.log(len(s))).mean(),
            lambda s, y, c, k, tau: (Normal(c + k * s, 1 / tau).log_prob(y).logsumexp(0) - math.log(len(s))).mean(),
        ),
    ),
    (
        "19-a",
        "sum-for-mean",
        (
            lambda s, y, c, k, tau: with_distributions(s, y, c, k, tau) * len(y),
            lambda s, y, c, k, tau: (normals(s, y, c, k, tau).logsumexp(0) - math.log(len(s))).sum(),
        ),
    ),
    (
        "19-a",
        "negative-log-likelihood",
        (
            lambda s, y, c, k, tau: -with_distributions(s, y, c, k, tau),
            lambda s, y, c, k, tau: (math.log(len(s)) - normals(s, y, c, k, tau).logsumexp(0)).mean(),
        ),
    ),
)
