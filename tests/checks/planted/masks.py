"""Answers to 01-a and 01-c."""

import math
import random

import numpy as np


def with_uniform(shape, p, rng):
    return rng.uniform(size=shape) >= p


def with_where(shape, p, rng):
    return np.where(rng.random(shape) < p, False, True)


def with_binomial(shape, p, rng):
    return rng.binomial(1, 1 - p, shape).astype(bool)


def with_choice(shape, p, rng):
    return rng.choice([True, False], size=shape, p=[1 - p, p])


def with_integers(shape, p, rng):
    return rng.integers(0, 10**9, shape) >= p * 10**9


def with_loop(shape, p, rng):
    flat = [rng.random() >= p for _ in range(math.prod(shape))]
    return np.array(flat).reshape(shape)


def with_float32_coins(shape, p, rng):
    return rng.random(shape, dtype=np.float32) >= np.float32(p)


def from_the_other_side(shape, p, rng):
    return rng.random(shape) < 1 - p


def by_boolean_indexing(shape, p, rng):
    mask = np.ones(shape, dtype=bool)
    mask[rng.random(shape) < p] = False
    return mask


class Drawer:
    def __call__(self, shape, p, rng):
        return ~(rng.random(shape) < p)


SWAPPED = (
    lambda shape, p, rng: rng.random(shape) < p,
    lambda shape, p, rng: rng.random(shape) <= p,
    lambda shape, p, rng: rng.binomial(1, p, shape) == 1,
    lambda shape, p, rng: ~(rng.uniform(0, 1, shape) > p),
    lambda shape, p, rng: rng.choice([True, False], size=shape, p=[p, 1 - p]),
)


def k_of_n(shape, p, rng):
    n = math.prod(shape)
    return ~np.isin(np.arange(n), rng.choice(n, int(n * p), replace=False)).reshape(shape)


def shuffled(shape, p, rng):
    n = math.prod(shape)
    flat = np.arange(n) >= int(p * n)
    rng.shuffle(flat)
    return flat.reshape(shape)


def k_a_row(shape, p, rng):
    rows = [rng.permutation(shape[1]) >= int(p * shape[1]) for _ in range(shape[0])]
    return np.stack(rows)


def below_quantile(shape, p, rng):
    u = rng.random(shape)
    return u >= np.quantile(u, p)


def below_quantile_of_row(shape, p, rng):
    u = rng.random(shape)
    return u >= np.quantile(u, p, axis=1, keepdims=True)


FIXED = (k_of_n, shuffled, k_a_row, below_quantile, below_quantile_of_row)
ONE_ROW = (
    lambda shape, p, rng: np.tile(rng.random(shape[1:]) >= p, (shape[0], 1)),
    lambda shape, p, rng: np.stack([rng.random(shape[1]) >= p] * shape[0]),
    lambda shape, p, rng: np.repeat(rng.random((1, shape[1])) >= p, shape[0], axis=0),
    lambda shape, p, rng: (rng.random(shape[1]) >= p) & np.ones(shape, bool),
    lambda shape, p, rng: np.broadcast_to(rng.binomial(1, 1 - p, shape[1]) > 0, shape),
)
ONE_COIN = (
    lambda shape, p, rng: np.repeat(rng.random((shape[0], 1)) >= p, shape[1], axis=1),
    lambda shape, p, rng: np.stack([np.full(shape[1], rng.random() >= p) for _ in range(shape[0])]),
    lambda shape, p, rng: (rng.random((shape[0], 1)) >= p) & np.ones(shape, bool),
    lambda shape, p, rng: np.broadcast_to(rng.choice([True, False], (shape[0], 1), p=[1 - p, p]), shape),
    lambda shape, p, rng: np.tile(rng.random(shape[0]) >= p, (shape[1], 1)).T,
)
NORMAL = (
    lambda shape, p, rng: rng.standard_normal(shape) < 1 - p,
    lambda shape, p, rng: rng.normal(size=shape) <= (1 - p),
    lambda shape, p, rng: rng.normal(0, 1, shape) >= p,
    lambda shape, p, rng: ~(rng.standard_normal(shape) < p),
    lambda shape, p, rng: np.where(rng.standard_normal(shape) > p, True, False),
)


def legacy_state(shape, p, rng):
    return np.random.RandomState(1).rand(*shape) >= p


def seeded_with_hash(shape, p, rng):
    return np.random.Generator(np.random.PCG64(len(shape))).random(shape) >= p


def seeded_first(shape, p, rng):
    rng = np.random.default_rng(42)
    return rng.random(shape) >= p


def unseeded_inside(shape, p, rng):
    return np.random.default_rng().random(shape) >= p


def seeded_binomial(shape, p, rng):
    return np.random.default_rng(7).binomial(1, 1 - p, shape).astype(bool)


SEEDED = (legacy_state, seeded_with_hash, seeded_first, unseeded_inside, seeded_binomial)


def pythons_random(shape, p, rng):
    return np.array([random.random() >= p for _ in range(math.prod(shape))]).reshape(shape)


GLOBAL = (
    lambda shape, p, rng: np.random.rand(*shape) >= p,
    lambda shape, p, rng: np.random.random(shape) >= p,
    lambda shape, p, rng: np.random.uniform(size=shape) >= p,
    lambda shape, p, rng: np.random.binomial(1, 1 - p, shape).astype(bool),
    pythons_random,
)
GREATER = (
    lambda shape, p, rng: rng.random(shape) > p,
    lambda shape, p, rng: ~(rng.random(shape) <= p),
    lambda shape, p, rng: p < rng.uniform(size=shape),
    lambda shape, p, rng: np.greater(rng.random(shape), p),
    lambda shape, p, rng: (rng.random(shape) - p) > 0,
)


def expanded(coins, shape):
    return np.broadcast_to(coins, shape).copy()


MAPS_RIGHT = (
    lambda shape, p, rng: expanded(rng.random((shape[0], shape[1], 1, 1)) >= p, shape),
    lambda shape, p, rng: np.tile((rng.random(shape[:2]) >= p)[:, :, None, None], (1, 1, *shape[2:])),
    lambda shape, p, rng: rng.binomial(1, 1 - p, shape[:2])[..., None, None] * np.ones(shape) > 0,
    lambda shape, p, rng: np.repeat(rng.random(shape[:2]) >= p, shape[2] * shape[3]).reshape(shape),
)
RIGHT = (
    (
        "01-a",
        (
            with_uniform,
            with_where,
            with_binomial,
            with_choice,
            with_integers,
            with_loop,
            with_float32_coins,
            from_the_other_side,
            by_boolean_indexing,
            Drawer(),
        ),
    ),
    ("01-c", MAPS_RIGHT),
)
WRONG = (
    ("01-a", "keep-drop-swapped", SWAPPED),
    ("01-a", "fixed-count", FIXED),
    ("01-a", "one-mask-for-the-batch", ONE_ROW),
    ("01-a", "one-coin-per-example", ONE_COIN),
    ("01-a", "one-coin-for-all", (lambda shape, p, rng: np.ones(shape, bool) & (rng.random() >= p),)),
    ("01-a", "normal-instead-of-uniform", NORMAL),
    ("01-a", "seeded-inside", SEEDED),
    ("01-a", "global-generator", GLOBAL),
    ("01-a", "boundary-dropped", GREATER),
    (
        "01-a",
        "dropped-then-ignored",
        (lambda shape, p, rng: np.ones(shape, bool), lambda shape, p, rng: rng.random(shape) >= 0),
    ),
    (
        "01-c",
        "elementwise-on-maps",
        (
            lambda shape, p, rng: rng.random(shape) >= p,
            lambda shape, p, rng: rng.binomial(1, 1 - p, shape).astype(bool),
            lambda shape, p, rng: rng.choice([True, False], shape, p=[1 - p, p]),
        ),
    ),
    (
        "01-c",
        "one-mask-for-the-batch",
        (
            lambda shape, p, rng: expanded(rng.random((1, shape[1], 1, 1)) >= p, shape),
            lambda shape, p, rng: expanded((rng.random(shape[1]) >= p)[:, None, None], shape),
        ),
    ),
    (
        "01-c",
        "one-coin-per-example",
        (
            lambda shape, p, rng: expanded(rng.random((shape[0], 1, 1, 1)) >= p, shape),
            lambda shape, p, rng: np.stack([np.full(shape[1:], rng.random() >= p) for _ in range(shape[0])]),
        ),
    ),
    (
        "01-c",
        "wrong-axes",
        (
            lambda shape, p, rng: expanded(rng.random((1, 1, *shape[2:])) >= p, shape),
            lambda shape, p, rng: expanded(rng.random((shape[0], 1, *shape[2:])) >= p, shape),
            lambda shape, p, rng: expanded(rng.random((*shape[:3], 1)) >= p, shape),
        ),
    ),
    ("01-c", "keep-drop-swapped", (lambda shape, p, rng: expanded(rng.random((*shape[:2], 1, 1)) < p, shape),)),
    ("01-c", "boundary-dropped", (lambda shape, p, rng: expanded(rng.random((*shape[:2], 1, 1)) > p, shape),)),
)
