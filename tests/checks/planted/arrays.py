"""Answers to 02-a and, wrapped, to 05-a."""

import numpy as np

from planted import masks


def in_training(compute):
    return lambda h, p, rng, training=True: compute(h, p, rng) if training else h


def scale_of(p):
    return 1 / (1 - p) if p < 1 else 0.0


def kept(h, p, rng):
    return rng.random(h.shape) >= p


def masked_with(draw):
    return in_training(lambda h, p, rng: np.where(draw(h.shape, p, rng), h * scale_of(p), 0).astype(h.dtype))


def plain(h, p, rng, training=True):
    if not training or p == 0:
        return h.copy()
    if p == 1:
        return np.zeros_like(h)
    return h * (rng.random(h.shape) >= p) / (1 - p)


def scaled_first(h, p, rng, training=True):
    if training and p < 1:
        h = h / (1 - p)
    return h * kept(h, p, rng) if training else h


def by_indexing(h, p, rng, training=True):
    out = h.copy()
    if training:
        out[rng.random(h.shape) < p] = 0
        out *= scale_of(p)
    return out


def looped(h, p, rng, training=True):
    if not training:
        return h
    units, coins = h.ravel().tolist(), rng.random(h.size).tolist()
    flat = [unit / (1 - p) if coin >= p else 0 for unit, coin in zip(units, coins, strict=True)]
    return np.array(flat, h.dtype).reshape(h.shape)


def noise_of_its_dtype(h, p, rng, training=True):
    if not training:
        return h
    noise = (kept(h, p, rng) * scale_of(p)).astype(h.dtype)
    return h * noise


class Layer:
    def __call__(self, h, p, rng, training=True):
        return np.where(rng.binomial(1, 1 - p, h.shape) == 1, h * scale_of(p), 0).astype(h.dtype) if training else h


RIGHT_FORWARD = (
    plain,
    scaled_first,
    by_indexing,
    looped,
    noise_of_its_dtype,
    Layer(),
    masked_with(masks.with_choice),
    masked_with(masks.with_integers),
    masked_with(masks.by_boolean_indexing),
)


def swapped_everywhere(h, p, rng, training=True):
    keep = rng.random(h.shape) < p
    return h * keep / p if training else h


def swapped_by_where(h, p, rng, training=True):
    if training:
        return np.where(rng.random(h.shape) < p, h / p, 0).astype(h.dtype)
    return h


def swapped_binomial(h, p, rng, training=True):
    return h * rng.binomial(1, p, h.shape).astype(h.dtype) / h.dtype.type(p) if training else h


def swapped_by_rename(h, keep_prob, rng, training=True):
    if not training:
        return h
    out = h.copy()
    out[rng.random(h.shape) >= keep_prob] = 0
    return out / keep_prob


def swapped_noise(h, p, rng, training=True):
    noise = ((rng.uniform(size=h.shape) < p) / p).astype(h.dtype)
    return h * noise if training else h


def realised_by_count(h, p, rng):
    mask = kept(h, p, rng)
    return h * mask * h.dtype.type(mask.size / max(mask.sum(), 1))


def realised_by_sum(h, p, rng):
    mask = kept(h, p, rng)
    return np.divide(h * mask, mask.mean(), dtype=h.dtype)


def realised_in_rows(h, p, rng):
    mask = kept(h, p, rng)
    return (h * mask * mask.shape[1] / np.maximum(mask.sum(1, keepdims=True), 1)).astype(h.dtype)


def realised_in_columns(h, p, rng):
    mask = kept(h, p, rng)
    return (h * mask / np.maximum(mask.mean(0), 1e-9)).astype(h.dtype)


def realised_by_norm(h, p, rng):
    mask = kept(h, p, rng)
    return (h * mask * (np.float64(h.size) / max(int(np.count_nonzero(mask)), 1))).astype(h.dtype)


def modifies(h, p, rng, training=True):
    if training:
        h *= kept(h, p, rng)
        h *= scale_of(p)
    return h


def modifies_by_index(h, p, rng, training=True):
    if training:
        h[rng.random(h.shape) < p] = 0
        return h * scale_of(p)
    return h


def modifies_all(h, p, rng, training=True):
    if training:
        h[:] = h * kept(h, p, rng) * scale_of(p)
    return h


def modifies_with_out(h, p, rng, training=True):
    if not training:
        return h
    return np.multiply(h, kept(h, p, rng) * scale_of(p), out=h)


def modifies_with_putmask(h, p, rng, training=True):
    if not training:
        return h
    np.putmask(h, rng.random(h.shape) < p, 0)
    np.multiply(h, scale_of(p), out=h)
    return h


def always(compute):
    return lambda h, p, rng, training=True: compute(h, p, rng)


def scaled_in_eval(compute, shrink):
    return lambda h, p, rng, training=True: compute(h, p, rng) if training else shrink(h, p)


def right_now(h, p, rng):
    return h * kept(h, p, rng) * scale_of(p)


def grown(make):
    """Answers that differ in how they say the same wrong thing."""
    return (
        in_training(lambda h, p, rng: make(h, kept(h, p, rng), p)),
        in_training(lambda h, p, rng: make(h, ~(rng.random(h.shape) < p), p)),
        in_training(lambda h, p, rng: make(h, rng.binomial(1, 1 - p, h.shape).astype(bool), p)),
        in_training(lambda h, p, rng: make(h, rng.choice([True, False], h.shape, p=[1 - p, p]), p)),
        in_training(lambda h, p, rng: make(h.copy(), rng.uniform(size=h.shape) >= p, p)),
    )


CASES = (
    ("keep-drop-swapped", (swapped_everywhere, swapped_by_where, swapped_binomial, swapped_by_rename, swapped_noise)),
    ("mask-inverted", tuple(masked_with(draw) for draw in masks.SWAPPED)),
    ("not-scaled", grown(lambda h, mask, p: np.where(mask, h, 0).astype(h.dtype))),
    ("scaled-by-keep", grown(lambda h, mask, p: h * mask * (1 - p))),
    ("scaled-by-p", grown(lambda h, mask, p: p * h * mask)),
    ("divided-by-p", grown(lambda h, mask, p: np.where(mask, h / h.dtype.type(p), 0))),
    (
        "realised-fraction",
        tuple(
            map(
                in_training,
                (realised_by_count, realised_by_sum, realised_in_rows, realised_in_columns, realised_by_norm),
            )
        ),
    ),
    ("fixed-count", tuple(masked_with(draw) for draw in masks.FIXED)),
    ("one-mask-for-the-batch", tuple(masked_with(draw) for draw in masks.ONE_ROW)),
    ("one-coin-per-example", tuple(masked_with(draw) for draw in masks.ONE_COIN)),
    ("normal-instead-of-uniform", tuple(masked_with(draw) for draw in masks.NORMAL)),
    ("seeded-inside", tuple(masked_with(draw) for draw in masks.SEEDED)),
    ("global-generator", tuple(masked_with(draw) for draw in masks.GLOBAL)),
    ("boundary-dropped", tuple(masked_with(draw) for draw in masks.GREATER)),
    (
        "gaussian-instead-of-bernoulli",
        (
            in_training(lambda h, p, rng: h * rng.normal(1, np.sqrt(p / (1.000001 - p)), h.shape)),
            in_training(lambda h, p, rng: h * (1 + rng.standard_normal(h.shape) * np.sqrt(p / (1.000001 - p)))),
            in_training(lambda h, p, rng: h + h * rng.normal(0, p, h.shape)),
        ),
    ),
    (
        "additive-noise",
        (
            in_training(lambda h, p, rng: h + rng.normal(0, p, h.shape)),
            in_training(lambda h, p, rng: h + p * rng.standard_normal(h.shape)),
            in_training(lambda h, p, rng: h - rng.normal(0, np.sqrt(p / (1.000001 - p)), h.shape)),
        ),
    ),
    ("active-in-eval", (always(right_now), *(always(lambda h, p, rng, f=f: f(h, p, rng)) for f in RIGHT_FORWARD[:4]))),
    (
        "scaled-twice",
        (
            scaled_in_eval(right_now, lambda h, p: h * (1 - p)),
            scaled_in_eval(right_now, lambda h, p: (1 - p) * h.copy()),
            scaled_in_eval(plain, lambda h, p: h - h * p),
            scaled_in_eval(by_indexing, lambda h, p: np.multiply(h, 1 - p)),
            scaled_in_eval(looped, lambda h, p: h * h.dtype.type(1 - p)),
        ),
    ),
    (
        "standard-not-inverted",
        (
            scaled_in_eval(lambda h, p, rng: h * kept(h, p, rng), lambda h, p: h * (1 - p)),
            scaled_in_eval(lambda h, p, rng: np.where(kept(h, p, rng), h, 0), lambda h, p: (1 - p) * h),
        ),
    ),
    ("only-in-evaluation", (lambda h, p, rng, training=True: h if training else right_now(h, p, rng),)),
    (
        "dropped-then-ignored",
        (lambda h, p, rng, training=True: h, lambda h, p, rng, training=True: (right_now(h, p, rng), h)[1]),
    ),
    ("input-modified", (modifies, modifies_by_index, modifies_all, modifies_with_out, modifies_with_putmask)),
    (
        "dtype-changed",
        (
            in_training(lambda h, p, rng: h * (kept(h, p, rng) * np.full(h.shape, scale_of(p)))),
            in_training(lambda h, p, rng: h * np.where(kept(h, p, rng), scale_of(p), 0.0)),
            in_training(lambda h, p, rng: h * kept(h, p, rng).astype(float) * scale_of(p)),
            in_training(lambda h, p, rng: h.astype(np.float64) * kept(h, p, rng) * scale_of(p)),
            in_training(lambda h, p, rng: np.array((h * kept(h, p, rng) * scale_of(p)).tolist())),
        ),
    ),
    (
        "divides-by-zero",
        (
            in_training(lambda h, p, rng: h * kept(h, p, rng) / (1 - p)),
            in_training(lambda h, p, rng: h * kept(h, p, rng) * (1 / (1 - p))),
            in_training(lambda h, p, rng: h * kept(h, p, rng) / np.asarray(1 - p, h.dtype)),
            in_training(lambda h, p, rng: np.where(kept(h, p, rng), h, 0).astype(h.dtype) / (1 - p)),
            in_training(lambda h, p, rng: (h / (1 - p)) * kept(h, p, rng)),
        ),
    ),
)


def cached(forward):
    return lambda h, p, rng, training=True: (forward(h, p, rng, training), None)


RIGHT = (("02-a", RIGHT_FORWARD), ("05-a", tuple(map(cached, RIGHT_FORWARD))))
WRONG = tuple(
    (exercise, slug, tuple(map(wrap, answers)))
    for exercise, wrap in (("02-a", lambda answer: answer), ("05-a", cached))
    for slug, answers in CASES
)
