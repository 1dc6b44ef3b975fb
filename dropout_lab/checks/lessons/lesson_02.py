"""Exercises of lesson 02."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.bank import scaling
from dropout_lab.checks.exercise import Exercise, Misconception
from dropout_lab.checks.probes_dropout import edges, evaluation, manners, repeatability
from dropout_lab.checks.probes_law import training_law
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.subjects import NumpyAnswer, callable_answer


def inverted_dropout(
    h: NDArray[np.floating], p: float, rng: np.random.Generator, training: bool = True
) -> NDArray[np.floating]:
    """Return h with units dropped and survivors scaled in training, and h itself otherwise."""
    if not training:
        return h
    if p == 1:
        return np.zeros_like(h)
    mask = rng.random(h.shape) >= p
    return h * mask / (1 - p)


def noise_variance(h: NDArray[np.floating], p: float) -> NDArray[np.floating]:
    """Return the variance of m h / (1 - p) for each unit, over the coins m."""
    return h**2 * p / (1 - p)


def test_train_ratio(p: float, n_layers: int) -> float:
    """Return how many times larger the outputs are at test time if nobody scales, after n_layers linear layers."""
    return 1 / (1 - p) ** n_layers


VARIANCES = tuple(on(noise_variance, f"h = [1, -3], p = {p}", np.array([1.0, -3.0]), p) for p in (0.1, 0.35, 0.8))
VARIANCE_BANK = (
    Misconception(
        "not-scaled",
        "that is the variance of m h. The survivors are divided by 1 - p as well.",
        "A factor c makes a variance c² times as large.",
        (ValueAnswer(lambda h, p: h**2 * p * (1 - p)),),
    ),
    Misconception(
        "scale-not-squared",
        "the variance of m h was divided by 1 - p once. A constant factor enters a variance squared.",
        "Var[c X] = c² Var[X], with c = 1 / (1 - p).",
        (ValueAnswer(lambda h, p: h**2 * p),),
    ),
    Misconception(
        "keep-drop-swapped",
        "p and 1 - p are exchanged. As p grows, more units vanish and the noise grows.",
        "What should the variance be at p = 0?",
        (ValueAnswer(lambda h, p: h**2 * (1 - p) / p),),
    ),
    Misconception(
        "second-moment-for-variance",
        "that is E[(m h / (1 - p))²], the second moment. Take the squared mean away to get the variance.",
        "Var[X] = E[X²] - E[X]², and the mean is h.",
        (ValueAnswer(lambda h, p: h**2 / (1 - p)),),
    ),
    Misconception(
        "sd-for-variance",
        "that is the standard deviation, the root of the variance.",
        "In which units is a variance of h measured?",
        (ValueAnswer(lambda h, p: np.abs(h) * np.sqrt(p / (1 - p))),),
    ),
    Misconception(
        "activation-not-squared",
        "h is a constant factor, and a constant factor enters a variance squared. A variance is never negative.",
        "Var[c X] = c² Var[X]. Which of the factors are constant here?",
        (ValueAnswer(lambda h, p: h * p / (1 - p)), ValueAnswer(lambda h, p: np.full_like(h, p / (1 - p)))),
    ),
)
RATIOS = tuple(
    on(test_train_ratio, f"p = {p}, n_layers = {n}", p, n) for p, n in ((0.5, 3), (0.2, 3), (0.8, 2), (0.1, 1))
)
RATIO_BANK = (
    Misconception(
        "ratio-inverted",
        "that is training over test. Without a scale the training outputs are the smaller ones.",
        "At test time nothing is dropped. Are the outputs then larger or smaller than in training?",
        (ValueAnswer(lambda p, n_layers: (1 - p) ** n_layers),),
    ),
    Misconception(
        "divided-by-p",
        "p stands where 1 - p belongs: a layer's output falls to the share that is kept.",
        "At p = 0.1, is the ratio for one layer near 1 or near 10?",
        (ValueAnswer(lambda p, n_layers: 1 / p**n_layers), ValueAnswer(lambda p, n_layers: 1 / p)),
    ),
    Misconception(
        "one-layer-only",
        "that is the ratio for one layer. The next layer receives outputs that are too small and shrinks them again.",
        "What goes into layer 2 in training, and what at test time?",
        (ValueAnswer(lambda p, n_layers: 1 / (1 - p)),),
    ),
    Misconception(
        "p-ignored",
        "each layer counts as a factor of 2, which is right at p = 0.5 alone.",
        "Which share of the units is kept at p = 0.2?",
        (ValueAnswer(lambda p, n_layers: 2**n_layers),),
    ),
    Misconception(
        "layers-added",
        "the layers' factors were added. Each layer multiplies what the one before has left.",
        "Follow a signal of size 1 through two layers at p = 0.5.",
        (ValueAnswer(lambda p, n_layers: n_layers / (1 - p)),),
    ),
)


EXERCISES = (
    Exercise(
        id="02-a",
        title="Inverted dropout",
        section="lesson 02, Scale the survivors in training",
        solution=inverted_dropout,
        adapt=callable_answer(NumpyAnswer),
        stages=((training_law,), (evaluation,), (repeatability,), (edges,), (manners,)),
        bank=scaling.ROWS,
        hints=(
            "Start with `if not training: return h`.",
            "In training, multiply h by a keep-mask and divide by the probability that a unit is kept.",
            "At p = 1 everything is dropped: return zeros before you divide by 1 - p.",
        ),
    ),
    Exercise(
        id="02-b",
        title="The noise that dropout adds",
        section="lesson 02, The mean is kept, the variance is not",
        solution=noise_variance,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(VARIANCES),),),
        bank=VARIANCE_BANK,
        hints=(
            "h and 1 / (1 - p) are constants here; only the coin m is random.",
            "Var[c m] = c² Var[m], and Var[m] = p (1 - p).",
        ),
    ),
    Exercise(
        id="02-c",
        title="What forgetting the scale costs",
        section="lesson 02, Forget the scale in three layers",
        solution=test_train_ratio,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(RATIOS),),),
        bank=RATIO_BANK,
        hints=(
            "In training a linear layer behind dropout gives 1 - p of what it gives at test time, on average.",
            "The next layer multiplies again: a factor for each layer.",
        ),
    ),
)
