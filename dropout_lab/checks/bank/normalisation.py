"""Slips about the variance behind dropout, about alpha dropout and about a schedule of p."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer
from dropout_lab.moments_noise import SELU_FLOOR

Array = NDArray[Any]


def odds(p: float) -> float:
    """The variance of a scaled coin, p / (1 - p)."""
    return p / (1 - p)


def second_moment(x: Array) -> float:
    return float((x**2).mean())


def noisy(strength: Callable[[float], float], moment: Callable[[Array], float] = second_moment) -> ValueAnswer:
    """A version of variance_ratio(x, p) with another strength of the noise, or another moment."""
    return ValueAnswer(lambda x, p: 1 + strength(p) * moment(x) / x.var())


def ratio(x: Array, p: float) -> float:
    return float(1 + odds(p) * second_moment(x) / x.var())


RATIO_ROWS = (
    Misconception(
        "mean-forgotten",
        "that is 1 / (1 - p), which holds for units of mean 0. A coin moves a unit by its size, so the noise has "
        "E[x²], and E[x²] is larger than the variance when there is a mean.",
        "A unit that is 5 for every example has no variance. Does it have any behind dropout?",
        (noisy(odds, np.var), ValueAnswer(lambda x, p: 1 / (1 - p))),
    ),
    Misconception(
        "square-of-mean",
        "the noise has E[x]² where E[x²] belongs: the mean was taken before the square.",
        "A unit has mean 0. Does dropout leave its variance alone?",
        (noisy(odds, lambda x: float(x.mean() ** 2)),),
    ),
    Misconception(
        "not-scaled",
        "that has the variance of a coin, p (1 - p), or of units that are masked and not scaled. Survivors are divided "
        "by 1 - p, and a constant factor enters a variance squared.",
        "Var[m / q] = Var[m] / q².",
        (
            noisy(lambda p: p * (1 - p)),
            ValueAnswer(lambda x, p: ((1 - p) * second_moment(x) - ((1 - p) * x.mean()) ** 2) / x.var()),
        ),
    ),
    Misconception(
        "scale-not-squared",
        "p stands where p / (1 - p) belongs: the variance of a coin was divided by 1 - p once.",
        "Var[m / q] = Var[m] / q².",
        (noisy(lambda p: p),),
    ),
    Misconception(
        "keep-drop-swapped",
        "p and 1 - p are exchanged: your ratio grows as fewer units are dropped.",
        "What should the ratio be at p = 0?",
        (noisy(lambda p: (1 - p) / p),),
    ),
    Misconception(
        "upside-down",
        "that is the variance in eval over the variance in training.",
        "Which of the two has the noise, and so is the larger one?",
        (ValueAnswer(lambda x, p: 1 / ratio(x, p)),),
    ),
    Misconception(
        "sd-for-variance",
        "that is a ratio of standard deviations, the root of what was asked.",
        "Leave the root out.",
        (ValueAnswer(lambda x, p: np.sqrt(ratio(x, p))),),
    ),
    Misconception(
        "noise-alone",
        "that is the variance that dropout adds, over the variance of x. In training the units vary as well.",
        "What should the ratio be at p = 0?",
        (ValueAnswer(lambda x, p: ratio(x, p) - 1),),
    ),
)


def slope(p: float) -> float:
    return float(1 / np.sqrt((1 - p) * (1 + p * SELU_FLOOR**2)))


def shift(p: float) -> float:
    return -slope(p) * p * SELU_FLOOR


def moved(
    a: Callable[[float], float] = slope,
    b: Callable[[float], float] = shift,
    floor: float = SELU_FLOOR,
) -> ValueAnswer:
    """A version of alpha_dropout(h, mask, p) with another scale, another shift or another value of dropped units."""
    return ValueAnswer(lambda h, mask, p: a(p) * np.where(mask, h, floor) + b(p))


ALPHA_ROWS = (
    Misconception(
        "zero-for-alpha-prime",
        "dropped units are set to 0. In alpha dropout a unit that is off has the lowest value of SELU, about -1.758.",
        "Which number does SELU give for a very negative input?",
        (moved(floor=0.0), ValueAnswer(lambda h, mask, p: h * mask / (1 - p))),
    ),
    Misconception(
        "affine-forgotten",
        "dropped units have the right value, and then nothing moves the units back to mean 0 and variance 1.",
        "What is the mean of h when some of its units become -1.758?",
        (moved(lambda p: 1.0, lambda p: 0.0),),
    ),
    Misconception(
        "shift-forgotten",
        "the scale a is there and the shift b is not, so the mean stays below 0.",
        "b = -a p α'.",
        (moved(b=lambda p: 0.0),),
    ),
    Misconception(
        "shift-not-scaled",
        "b = -p α' has no a. The scale acts on the low values too, so the shift that makes up for them contains it.",
        "The mean before the shift is a p α'. Which b brings it to 0?",
        (moved(b=lambda p: -p * SELU_FLOOR),),
    ),
    Misconception(
        "root-forgotten",
        "a is 1 over a variance. A factor enters a variance squared, so a is 1 over its root.",
        "Which factor turns variance 4 into variance 1?",
        (moved(lambda p: slope(p) ** 2, lambda p: -(slope(p) ** 2) * p * SELU_FLOOR),),
    ),
    Misconception(
        "inverted-scale",
        "survivors are divided by 1 - p as in plain dropout. Here a and b do that work.",
        "What brings the variance back to 1, after dropped units are set to α'?",
        (
            moved(lambda p: 1 / (1 - p), lambda p: 0.0),
            moved(lambda p: 1 / (1 - p), lambda p: -p / (1 - p) * SELU_FLOOR),
            ValueAnswer(lambda h, mask, p: np.where(mask, h / (1 - p), SELU_FLOOR)),
        ),
    ),
    Misconception(
        "keep-drop-swapped",
        "p and 1 - p are exchanged in a and b.",
        "The paper writes q for the probability of keeping. What are a and b at p = 0, where nothing happens?",
        (moved(lambda p: slope(1 - p), lambda p: shift(1 - p)),),
    ),
    Misconception(
        "mask-flipped",
        "the units that the mask keeps were dropped, and the others kept.",
        "True in a mask means kept.",
        (ValueAnswer(lambda h, mask, p: slope(p) * np.where(mask, SELU_FLOOR, h) + shift(p)),),
    ),
)


def timed(share: Callable[[int, int], float]) -> ValueAnswer:
    """A version of annealed(step, p, n_steps) that drops p times `share` of the step and n_steps."""
    return ValueAnswer(lambda step, p, n_steps: p * share(step, n_steps))


def left(step: int, n_steps: int) -> float:
    return max(0.0, 1 - step / n_steps)


SCHEDULE_ROWS = (
    Misconception(
        "below-zero",
        "the line goes on behind n_steps, where it gives a number below 0, or rises again. That is no probability you "
        "asked for.",
        "What does your function give at twice n_steps?",
        (timed(lambda step, n: 1 - step / n), timed(lambda step, n: abs(1 - step / n))),
    ),
    Misconception(
        "late-for-early",
        "p rises from 0. An annealed p starts at its largest and falls.",
        "What should step 0 give?",
        (timed(lambda step, n: min(1.0, step / n)), timed(lambda step, n: float(step >= n))),
    ),
    Misconception(
        "all-at-once",
        "p stays where it is until n_steps and then falls to 0 in one step: that is early dropout. Integer division "
        "does it too.",
        "What should half of n_steps give?",
        (timed(lambda step, n: float(step < n)), timed(lambda step, n: float(step <= n))),
    ),
    Misconception(
        "never-off",
        "p falls towards 0 and does not get there.",
        "What should n_steps give?",
        (
            timed(lambda step, n: float(np.exp(-step / n))),
            timed(lambda step, n: 1 / (1 + step / n)),
            timed(lambda step, n: 0.5 ** (step / n)),
        ),
    ),
    Misconception(
        "keep-drop-swapped",
        "that is a probability of keeping, or starts from 1 - p. The function returns the probability of dropping.",
        "What should step 0 give?",
        (
            ValueAnswer(lambda step, p, n_steps: 1 - p * left(step, n_steps)),
            ValueAnswer(lambda step, p, n_steps: (1 - p) * left(step, n_steps)),
        ),
    ),
    Misconception(
        "off-by-one",
        "the line is one step early or late. Steps count from 0, and 0 is reached at step n_steps.",
        "What should step 0 give, and what step n_steps?",
        (
            timed(lambda step, n: left(step + 1, n)),
            timed(lambda step, n: left(step, n - 1)),
            timed(lambda step, n: left(step, n + 1)),
            timed(lambda step, n: min(1.0, left(step - 1, n))),
        ),
    ),
    Misconception(
        "p-forgotten",
        "that is the share of p that is left, from 1 down to 0: p itself is missing.",
        "What should step 0 give?",
        (ValueAnswer(lambda step, p, n_steps: left(step, n_steps)),),
    ),
)
