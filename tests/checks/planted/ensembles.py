"""Answers to 03-a, 03-b and 03-c."""

import itertools
import math

import numpy as np


def softmax(z):
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


def in_a_loop(masks, p):
    chances = []
    for mask in masks:
        chance = 1.0
        for kept in mask:
            chance *= (1 - p) if kept else p
        chances.append(chance)
    return chances


def walk(h, weight, p):
    total = np.zeros(len(weight))
    for mask in itertools.product([0, 1], repeat=len(h)):
        m = np.array(mask)
        chance = (1 - p) ** m.sum() * p ** (1 - m).sum()
        total += chance * softmax(weight @ (m * h) / (1 - p))
    return total


def unit_by_unit(h, weight, p):
    def recurse(i, logits, chance):
        if i == len(h):
            return chance * softmax(logits)
        return recurse(i + 1, logits + weight[:, i] * h[i] / (1 - p), chance * (1 - p)) + recurse(
            i + 1, logits, chance * p
        )

    return recurse(0, np.zeros(len(weight)), 1.0)


def grid(n):
    return np.indices((2,) * n).reshape(n, -1).T


def chances_of(masks, p):
    return np.prod(masks * (1 - p) + (1 - masks) * p, axis=1)


def with_grid(h, weight, p):
    masks = grid(len(h))
    return np.einsum("m,mk->k", chances_of(masks, p), softmax(np.einsum("mi,i,ki->mk", masks, h, weight) / (1 - p)))


def with_sorted_masks(h, weight, p):
    masks = np.array(sorted(grid(len(h)).tolist(), key=sum))
    return np.average(softmax(masks @ np.diag(h) @ weight.T / (1 - p)), axis=0, weights=chances_of(masks, p))


def with_library(h, weight, p):
    from dropout_lab import ensembles as e

    return e.arithmetic_mean(softmax(e.linear_subnetworks(weight, h, p)), e.mask_probabilities(e.all_masks(len(h)), p))


def by_logs(predictions, chances):
    logs = (chances[:, None] * np.log(predictions)).sum(0)
    return softmax(logs)


def weights_multiplied(predictions, chances):
    out = np.ones(predictions.shape[1])
    for row, c in zip(predictions, chances, strict=True):
        out = out * row**c
    return list(out / sum(out))


def scaled_h_in_place(h, weight, p):
    h *= 1 / (1 - p)
    masks = grid(len(h))
    return chances_of(masks, p) @ softmax(masks * h @ weight.T)


def scaled_weight_in_place(h, weight, p):
    weight /= 1 - p
    masks = grid(len(h))
    return chances_of(masks, p) @ softmax(masks * h @ weight.T)


def in_place_powers(predictions, chances):
    for row, c in zip(predictions, chances, strict=True):
        row **= c
    out = np.prod(predictions, axis=0)
    return out / out.sum()


def in_place_logs(predictions, chances):
    np.log(predictions, out=predictions)
    return softmax(chances @ predictions)


def logits_mean(h, weight, p):
    masks = grid(len(h))
    return softmax(chances_of(masks, p) @ ((masks * h / (1 - p)) @ weight.T))


def geometric(h, weight, p):
    masks = grid(len(h))
    return by_logs(softmax((masks * h / (1 - p)) @ weight.T), chances_of(masks, p))


def mean_over(scale, chances):
    def mean_prediction(h, weight, p):
        masks = grid(len(h))
        return chances(masks, p) @ softmax((masks * h * scale(p)) @ weight.T)

    return mean_prediction


def hard_votes(h, weight, p):
    total = np.zeros(len(weight))
    for mask in grid(len(h)):
        total[np.argmax(weight @ (mask * h))] += chances_of(mask[None], p)[0]
    return total


def counted_votes(h, weight, p):
    winners = np.argmax((grid(len(h)) * h) @ weight.T, axis=1)
    return np.bincount(winners, weights=chances_of(grid(len(h)), p), minlength=len(weight))


def inverted(p):
    return 1 / (1 - p)


def as_many(masks, p):
    return np.ones(len(masks)) / len(masks)


def swapped(masks, p):
    return chances_of(1 - masks, p)


def pmf(masks, p):
    n = masks.shape[1]
    return [math.comb(n, int(k)) * p ** (n - int(k)) * (1 - p) ** int(k) for k in masks.sum(1)]


RIGHT = (
    (
        "03-a",
        (
            in_a_loop,
            lambda masks, p: np.where(masks, 1 - p, p).prod(axis=1),
            lambda masks, p: np.exp(np.log(np.where(masks, 1 - p, p)).sum(1)),
            lambda masks, p: np.prod(np.abs(p - masks), axis=-1),
            lambda masks, p: p ** masks.shape[1] * ((1 - p) / p) ** masks.sum(1),
        ),
    ),
    ("03-b", (walk, unit_by_unit, with_grid, with_sorted_masks, with_library)),
    (
        "03-c",
        (
            by_logs,
            weights_multiplied,
            lambda predictions, chances: (
                np.exp(chances @ np.log(predictions)) / np.exp(chances @ np.log(predictions)).sum()
            ),
            lambda predictions, chances: softmax(
                np.average(np.log2(predictions), axis=0, weights=chances) * math.log(2)
            ),
            lambda predictions, chances: (
                1
                / np.array(
                    [
                        np.prod((predictions / predictions[:, [k]]) ** chances[:, None], axis=0).sum()
                        for k in range(predictions.shape[1])
                    ]
                )
            ),
        ),
    ),
)
WRONG = (
    ("03-a", "subnetworks-equally-likely", (as_many, lambda masks, p: [1 / 2 ** masks.shape[1]] * len(masks))),
    (
        "03-a",
        "keep-drop-swapped",
        (lambda masks, p: np.where(masks, p, 1 - p).prod(1), lambda masks, p: chances_of(masks, 1 - p)),
    ),
    (
        "03-a",
        "count-for-mask",
        (pmf, lambda masks, p: np.array([np.sum(grid(3).sum(1) == k) for k in masks.sum(1)]) * chances_of(masks, p)),
    ),
    (
        "03-a",
        "dropped-units-forgotten",
        (lambda masks, p: (1 - p) ** masks.sum(1), lambda masks, p: np.where(masks, 1 - p, 1).prod(1)),
    ),
    (
        "03-a",
        "kept-units-forgotten",
        (lambda masks, p: p ** (~masks).sum(1), lambda masks, p: np.where(masks, 1, p).prod(axis=1)),
    ),
    (
        "03-a",
        "chances-added",
        (lambda masks, p: np.where(masks, 1 - p, p).sum(1), lambda masks, p: np.where(masks, 1 - p, p).mean(axis=1)),
    ),
    ("03-b", "scaling-is-the-mean", (lambda h, weight, p: softmax(weight @ h), logits_mean, geometric)),
    (
        "03-b",
        "subnetworks-equally-likely",
        (mean_over(inverted, as_many), lambda h, weight, p: softmax((grid(3) * h) @ weight.T / (1 - p)).mean(0)),
    ),
    ("03-b", "keep-drop-swapped", (mean_over(inverted, swapped), lambda h, weight, p: walk(h, weight, 1 - p))),
    (
        "03-b",
        "not-scaled",
        (
            mean_over(lambda p: 1, chances_of),
            lambda h, weight, p: chances_of(grid(3), p) @ softmax(grid(3) * h @ weight.T),
        ),
    ),
    (
        "03-b",
        "divided-by-p",
        (mean_over(lambda p: 1 / p, chances_of), lambda h, weight, p: walk((1 - p) / p * h, weight, p)),
    ),
    (
        "03-b",
        "scaled-by-keep",
        (mean_over(lambda p: 1 - p, chances_of), lambda h, weight, p: walk(h * (1 - p) ** 2, weight, p)),
    ),
    (
        "03-b",
        "labels-averaged",
        (
            hard_votes,
            counted_votes,
        ),
    ),
    ("03-b", "input-modified", (scaled_h_in_place, scaled_weight_in_place)),
    (
        "03-c",
        "arithmetic-for-geometric",
        (
            lambda predictions, chances: np.average(predictions, axis=0, weights=chances),
            lambda predictions, chances: (predictions * chances[:, None]).sum(0),
        ),
    ),
    (
        "03-c",
        "not-normalised",
        (
            lambda predictions, chances: np.prod(predictions ** chances[:, None], axis=0),
            lambda predictions, chances: np.exp(chances @ np.log(predictions)),
        ),
    ),
    (
        "03-c",
        "subnetworks-equally-likely",
        (
            lambda predictions, chances: by_logs(predictions, np.ones(len(chances)) / len(chances)),
            lambda predictions, chances: (g := predictions.prod(0) ** (1 / len(predictions))) / g.sum(),
        ),
    ),
    (
        "03-c",
        "product-for-mean",
        (
            lambda predictions, chances: predictions.prod(0) / predictions.prod(0).sum(),
            lambda predictions, chances: (g := np.prod(predictions * chances[:, None], axis=0)) / g.sum(),
        ),
    ),
    (
        "03-c",
        "log-left",
        (
            lambda predictions, chances: np.log(predictions).T @ chances,
            lambda predictions, chances: (g := chances @ np.log(predictions)) / g.sum(),
        ),
    ),
    ("03-c", "input-modified", (in_place_powers, in_place_logs)),
)
