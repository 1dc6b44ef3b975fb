"""Slips in a dropout function on arrays: which units, which scale, when, and what else is touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.bank.masks import DRAWN
from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.subjects import NumpyAnswer

Array = NDArray[Any]
Rng = np.random.Generator


def keeps(h: Array, p: float, rng: Rng) -> Array:
    return np.greater_equal(rng.random(h.shape), p)


def trained(compute: Callable[[Array, float, Rng], Array]) -> NumpyAnswer:
    """A version that is wrong in training and right in evaluation."""
    return NumpyAnswer(lambda h, p, rng, training=True: compute(h, p, rng) if training else h)


def scaled(h: Array, mask: Array, p: float) -> Array:
    """The right scale, as zeros at p = 1 too."""
    return h * mask * h.dtype.type(1 / (1 - p) if p < 1 else 0)


def drawn_by(draw: Callable[..., Array]) -> NumpyAnswer:
    """A version with the right scale and a mask that is drawn wrongly."""
    return trained(lambda h, p, rng: scaled(h, draw(h.shape, p, rng), p))


def realised(h: Array, p: float, rng: Rng) -> Array:
    mask = keeps(h, p, rng)
    return np.divide(h * mask, h.dtype.type(max(mask.mean(), 1e-12)))


def realised_in_row(h: Array, p: float, rng: Rng) -> Array:
    mask = keeps(h, p, rng)
    return np.divide(h * mask, np.maximum(mask.mean(axis=-1, keepdims=True), 1e-12)).astype(h.dtype)


def realised_in_column(h: Array, p: float, rng: Rng) -> Array:
    mask = keeps(h, p, rng)
    return np.divide(h * mask, np.maximum(mask.mean(axis=0, keepdims=True), 1e-12)).astype(h.dtype)


def gaussian(h: Array, p: float, rng: Rng) -> Array:
    return h * rng.normal(1, np.sqrt(p / max(1 - p, 1e-12)), h.shape)


def gaussian_of_width_p(h: Array, p: float, rng: Rng) -> Array:
    return h * rng.normal(1, p, h.shape)


def additive(h: Array, p: float, rng: Rng) -> Array:
    return h + rng.normal(0, np.sqrt(p / max(1 - p, 1e-12)), h.shape)


def additive_of_width_p(h: Array, p: float, rng: Rng) -> Array:
    return h + rng.normal(0, p, h.shape)


def in_place(h: Array, p: float, rng: Rng, training: bool = True) -> Array:
    if training:
        mask = keeps(h, p, rng)
        h *= mask
        h /= h.dtype.type(1 - p) if p < 1 else 1
    return h


def random_in_evaluation(h: Array, p: float, rng: Rng, training: bool = True) -> Array:
    return scaled(h, keeps(h, p, rng), p)


def only_in_evaluation(h: Array, p: float, rng: Rng, training: bool = True) -> Array:
    return h if training else scaled(h, keeps(h, p, rng), p)


def scaled_twice(h: Array, p: float, rng: Rng, training: bool = True) -> Array:
    return scaled(h, keeps(h, p, rng), p) if training else h * h.dtype.type(1 - p)


def scaled_at_test_time(h: Array, p: float, rng: Rng, training: bool = True) -> Array:
    return h * keeps(h, p, rng) if training else h * h.dtype.type(1 - p)


FIRST = (
    Misconception(
        "dropped-then-ignored",
        "nothing is ever dropped: the mask is not used, or what comes back is not what you computed.",
        "Follow the variable that holds the dropped activations: is it the one you return?",
        (trained(lambda h, p, rng: h),),
    ),
    Misconception(
        "keep-drop-swapped",
        "p is used as the probability of keeping a unit, in the mask and in the scale. Here p drops: of ten units at "
        "p = 0.1, nine stay.",
        "The mean cannot show this slip. Count the zeros at p = 0.1.",
        (trained(lambda h, p, rng: h * (rng.random(h.shape) < p) / p),),
    ),
    Misconception(
        "mask-inverted",
        "the mask keeps a unit with probability p and drops it with 1 - p: the comparison points the wrong way.",
        "At p = 0.1 nine units of ten should stay. Which side of the comparison is that?",
        (trained(lambda h, p, rng: scaled(h, rng.random(h.shape) < p, p)),),
    ),
    Misconception(
        "standard-not-inverted",
        "survivors are not scaled in training, and activations are scaled by 1 - p in evaluation. That is dropout as "
        "in the 2014 paper and right on average; inverted dropout scales in training, so that evaluation does nothing.",
        "Move the scale: which factor in training makes the mean right at once?",
        (NumpyAnswer(scaled_at_test_time),),
    ),
    Misconception(
        "not-scaled",
        "units are masked and the survivors are left as they are, so the mean falls to 1 - p of what it was.",
        "E[m h] = (1 - p) h. Which factor brings the mean back to h?",
        (trained(lambda h, p, rng: h * keeps(h, p, rng)),),
    ),
    Misconception(
        "scaled-by-keep",
        "survivors are multiplied by 1 - p, which lowers the mean a second time.",
        "The mask has already taken the mean down to (1 - p) h. Multiply or divide?",
        (trained(lambda h, p, rng: h * keeps(h, p, rng) * h.dtype.type(1 - p)),),
    ),
    Misconception(
        "scaled-by-p",
        "survivors are multiplied by p, the drop probability.",
        "Which probability is E[m], p or 1 - p? And does the mean need a larger or a smaller factor?",
        (trained(lambda h, p, rng: h * keeps(h, p, rng) * h.dtype.type(p)),),
    ),
    Misconception(
        "divided-by-p",
        "survivors are divided by p, the drop probability; divide by 1 - p, the keep probability. At p = 0.5 the two "
        "are the same, which hides the slip.",
        "Divide by the probability that a unit is kept.",
        (trained(lambda h, p, rng: h * keeps(h, p, rng) / h.dtype.type(p)),),
    ),
    Misconception(
        "realised-fraction",
        "survivors are divided by the share that happened to survive, not by the probability 1 - p. The factor then "
        "depends on all other coins, and it is 0/0 when nothing survives.",
        "The scale is a number that you know before any coin is flipped.",
        (trained(realised), trained(realised_in_row), trained(realised_in_column)),
    ),
    Misconception(
        "gaussian-instead-of-bernoulli",
        "activations are multiplied by normal noise. That exists and is called Gaussian dropout, but here each unit is "
        "either kept or zero.",
        "Which values can m take?",
        (trained(gaussian), trained(gaussian_of_width_p)),
    ),
    Misconception(
        "additive-noise",
        "noise is added to the activations. Dropout multiplies: a large activation has more to lose than a small one.",
        "What should happen to a unit that is dropped?",
        (trained(additive), trained(additive_of_width_p)),
    ),
)

LATER = (
    Misconception(
        "only-in-evaluation",
        "the branch is the wrong way round: dropout acts when training is False and not when it is True.",
        "Read the condition aloud: if training, then …",
        (NumpyAnswer(only_in_evaluation),),
    ),
    Misconception(
        "active-in-eval",
        "`training` is ignored: units are dropped at test time too, and predictions become random.",
        "Which line runs when training is False?",
        (NumpyAnswer(random_in_evaluation),),
    ),
    Misconception(
        "scaled-twice",
        "the scale is applied in training (by 1/(1-p)) and again in evaluation (by 1 - p). One of them is enough: with "
        "both, every layer shrinks its output by 1 - p.",
        "After the division in training the mean is right. What is left to do in evaluation?",
        (NumpyAnswer(scaled_twice),),
    ),
    Misconception(
        "divides-by-zero",
        "at p = 1 the scale is 1/0, and 0/0 is not a number. Everything is dropped there, so the output is zero.",
        "Treat p = 1 before you divide.",
        (
            trained(lambda h, p, rng: h * keeps(h, p, rng) / h.dtype.type(1 - p)),
            trained(lambda h, p, rng: h * keeps(h, p, rng) * h.dtype.type(1 / (1 - p))),
        ),
    ),
    Misconception(
        "input-modified",
        "the array that was passed in is changed (*=, [...] = …). The caller may need it again.",
        "Compute a new array; `h * mask` does, `h *= mask` does not.",
        (NumpyAnswer(in_place),),
    ),
    Misconception(
        "dtype-changed",
        "an array of another dtype took part, such as `mask / (1 - p)`: the quotient of a bool array and a number is "
        "float64, whatever h is.",
        "Multiply h by the bool mask first and divide by the plain number (1 - p) last.",
        (trained(lambda h, p, rng: scaled(h.astype(np.float64), keeps(h, p, rng), p)),),
    ),
)

DRAWN_ROWS = tuple(Misconception(slug, means, tip, tuple(map(drawn_by, calls))) for slug, means, tip, calls in DRAWN)
ROWS = (*FIRST, *DRAWN_ROWS, *LATER)
