"""Answers to 13-a, 13-b, 13-c and 13-d."""

import numpy as np
import torch
from torch.nn import functional as F


def with_where(x, branch, p, coins):
    return np.where(coins.reshape(-1, 1), x + branch / (1 - p), x)


def row_by_row(x, branch, p, coins):
    out = []
    for a, b, coin in zip(x, branch, coins, strict=True):
        out.append(a + b / (1 - p) if coin else a)
    return out


def by_index(x, branch, p, coins):
    out = x.copy()
    out[coins] += branch[coins] / (1 - p)
    return out


def with_einsum(x, branch, p, coins):
    return x + np.einsum("n,nd->nd", coins / (1.0 - p), branch)


def in_torch(x, branch, p, coins):
    return torch.tensor(x) + torch.tensor(branch) * torch.tensor(coins)[:, None] / (1 - p)


def counted(n, p):
    total = 0
    for block in range(1, n + 1):
        total += 1 - block / n * p
    return total


def sharp(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def each_query(logits, values, p, coins):
    rows = []
    for z, m in zip(logits, coins, strict=True):
        w = np.exp(z) / np.sum(np.exp(z))
        rows.append(sum(w[s] * m[s] / (1 - p) * values[s] for s in range(len(z))))
    return np.array(rows)


def torch_attend(logits, values, p, coins):
    weights = torch.softmax(torch.tensor(logits), dim=-1)
    return weights.masked_fill(~torch.tensor(coins), 0.0) @ torch.tensor(values) / (1 - p)


def torch_loss(first, second, labels, alpha):
    a, b, y = torch.tensor(first), torch.tensor(second), torch.tensor(labels)
    both = F.cross_entropy(a, y) + F.cross_entropy(b, y)
    log_p, log_q = F.log_softmax(a, 1), F.log_softmax(b, 1)
    kl = F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)
    return both + alpha * (kl + F.kl_div(log_p, log_q, reduction="batchmean", log_target=True)) / 2


def parts(first, second, labels):
    p, q = sharp(first), sharp(second)
    n = len(labels)
    ce = [-np.log(t[range(n), labels]).sum() / n for t in (p, q)]
    return *ce, (p * np.log(p / q)).sum() / n, (q * np.log(q / p)).sum() / n


def symmetric(first, second, labels, alpha):
    c, d, _, _ = parts(first, second, labels)
    p, q = sharp(first), sharp(second)
    return c + d + alpha / 2 * np.sum((p - q) * (np.log(p) - np.log(q))) / len(labels)


def looped(first, second, labels, alpha):
    total = 0.0
    for z, w, y in zip(first, second, labels, strict=True):
        p, q = sharp(z), sharp(w)
        total += -np.log(p[y] * q[y]) + alpha * (p @ np.log(p / q) + q @ np.log(q / p)) / 2
    return total / len(labels)


RIGHT = (
    ("13-a", (with_where, row_by_row, by_index, with_einsum, in_torch)),
    (
        "13-b",
        (
            counted,
            lambda n, p: n - p * (n + 1) / 2,
            lambda n, p: np.sum(1 - np.linspace(p / n, p, n)),
            lambda n, p: sum((n - p * k) / n for k in range(1, n + 1)),
            lambda n, p: float(torch.sum(1 - p * torch.arange(1, n + 1, dtype=torch.float64) / n)),
        ),
    ),
    (
        "13-c",
        (
            each_query,
            torch_attend,
            lambda z, v, p, c: np.where(c, sharp(z), 0) @ v / (1 - p),
            lambda z, v, p, c: np.einsum("ls,sv->lv", sharp(z) * c, v / (1 - p)),
            lambda z, v, p, c: (np.exp(z - np.log(np.exp(z).sum(1))[:, None]) * c / (1 - p)).dot(v),
        ),
    ),
    (
        "13-d",
        (
            torch_loss,
            symmetric,
            looped,
            lambda f, s, y, a: sum(parts(f, s, y)[:2]) + a * np.mean(parts(f, s, y)[2:]),
            lambda f, s, y, a: torch_loss(s, f, y, a).item(),
        ),
    ),
)

WRONG = (
    (
        "13-a",
        "path-per-batch",
        (
            lambda x, b, p, c: x + b * (c[0] / (1 - p)),
            lambda x, b, p, c: np.where(c[:, None], (x + b) / (1 - p), 0),
            lambda x, b, p, c: b + np.where(c[:, None], x, 0) / (1 - p),
        ),
    ),
    (
        "13-a",
        "mask-inverted",
        (
            lambda x, b, p, c: np.where(c[:, None], x, x + b / (1 - p)),
            lambda x, b, p, c: x + (1 - c)[:, None] * b / (1 - p),
        ),
    ),
    (
        "13-a",
        "not-scaled",
        (lambda x, b, p, c: np.where(c[:, None], x + b, x), lambda x, b, p, c: x + (b.T * c).T),
    ),
    (
        "13-a",
        "divided-by-p",
        (lambda x, b, p, c: np.where(c[:, None], x + b / p, x), lambda x, b, p, c: x + (b.T * c / p).T),
    ),
    (
        "13-a",
        "scaled-by-keep",
        (lambda x, b, p, c: np.where(c[:, None], x + b * (1 - p), x), lambda x, b, p, c: x + (b.T * c).T * (1 - p)),
    ),
    (
        "13-a",
        "shortcut-scaled",
        (
            lambda x, b, p, c: np.where(c[:, None], x + b, x) / (1 - p),
            lambda x, b, p, c: x / (1 - p) + np.multiply(b, c[:, None]) / (1 - p),
        ),
    ),
    (
        "13-b",
        "schedule-from-zero",
        (
            lambda n, p: np.sum(1 - np.linspace(0, p, n)),
            lambda n, p: sum(1 - p * k / n for k in range(n)),
            lambda n, p: n * (1 - p / 2),
        ),
    ),
    ("13-b", "same-rate-everywhere", (lambda n, p: sum(1 - p for _ in range(n)), lambda n, p: n - n * p)),
    (
        "13-b",
        "keep-drop-swapped",
        (lambda n, p: np.linspace(p / n, p, n).sum(), lambda n, p: sum(p * k for k in range(1, n + 1)) / n),
    ),
    (
        "13-b",
        "rates-multiplied",
        (
            lambda n, p: np.cumprod(1 - np.linspace(p / n, p, n))[-1],
            lambda n, p: n * np.exp(np.log1p(-np.linspace(p / n, p, n)).sum()),
        ),
    ),
    ("13-b", "rate-for-depth", (lambda n, p: counted(n, p) / n, lambda n, p: np.mean(1 - np.linspace(p / n, p, n)))),
    (
        "13-c",
        "attention-sums-to-one",
        (
            lambda z, v, p, c: sharp(np.where(c, z, -np.inf)) @ v,
            lambda z, v, p, c: (sharp(z) * c) @ v / (sharp(z) * c).sum(1)[:, None],
        ),
    ),
    (
        "13-c",
        "dropped-before-softmax",
        (lambda z, v, p, c: sharp(np.where(c, z, 0) / (1 - p)) @ v, lambda z, v, p, c: sharp(np.where(c, z, 0.0)) @ v),
    ),
    (
        "13-c",
        "softmax-over-queries",
        (
            lambda z, v, p, c: (c * sharp(z.T).T / (1 - p)) @ v,
            lambda z, v, p, c: np.where(c, np.exp(z) / np.exp(z).sum(0), 0) @ v / (1 - p),
        ),
    ),
    (
        "13-c",
        "mask-inverted",
        (
            lambda z, v, p, c: np.where(c, 0, sharp(z)) @ v / (1 - p),
            lambda z, v, p, c: (1 - c) * sharp(z) / (1 - p) @ v,
        ),
    ),
    ("13-c", "not-scaled", (lambda z, v, p, c: np.where(c, sharp(z), 0) @ v, lambda z, v, p, c: sharp(z) * c @ v)),
    (
        "13-c",
        "divided-by-p",
        (lambda z, v, p, c: np.where(c, sharp(z), 0) @ v / p, lambda z, v, p, c: sharp(z) * c @ (v / p)),
    ),
    ("13-c", "not-dropped", (lambda z, v, p, c: sharp(z).dot(v), lambda z, v, p, c: sharp(z / 1).dot(v) / (1 - p))),
    (
        "13-d",
        "one-sided-divergence",
        (
            lambda f, s, y, a: sum(parts(f, s, y)[:2]) + a * parts(f, s, y)[2],
            lambda f, s, y, a: sum(parts(f, s, y)[:2]) + a * parts(f, s, y)[3],
            lambda f, s, y, a: sum(parts(f, s, y)[:2]) + 0.5 * a * parts(f, s, y)[2],
        ),
    ),
    (
        "13-d",
        "half-forgotten",
        (
            lambda f, s, y, a: sum(parts(f, s, y)[:2]) + a * sum(parts(f, s, y)[2:]),
            lambda f, s, y, a: looped(f, s, y, 2 * a),
        ),
    ),
    (
        "13-d",
        "cross-entropies-averaged",
        (
            lambda f, s, y, a: np.mean(parts(f, s, y)[:2]) + a * np.mean(parts(f, s, y)[2:]),
            lambda f, s, y, a: parts(f, s, y)[0] + a * np.mean(parts(f, s, y)[2:]),
        ),
    ),
    (
        "13-d",
        "sum-for-mean",
        (lambda f, s, y, a: looped(f, s, y, a) * len(y), lambda f, s, y, a: symmetric(f, s, y, a) * len(f)),
    ),
    (
        "13-d",
        "disagreement-rewarded",
        (lambda f, s, y, a: looped(f, s, y, -a), lambda f, s, y, a: symmetric(f, s, y, -a)),
    ),
    (
        "13-d",
        "divergence-over-classes",
        (
            lambda f, s, y, a: looped(f, s, y, a / f.shape[1]),
            lambda f, s, y, a: symmetric(f, s, y, 2 * a / f.shape[-1]),
        ),
    ),
)
