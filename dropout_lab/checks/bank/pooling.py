"""Slips about noise on feature maps: how much of it a pooled map keeps, which share blocks drop, which γ to take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.bank.penalties import odds
from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer
from dropout_lab.moments_blocks import dropped_share, seed_counts, solved_gamma

Array = NDArray[Any]
Pooled = Callable[[Array], float]


def own_coins(h: Array) -> float:
    """Variance of the pooled map for coins of variance 1, one for each pixel."""
    return (h**2).sum() / h.size**2


def one_coin(h: Array) -> float:
    """The same for one coin."""
    return h.mean() ** 2


def pooled(
    strength: Callable[[float], float] = odds,
    own: Pooled = own_coins,
    one: Pooled = one_coin,
    last: Callable[[float], float] = np.sqrt,
) -> ValueAnswer:
    """A version of pooled_sd(h, p, shared) with other parts."""
    return ValueAnswer(lambda h, p, shared: last(strength(p) * (one if shared else own)(h)))


POOLED_ROWS = (
    Misconception(
        "elementwise-on-maps",
        "the coins are independent in both cases. A shared coin moves all pixels together, and nothing averages out.",
        "With one coin the pooled map is the mean of h, times m / q. What is the variance of that?",
        (pooled(one=own_coins),),
    ),
    Misconception(
        "whole-maps",
        "one coin decides for the whole map in both cases. Coins of their own average out in the mean.",
        "Variances of independent pixels add: sum of (h / n)² times the variance of one coin.",
        (pooled(own=one_coin),),
    ),
    Misconception(
        "sds-added",
        "standard deviations were added. For independent coins the variances add, and the root comes last.",
        "Square first, add, divide by n², and then take the root.",
        (
            pooled(own=lambda h: np.abs(h).mean() ** 2),
            pooled(own=lambda h: np.abs(h).mean() ** 2, one=lambda h: np.abs(h).mean() ** 2),
        ),
    ),
    Misconception(
        "variance-not-sd",
        "that is the variance. Its root is asked for.",
        "In which unit is the answer, that of h or its square?",
        (pooled(last=float),),
    ),
    Misconception(
        "mean-of-squares",
        "the squares were averaged. A mean of n pixels is a sum divided by n, and its variance a sum divided by n².",
        "What is the variance of x / n?",
        (pooled(own=lambda h: (h**2).mean()),),
    ),
    Misconception(
        "map-of-ones",
        "every pixel was given the mean activation. Only bright pixels have something to lose: their squares count.",
        "What does a pixel with h = 0 add to the variance?",
        (
            pooled(own=lambda h: h.mean() ** 2 / h.size),
            pooled(own=lambda h: 1 / h.size, one=lambda h: 1.0),
        ),
    ),
    Misconception(
        "keep-drop-swapped",
        "p and 1 - p are exchanged: your noise fades as more is dropped.",
        "What should the noise be at p = 0?",
        (pooled(lambda p: (1 - p) / p),),
    ),
    Misconception(
        "not-scaled",
        "that is p (1 - p), the variance of a coin. Survivors are divided by 1 - p, and a constant factor enters a "
        "variance squared.",
        "Var[m / q] = Var[m] / q².",
        (pooled(lambda p: p * (1 - p)),),
    ),
    Misconception(
        "scale-not-squared",
        "p stands where p / (1 - p) belongs: the variance of a coin was divided by 1 - p once.",
        "Var[m / q] = Var[m] / q².",
        (pooled(lambda p: p),),
    ),
)


def clipped(gamma: float, height: int, width: int, block_size: int, before: int) -> float:
    """Share that is dropped if every pixel can be a seed and blocks are cut off at the edges."""
    behind = block_size - 1 - before
    rows, columns = (
        np.array([min(i + before, size - 1) - max(i - behind, 0) + 1 for i in range(size)]) for size in (height, width)
    )
    return float(1 - ((1 - gamma) ** np.outer(rows, columns)).mean())


def places(height: int, width: int, block_size: int) -> int:
    return (height - block_size + 1) * (width - block_size + 1)


TWICE = "pixels under two blocks were counted twice. Blocks overlap, and a pixel cannot be dropped more than once."
BORDER = (
    "every pixel was treated like one in the middle. In a corner there is a single place whose block covers it, in the "
    "middle up to block_size²."
)

SHARE_ROWS = (
    Misconception(
        "overlaps-counted-twice",
        TWICE,
        "Ask for the opposite: when is a pixel kept?",
        (ValueAnswer(lambda g, h, w, b: g * places(h, w, b) * b**2 / (h * w)),),
    ),
    Misconception(
        "border-forgotten",
        BORDER,
        "Count, for each pixel, the places from which a block would reach it.",
        (ValueAnswer(lambda g, h, w, b: 1 - (1 - g) ** (b**2)), ValueAnswer(lambda g, h, w, b: min(1.0, g * b**2))),
    ),
    Misconception(
        "dropblock-rate",
        "seeds fell where no whole block fits. Here a block begins at one of (H - b + 1) × (W - b + 1) places and lies "
        "inside the map.",
        "Where is the last row in which a block of b rows can begin?",
        (
            ValueAnswer(lambda g, h, w, b: clipped(g, h, w, b, 0)),
            ValueAnswer(lambda g, h, w, b: clipped(g, h, w, b, b // 2)),
            ValueAnswer(lambda g, h, w, b: clipped(g, h, w, b, (b - 1) // 2)),
            ValueAnswer(lambda g, h, w, b: g),
        ),
    ),
    Misconception(
        "keep-drop-swapped",
        "that is the share that is kept, or γ and 1 - γ are exchanged.",
        "What is the share at γ = 0?",
        (
            ValueAnswer(lambda g, h, w, b: 1 - dropped_share(g, h, w, b)),
            ValueAnswer(lambda g, h, w, b: dropped_share(1 - g, h, w, b)),
        ),
    ),
    Misconception(
        "any-block",
        "that is the probability that the map has a seed at all. Asked is the share of its pixels that go.",
        "Which places matter to one pixel?",
        (ValueAnswer(lambda g, h, w, b: 1 - (1 - g) ** places(h, w, b)),),
    ),
)

GAMMA_ROWS = (
    Misconception(
        "overlaps-counted-twice",
        "that is equation 1 of the paper. " + TWICE + " So it drops less than p.",
        "Which γ makes moments_blocks.dropped_share equal to p? Halve an interval until you have it.",
        (ValueAnswer(lambda p, h, w, b: p * h * w / b**2 / places(h, w, b)),),
    ),
    Misconception(
        "border-forgotten",
        BORDER,
        "Your γ makes a pixel in the middle go with probability p. What happens to the others?",
        (ValueAnswer(lambda p, h, w, b: 1 - (1 - p) ** (1 / b**2)),),
    ),
    Misconception(
        "dropblock-rate",
        "p is the share of pixels, γ the probability that a block begins at a place. A block takes block_size² pixels, "
        "and only some places have room for a whole one.",
        "Put your γ into moments_blocks.dropped_share. Does it drop p?",
        (ValueAnswer(lambda p, h, w, b: p), ValueAnswer(lambda p, h, w, b: p / b**2)),
    ),
    Misconception(
        "keep-drop-swapped",
        "your γ drops 1 - p of the pixels and keeps p.",
        "Should γ rise or fall with p?",
        (
            ValueAnswer(lambda p, h, w, b: solved_gamma(1 - p, h, w, b)),
            ValueAnswer(lambda p, h, w, b: (1 - p) * h * w / b**2 / places(h, w, b)),
        ),
    ),
    Misconception(
        "any-block",
        "your γ gives the map a seed with probability p. Asked is that a share p of its pixels goes.",
        "Put your γ into moments_blocks.dropped_share. Does it drop p?",
        (ValueAnswer(lambda p, h, w, b: 1 - (1 - p) ** (1 / places(h, w, b))),),
    ),
    Misconception(
        "mean-count",
        "that is right if every pixel had the mean number of places. The share bends with the number: pixels of the "
        "border and of the middle do not make up for each other.",
        "Average (1 - γ)^count over the pixels, not the counts.",
        (ValueAnswer(lambda p, h, w, b: 1 - (1 - p) ** (1 / seed_counts(h, w, b).mean())),),
    ),
)
