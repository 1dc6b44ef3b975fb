"""Answers to 16-a, 16-b and 16-c."""

from itertools import pairwise

import numpy as np
import torch


def nll_walked(probabilities, labels):
    total = 0.0
    for n, label in enumerate(labels.tolist()):
        total -= np.log(np.mean([float(one[n, label]) for one in probabilities]))
    return total / len(labels)


def of_log_sum_exp(probabilities, labels):
    logs = probabilities.log().gather(2, labels.expand(len(probabilities), -1)[..., None])[..., 0]
    return (np.log(len(probabilities)) - logs.logsumexp(dim=0)).mean()


def picked(probabilities, labels):
    return torch.stack([one[range(len(labels)), labels] for one in probabilities])


def ece_arrays(confidence, correct, n_bins):
    c, r = confidence.numpy().astype(float), correct.numpy().astype(float)
    place = np.digitize(c, np.linspace(0, 1, n_bins + 1), right=True) - 1
    return sum(abs(r[place == b].sum() - c[place == b].sum()) for b in set(place)) / len(c)


def ece_by_sums(confidence, correct, n_bins):
    place = torch.bucketize(confidence, torch.arange(1, n_bins) / n_bins)
    gaps = torch.zeros(n_bins).index_add(0, place, correct - confidence)
    return float(gaps.abs().sum()) / confidence.numel()


def per_bin(confidence, correct, n_bins):
    """Rows, accuracy, confidence and middle of each bin that has rows."""
    edges = np.arange(n_bins + 1) / n_bins
    for low, high in pairwise(edges):
        inside = (confidence > float(low)) & (confidence <= float(high))
        if inside.sum():
            yield int(inside.sum()), correct[inside].mean(), confidence[inside].mean(), float(low + high) / 2


def ece_generator(confidence, correct, n_bins):
    return sum(n / len(confidence) * abs(a - c) for n, a, c, _ in per_bin(confidence, correct, n_bins))


def ends(samples, variance):
    half = 1.96 * variance**0.5
    return samples.mean(0) - half, samples.mean(0) + half


def held(samples, variance, y):
    low, high = ends(samples, variance)
    return ((low <= y) * (y <= high)).sum() / len(y)


def held_walked(samples, precision, y):
    count = 0
    for n in range(len(y)):
        column = samples[:, n].numpy()
        count += abs(float(y[n]) - column.mean()) <= 1.96 * np.sqrt(column.var(ddof=1) + 1 / precision)
    return count / len(y)


def standardised(samples, precision, y):
    z = (y - samples.mean(0)) / torch.sqrt(torch.var(samples, dim=0) + precision**-1)
    return (z.abs() <= 1.96).float().mean()


RIGHT = (
    (
        "16-a",
        (
            nll_walked,
            of_log_sum_exp,
            lambda p, labels: -picked(p, labels).mean(0).log().mean(),
            lambda p, labels: torch.nn.functional.nll_loss(p.mean(0).log(), labels),
            lambda p, labels: -(torch.eye(3)[labels] * torch.log(p.sum(0) / len(p))).sum(1).mean(),
        ),
    ),
    (
        "16-b",
        (
            ece_arrays,
            ece_by_sums,
            ece_generator,
            lambda c, r, n: (
                sum(abs(float((r - c)[torch.ceil(c * n) == b].sum())) for b in range(1, n + 1)) / float(len(c))
            ),
            lambda c, r, n: torch.stack(
                [((r - c) * ((c > b / n) & (c <= (b + 1) / n))).mean().abs() for b in range(n)]
            ).sum(),
        ),
    ),
    (
        "16-c",
        (
            held_walked,
            standardised,
            lambda s, tau, y: held(s, s.var(0) + 1 / tau, y),
            lambda s, tau, y: 1 - ((y - s.mean(0)) ** 2 > 1.96**2 * (s.var(0) + 1 / tau)).double().mean(),
            lambda s, tau, y: np.mean(
                np.abs((y - s.mean(0)).numpy()) <= 1.96 * (s.std(0) ** 2 + 1 / tau).numpy() ** 0.5
            ),
        ),
    ),
)
WRONG = (
    (
        "16-a",
        "loglik-order",
        (
            lambda p, labels: -torch.log(picked(p, labels)).mean(),
            lambda p, labels: torch.stack([torch.nn.functional.nll_loss(one.log(), labels) for one in p]).mean(),
        ),
    ),
    (
        "16-a",
        "sign-of-score",
        (
            lambda p, labels: -nll_walked(p, labels),
            lambda p, labels: torch.log(picked(p, labels).mean(0)).sum() / len(labels),
        ),
    ),
    (
        "16-a",
        "sum-for-mean",
        (
            lambda p, labels: nll_walked(p, labels) * len(labels),
            lambda p, labels: torch.nn.functional.nll_loss(p.mean(0).log(), labels, reduction="sum"),
        ),
    ),
    (
        "16-a",
        "passes-added",
        (
            lambda p, labels: torch.nn.functional.nll_loss(p.sum(0).log(), labels),
            lambda p, labels: -picked(p, labels).log().logsumexp(0).mean(),
        ),
    ),
    (
        "16-a",
        "confidence-for-label",
        (
            lambda p, labels: -p.mean(0).max(1).values.log().mean(),
            lambda p, labels: torch.nn.functional.nll_loss(p.mean(0).log(), p.mean(0).argmax(1)),
        ),
    ),
    (
        "16-a",
        "mean-before-log",
        (
            lambda p, labels: -torch.log(picked(p, labels).mean()),
            lambda p, labels: -np.log(float(picked(p, labels).sum()) / p.shape[0] / p.shape[1]),
        ),
    ),
    (
        "16-a",
        "bits-not-nats",
        (
            lambda p, labels: nll_walked(p, labels) / np.log(2),
            lambda p, labels: -torch.log2(picked(p, labels).mean(0)).mean(),
        ),
    ),
    (
        "16-b",
        "bins-unweighted",
        (
            lambda c, r, n: np.mean([abs(float(a - m)) for _, a, m, _ in per_bin(c, r, n)]),
            lambda c, r, n: sum(abs(a - m) for _, a, m, _ in per_bin(c, r, n)) / sum(1 for row in per_bin(c, r, n)),
        ),
    ),
    (
        "16-b",
        "gap-signed",
        (
            lambda c, r, n: sum(k * (m - a) for k, a, m, _ in per_bin(c, r, n)) / len(c),
            lambda c, r, n: r.mean() - c.mean(),
        ),
    ),
    (
        "16-b",
        "midpoint-for-confidence",
        (
            lambda c, r, n: sum(k * abs(a - middle) for k, a, _, middle in per_bin(c, r, n)) / len(c),
            lambda c, r, n: (
                sum(abs(float((r - (b + 0.5) / n)[(c > b / n) & (c <= (b + 1) / n)].sum())) for b in range(n)) / len(c)
            ),
        ),
    ),
    (
        "16-b",
        "worst-bin",
        (
            lambda c, r, n: max(abs(a - m) for _, a, m, _ in per_bin(c, r, n)),
            lambda c, r, n: np.max([float((a - m).abs()) for _, a, m, _ in per_bin(c, r, n)]),
        ),
    ),
    (
        "16-b",
        "squared-gap",
        (
            lambda c, r, n: sum(k * (a - m) ** 2 for k, a, m, _ in per_bin(c, r, n)) / len(c),
            lambda c, r, n: (sum(k * (a - m) ** 2 for k, a, m, _ in per_bin(c, r, n)) / len(c)) ** 0.5,
        ),
    ),
    (
        "16-b",
        "edge-in-the-bin-above",
        (
            lambda c, r, n: torch.zeros(n).index_add(0, (c * n).floor().long(), r - c).abs().sum() / len(c),
            lambda c, r, n: np.abs(np.histogram(c, n, (0, 1), weights=r - c)[0]).sum() / len(c),
        ),
    ),
    (
        "16-b",
        "gap-of-rows",
        (
            lambda c, r, n: torch.where(r == 1, 1 - c, c).mean(),
            lambda c, r, n: np.mean(np.square((r - c).numpy())),
        ),
    ),
    (
        "16-b",
        "gap-signed",
        (lambda c, r, n: abs(r.mean() - c.mean()), lambda c, r, n: (c.sum() - r.sum()).abs() / len(c)),
    ),
    (
        "16-c",
        "epistemic-only",
        (
            lambda s, tau, y: held(s, s.var(0), y),
            lambda s, tau, y: (((y - s.mean(0)) / s.std(0)).abs() <= 1.96).float().mean(),
        ),
    ),
    (
        "16-c",
        "aleatoric-only",
        (
            lambda s, tau, y: held(s, torch.tensor(1 / tau), y),
            lambda s, tau, y: ((y - s.mean(0)).abs() * tau**0.5 <= 1.96).float().mean(),
        ),
    ),
    (
        "16-c",
        "tau-added-to-sd",
        (
            lambda s, tau, y: held(s, (s.std(0) + 1 / tau) ** 2, y),
            lambda s, tau, y: held(s, (s.std(0) + tau**-0.5) ** 2, y),
        ),
    ),
    (
        "16-c",
        "variance-for-sd",
        (
            lambda s, tau, y: held(s, (s.var(0) + 1 / tau) ** 2, y),
            lambda s, tau, y: ((y - s.mean(0)).abs() < 1.96 * (s.std(0) ** 2 + 1 / tau)).float().mean(),
        ),
    ),
    (
        "16-c",
        "tau-for-variance",
        (
            lambda s, tau, y: held(s, s.var(0) + tau, y),
            lambda s, tau, y: ((y - s.mean(0)) ** 2 <= 1.96**2 * (s.var(0) + tau)).float().mean(),
        ),
    ),
    (
        "16-c",
        "one-sd",
        (
            lambda s, tau, y: held(s, (s.var(0) + 1 / tau) / 1.96**2, y),
            lambda s, tau, y: ((y - s.mean(0)) ** 2 <= s.var(0) + 1 / tau).float().mean(),
        ),
    ),
    (
        "16-c",
        "missed-for-held",
        (
            lambda s, tau, y: 1 - held(s, s.var(0) + 1 / tau, y),
            lambda s, tau, y: 1 - standardised(s, tau, y),
        ),
    ),
    (
        "16-c",
        "one-sided",
        (
            lambda s, tau, y: (y <= ends(s, s.var(0) + 1 / tau)[1]).float().mean(),
            lambda s, tau, y: (y >= ends(s, s.var(0) + 1 / tau)[0]).float().mean(),
        ),
    ),
)
