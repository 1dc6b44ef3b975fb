"""Answers to 12-a to 12-d."""

import math

import numpy as np


def flipped(p, n_steps):
    alive = 1.0
    for _ in range(n_steps):
        alive -= p * alive
    return alive


def multiplied(p, n_steps):
    return math.prod([1 - p] * n_steps)


def recursive(p, n_steps):
    return (1 - p) * recursive(p, n_steps - 1) if n_steps else 1.0


def walked(h, p, coins):
    out = np.zeros_like(h)
    n_sequences, n_steps, n_units = h.shape
    for n in range(n_sequences):
        for d in range(n_units):
            if coins[n, 0, d] >= p:
                for t in range(n_steps):
                    out[n, t, d] = h[n, t, d] / (1 - p)
    return out


def repeated(h, p, coins):
    mask = np.repeat((coins[:, 0] >= p)[:, np.newaxis], h.shape[1], axis=1)
    return np.where(mask, h / (1 - p), 0)


def with_einsum(h, p, coins):
    return np.einsum("nld,nd->nld", h, (coins[:, 0, :] >= p) / (1 - p))


def zeroed(h, p, coins):
    out = np.moveaxis(h.copy(), 1, 0)
    out[:, coins[:, 0] < p] = 0
    return np.moveaxis(out, 0, 1) / (1 - p)


def per_sequence(h, p, coins):
    return np.stack([rows * (c[0] >= p) / (1 - p) for rows, c in zip(h, coins, strict=True)])


def by_unit(c, f, i, g, p, mask):
    out = np.empty_like(c)
    for place in np.ndindex(c.shape):
        new = g[place] / (1 - p) if mask[place] else 0
        out[place] = f[place] * c[place] + i[place] * new
    return out


def selected(c, f, i, g, p, mask):
    return np.where(mask == 1, f * c + i * g / (1 - p), f * c)


def in_place(c, f, i, g, p, mask):
    c = c * f
    c += np.multiply(i, g) * (mask * (1 / (1 - p)))
    return c


def subtracted(c, f, i, g, p, mask):
    return f * c + i * g / (1 - p) - (1 - mask) * i * g / (1 - p)


def zoned(h, h_new, p):
    out = h_new.copy()
    for place in np.ndindex(h.shape):
        out[place] = np.average([h[place], h_new[place]], weights=[p, 1 - p])
    return out


RIGHT = (
    ("12-a", (flipped, multiplied, recursive, lambda p, n: math.exp(n * math.log1p(-p)), lambda p, n: pow(1 - p, n))),
    ("12-b", (walked, repeated, with_einsum, zeroed, per_sequence)),
    (
        "12-c",
        (by_unit, selected, in_place, subtracted, lambda c, f, i, g, p, mask: c * f + i * (mask * g) / (1 - p)),
    ),
    (
        "12-d",
        (
            zoned,
            lambda h, h_new, p: h + (1 - p) * (h_new - h),
            lambda h, h_new, p: h_new - p * (h_new - h),
            lambda h, h_new, p: np.tensordot([p, 1 - p], np.stack([h, h_new]), axes=1),
            lambda h, h_new, p: np.add(np.multiply(h, p), h_new) - np.multiply(p, h_new),
        ),
    ),
)
WRONG = (
    ("12-a", "one-coin-for-all-steps", (lambda p, n: 1 - p, lambda p, n: 1.0 * (1 - p) if n else 1.0)),
    ("12-a", "keep-drop-swapped", (lambda p, n: p**n, lambda p, n: math.prod([p] * n))),
    ("12-a", "linear-in-steps", (lambda p, n: 1 - p * n, lambda p, n: float(np.clip(1 - n * p, 0, 1)))),
    ("12-a", "dead-for-alive", (lambda p, n: 1 - (1 - p) ** n, lambda p, n: p * sum((1 - p) ** k for k in range(n)))),
    ("12-a", "one-kept-coin-is-enough", (lambda p, n: 1 - p**n, lambda p, n: (1 - p) * sum(p**k for k in range(n)))),
    ("12-a", "one-step-off", (lambda p, n: (1 - p) ** (n - 1), lambda p, n: flipped(p, n + 1))),
    (
        "12-b",
        "fresh-mask-each-step",
        (
            lambda h, p, coins: np.where(coins < p, 0, h / (1 - p)),
            lambda h, p, coins: np.stack([h[:, t] * (coins[:, t] >= p) / (1 - p) for t in range(h.shape[1])], axis=1),
        ),
    ),
    (
        "12-b",
        "wrong-axes",
        (
            lambda h, p, coins: h * (coins[:, :, 0] >= p)[..., None] / (1 - p),
            lambda h, p, coins: np.einsum("nld,nl->nld", h, (coins[..., 0] >= p) / (1 - p)),
        ),
    ),
    (
        "12-b",
        "one-mask-for-the-batch",
        (
            lambda h, p, coins: np.where(coins[0, 0] >= p, h, 0) / (1 - p),
            lambda h, p, coins: h * np.tile(coins[0, 0] >= p, (h.shape[0], h.shape[1], 1)) / (1 - p),
        ),
    ),
    (
        "12-b",
        "not-scaled",
        (lambda h, p, coins: walked(h, p, coins) * (1 - p), lambda h, p, coins: h * (coins[:, 0] >= p)[:, None]),
    ),
    (
        "12-b",
        "divided-by-p",
        (
            lambda h, p, coins: walked(h, p, coins) * (1 - p) / p,
            lambda h, p, coins: h * (coins[:, 0] >= p)[:, None] / p,
        ),
    ),
    (
        "12-b",
        "mask-inverted",
        (
            lambda h, p, coins: h / (1 - p) - walked(h, p, coins),
            lambda h, p, coins: h * (coins[:, 0] < p)[:, None] / (1 - p),
        ),
    ),
    (
        "12-b",
        "keep-drop-swapped",
        (
            lambda h, p, coins: walked(h, 1 - p, coins),
            lambda h, p, coins: np.where(coins[:, [0]] < p, h / p, 0),
        ),
    ),
    (
        "12-c",
        "memory-dropped",
        (
            lambda c, f, i, g, p, mask: mask * (f * c + i * g) / (1 - p),
            lambda c, f, i, g, p, mask: np.where(mask > 0, f * c + i * g, 0),
        ),
    ),
    (
        "12-c",
        "forget-path-dropped",
        (
            lambda c, f, i, g, p, mask: f * (mask * c) / (1 - p) + i * g,
            lambda c, f, i, g, p, mask: i * g + np.where(mask == 1, f * c, 0),
        ),
    ),
    (
        "12-c",
        "memory-scaled",
        (
            lambda c, f, i, g, p, mask: (f * c + i * g * mask) / (1 - p),
            lambda c, f, i, g, p, mask: by_unit(c / (1 - p), f, i, g, p, mask),
        ),
    ),
    (
        "12-c",
        "not-scaled",
        (
            lambda c, f, i, g, p, mask: f * c + i * np.where(mask == 1, g, 0),
            lambda c, f, i, g, p, mask: by_unit(c, f, i, g, 0, mask),
        ),
    ),
    (
        "12-c",
        "scaled-by-keep",
        (
            lambda c, f, i, g, p, mask: f * c + (1 - p) * i * mask * g,
            lambda c, f, i, g, p, mask: by_unit(c, f, i, g * (1 - p) ** 2, p, mask),
        ),
    ),
    (
        "12-c",
        "divided-by-p",
        (
            lambda c, f, i, g, p, mask: f * c + i * mask * g / p,
            lambda c, f, i, g, p, mask: by_unit(c, f, i, g, 1 - p, mask),
        ),
    ),
    (
        "12-c",
        "mask-inverted",
        (
            lambda c, f, i, g, p, mask: by_unit(c, f, i, g, p, 1 - mask),
            lambda c, f, i, g, p, mask: np.where(mask == 0, f * c + i * g / (1 - p), f * c),
        ),
    ),
    (
        "12-c",
        "nothing-dropped",
        (lambda c, f, i, g, p, mask: f * c + i * g, lambda c, f, i, g, p, mask: by_unit(c, f, i, g, 0, mask**0)),
    ),
    (
        "12-d",
        "keep-drop-swapped",
        (lambda h, h_new, p: zoned(h, h_new, 1 - p), lambda h, h_new, p: h + p * (h_new - h)),
    ),
    (
        "12-d",
        "scaled",
        (
            lambda h, h_new, p: zoned(h, h_new, p) / (1 - p),
            lambda h, h_new, p: h_new + p / (1 - p) * h,
            lambda h, h_new, p: h_new + p * h,
        ),
    ),
    ("12-d", "new-value-alone", (lambda h, h_new, p: h_new, lambda h, h_new, p: h + (h_new - h))),
    (
        "12-d",
        "old-value-forgotten",
        (lambda h, h_new, p: h_new - p * h_new, lambda h, h_new, p: zoned(0 * h, h_new, p)),
    ),
    ("12-d", "half-and-half", (lambda h, h_new, p: 0.5 * h + 0.5 * h_new, lambda h, h_new, p: np.mean([h, h_new], 0))),
)
