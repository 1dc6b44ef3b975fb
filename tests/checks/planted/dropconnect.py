"""Answers to 10-a, 10-b, 10-c and 10-d."""

import numpy as np
import torch


def one_by_one(h, weight, bias, p, coins):
    out = np.empty((len(h), len(weight)))
    for n in range(len(h)):
        for k in range(len(weight)):
            total = 0.0
            for d in range(h.shape[1]):
                if coins[n, k, d] >= p:
                    total += weight[k, d] * h[n, d]
            out[n, k] = total / (1 - p) + bias[k]
    return out


def row_by_row(h, weight, bias, p, coins):
    rows = []
    for x, c in zip(h, coins, strict=True):
        w = np.where(c < p, 0, weight) / (1 - p)
        rows.append(w @ x + bias)
    return np.stack(rows)


def in_torch(h, weight, bias, p, coins):
    kept = torch.from_numpy(coins).ge(p).double() / (1 - p) * torch.from_numpy(weight)
    return torch.baddbmm(torch.from_numpy(bias)[None, :, None], kept, torch.from_numpy(h)[:, :, None])[:, :, 0]


def dropped_taken_off(h, weight, bias, p, coins):
    lost = np.where(coins < p, weight * h[:, None, :], 0).sum(-1)
    return (h @ weight.T - lost) / (1 - p) + bias


def with_mask(make, scale=lambda p: 1 / (1 - p)):
    """A loop over the examples with a mask (K, D) or (D,) of `make` and a scale."""

    def call(h, weight, bias, p, coins):
        return np.array([(weight * make(coins, n, p)) @ h[n] * scale(p) + bias for n in range(len(h))])

    return call


def stored(h, weight, bias, p, coins):
    out = []
    for n in range(len(h)):
        weight *= coins[n] > p
        out.append(weight @ h[n] / (1 - p) + bias)
    return np.array(out)


def zeroed(h, weight, bias, p, coins):
    out = np.zeros((len(h), len(bias)))
    for n, c in enumerate(coins):
        weight[c < p] = 0
        out[n] = weight.dot(h[n]) / (1 - p) + bias
    return out


def stored_and_scaled(h, weight, bias, p, coins):
    out = []
    for x, c in zip(h, coins, strict=True):
        weight = weight * (c >= p) / (1 - p)
        out.append(weight @ x + bias)
    return np.array(out)


def enumerated(h, weight, p):
    """The mean square minus the squared mean, over all masks of a unit."""
    bits = np.array(list(np.ndindex(*(2,) * h.shape[1])))
    chance = p ** (1 - bits).sum(1) * (1 - p) ** bits.sum(1)
    units = np.einsum("md,kd,nd->mnk", bits, weight, h) / (1 - p)
    return np.einsum("m,mnk->nk", chance, units**2) - np.einsum("m,mnk->nk", chance, units) ** 2


def looped(h, weight, p):
    out = np.zeros((len(h), len(weight)))
    for n, x in enumerate(h):
        for k, w in enumerate(weight):
            out[n, k] = sum(a * a * b * b for a, b in zip(x, w, strict=True)) * p / (1 - p)
    return out


def product(h, weight):
    return h[:, None, :] * weight[None]


def all_units_enumerated(h, weight, v, p):
    """The variance over all 2^(K D) masks, one example after the other."""
    bits = np.array(list(np.ndindex(*(2,) * weight.size))).reshape(-1, *weight.shape)
    chance = np.where(bits, 1 - p, p).prod((1, 2))
    out = []
    for x in h:
        total = ((bits * weight) @ x / (1 - p)) @ v
        out.append(chance @ (total - chance @ total) ** 2)
    return np.array(out)


def with_covariance(h, weight, v, p):
    return np.array([v @ np.diag(var) @ v for var in looped(h, weight, p)])


def scaled_rows_first(h, weight, v, p):
    return p / (1 - p) * np.sum(product(h, v[:, None] * weight) ** 2, axis=(1, 2))


def one_draw_after_the_other(mean, variance, eps):
    total = np.zeros_like(mean)
    for e in eps:
        u = mean + variance**0.5 * e
        total += u * (u > 0)
    return total / len(eps)


def relu_in_torch(mean, variance, eps):
    mean, variance, eps = map(torch.from_numpy, (mean, variance, eps))
    return torch.relu(torch.addcmul(mean, variance.sqrt(), eps)).mean(0)


RIGHT = (
    (
        "10-a",
        (
            one_by_one,
            row_by_row,
            in_torch,
            dropped_taken_off,
            lambda h, w, b, p, c: ((c >= p) * w @ h[:, :, None]).squeeze(-1) / (1 - p) + b,
            lambda h, w, b, p, c: np.sum(np.where(c >= p, w / (1 - p), 0) * h[:, None], -1) + b,
        ),
    ),
    (
        "10-b",
        (
            enumerated,
            looped,
            lambda h, w, p: p / (1 - p) * np.einsum("nd,kd->nk", h**2, w**2),
            lambda h, w, p: (1 / (1 - p) - 1) * (product(h, w) ** 2).sum(-1),
            lambda h, w, p: p * (1 - p) * np.linalg.norm(product(h, w) / (1 - p), axis=2) ** 2,
        ),
    ),
    (
        "10-c",
        (
            all_units_enumerated,
            with_covariance,
            scaled_rows_first,
            lambda h, w, v, p: looped(h, w, p) @ (v * v),
            lambda h, w, v, p: np.einsum("k,kd,nd->n", v**2, w**2, h**2) * (1 / (1 - p) - 1),
        ),
    ),
    (
        "10-d",
        (
            one_draw_after_the_other,
            relu_in_torch,
            lambda m, v, e: np.clip(m + np.sqrt(v) * e, 0, None).mean(0),
            lambda m, v, e: np.sum(np.where(m + v**0.5 * e > 0, m + v**0.5 * e, 0), 0) / e.shape[0],
            lambda m, v, e: np.mean((abs(m + np.sqrt(v) * e) + m + np.sqrt(v) * e) / 2, axis=0),
        ),
    ),
)
WRONG = (
    (
        "10-a",
        "dropconnect-shared",
        (
            lambda h, w, b, p, c: h @ ((c[0] >= p) * w).T / (1 - p) + b,
            with_mask(lambda c, n, p: c[0] >= p),
            with_mask(lambda c, n, p: np.where(c[-1] < p, 0, 1)),
        ),
    ),
    ("10-a", "weights-overwritten", (stored, zeroed, stored_and_scaled)),
    (
        "10-a",
        "dropconnect-as-dropout",
        (
            lambda h, w, b, p, c: (h * (c[:, 0] >= p)) @ w.T / (1 - p) + b,
            with_mask(lambda c, n, p: c[n, 0] >= p),
        ),
    ),
    (
        "10-a",
        "dropout-on-output",
        (
            lambda h, w, b, p, c: (h @ w.T) * (c[:, :, 0] >= p) / (1 - p) + b,
            with_mask(lambda c, n, p: c[n, :, :1] >= p),
        ),
    ),
    (
        "10-a",
        "keep-drop-swapped",
        (
            with_mask(lambda c, n, p: c[n] < p, lambda p: 1 / p),
            lambda h, w, b, p, c: one_by_one(h, w, b, 1 - p, c),
            lambda h, w, b, p, c: np.einsum("nkd,kd,nd->nk", (c < p) / p, w, h) + b,
        ),
    ),
    (
        "10-a",
        "mask-inverted",
        (
            with_mask(lambda c, n, p: ~(c[n] >= p)),
            lambda h, w, b, p, c: np.where(c >= p, 0, w * h[:, None]).sum(2) / (1 - p) + b,
        ),
    ),
    (
        "10-a",
        "not-scaled",
        (
            with_mask(lambda c, n, p: c[n] >= p, lambda p: 1),
            lambda h, w, b, p, c: row_by_row(h, w, b * 0, p, c) * (1 - p) + b,
        ),
    ),
    (
        "10-a",
        "divided-by-p",
        (
            with_mask(lambda c, n, p: c[n] >= p, lambda p: 1 / p),
            lambda h, w, b, p, c: np.einsum("nkd,kd,nd->nk", c >= p, w, h) / p + b,
        ),
    ),
    (
        "10-a",
        "scaled-by-keep",
        (
            with_mask(lambda c, n, p: c[n] >= p, lambda p: 1 - p),
            lambda h, w, b, p, c: one_by_one(h, w, 0 * b, p, c) * (1 - p) ** 2 + b,
        ),
    ),
    (
        "10-a",
        "bias-scaled",
        (
            lambda h, w, b, p, c: (np.einsum("nkd,kd,nd->nk", c >= p, w, h) + b) / (1 - p),
            lambda h, w, b, p, c: one_by_one(h, w, b / (1 - p), p, c),
        ),
    ),
    (
        "10-a",
        "bias-forgotten",
        (
            lambda h, w, b, p, c: np.einsum("nkd,nd->nk", (c >= p) * w, h) / (1 - p),
            lambda h, w, b, p, c: np.array([(w * m / (1 - p)) @ x for x, m in zip(h, c >= p, strict=True)]),
        ),
    ),
    (
        "10-a",
        "dropped-then-ignored",
        (lambda h, w, b, p, c: h @ w.T + b, lambda h, w, b, p, c: h @ w.T / (1 - p) + b),
    ),
    (
        "10-b",
        "squares-of-sums",
        (lambda h, w, p: p / (1 - p) * (h @ w.T) ** 2, lambda h, w, p: p / (1 - p) * product(h, w).sum(-1) ** 2),
    ),
    (
        "10-b",
        "not-scaled",
        (lambda h, w, p: p * (1 - p) * h**2 @ w.T**2, lambda h, w, p: enumerated(h, w * (1 - p), p)),
    ),
    ("10-b", "scale-not-squared", (lambda h, w, p: looped(h, w, p) * (1 - p), lambda h, w, p: p * h**2 @ w.T**2)),
    ("10-b", "keep-drop-swapped", (lambda h, w, p: looped(h, w, 1 - p), lambda h, w, p: (1 / p - 1) * h**2 @ w.T**2)),
    (
        "10-b",
        "weights-not-squared",
        (
            lambda h, w, p: p / (1 - p) * (product(h, w) * h[:, None]).sum(2),
            lambda h, w, p: p / (1 - p) * np.einsum("nd,kd->nk", h**2, w),
            lambda h, w, p: looped(h, np.sqrt(np.abs(w)), p),
        ),
    ),
    (
        "10-b",
        "input-not-squared",
        (
            lambda h, w, p: p / (1 - p) * (product(h, w) * w).sum(2),
            lambda h, w, p: looped(np.sqrt(np.abs(h)), w, p),
        ),
    ),
    (
        "10-b",
        "sd-for-variance",
        (
            lambda h, w, p: np.sqrt(looped(h, w, p)),
            lambda h, w, p: (p / (1 - p)) ** 0.5 * np.linalg.norm(product(h, w), axis=-1),
        ),
    ),
    (
        "10-b",
        "mean-not-subtracted",
        (
            lambda h, w, p: enumerated(h, w, p) + product(h, w).sum(2) ** 2,
            lambda h, w, p: (h @ w.T) ** 2 + p / (1 - p) * h**2 @ w.T**2,
        ),
    ),
    (
        "10-c",
        "dropconnect-as-dropout",
        (
            lambda h, w, v, p: looped(h, (v @ w)[None], p)[:, 0],
            lambda h, w, v, p: p / (1 - p) * np.einsum("k,l,kd,ld,nd->n", v, v, w, w, h**2),
        ),
    ),
    (
        "10-c",
        "squares-of-sums",
        (
            lambda h, w, v, p: p / (1 - p) * ((h @ w.T) @ v) ** 2,
            lambda h, w, v, p: p / (1 - p) * np.einsum("nkd,k->n", product(h, w), v) ** 2,
            lambda h, w, v, p: p / (1 - p) * ((h @ w.T * v) ** 2).sum(1),
        ),
    ),
    (
        "10-c",
        "weights-not-squared",
        (
            lambda h, w, v, p: looped(h, w, p) @ v,
            lambda h, w, v, p: (looped(h, w, p) * v).sum(1),
            lambda h, w, v, p: looped(h, w, p) @ np.abs(v),
        ),
    ),
    (
        "10-c",
        "weights-ignored",
        (lambda h, w, v, p: looped(h, w, p).sum(1), lambda h, w, v, p: enumerated(h, w, p) @ np.ones(len(v))),
    ),
    (
        "10-c",
        "sds-added",
        (
            lambda h, w, v, p: np.sum(abs(v) * looped(h, w, p) ** 0.5, axis=1) ** 2,
            lambda h, w, v, p: (np.sqrt(enumerated(h, w, p)) * np.abs(v)).sum(-1),
        ),
    ),
    (
        "10-c",
        "not-scaled",
        (
            lambda h, w, v, p: scaled_rows_first(h, w, v, p) * (1 - p) ** 2,
            lambda h, w, v, p: p * (1 - p) * h**2 @ w.T**2 @ v**2,
        ),
    ),
    (
        "10-c",
        "scale-not-squared",
        (lambda h, w, v, p: scaled_rows_first(h, w, v, p) * (1 - p), lambda h, w, v, p: p * h**2 @ w.T**2 @ v**2),
    ),
    (
        "10-c",
        "keep-drop-swapped",
        (lambda h, w, v, p: scaled_rows_first(h, w, v, 1 - p), lambda h, w, v, p: (1 - p) / p * h**2 @ w.T**2 @ v**2),
    ),
    (
        "10-c",
        "sd-for-variance",
        (
            lambda h, w, v, p: with_covariance(h, w, v, p) ** 0.5,
            lambda h, w, v, p: np.sqrt(scaled_rows_first(h, w, v, p)),
        ),
    ),
    (
        "10-d",
        "relu-of-the-mean",
        (
            lambda m, v, e: m * (m > 0),
            lambda m, v, e: np.clip(np.mean(m + np.sqrt(v) * e, axis=0), 0, None),
            lambda m, v, e: np.maximum(m + np.sqrt(v) * e.mean(0), 0),
        ),
    ),
    (
        "10-d",
        "variance-for-sd",
        (lambda m, v, e: one_draw_after_the_other(m, v**2, e), lambda m, v, e: np.clip(v * e + m, 0, None).mean(0)),
    ),
    (
        "10-d",
        "relu-forgotten",
        (lambda m, v, e: np.mean(m + v**0.5 * e, 0), lambda m, v, e: m + np.sqrt(v) * e.mean(0)),
    ),
    (
        "10-d",
        "one-draw",
        (
            lambda m, v, e: one_draw_after_the_other(m, v, e[:1]),
            lambda m, v, e: np.clip(m + np.sqrt(v) * e, 0, None)[-1],
        ),
    ),
    (
        "10-d",
        "sum-for-mean",
        (
            lambda m, v, e: one_draw_after_the_other(m, v, e) * len(e),
            lambda m, v, e: sum(np.maximum(m + np.sqrt(v) * z, 0) for z in e),
        ),
    ),
    (
        "10-d",
        "centred-on-zero",
        (
            lambda m, v, e: one_draw_after_the_other(np.zeros_like(m), v, e),
            lambda m, v, e: one_draw_after_the_other(0 * m, v, e) + m,
        ),
    ),
)
