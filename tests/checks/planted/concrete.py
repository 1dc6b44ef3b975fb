"""Answers to 17-a, 17-b and 17-c."""

import math

import numpy as np


def soft_walked(p, u, t):
    return np.array([1 / (1 + math.exp(-(math.log(p / (1 - p)) + math.log(v / (1 - v))) / t)) for v in u])


def soft_tanh(p, u, t):
    return 0.5 + 0.5 * np.tanh(np.log(p * u / ((1 - p) * (1 - u))) / (2 * t))


def soft_powers(p, u, t):
    dropped, kept = (p * u) ** (1 / t), ((1 - p) * (1 - u)) ** (1 / t)
    return dropped / (dropped + kept)


def soft_kept(p, u, t):
    keep = 1 / (1 + np.exp((np.log(p) - np.log1p(-p) + np.log(u) - np.log1p(-u)) / t))
    return 1 - keep


def soft_softmax(p, u, t):
    logits = np.stack([np.log(p * u), np.log((1 - p) * (1 - u))]) / t
    e = np.exp(logits - logits.max(axis=0))
    return (e / e.sum(axis=0))[0]


def squash(a):
    return 0.5 * (1 + np.tanh(a / 2))


def odds(p):
    return np.log(p / (1 - p))


def walked(weight, p, length):
    total = 0.0
    for row in weight:
        for value in row:
            total += (length * value) ** 2 / (1 - p) / 2
    for _ in range(len(weight[0])):
        total += p * math.log(p) + (1 - p) * math.log(1 - p)
    return total


def columns(weight, p, length):
    h = -sum(a * np.log(a) for a in (p, 1 - p))
    return sum(length**2 * column @ column / (2 * (1 - p)) - h for column in weight.T)


def unscaled(weight, p, length):
    m = weight / (1 - p)
    return (1 - p) * length**2 / 2 * np.trace(m @ m.T) + m.shape[1] * (p * np.log(p) + (1 - p) * np.log1p(-p))


def with_logits(weight, p, length):
    a = odds(p)
    return length**2 / 2 * np.linalg.norm(weight) ** 2 * (1 + np.exp(a)) - weight.shape[1] * (
        np.logaddexp(0, a) - p * a
    )


def einsummed(weight, p, length):
    _, d = weight.shape
    return 0.5 * length**2 / (1 - p) * np.einsum("kd,kd->", weight, weight) + d * (
        np.log(p**p) + np.log((1 - p) ** (1 - p))
    )


def prior(weight, p, length):
    return length**2 * np.square(weight).sum() / (1 - p) / 2


def coin(p):
    return -(p * math.log(p) + (1 - p) * math.log(1 - p))


def loss_walked(out, y, sd, kls, n):
    total = 0.0
    for a, b in zip(out, y, strict=True):
        total += 0.5 * ((b - a) / sd) ** 2
    return total / len(out) + sum(kls) / n


def loss_whole(out, y, sd, kls, n):
    whole = n * np.mean((out - y) ** 2) / (2 * sd**2) + np.sum(kls)
    return whole / n


def loss_density(out, y, sd, kls, n):
    density = np.exp(-(((out - y) / sd) ** 2) / 2)
    return -np.log(density).mean() + kls.sum() / n


def loss_dot(out, y, sd, kls, n):
    e = (out - y) / sd
    return e @ e / len(e) / 2 + kls @ np.ones(len(kls)) / n


def loss_precision(out, y, sd, kls, n):
    tau = sd**-2.0
    return np.average(tau / 2 * (y - out) ** 2) + np.sum(kls / n)


def misfit(out, y, sd):
    return np.average(((out - y) / sd) ** 2) / 2


RIGHT = (
    ("17-a", (soft_walked, soft_tanh, soft_powers, soft_kept, soft_softmax)),
    ("17-b", (walked, columns, unscaled, with_logits, einsummed)),
    ("17-c", (loss_walked, loss_whole, loss_density, loss_dot, loss_precision)),
)
WRONG = (
    (
        "17-a",
        "keep-drop-swapped",
        (
            lambda p, u, t: 1 - soft_powers(p, u, t),
            lambda p, u, t: soft_tanh(1 - p, u, t),
            lambda p, u, t: squash((np.log1p(-p) - np.log(p) + np.log(u) - np.log1p(-u)) / t),
        ),
    ),
    (
        "17-a",
        "temperature-multiplied",
        (lambda p, u, t: soft_powers(p, u, 1 / t), lambda p, u, t: squash(t * (odds(p) + odds(u)))),
    ),
    (
        "17-a",
        "temperature-on-one-term",
        (
            lambda p, u, t: squash(odds(p) + (np.log(u) - np.log1p(-u)) / t),
            lambda p, u, t: squash(odds(u) + odds(p) / t),
        ),
    ),
    (
        "17-a",
        "temperature-forgotten",
        (lambda p, u, t: soft_walked(p, u, 1), lambda p, u, t: squash(odds(p) + odds(u))),
    ),
    (
        "17-a",
        "log-for-log-odds",
        (
            lambda p, u, t: squash((math.log(p) + odds(u)) / t),
            lambda p, u, t: squash((odds(p) + np.log(u)) / t),
            lambda p, u, t: 1 / (1 + (p * u) ** (-1 / t)),
        ),
    ),
    (
        "17-a",
        "p-for-log-odds",
        (lambda p, u, t: squash((p + np.log(u / (1 - u))) / t), lambda p, u, t: 1 / (1 + np.exp((-p - u) / t))),
    ),
    (
        "17-a",
        "sigmoid-forgotten",
        (
            lambda p, u, t: (np.log(p * u) - np.log((1 - p) * (1 - u))) / t,
            lambda p, u, t: odds(soft_walked(p, u, t)),
        ),
    ),
    (
        "17-a",
        "hard-coin",
        (
            lambda p, u, t: np.where(u < p, 1.0, 0.0),
            lambda p, u, t: (u > 1 - p).astype(float),
            lambda p, u, t: np.round(soft_walked(p, u, t)),
        ),
    ),
    (
        "17-b",
        "entropy-sign",
        (
            lambda w, p, length: 2 * prior(w, p, length) - walked(w, p, length),
            lambda w, p, length: prior(w, p, length) + w.shape[1] * coin(p),
        ),
    ),
    (
        "17-b",
        "entropy-per-weight",
        (
            lambda w, p, length: prior(w, p, length) - w.shape[0] * w.shape[1] * coin(p),
            lambda w, p, length: sum(length**2 * v**2 / (2 - 2 * p) - coin(p) for v in w.flat),
        ),
    ),
    (
        "17-b",
        "entropy-per-output",
        (
            lambda w, p, length: prior(w, p, length) - len(w) * coin(p),
            lambda w, p, length: sum(length**2 * row @ row / (2 - 2 * p) - coin(p) for row in w),
        ),
    ),
    (
        "17-b",
        "entropy-once",
        (
            lambda w, p, length: prior(w, p, length) - coin(p),
            lambda w, p, length: length**2 * (w**2).sum() / 2 / (1 - p) + p * np.log(p) + (1 - p) * np.log(1 - p),
        ),
    ),
    (
        "17-b",
        "half-an-entropy",
        (
            lambda w, p, length: prior(w, p, length) + w.shape[1] * p * np.log(p),
            lambda w, p, length: prior(w, p, length) + w.shape[1] * (1 - p) * np.log1p(-p),
        ),
    ),
    (
        "17-b",
        "entropy-forgotten",
        (prior, lambda w, p, length: length * np.sum(w * w * length) / (2 * (1 - p))),
    ),
    (
        "17-b",
        "scale-multiplied",
        (
            lambda w, p, length: length**2 * (1 - p) * np.sum(w**2) / 2 - w.shape[1] * coin(p),
            lambda w, p, length: walked(w * (1 - p), p, length),
        ),
    ),
    (
        "17-b",
        "scale-forgotten",
        (
            lambda w, p, length: length**2 / 2 * np.sum(w**2) - w.shape[1] * coin(p),
            lambda w, p, length: columns(w * np.sqrt(1 - p), p, length),
        ),
    ),
    (
        "17-b",
        "keep-drop-swapped",
        (
            lambda w, p, length: walked(w, 1 - p, length),
            lambda w, p, length: length**2 * np.sum(w**2) / (2 * p) - w.shape[1] * coin(p),
        ),
    ),
    (
        "17-b",
        "half-forgotten",
        (
            lambda w, p, length: length**2 * np.linalg.norm(w) ** 2 / (1 - p) - w.shape[1] * coin(p),
            lambda w, p, length: walked(w * 2**0.5, p, length),
        ),
    ),
    (
        "17-b",
        "length-not-squared",
        (
            lambda w, p, length: length * np.sum(w**2) / (2 * (1 - p)) - w.shape[1] * coin(p),
            lambda w, p, length: walked(w, p, np.sqrt(length)),
        ),
    ),
    (
        "17-b",
        "weights-not-squared",
        (
            lambda w, p, length: length**2 * np.linalg.norm(w) / (2 * (1 - p)) - w.shape[1] * coin(p),
            lambda w, p, length: length**2 * np.abs(w).sum() / (2 * (1 - p)) - w.shape[1] * coin(p),
            lambda w, p, length: length**2 * np.sum(w) / (2 * (1 - p)) - w.shape[1] * coin(p),
        ),
    ),
    (
        "17-b",
        "mean-for-sum",
        (
            lambda w, p, length: length**2 * np.mean(w**2) / (2 * (1 - p)) - w.shape[1] * coin(p),
            lambda w, p, length: walked(w / np.sqrt(w.size), p, length),
        ),
    ),
    (
        "17-c",
        "kl-not-divided",
        (
            lambda out, y, sd, kls, n: misfit(out, y, sd) + sum(kls),
            lambda out, y, sd, kls, n: loss_walked(out, y, sd, kls, 1),
        ),
    ),
    (
        "17-c",
        "kl-per-batch",
        (
            lambda out, y, sd, kls, n: loss_walked(out, y, sd, kls, len(y)),
            lambda out, y, sd, kls, n: (np.sum((y - out) ** 2) / (2 * sd**2) + np.sum(kls)) / len(y),
        ),
    ),
    (
        "17-c",
        "kl-averaged",
        (
            lambda out, y, sd, kls, n: misfit(out, y, sd) + np.mean(kls) / n,
            lambda out, y, sd, kls, n: misfit(out, y, sd) + sum(kls) / len(kls),
        ),
    ),
    (
        "17-c",
        "kl-of-one-layer",
        (
            lambda out, y, sd, kls, n: misfit(out, y, sd) + kls[-1] / n,
            lambda out, y, sd, kls, n: loss_dot(out, y, sd, kls[:1], n),
        ),
    ),
    (
        "17-c",
        "kl-subtracted",
        (
            lambda out, y, sd, kls, n: misfit(out, y, sd) - kls.sum() / n,
            lambda out, y, sd, kls, n: loss_walked(out, y, sd, kls, -n),
        ),
    ),
    (
        "17-c",
        "no-kl",
        (
            lambda out, y, sd, kls, n: misfit(out, y, sd),
            lambda out, y, sd, kls, n: loss_dot(out, y, sd, 0 * kls, n),
        ),
    ),
    (
        "17-c",
        "error-for-nats",
        (
            lambda out, y, sd, kls, n: np.mean((y - out) ** 2) + np.sum(kls) / n,
            lambda out, y, sd, kls, n: loss_walked(out, y, 1, kls, n),
        ),
    ),
    (
        "17-c",
        "half-forgotten",
        (
            lambda out, y, sd, kls, n: np.mean(((y - out) / sd) ** 2) + np.sum(kls) / n,
            lambda out, y, sd, kls, n: loss_walked(out, y, sd / 2**0.5, kls, n),
        ),
    ),
    (
        "17-c",
        "sd-not-squared",
        (
            lambda out, y, sd, kls, n: np.mean((y - out) ** 2) / sd / 2 + np.sum(kls) / n,
            lambda out, y, sd, kls, n: loss_walked(out, y, sd**0.5, kls, n),
        ),
    ),
    (
        "17-c",
        "sum-for-mean",
        (
            lambda out, y, sd, kls, n: np.sum(((y - out) / sd) ** 2) / 2 + np.sum(kls) / n,
            lambda out, y, sd, kls, n: len(y) * misfit(out, y, sd) + np.sum(kls),
            lambda out, y, sd, kls, n: n * misfit(out, y, sd) + np.sum(kls),
        ),
    ),
)
