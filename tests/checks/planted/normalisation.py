"""Answers to 14-a, 14-b and 14-c."""

import numpy as np
import torch

LOW = -1.6732632423543772 * 1.0507009873554805


def both_outcomes(x, p):
    """The variance over the samples and the two outcomes of the coin."""
    outcomes = np.concatenate([x / (1 - p), np.zeros(len(x))])
    chance = np.repeat([1 - p, p], len(x)) / len(x)
    mean = chance @ outcomes
    return chance @ (outcomes - mean) ** 2 / np.var(x)


def walked(x, p):
    mean = sum(x) / len(x)
    variance = sum((v - mean) ** 2 for v in x) / len(x)
    return (variance + p / (1 - p) * sum(v * v for v in x) / len(x)) / variance


def with_moments(x, p):
    second, mean = np.mean(np.square(x)), np.mean(x)
    return (second / (1 - p) - mean**2) / (second - mean**2)


def affine(p):
    a = (1 - p + p * (1 - p) * LOW * LOW) ** -0.5
    return a, -p * LOW * a


def written_out(h, mask, p):
    a, b = affine(p)
    return a * (h * mask + LOW * (1 - mask)) + b


def unit_by_unit(h, mask, p):
    a, b = affine(p)
    result = np.full(h.shape, a * LOW + b)
    for place in zip(*np.nonzero(mask), strict=True):
        result[place] = a * h[place] + b
    return result


def assigned(h, mask, p):
    h = h.copy()
    h[~mask] = LOW
    a, b = affine(p)
    return h * a + b


def with_torch(h, mask, p):
    a, b = affine(p)
    return torch.from_numpy(h).masked_fill(torch.from_numpy(~mask), LOW) * a + b


def standardised(h, mask, p):
    mean, variance = p * LOW, (1 - p) + p * LOW**2 - (p * LOW) ** 2
    return (np.where(mask, h, LOW) - mean) / np.sqrt(variance)


def branches(step, p, n_steps):
    if step >= n_steps:
        return 0.0
    return p - p * step / n_steps


RIGHT = (
    (
        "14-a",
        (
            both_outcomes,
            walked,
            with_moments,
            lambda x, p: 1 + p / (1 - p) * (1 + x.mean() ** 2 / x.var()),
            lambda x, p: 1 + (1 / (1 - p) - 1) * (x @ x) / np.sum((x - x.mean()) ** 2),
        ),
    ),
    ("14-b", (written_out, unit_by_unit, assigned, with_torch, standardised)),
    (
        "14-c",
        (
            branches,
            lambda step, p, n_steps: np.interp(step, [0, n_steps], [p, 0]),
            lambda step, p, n_steps: p * (n_steps - min(step, n_steps)) / n_steps,
            lambda step, p, n_steps: np.clip(p * (1 - step / n_steps), 0, p),
            lambda step, p, n_steps: np.append(np.linspace(p, 0, n_steps + 1), np.zeros(step))[step],
        ),
    ),
)
WRONG = (
    ("14-a", "mean-forgotten", (lambda x, p: 1 + p / (1 - p), lambda x, p: np.var(x) / (1 - p) / np.var(x))),
    (
        "14-a",
        "square-of-mean",
        (
            lambda x, p: (np.var(x) + p / (1 - p) * np.mean(x) ** 2) / np.var(x),
            lambda x, p: 1 + p * (x.sum() / len(x)) ** 2 / ((1 - p) * np.var(x)),
        ),
    ),
    (
        "14-a",
        "not-scaled",
        (
            lambda x, p: (x.var() + p * (1 - p) * np.mean(x**2)) / x.var(),
            lambda x, p: both_outcomes(x, p) * (1 - p) ** 2,
        ),
    ),
    (
        "14-a",
        "scale-not-squared",
        (lambda x, p: (np.var(x) + p * np.mean(x**2)) / np.var(x), lambda x, p: 1 + p * (x @ x) / len(x) / x.var()),
    ),
    ("14-a", "keep-drop-swapped", (lambda x, p: walked(x, 1 - p), lambda x, p: with_moments(x, 1 - p))),
    (
        "14-a",
        "upside-down",
        (lambda x, p: 1 / walked(x, p), lambda x, p: x.var() / (x.var() + p / (1 - p) * np.mean(x**2))),
    ),
    (
        "14-a",
        "sd-for-variance",
        (
            lambda x, p: both_outcomes(x, p) ** 0.5,
            lambda x, p: np.sqrt(x.var() + p / (1 - p) * np.mean(x**2)) / np.std(x),
        ),
    ),
    (
        "14-a",
        "noise-alone",
        (lambda x, p: p / (1 - p) * np.mean(x**2) / np.var(x), lambda x, p: with_moments(x, p) - 1),
    ),
    (
        "14-b",
        "zero-for-alpha-prime",
        (lambda h, mask, p: affine(p)[0] * h * mask + affine(p)[1], lambda h, mask, p: np.where(mask, h / (1 - p), 0)),
    ),
    (
        "14-b",
        "affine-forgotten",
        (lambda h, mask, p: np.where(mask, h, LOW), lambda h, mask, p: h * mask + LOW * ~mask),
    ),
    (
        "14-b",
        "shift-forgotten",
        (
            lambda h, mask, p: affine(p)[0] * np.where(mask, h, LOW),
            lambda h, mask, p: written_out(h, mask, p) - affine(p)[1],
        ),
    ),
    (
        "14-b",
        "shift-not-scaled",
        (
            lambda h, mask, p: affine(p)[0] * np.where(mask, h, LOW) - p * LOW,
            lambda h, mask, p: with_torch(h, mask, p) - affine(p)[1] - LOW * p,
        ),
    ),
    (
        "14-b",
        "root-forgotten",
        (
            lambda h, mask, p: (np.where(mask, h, LOW) - p * LOW) / ((1 - p) * (1 + p * LOW**2)),
            lambda h, mask, p: standardised(h, mask, p) * affine(p)[0],
        ),
    ),
    (
        "14-b",
        "inverted-scale",
        (
            lambda h, mask, p: np.where(mask, h, LOW) / (1 - p),
            lambda h, mask, p: h * mask / (1 - p) + LOW * (1 - mask),
            lambda h, mask, p: (np.where(mask, h, LOW) - p * LOW) / (1 - p),
        ),
    ),
    (
        "14-b",
        "keep-drop-swapped",
        (lambda h, mask, p: written_out(h, mask, 1 - p), lambda h, mask, p: standardised(h, mask, 1 - p)),
    ),
    (
        "14-b",
        "mask-flipped",
        (lambda h, mask, p: unit_by_unit(h, ~mask, p), lambda h, mask, p: assigned(h, ~mask, p)),
    ),
    (
        "14-c",
        "below-zero",
        (
            lambda step, p, n_steps: p - p * step / n_steps,
            lambda step, p, n_steps: p * np.abs(n_steps - step) / n_steps,
        ),
    ),
    (
        "14-c",
        "late-for-early",
        (
            lambda step, p, n_steps: p * min(step, n_steps) / n_steps,
            lambda step, p, n_steps: 0.0 if step < n_steps else p,
        ),
    ),
    (
        "14-c",
        "all-at-once",
        (
            lambda step, p, n_steps: p if step < n_steps else 0.0,
            lambda step, p, n_steps: p * max(0, 1 - step // n_steps),
            lambda step, p, n_steps: 0.0 if step > n_steps else p,
        ),
    ),
    (
        "14-c",
        "never-off",
        (
            lambda step, p, n_steps: p * np.e ** (-step / n_steps),
            lambda step, p, n_steps: p * n_steps / (n_steps + step),
            lambda step, p, n_steps: p / 2 ** (step / n_steps),
        ),
    ),
    (
        "14-c",
        "keep-drop-swapped",
        (lambda step, p, n_steps: 1 - branches(step, p, n_steps), lambda s, p, n_steps: branches(s, 1 - p, n_steps)),
    ),
    (
        "14-c",
        "off-by-one",
        (
            lambda step, p, n_steps: branches(step + 1, p, n_steps),
            lambda step, p, n_steps: np.interp(step, [0, n_steps - 1], [p, 0]),
            lambda step, p, n_steps: np.interp(step, [0, n_steps + 1], [p, 0]),
            lambda step, p, n_steps: branches(max(step - 1, 0), p, n_steps),
        ),
    ),
    (
        "14-c",
        "p-forgotten",
        (
            lambda step, p, n_steps: max(0.0, 1 - step / n_steps),
            lambda step, p, n_steps: np.clip((n_steps - step) / n_steps, 0, 1),
        ),
    ),
)
