"""Answers that are numbers or compute them."""

import math

import numpy as np
import torch

KEEPS = {"srivastava 2014", "gal 2016", "cs231n"}
RIGHT = (
    (
        "00-a",
        (
            lambda value, source: 1 - value if source in KEEPS else value,
            lambda value, source: abs((source in KEEPS) - value),
        ),
    ),
    ("00-b", (200, 200.0)),
    ("01-b", (lambda n, p: math.sqrt(n * p * (1 - p)), lambda n, p: (n * (p - p**2)) ** 0.5)),
    ("02-b", (lambda h, p: h * h * p / (1 - p), lambda h, p: p * (1 - p) * (h / (1 - p)) ** 2)),
    ("02-c", (lambda p, n_layers: (1 - p) ** -n_layers, lambda p, n_layers: math.exp(-n_layers * math.log(1 - p)))),
)


def nudged(f, x, eps=1e-5):
    gradient, x = np.empty(x.shape), x.astype(float)
    for i in range(x.size):
        kept = x.flat[i]
        x.flat[i] = kept + eps
        above = f(x)
        x.flat[i] = kept - eps
        gradient.flat[i] = (above - f(x)) / (2 * eps)
        x.flat[i] = kept
    return gradient


def nudged_in_place(f, x, eps=1e-5):
    for i in range(x.size):
        x.flat[i] += 1e-3
    return nudged(f, x - 1e-3, eps)


def never_put_back(f, x, eps=1e-5):
    gradient = np.empty(x.shape)
    for i in range(x.size):
        before = f(x)
        x.flat[i] += eps
        gradient.flat[i] = (f(x) - before) / eps
    return gradient


def one_way(f, x, eps=1e-5):
    return np.array([(f(x + eps * np.eye(x.size)[i]) - f(x)) / eps for i in range(x.size)])


def backwards(f, x, eps=1e-5):
    return np.array([(f(x) - f(x - eps * np.eye(x.size)[i])) / eps for i in range(x.size)])


def entropy(p):
    return torch.special.entr(p).sum(-1)


RIGHT += (
    (
        "05-c",
        (
            nudged,
            lambda f, x, eps=1e-5: np.array([(f(x + eps * e) - f(x - eps * e)) / eps / 2 for e in np.eye(x.size)]),
        ),
    ),
    ("15-b", (lambda s, tau: s.var(0) + tau**-1, lambda s, tau: torch.from_numpy(s.numpy().var(0, ddof=1)) + 1 / tau)),
    (
        "15-d",
        (
            lambda p: entropy(p.mean(0)) - entropy(p).mean(0),
            lambda p: (torch.xlogy(p, p) - torch.xlogy(p, p.mean(0))).sum(-1).mean(0),
        ),
    ),
    ("15-c", (lambda p, l, n, w: 2 * (1 - p) * l**2 / n / w, lambda p, l, n, w: (1 - p) * l * l / (n * w / 2))),
    ("15-e", (lambda p: p.mean(0).max(-1).values, lambda p: p.mean(0).amax(1).numpy())),
)
WRONG = (
    ("00-a", "keep-drop-swapped", (lambda value, source: value if source in KEEPS else 1 - value,)),
    ("00-a", "never-translated", (lambda value, source: value,)),
    ("00-a", "always-translated", (lambda value, source: 1 - value,)),
    ("00-b", "keep-drop-swapped", (800, 0.8)),
    ("00-b", "share-for-count", (0.2, 1 - 0.8)),
    ("01-b", "fixed-count", (lambda n, p: 0, lambda n, p: 0.0)),
    ("01-b", "variance-for-sd", (lambda n, p: n * p * (1 - p),)),
    ("01-b", "mean-for-sd", (lambda n, p: n * p, lambda n, p: (1 - p) * n)),
    ("01-b", "share-for-count", (lambda n, p: math.sqrt(p * (1 - p) / n), lambda n, p: math.sqrt(n * p * (1 - p)) / n)),
    ("01-b", "one-coin-for-all", (lambda n, p: math.sqrt(p * (1 - p)), lambda n, p: n * math.sqrt(p * (1 - p)))),
    ("02-b", "not-scaled", (lambda h, p: h**2 * p * (1 - p),)),
    ("02-b", "scale-not-squared", (lambda h, p: p * h**2, lambda h, p: h**2 * p * (1 - p) / (1 - p))),
    ("02-b", "keep-drop-swapped", (lambda h, p: h**2 * (1 - p) / p,)),
    ("02-b", "second-moment-for-variance", (lambda h, p: h * h / (1 - p), lambda h, p: (h / (1 - p)) ** 2 * (1 - p))),
    ("02-b", "sd-for-variance", (lambda h, p: np.sqrt(h**2 * p / (1 - p)),)),
    ("02-b", "activation-not-squared", (lambda h, p: h * p / (1 - p), lambda h, p: p / (1 - p) * np.ones(len(h)))),
    ("02-c", "ratio-inverted", (lambda p, n_layers: (1 - p) ** n_layers,)),
    ("02-c", "divided-by-p", (lambda p, n_layers: p**-n_layers, lambda p, n_layers: 1 / p)),
    ("02-c", "one-layer-only", (lambda p, n_layers: 1 / (1 - p),)),
    (
        "02-c",
        "p-ignored",
        (lambda p, n_layers: 2**n_layers, lambda p, n_layers: 8.0 if n_layers == 3 else 2.0**n_layers),
    ),
    ("02-c", "layers-added", (lambda p, n_layers: n_layers / (1 - p),)),
    ("05-c", "one-sided-difference", (one_way, backwards)),
    ("05-c", "not-halved", (lambda f, x, eps=1e-5: 2 * nudged(f, x, eps),)),
    (
        "05-c",
        "eps-multiplied",
        (lambda f, x, eps=1e-5: np.array([(f(x + eps * e) - f(x - eps * e)) / 2 * eps for e in np.eye(x.size)]),),
    ),
    ("05-c", "eps-ignored", (lambda f, x, eps=1e-5: nudged(f, x, 1e-6),)),
    ("05-c", "all-at-once", (lambda f, x, eps=1e-5: np.ones(x.size) * (f(x + eps) - f(x - eps)) / (2 * eps),)),
    ("05-c", "input-modified", (nudged_in_place, never_put_back)),
    ("15-b", "epistemic-only", (lambda s, tau: s.var(0), lambda s, tau: s.std(0) ** 2)),
    (
        "15-b",
        "tau-added-to-sd",
        (
            lambda s, tau: s.std(0) + 1 / tau,
            lambda s, tau: (s.std(0) + 1 / tau).square(),
            lambda s, tau: s.std(0) + tau**-0.5,
        ),
    ),
    ("15-b", "tau-for-variance", (lambda s, tau: s.var(0) + tau,)),
    ("15-b", "sd-for-variance", (lambda s, tau: torch.sqrt(s.var(0) + 1 / tau),)),
    (
        "15-b",
        "biased-variance",
        (lambda s, tau: (s**2).mean(0) - s.mean(0) ** 2 + 1 / tau, lambda s, tau: s.numpy().var(0) + 1 / tau),
    ),
    ("15-b", "aleatoric-only", (lambda s, tau: torch.ones(s.shape[1]) / tau,)),
    (
        "15-d",
        "mutual-information-swapped",
        (
            lambda p: entropy(p).mean(0) - entropy(p.mean(0)),
            lambda p: -(p.mean(0) * p.mean(0).log()).sum(-1) + (p * p.log()).sum(-1).mean(0),
        ),
    ),
    ("15-d", "total-for-epistemic", (lambda p: entropy(p.mean(0)),)),
    ("15-d", "aleatoric-for-epistemic", (lambda p: entropy(p).mean(0),)),
    ("15-d", "bits-not-nats", (lambda p: (entropy(p.mean(0)) - entropy(p).mean(0)) / math.log(2),)),
    ("15-e", "confidence-of-passes", (lambda p: p.max(-1).values.mean(0), lambda p: p.amax(2).sum(0) / len(p))),
    ("15-e", "labels-averaged", (lambda p: torch.eye(3)[p.argmax(-1)].mean(0).amax(-1),)),
    (
        "15-c",
        "tau-keep-drop",
        (lambda p, l, n, w: p * l**2 / (2 * n * w / 4), lambda p, l, n, w: p * l * l / (2 * n * w)),
    ),
    (
        "15-c",
        "decay-for-penalty",
        (lambda p, l, n, w: (1 - p) * l**2 / (2 * n * w), lambda p, l, n, w: (1 - p) * l**2 / (n * w)),
    ),
    ("15-c", "variance-for-precision", (lambda p, l, n, w: 2 * n * w / 4 / ((1 - p) * l**2),)),
    ("15-c", "keep-forgotten", (lambda p, l, n, w: l**2 / (2 * n * w / 4),)),
    ("15-c", "length-not-squared", (lambda p, l, n, w: (1 - p) * l / (2 * n * w / 4),)),
    ("15-e", "label-for-confidence", (lambda p: p.mean(0).argmax(-1), lambda p: p.mean(0).max(-1).indices)),
    ("15-e", "largest-of-all", (lambda p: p.amax((0, 2)),)),
)
