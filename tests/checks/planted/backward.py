"""Answers to 05-b: pairs of a forward and a backward function."""

import numpy as np

from planted.arrays import CASES, kept, scale_of


def forward(h, p, rng, training=True):
    if not training:
        return h, None
    mask = kept(h, p, rng)
    return h * mask * scale_of(p), (mask, scale_of(p), p, rng, h, h * mask)


def with_noise(h, p, rng, training=True):
    noise = (kept(h, p, rng) * scale_of(p)).astype(h.dtype) if training else np.ones_like(h)
    return h * noise, noise


def with_bits(h, p, rng, training=True):
    mask = kept(h, p, rng) if training else np.ones(h.shape, bool)
    scale = scale_of(p) if training else 1.0
    return h * mask * scale, (np.packbits(mask), mask.shape, scale)


def from_bits(grad_out, cache):
    bits, shape, scale = cache
    mask = np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape).astype(bool)
    return np.where(mask, grad_out * scale, 0)


class Layer:
    def forward(self, h, p, rng, training=True):
        mask = kept(h, p, rng) if training else None
        out = h if mask is None else np.where(mask, h * scale_of(p), 0).astype(h.dtype)
        return out, {"mask": mask, "scale": scale_of(p)}

    def backward(self, grad_out, cache):
        if cache["mask"] is None:
            return grad_out.copy()
        grad = np.zeros_like(grad_out)
        grad[cache["mask"]] = grad_out[cache["mask"]] * cache["scale"]
        return grad


layer = Layer()
latest = {}


def forward_with_global(h, p, rng, training=True):
    latest["mask"] = kept(h, p, rng) if training else np.ones(h.shape, bool)
    latest["scale"] = scale_of(p) if training else 1.0
    return h * latest["mask"] * latest["scale"], None


class Forgetful:
    def forward(self, h, p, rng, training=True):
        self.noise = kept(h, p, rng) * scale_of(p) if training else 1.0
        return (h * self.noise).astype(h.dtype), "nothing"

    def backward(self, grad_out, cache):
        return grad_out * self.noise


forgetful = Forgetful()


def unless_off(backward):
    return lambda grad_out, cache: grad_out if cache is None else backward(grad_out, *cache)


def pairs(*backwards):
    return tuple((forward, unless_off(backward)) for backward in backwards)


RIGHT = (
    (
        "05-b",
        (
            (forward, unless_off(lambda g, mask, scale, *rest: g * mask * scale)),
            (with_noise, lambda g, noise: g * noise),
            (with_bits, from_bits),
            (layer.forward, layer.backward),
            [forward, unless_off(lambda g, mask, scale, *rest: np.where(mask, g * scale, 0))],
        ),
    ),
)
SLIPS = (
    (
        "backward-redraws",
        pairs(
            lambda g, mask, scale, p, rng, h, masked: g * (rng.random(g.shape) >= p) * scale,
            lambda g, mask, scale, p, rng, h, masked: np.where(rng.random(g.shape) < p, 0, g / (1 - p)),
            lambda g, mask, scale, p, rng, h, masked: g * rng.binomial(1, 1 - p, g.shape) * scale,
            lambda g, mask, scale, p, rng, h, masked: forward(g, p, rng)[0],
            lambda g, mask, scale, p, rng, h, masked: forward(g, p, np.random.default_rng(5))[0],
        ),
    ),
    (
        "backward-not-scaled",
        pairs(
            lambda g, mask, *rest: g * mask,
            lambda g, mask, *rest: np.where(mask, g, 0),
            lambda g, mask, *rest: g - g * ~mask,
            lambda g, mask, *rest: np.multiply(g, mask, dtype=g.dtype),
            lambda g, mask, scale, *rest: g * (mask * scale > 0),
        ),
    ),
    (
        "backward-ignores-mask",
        pairs(
            lambda g, *rest: g,
            lambda g, mask, scale, *rest: g * scale,
            lambda g, mask, scale, p, *rest: g / (1 - p),
            lambda g, *rest: g.copy(),
            lambda g, *rest: 1.0 * g,
        ),
    ),
    (
        "backward-from-zeros",
        pairs(
            lambda g, mask, scale, p, rng, h, masked: g * (masked != 0) * scale,
            lambda g, mask, scale, p, rng, h, masked: np.where(masked == 0, 0, g * scale),
            lambda g, mask, scale, p, rng, h, masked: g * (np.abs(masked) > 0) / (1 - p),
            lambda g, mask, scale, p, rng, h, masked: (
                g * np.divide(masked, h, out=np.zeros_like(h), where=h != 0) * scale
            ),
            lambda g, mask, scale, p, rng, h, masked: g * np.sign(np.abs(masked)) * scale,
        ),
    ),
    (
        "backward-scaled-twice",
        pairs(
            lambda g, mask, scale, p, *rest: g * mask * (1 - p),
            lambda g, mask, scale, *rest: g * mask * scale * scale,
        ),
    ),
    ("backward-mask-inverted", pairs(lambda g, mask, scale, *rest: g * ~mask * scale)),
    ("backward-multiplies-output", pairs(lambda g, mask, scale, p, rng, h, masked: g * masked * scale)),
    (
        "mask-outside-cache",
        (
            (forward_with_global, lambda g, cache: g * latest["mask"] * latest["scale"]),
            (forgetful.forward, forgetful.backward),
        ),
    ),
)


def backed(answer):
    def two(h, p, rng, training=True):
        return answer(h, p, rng, training), None

    return two, lambda grad_out, cache: grad_out


WRONG = (
    *(("05-b", slug, answers) for slug, answers in SLIPS),
    *(("05-b", slug, tuple(map(backed, answers[:2]))) for slug, answers in CASES),
)
