"""Answers to 11-a to 11-d."""

import math

import torch
from torch import nn
from torch.nn import functional as F


def odds(p):
    return p / (1.0 - p)


def from_a_normal(p, eps):
    noise = torch.ones_like(eps)
    noise.addcmul_(eps, torch.full_like(eps, math.sqrt(odds(p))))
    return noise


def from_the_coins_moments(p, eps):
    q = 1 - p
    values, chances = torch.tensor([0.0, 1 / q], dtype=torch.float64), torch.tensor([p, q], dtype=torch.float64)
    mean = (values * chances).sum()
    variance = (chances * (values - mean) ** 2).sum()
    return mean + variance.sqrt() * eps


def walked(h, weight, log_variance, eps):
    out = torch.zeros(len(h), len(weight), dtype=h.dtype)
    for n, row in enumerate(h):
        for k in range(len(weight)):
            v = sum(math.exp(log_variance[k, d]) * row[d] ** 2 for d in range(len(row)))
            out[n, k] = (weight[k] * row).sum() + math.sqrt(v) * eps[n, k]
    return out


def as_linear_layers(h, weight, log_variance, eps):
    return F.linear(h, weight) + eps * torch.sqrt(F.linear(h.square(), torch.exp(log_variance)))


def by_norms(h, weight, log_variance, eps):
    spread = h[:, None, :] * torch.exp(0.5 * log_variance)
    return torch.einsum("nd,kd->nk", h, weight) + torch.linalg.vector_norm(spread, dim=2) * eps


def with_a_distribution(h, weight, log_variance, eps):
    scale = (h.pow(2) @ log_variance.exp().mT).pow(0.5)
    return torch.distributions.Normal(h @ weight.mT, scale).icdf(torch.distributions.Normal(0.0, 1.0).cdf(eps))


def means(h, weight):
    return torch.mm(h, weight.t())


def variances(h, log_variance):
    return torch.einsum("nd,kd->nk", h * h, torch.exp(log_variance))


def whole_set(losses, kl, n):
    total = n / len(losses) * losses.sum() + kl.sum()
    return total / n


def paid_by_each(losses, kl, n):
    return torch.stack([loss + kl.sum() / n for loss in losses]).mean()


def weight_by_weight(weight, log_variance, threshold):
    out = weight.clone()
    for place in zip(*torch.where(torch.ones_like(weight)), strict=True):
        if log_variance[place] - 2 * torch.log(abs(weight[place])) >= threshold:
            out[place] = 0
    return out


def filled(weight, log_variance, threshold):
    return weight.masked_fill(log_variance.exp() >= math.exp(threshold) * weight.square(), 0)


def by_signal_to_noise(weight, log_variance, threshold):
    ratio = weight.abs() / torch.exp(log_variance / 2)
    return torch.where(ratio > math.exp(-threshold / 2), weight, torch.zeros_like(weight))


def clipped(weight, log_variance, threshold):
    log_alpha = (log_variance - 2 * (weight.abs() + 1e-12).log()).clamp(-8, 8)
    return weight * (log_alpha < threshold).to(weight.dtype)


class Cutter(nn.Module):
    def forward(self, weight, log_variance, threshold):
        noisy = torch.sigmoid(log_variance - weight.pow(2).log()) >= 1 / (1 + math.exp(-threshold))
        weight = weight.clone()
        weight[noisy] = 0.0
        return weight


def relative_noise(weight, log_variance):
    return log_variance.exp().div(weight * weight).log()


RIGHT = (
    (
        "11-a",
        (
            from_a_normal,
            from_the_coins_moments,
            lambda p, eps: eps.mul(odds(p) ** 0.5).add(1),
            lambda p, eps: torch.distributions.Normal(1.0, (1 / (1 - p) - 1) ** 0.5).icdf(
                torch.distributions.Normal(0.0, 1.0).cdf(eps)
            ),
            lambda p, eps: torch.lerp(torch.ones_like(eps), 1 + eps, math.sqrt(p) / math.sqrt(1 - p)),
        ),
    ),
    (
        "11-b",
        (
            walked,
            as_linear_layers,
            by_norms,
            with_a_distribution,
            lambda h, w, v, eps: (w @ h.T + (v.exp() @ (h**2).T) ** 0.5 * eps.T).T,
        ),
    ),
    (
        "11-c",
        (
            whole_set,
            paid_by_each,
            lambda losses, kl, n: (losses + kl.sum() / n).mean(),
            lambda losses, kl, n: torch.mean(losses) + kl.div(n).sum(),
            lambda losses, kl, n: losses.mean().item() + sum(kl.flatten().tolist()) / n,
        ),
    ),
    ("11-d", (weight_by_weight, filled, by_signal_to_noise, clipped, Cutter())),
)
WRONG = (
    ("11-a", "variance-for-sd", (lambda p, eps: eps * odds(p) + 1, lambda p, eps: 1 + eps * p / (1 - p))),
    (
        "11-a",
        "keep-drop-swapped",
        (
            lambda p, eps: 1 + math.sqrt(1 / p - 1) * eps,
            lambda p, eps: from_a_normal(1 - p, eps),
            lambda p, eps: torch.ones_like(eps) + eps / odds(p),
        ),
    ),
    (
        "11-a",
        "not-scaled",
        (lambda p, eps: 1 + math.sqrt(p * (1 - p)) * eps, lambda p, eps: 1 + (p - p * p) ** 0.5 * eps),
    ),
    ("11-a", "scale-not-squared", (lambda p, eps: 1 + math.sqrt(p) * eps, lambda p, eps: p**0.5 * eps + 1)),
    (
        "11-a",
        "centred-on-zero",
        (lambda p, eps: math.sqrt(odds(p)) * eps, lambda p, eps: from_a_normal(p, eps) - 1),
    ),
    (
        "11-a",
        "standard-not-inverted",
        (
            lambda p, eps: (1 - p) + math.sqrt(p * (1 - p)) * eps,
            lambda p, eps: (1 - p) * from_a_normal(p, eps),
            lambda p, eps: (1 - p) + odds(p) ** 0.5 * eps,
        ),
    ),
    (
        "11-b",
        "sds-added",
        (
            lambda h, w, v, eps: means(h, w) + torch.mm(h.abs(), v.exp().sqrt().t()) * eps,
            lambda h, w, v, eps: F.linear(h, w) + F.linear(h, (0.5 * v).exp()) * eps,
        ),
    ),
    (
        "11-b",
        "variance-for-sd",
        (
            lambda h, w, v, eps: means(h, w) + variances(h, v) * eps,
            lambda h, w, v, eps: torch.addcmul(F.linear(h, w), F.linear(h.square(), v.exp()), eps),
        ),
    ),
    (
        "11-b",
        "log-variance-for-log-sd",
        (
            lambda h, w, v, eps: means(h, w) + variances(h, 2 * v).sqrt() * eps,
            lambda h, w, v, eps: means(h, w) + torch.sqrt(h**2 @ v.exp().pow(2).T) * eps,
        ),
    ),
    (
        "11-b",
        "input-not-squared",
        (
            lambda h, w, v, eps: means(h, w) + F.linear(h.abs(), v.exp()).sqrt() * eps,
            lambda h, w, v, eps: means(h, w) + torch.sqrt(h @ torch.exp(v).T) * eps,
        ),
    ),
    (
        "11-b",
        "alpha-for-variance",
        (
            lambda h, w, v, eps: means(h, w) + F.linear(h**2, w**2 * v.exp()).sqrt() * eps,
            lambda h, w, v, eps: walked(h, w, v + 2 * w.abs().log(), eps),
        ),
    ),
    (
        "11-b",
        "centred-on-zero",
        (lambda h, w, v, eps: variances(h, v).sqrt() * eps, lambda h, w, v, eps: walked(h, 0 * w, v, eps)),
    ),
    (
        "11-b",
        "one-mask-for-the-batch",
        (
            lambda h, w, v, eps: walked(h, w, v, eps[:1].expand_as(eps)),
            lambda h, w, v, eps: means(h, w) + variances(h, v).sqrt() * eps[0],
        ),
    ),
    (
        "11-c",
        "kl-not-divided",
        (lambda losses, kl, n: losses.mean() + torch.sum(kl), lambda losses, kl, n: whole_set(losses, n * kl, n)),
    ),
    (
        "11-c",
        "kl-per-batch",
        (
            lambda losses, kl, n: losses.mean() + kl.sum() / losses.numel(),
            lambda losses, kl, n: (losses.sum() + kl.sum()) / losses.shape[0],
        ),
    ),
    (
        "11-c",
        "kl-averaged",
        (
            lambda losses, kl, n: losses.mean() + torch.mean(kl),
            lambda losses, kl, n: losses.mean() + kl.sum() / kl.numel() / n,
        ),
    ),
    (
        "11-c",
        "kl-subtracted",
        (lambda losses, kl, n: losses.mean() - torch.sum(kl / n), lambda losses, kl, n: whole_set(losses, -kl, n)),
    ),
    ("11-c", "no-kl", (lambda losses, kl, n: torch.mean(losses), lambda losses, kl, n: losses.sum() / len(losses))),
    (
        "11-c",
        "sum-for-mean",
        (
            lambda losses, kl, n: sum(losses) + torch.sum(kl) / n,
            lambda losses, kl, n: n * whole_set(losses, kl, n),
            lambda losses, kl, n: torch.cat([losses, kl.flatten()]).sum(),
        ),
    ),
    (
        "11-d",
        "noisy-kept",
        (
            lambda w, v, t: w - filled(w, v, t),
            lambda w, v, t: w.masked_fill(relative_noise(w, v) < t, 0.0),
        ),
    ),
    (
        "11-d",
        "noise-not-relative",
        (lambda w, v, t: w * (v < t), lambda w, v, t: w.masked_fill(v.exp() >= math.exp(t), 0)),
    ),
    (
        "11-d",
        "log-forgotten",
        (
            lambda w, v, t: w * (relative_noise(w, v).exp() < t),
            lambda w, v, t: w.masked_fill(v.exp() >= t * w * w, 0),
        ),
    ),
    (
        "11-d",
        "weights-not-squared",
        (
            lambda w, v, t: w * (v - torch.log(torch.abs(w)) < t),
            lambda w, v, t: w.masked_fill((v.exp() / w.abs()).log() >= t, 0),
        ),
    ),
    (
        "11-d",
        "log-variance-for-log-sd",
        (
            lambda w, v, t: w * (2 * (v - w.abs().log()) < t),
            lambda w, v, t: filled(w, 2 * v, t),
        ),
    ),
    (
        "11-d",
        "sign-forgotten",
        (
            lambda w, v, t: w * (v - 2 * torch.log(w) < t),
            lambda w, v, t: w.masked_fill(v - 2 * torch.log(w) >= t, 0),
        ),
    ),
    (
        "11-d",
        "scaled-after-pruning",
        (
            lambda w, v, t: filled(w, v, t) / (filled(w, v, t) != 0).double().mean(),
            lambda w, v, t: clipped(w, v, t) * w.numel() / (relative_noise(w, v) < t).sum(),
        ),
    ),
)
