"""Answers to 09-a, 09-b and 09-c."""

import math

import numpy as np


def by_masks(h, p, shared):
    """Mean and variance over all masks, weighted: 2 of them, or 2 to the number of pixels."""
    if shared:
        return math.sqrt((1 - p) * (h.mean() / (1 - p) - h.mean()) ** 2 + p * h.mean() ** 2)
    masks = (np.arange(2**h.size)[:, None] >> np.arange(h.size)) & 1
    chance = np.prod(np.where(masks == 1, 1 - p, p), axis=1)
    means = masks @ h.ravel() / (1 - p) / h.size
    return math.sqrt(chance @ (means - chance @ means) ** 2)


def walked(h, p, shared):
    total = 0.0
    for a in h.flat:
        for b in h.flat:
            total += a * b if shared else 0.0
        total += 0.0 if shared else a * a
    return (p / (1 - p) * total) ** 0.5 / h.size


def covariances(h, p, shared):
    c = np.ones((h.size, h.size)) if shared else np.eye(h.size)
    return np.sqrt(h.ravel() @ c @ h.ravel() * p / (1 - p)) / h.size


def counts(height, width, b):
    """Places that would reach each pixel."""
    r = [min(i + 1, height - i, b, height - b + 1) for i in range(height)]
    c = [min(j + 1, width - j, b, width - b + 1) for j in range(width)]
    return np.array(r)[:, None] * np.array(c)


def pixel_by_pixel(g, height, width, b):
    kept = 0.0
    for i in range(height):
        for j in range(width):
            k = 1.0
            for r in range(height - b + 1):
                for c in range(width - b + 1):
                    if r <= i < r + b and c <= j < c + b:
                        k *= 1 - g
            kept += k
    return 1 - kept / (height * width)


def convolved(g, height, width, b):
    line = [np.convolve(np.ones(n - b + 1), np.ones(b)) for n in (height, width)]
    return 1 - np.mean((1 - g) ** np.outer(*line))


def cut_at_edges(g, height, width, b):
    """Corners may fall anywhere, and what sticks out is cut off."""
    seen = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            seen[i : i + b, j : j + b] += 1
    return float(np.mean(1 - (1 - g) ** seen))


def centred(g, height, width, b):
    padded = np.pad(np.ones((height, width)), ((b // 2, b - 1 - b // 2),) * 2)
    seen = np.lib.stride_tricks.sliding_window_view(padded, (b, b)).sum((2, 3))
    return 1 - ((1 - g) ** seen).mean()


def newton(p, height, width, b):
    n, g = counts(height, width, b), 0.0
    for _ in range(200):
        g += (p - np.mean(1 - (1 - g) ** n)) / np.mean(n * (1 - g) ** (n - 1))
    return g


def secant(p, height, width, b):
    def f(t):
        return np.mean(np.exp(counts(height, width, b) * t)) - (1 - p)

    low, high = -40.0, 0.0
    while high - low > 1e-12:
        t = 0.5 * (low + high)
        low, high = (t, high) if f(t) < 0 else (low, t)
    return -math.expm1(low)


def from_polynomial(p, height, width, b):
    """The root in [0, 1] of the polynomial in 1 - γ."""
    n = counts(height, width, b).ravel()
    coefficients = np.bincount(n).astype(float) / n.size
    coefficients[0] -= 1 - p
    roots = np.polynomial.Polynomial(coefficients).roots()
    real = roots[np.abs(roots.imag) < 1e-9].real
    return 1 - real[(real > 0) & (real < 1)][0]


def on_a_grid(p, height, width, b):
    n = counts(height, width, b)
    g = np.linspace(0, 1, 2_001)
    shares = 1 - ((1 - g[:, None, None]) ** n).mean((1, 2))
    return np.interp(p, shares, g)


def recursion(p, height, width, b, low=0.0, high=1.0, steps=40):
    middle = (low + high) / 2
    if steps == 0:
        return middle
    below = pixel_by_pixel(middle, height, width, b) < p
    return recursion(p, height, width, b, middle if below else low, high if below else middle, steps - 1)


def solved_for(target, height, width, b, share=convolved):
    low, high = 0.0, 1.0
    for _ in range(60):
        m = (low + high) / 2
        low, high = (m, high) if share(m, height, width, b) < target else (low, m)
    return m


RIGHT = (
    (
        "09-a",
        (
            by_masks,
            walked,
            covariances,
            lambda h, p, shared: abs(h.mean() if shared else np.linalg.norm(h) / h.size) * math.sqrt(p / (1 - p)),
            lambda h, p, shared: (
                (np.sum(h) ** 2 if shared else np.sum(h * h)) ** 0.5 / h.size * (1 / (1 - p) - 1) ** 0.5
            ),
        ),
    ),
    (
        "09-b",
        (
            pixel_by_pixel,
            convolved,
            lambda g, height, width, b: np.mean(1 - (1 - g) ** counts(height, width, b)),
            lambda g, height, width, b: 1 - np.exp(counts(height, width, b) * np.log1p(-g)).sum() / height / width,
            lambda g, height, width, b: (
                sum(1 - (1 - g) ** int(n) for n in counts(height, width, b).flat) / (height * width)
            ),
        ),
    ),
    ("09-c", (newton, secant, from_polynomial, on_a_grid, recursion)),
)

WRONG = (
    (
        "09-a",
        "elementwise-on-maps",
        (
            lambda h, p, shared: np.sqrt(p / (1 - p)) * np.linalg.norm(h) / h.size,
            lambda h, p, shared: by_masks(h, p, False),
        ),
    ),
    (
        "09-a",
        "whole-maps",
        (lambda h, p, shared: (p / (1 - p)) ** 0.5 * h.mean(), lambda h, p, shared: walked(h, p, True)),
    ),
    (
        "09-a",
        "sds-added",
        (
            lambda h, p, shared: np.mean(np.abs(h) * np.sqrt(p / (1 - p))) if not shared else covariances(h, p, True),
            lambda h, p, shared: sum(abs(a) * math.sqrt(p / (1 - p)) for a in h.flat) / h.size,
        ),
    ),
    (
        "09-a",
        "variance-not-sd",
        (
            lambda h, p, shared: walked(h, p, shared) ** 2,
            lambda h, p, shared: p / (1 - p) * (np.mean(h) ** 2 if shared else np.sum(h**2) / h.size**2),
        ),
    ),
    (
        "09-a",
        "mean-of-squares",
        (
            lambda h, p, shared: np.sqrt(p / (1 - p) * (h.mean() ** 2 if shared else np.mean(np.square(h)))),
            lambda h, p, shared: covariances(h, p, shared) * (1 if shared else h.size**0.5),
        ),
    ),
    (
        "09-a",
        "map-of-ones",
        (
            lambda h, p, shared: h.mean() * math.sqrt(p / (1 - p) / (1 if shared else h.size)),
            lambda h, p, shared: walked(np.ones(h.shape), p, shared),
        ),
    ),
    (
        "09-a",
        "keep-drop-swapped",
        (lambda h, p, shared: walked(h, 1 - p, shared), lambda h, p, shared: covariances(h, p, shared) * (1 - p) / p),
    ),
    (
        "09-a",
        "not-scaled",
        (
            lambda h, p, shared: walked(h, p, shared) * (1 - p),
            lambda h, p, shared: math.sqrt(p * (1 - p)) * (h.mean() if shared else np.sqrt((h * h).sum()) / h.size),
        ),
    ),
    (
        "09-a",
        "scale-not-squared",
        (
            lambda h, p, shared: walked(h, p, shared) * math.sqrt(1 - p),
            lambda h, p, shared: math.sqrt(p) * (h.mean() if shared else np.sqrt((h * h).sum()) / h.size),
        ),
    ),
    (
        "09-b",
        "overlaps-counted-twice",
        (
            lambda g, height, width, b: g * counts(height, width, b).mean(),
            lambda g, height, width, b: g * b * b * (height - b + 1) * (width - b + 1) / (height * width),
        ),
    ),
    (
        "09-b",
        "border-forgotten",
        (
            lambda g, height, width, b: 1 - math.exp(b * b * math.log(1 - g)),
            lambda g, height, width, b: 1 - (1 - g) ** int(counts(2 * b, 2 * b, b).max()),
            lambda g, height, width, b: b * b * g,
        ),
    ),
    ("09-b", "dropblock-rate", (cut_at_edges, centred, lambda g, height, width, b: g)),
    (
        "09-b",
        "keep-drop-swapped",
        (
            lambda g, height, width, b: np.mean((1 - g) ** counts(height, width, b)),
            lambda g, height, width, b: 1 - np.mean(g ** counts(height, width, b)),
        ),
    ),
    (
        "09-b",
        "any-block",
        (
            lambda g, height, width, b: 1 - (1 - g) ** ((height - b + 1) * (width - b + 1)),
            lambda g, height, width, b: -math.expm1((height + 1 - b) * (width + 1 - b) * math.log1p(-g)),
        ),
    ),
    (
        "09-c",
        "overlaps-counted-twice",
        (
            lambda p, height, width, b: p / counts(height, width, b).mean(),
            lambda p, height, width, b: p / b**2 * height / (height - b + 1) * width / (width - b + 1),
        ),
    ),
    (
        "09-c",
        "border-forgotten",
        (
            lambda p, height, width, b: -math.expm1(math.log(1 - p) / b**2),
            lambda p, height, width, b: solved_for(
                p, height, width, b, lambda g, height, width, b: 1 - (1 - g) ** (b * b)
            ),
        ),
    ),
    ("09-c", "dropblock-rate", (lambda p, *size: p, lambda p, height, width, b: p / (b * b))),
    (
        "09-c",
        "keep-drop-swapped",
        (
            lambda p, *size: solved_for(1 - p, *size),
            lambda p, height, width, b: (1 - p) / counts(height, width, b).mean(),
        ),
    ),
    (
        "09-c",
        "any-block",
        (
            lambda p, height, width, b: -math.expm1(math.log1p(-p) / ((height - b + 1) * (width - b + 1))),
            lambda p, height, width, b: 1 - (1 - p) ** (1.0 / ((1 + height - b) * (1 + width - b))),
        ),
    ),
    (
        "09-c",
        "mean-count",
        (
            lambda p, height, width, b: 1 - (1 - p) ** (1 / counts(height, width, b).mean()),
            lambda p, height, width, b: (
                1 - math.exp(math.log(1 - p) * height * width / ((height - b + 1) * (width - b + 1) * b * b))
            ),
        ),
    ),
)
