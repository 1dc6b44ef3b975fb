"""Answers to 04-a, 04-b and 04-c."""

import numpy as np


def walked(x, w, p):
    total = 0
    for row in x:
        for value, weight in zip(row, w, strict=True):
            total += (weight * value) ** 2 * p / (1 - p)
    return total


def enumerated(x, w, p):
    """The mean over all masks of the squared noise."""
    total = 0.0
    for row in x:
        for bits in np.ndindex(*(2,) * len(w)):
            m = np.array(bits)
            chance = np.prod(np.where(m, 1 - p, p))
            total += chance * ((m * row / (1 - p) - row) @ w) ** 2
    return total


def augmented(x, y, p):
    more = np.diag(np.sqrt(p / (1 - p)) * np.linalg.norm(x, axis=0))
    return np.linalg.lstsq(np.concatenate([x, more]), np.concatenate([y, np.zeros(x.shape[1])]), rcond=None)[0]


def divided_diagonal(x, y, p):
    g = x.T @ x
    g[np.diag_indices(len(g))] /= 1 - p
    return np.linalg.inv(g) @ (x.T @ y)


def on_rescaled(x, y, p):
    size = np.sqrt((x**2).sum(0))
    z = x / size
    return np.linalg.solve(z.T @ z + p / (1 - p) * np.eye(x.shape[1]), z.T @ y) / size


def all_masks_fitted(x, y, p):
    d = x.shape[1]
    masks = np.array(list(np.ndindex(*(2,) * d)))
    chance = np.prod(np.where(masks, 1 - p, p), axis=1)
    rows = (masks[:, None] * x / (1 - p)).reshape(-1, d)
    weight = np.sqrt(np.repeat(chance, len(x)))
    return np.linalg.lstsq(rows * weight[:, None], np.tile(y, len(masks)) * weight, rcond=None)[0]


def descended(x, y, p):
    w = np.zeros(x.shape[1])
    for _ in range(400):
        w -= 0.02 * (x.T @ (x @ w - y) + p / (1 - p) * (x**2).sum(0) * w)
    return w


def pis(x, w):
    return 1 / (1 + np.exp(-(x @ w)))


def logistic_walked(x, w, p):
    total = 0.0
    for row in x:
        pi = 1 / (1 + np.exp(-row @ w))
        total += 0.5 * pi * (1 - pi) * p / (1 - p) * np.sum(row**2 * w**2)
    return total


def with_fisher(x, w, p):
    fisher = np.einsum("n,nj,nj->j", pis(x, w) * (1 - pis(x, w)), x, x)
    return p / (2 * (1 - p)) * fisher.dot(w * w)


def with_differences(x, w, p):
    z, eps = x @ w, 1e-3
    bend = (np.logaddexp(0, z + eps) - 2 * np.logaddexp(0, z) + np.logaddexp(0, z - eps)) / eps**2
    return (bend * ((x * w) ** 2).sum(1)).sum() * p / (1 - p) / 2


def price(x):
    return np.einsum("ij,ij->j", x, x)


def solved(matrix, x, y):
    return np.linalg.solve(matrix, x.T @ y)


def zero_diagonal_kept(x, y, p):
    g = x.T @ x
    return solved(g / (1 - p), x, y)


RIGHT = (
    (
        "04-a",
        (
            walked,
            enumerated,
            lambda x, w, p: p / (1 - p) * np.sum((x * w) ** 2),
            lambda x, w, p: w @ np.diag(np.diag(x.T @ x)) @ w * p / (1 - p),
            lambda x, w, p: np.linalg.norm(x * w) ** 2 * (1 / (1 - p) - 1),
        ),
    ),
    ("04-b", (augmented, divided_diagonal, on_rescaled, all_masks_fitted, descended)),
    (
        "04-c",
        (
            logistic_walked,
            with_fisher,
            with_differences,
            lambda x, w, p: np.sum(((x * w) ** 2).T / (8 * np.cosh(x @ w / 2) ** 2)) * p / (1 - p),
            lambda x, w, p: (
                float(np.trace(np.diag(w**2) @ x.T @ np.diag(pis(x, w) - pis(x, w) ** 2) @ x)) * p / (1 - p) / 2
            ),
        ),
    ),
)
WRONG = (
    (
        "04-a",
        "plain-ridge",
        (
            lambda x, w, p: p / (1 - p) * w @ w,
            lambda x, w, p: len(x) * p / (1 - p) * np.sum(w**2),
            lambda x, w, p: p * np.linalg.norm(w) ** 2,
        ),
    ),
    (
        "04-a",
        "full-gram",
        (lambda x, w, p: p / (1 - p) * np.linalg.norm(x @ w) ** 2, lambda x, w, p: w @ (x.T @ x) @ w * p / (1 - p)),
    ),
    (
        "04-a",
        "squares-of-sums",
        (
            lambda x, w, p: p / (1 - p) * np.sum(w**2 * np.sum(x, 0) ** 2),
            lambda x, w, p: p / (1 - p) * ((x.sum(0) * w) ** 2).sum(),
        ),
    ),
    ("04-a", "keep-drop-swapped", (lambda x, w, p: walked(x, w, 1 - p), lambda x, w, p: (1 - p) / p * price(x) @ w**2)),
    (
        "04-a",
        "not-scaled",
        (lambda x, w, p: p * (1 - p) * price(x) @ w**2, lambda x, w, p: walked(x, w, p) * (1 - p) ** 2),
    ),
    (
        "04-a",
        "scale-not-squared",
        (lambda x, w, p: p * np.sum((x * w) ** 2), lambda x, w, p: walked(x, w, p) * (1 - p)),
    ),
    (
        "04-a",
        "mean-for-sum",
        (lambda x, w, p: p / (1 - p) * np.mean((x * w) ** 2, axis=0).sum(), lambda x, w, p: walked(x, w, p) / len(x)),
    ),
    (
        "04-a",
        "weights-not-squared",
        (lambda x, w, p: p / (1 - p) * price(x) @ w, lambda x, w, p: p / (1 - p) * price(x) @ abs(w)),
    ),
    (
        "04-b",
        "no-penalty",
        (lambda x, y, p: np.linalg.lstsq(x, y, rcond=None)[0], lambda x, y, p: np.linalg.pinv(x) @ y),
    ),
    (
        "04-b",
        "plain-ridge",
        (
            lambda x, y, p: solved(x.T @ x + p / (1 - p) * np.identity(x.shape[1]), x, y),
            lambda x, y, p: solved(x.T @ x + len(x) * p / (1 - p) * np.eye(x.shape[1]), x, y),
            lambda x, y, p: solved(x.T @ x + p * np.eye(x.shape[1]), x, y),
        ),
    ),
    ("04-b", "full-gram", (zero_diagonal_kept, lambda x, y, p: (1 - p) * np.linalg.lstsq(x, y, rcond=None)[0])),
    (
        "04-b",
        "diagonal-as-vector",
        (
            lambda x, y, p: solved(x.T @ x + p / (1 - p) * np.diag(x.T @ x), x, y),
            lambda x, y, p: solved(x.T @ x + p / (1 - p) * price(x), x, y),
            lambda x, y, p: solved(x.T @ x + p / (1 - p) * price(x).reshape(-1, 1), x, y),
        ),
    ),
    (
        "04-b",
        "keep-drop-swapped",
        (
            lambda x, y, p: augmented(x, y, 1 - p),
            lambda x, y, p: solved(x.T @ x + (1 - p) / p * np.diag(price(x)), x, y),
        ),
    ),
    (
        "04-b",
        "not-scaled",
        (
            lambda x, y, p: solved(x.T @ x + p * (1 - p) * np.diag(price(x)), x, y),
            lambda x, y, p: augmented(x, y, p * (1 - p) / (1 + p * (1 - p))),
        ),
    ),
    (
        "04-b",
        "scale-not-squared",
        (lambda x, y, p: solved(x.T @ x + p * np.diag(price(x)), x, y), lambda x, y, p: augmented(x, y, p / (1 + p))),
    ),
    (
        "04-b",
        "standard-not-inverted",
        (
            lambda x, y, p: augmented(x, y, p) / (1 - p),
            lambda x, y, p: solved((1 - p) ** 2 * x.T @ x + p * (1 - p) * np.diag(price(x)), x, y) * (1 - p),
        ),
    ),
    (
        "04-b",
        "mean-for-sum",
        (
            lambda x, y, p: solved(x.T @ x + p / (1 - p) * np.diag((x**2).mean(0)), x, y),
            lambda x, y, p: solved(x.T @ x + p / (1 - p) / len(x) * np.diag(price(x)), x, y),
        ),
    ),
    (
        "04-c",
        "curvature-ignored",
        (
            lambda x, w, p: walked(x, w, p) / 2,
            lambda x, w, p: walked(x, w, p),
            lambda x, w, p: walked(x, w, p) / 8,
        ),
    ),
    (
        "04-c",
        "half-forgotten",
        (
            lambda x, w, p: 2 * logistic_walked(x, w, p),
            lambda x, w, p: np.sum((pis(x, w) - pis(x, w) ** 2) * np.sum((x * w) ** 2, 1)) * p / (1 - p),
        ),
    ),
    (
        "04-c",
        "probability-for-curvature",
        (
            lambda x, w, p: 0.5 * p / (1 - p) * pis(x, w) @ ((x * w) ** 2).sum(1),
            lambda x, w, p: 0.5 * p / (1 - p) * (1 - pis(x, w)) @ ((x * w) ** 2).sum(1),
        ),
    ),
    (
        "04-c",
        "full-gram",
        (
            lambda x, w, p: 0.5 * p / (1 - p) * np.sum(pis(x, w) * (1 - pis(x, w)) * (x @ w) ** 2),
            lambda x, w, p: p / (1 - p) / 2 * w @ x.T @ np.diag(pis(x, w) * (1 - pis(x, w))) @ x @ w,
        ),
    ),
    (
        "04-c",
        "plain-ridge",
        (
            lambda x, w, p: p / (1 - p) / 2 * w @ w,
            lambda x, w, p: p / (1 - p) / 2 * np.sum(pis(x, w) * (1 - pis(x, w))) * w @ w,
        ),
    ),
    (
        "04-c",
        "keep-drop-swapped",
        (lambda x, w, p: logistic_walked(x, w, 1 - p), lambda x, w, p: with_fisher(x, w, p) * ((1 - p) / p) ** 2),
    ),
    (
        "04-c",
        "not-scaled",
        (
            lambda x, w, p: (1 - p) ** 2 * logistic_walked(x, w, p),
            lambda x, w, p: p * (1 - p) / 2 * (pis(x, w) * (1 - pis(x, w))) @ x**2 @ w**2,
        ),
    ),
    (
        "04-c",
        "mean-for-sum",
        (
            lambda x, w, p: logistic_walked(x, w, p) / len(x),
            lambda x, w, p: np.mean(pis(x, w) * (1 - pis(x, w)) * ((x * w) ** 2).sum(1)) * p / (1 - p) / 2,
        ),
    ),
)
