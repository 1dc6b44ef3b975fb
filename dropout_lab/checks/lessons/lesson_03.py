"""Exercises of lesson 03."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab import ensembles
from dropout_lab.checks.bank.ensembles import CHANCE_ROWS, GEOMETRIC_ROWS, MEAN_ROWS
from dropout_lab.checks.exercise import Exercise
from dropout_lab.checks.probes_values import ValueAnswer, arguments_kept, on, outputs
from dropout_lab.checks.subjects import callable_answer
from dropout_lab.numpy_layers import softmax

Array = NDArray[np.floating]


def mask_probabilities(masks: NDArray[np.bool_], p: float) -> Any:
    """Return the probability of each keep-mask, (M,), for bool masks of shape (M, n)."""
    kept = masks.sum(axis=1)
    dropped = masks.shape[1] - kept
    return (1 - p) ** kept * p**dropped


def mean_prediction(h: Array, weight: Array, p: float) -> Array:
    """Return the mean over all 2^n masks of softmax(weight @ (mask * h / (1 - p))), shape (K,)."""
    masks = ensembles.all_masks(len(h))
    chances = ensembles.mask_probabilities(masks, p)
    predictions = softmax((masks * h / (1 - p)) @ weight.T)
    return chances @ predictions


def geometric_mean(predictions: Array, chances: Array) -> Any:
    """Return the geometric mean of class probabilities (M, K), weighted by chances (M,) and normalised: (K,)."""
    products = np.prod(predictions ** chances[:, None], axis=0)
    return products / products.sum()


MASKS = np.array([[True, True, True], [True, False, True], [False, False, True], [False, False, False]])
CHANCES = tuple(on(mask_probabilities, f"four masks of three units and p = {p}", MASKS, p) for p in (0.2, 0.7))
H = np.array([1.0, 0.5, 2.0])
WEIGHT = np.array([[2.0, -1.0, -1.5], [-1.0, 1.0, 0.5], [0.0, 0.5, -0.5], [0.5, -2.0, 1.0]])
MEANS = tuple(on(mean_prediction, f"three units, four classes and p = {p}", H, WEIGHT, p) for p in (0.2, 0.7))
SAID = np.array([[0.9, 0.06, 0.04], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.6, 0.3, 0.1]])
CHANCES_OF_FOUR = np.array([0.5, 0.3, 0.15, 0.05])
GEOMETRIC = (on(geometric_mean, "four subnetworks of chances .5, .3, .15 and .05", SAID, CHANCES_OF_FOUR),)

EXERCISES = (
    Exercise(
        id="03-a",
        title="The chance of a subnetwork",
        section="lesson 03, List the subnetworks",
        solution=mask_probabilities,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(CHANCES),),),
        bank=CHANCE_ROWS,
        hints=(
            "A mask is a row of independent coins, so its probability is a product.",
            "masks.sum(axis=1) is the number k of kept units of each mask; masks.shape[1] - k are dropped.",
            "A kept unit brings the factor 1 - p, a dropped one the factor p.",
        ),
    ),
    Exercise(
        id="03-b",
        title="The mean prediction of all subnetworks",
        section="lesson 03, Ask all 256",
        solution=mean_prediction,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(MEANS),), (arguments_kept(MEANS),)),
        bank=MEAN_ROWS,
        hints=(
            "First the predictions of all subnetworks, an array (2^n, K); the mean comes last.",
            "(masks * h / (1 - p)) @ weight.T has the logits of all subnetworks in its rows.",
            "chances @ predictions is the mean weighted with the chances.",
        ),
    ),
    Exercise(
        id="03-c",
        title="The normalised geometric mean",
        section="lesson 03, Find the mean that one pass is",
        solution=geometric_mean,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(GEOMETRIC),), (arguments_kept(GEOMETRIC),)),
        bank=GEOMETRIC_ROWS,
        hints=(
            "Raise each prediction to the power of its chance, and multiply over the subnetworks.",
            "chances[:, None] has the shape (M, 1), so that predictions ** chances[:, None] works row by row.",
            "Divide by the sum over the classes at the end.",
        ),
    ),
)
