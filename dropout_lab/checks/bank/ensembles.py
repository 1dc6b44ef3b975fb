"""Slips about subnetworks: how likely each is, and which mean of their predictions is meant."""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer
from dropout_lab.ensembles import all_masks, mask_probabilities
from dropout_lab.numpy_layers.loss import softmax

Array = NDArray[Any]


def chance(compute: Callable[[Array, int, float], Array]) -> ValueAnswer:
    """A version of mask_probabilities from the number of kept units, the number of units, and p."""
    return ValueAnswer(lambda masks, p: compute(masks.sum(axis=1), masks.shape[1], p))


def times_chosen(k: Array, n: int, p: float) -> Array:
    return np.array([comb(n, int(kept)) for kept in k]) * (1 - p) ** k * p ** (n - k)


CHANCE_ROWS = (
    Misconception(
        "subnetworks-equally-likely",
        "every mask got the same chance. That is right at p = 0.5 alone: at p = 0.2 a mask that keeps many units is "
        "likelier than one that keeps few.",
        "Which is likelier at p = 0.1, to keep all units or to lose them all?",
        (
            ValueAnswer(lambda masks, p: np.full(len(masks), 1 / len(masks))),
            chance(lambda k, n, p: np.full(len(k), 0.5**n)),
        ),
    ),
    Misconception(
        "keep-drop-swapped",
        "p was taken for the probability of keeping a unit. Here p drops.",
        "At p = 0.2, which is the likeliest of all masks?",
        (chance(lambda k, n, p: p**k * (1 - p) ** (n - k)),),
    ),
    Misconception(
        "count-for-mask",
        "that is the Binomial probability that some k units are kept. A mask says which ones they are: it is one of "
        "several such patterns.",
        "How many masks keep k of n units? They share the probability of the count.",
        (chance(times_chosen),),
    ),
    Misconception(
        "dropped-units-forgotten",
        "each kept unit has its factor 1 - p, and the dropped ones have none. That a unit goes is an event too.",
        "Do your chances of all masks add up to 1?",
        (chance(lambda k, n, p: (1 - p) ** k),),
    ),
    Misconception(
        "kept-units-forgotten",
        "each dropped unit has its factor p, and the kept ones have none. That a unit stays is an event too.",
        "Do your chances of all masks add up to 1?",
        (chance(lambda k, n, p: p ** (n - k)),),
    ),
    Misconception(
        "chances-added",
        "the coins' probabilities were added or averaged. Independent coins that must all fall in a given way multiply "
        "theirs.",
        "What is the probability of two sixes with two dice?",
        (
            chance(lambda k, n, p: (1 - p) * k + p * (n - k)),
            chance(lambda k, n, p: ((1 - p) * k + p * (n - k)) / n),
        ),
    ),
)


def asked(h: Array, weight: Array, scale: float) -> Array:
    """Predictions of all subnetworks, survivors multiplied by `scale`."""
    return softmax((all_masks(len(h)) * h * scale) @ weight.T)


def averaged(scale: Callable[[float], float], drop: Callable[[float], float] = lambda p: p) -> ValueAnswer:
    """A version of mean_prediction with another scale, or with another drop probability in the chances."""
    return ValueAnswer(lambda h, weight, p: mask_probabilities(all_masks(len(h)), drop(p)) @ asked(h, weight, scale(p)))


def in_place(h: Array, weight: Array, p: float) -> Array:
    h /= 1 - p
    return mask_probabilities(all_masks(len(h)), p) @ asked(h, weight, 1.0)


def votes(h: Array, weight: Array, p: float) -> Array:
    winners = asked(h, weight, 1 / (1 - p)).argmax(axis=1)
    return mask_probabilities(all_masks(len(h)), p) @ np.eye(len(weight))[winners]


MEAN_ROWS = (
    Misconception(
        "scaling-is-the-mean",
        "that is softmax of the mean logits, the prediction of one scaled pass. It is the geometric mean of the "
        "subnetworks' predictions; their arithmetic mean is another number.",
        "In which order do softmax and the mean come?",
        (ValueAnswer(lambda h, weight, p: softmax(weight @ h)),),
    ),
    Misconception(
        "subnetworks-equally-likely",
        "every subnetwork has the same weight in the mean, which is right at p = 0.5 alone.",
        "Weigh each prediction with the chance of its mask, from 03-a.",
        (ValueAnswer(lambda h, weight, p: asked(h, weight, 1 / (1 - p)).mean(axis=0)),),
    ),
    Misconception(
        "keep-drop-swapped",
        "p was taken for the probability of keeping a unit.",
        "Which mask is the likeliest at p = 0.2, and does your mean give it the largest weight?",
        (averaged(lambda p: 1 / (1 - p), lambda p: 1 - p), averaged(lambda p: 1 / p, lambda p: 1 - p)),
    ),
    Misconception(
        "not-scaled",
        "the survivors are not divided by 1 - p: subnetworks speak more softly than the network does at test time.",
        "Inverted dropout does two things in training. The mask is one of them.",
        (averaged(lambda p: 1.0),),
    ),
    Misconception(
        "divided-by-p",
        "the survivors are divided by p; divide by the keep probability 1 - p.",
        "By which factor must the survivors grow so that the mean of the logits stays?",
        (averaged(lambda p: 1 / p),),
    ),
    Misconception(
        "scaled-by-keep",
        "the survivors are multiplied by 1 - p, which makes the subnetworks softer still.",
        "The mask has already taken the mean down. Multiply or divide?",
        (averaged(lambda p: 1 - p),),
    ),
    Misconception(
        "labels-averaged",
        "that is the share of the subnetworks that vote for each class, not the mean of their probabilities.",
        "A subnetwork that says 0.51 and one that says 0.99 are not alike.",
        (ValueAnswer(votes),),
    ),
    Misconception(
        "input-modified",
        "the activations that were passed in are changed (h /= …). The caller may need them again.",
        "Compute a new array; `h / (1 - p)` does, `h /= 1 - p` does not.",
        (ValueAnswer(in_place),),
    ),
)


def normalised(values: Array) -> Array:
    return values / values.sum(axis=-1, keepdims=True)


def from_logs(compute: Callable[[Array, Array], Array]) -> ValueAnswer:
    """A version of geometric_mean from the logarithms of the predictions and the chances."""
    return ValueAnswer(lambda predictions, chances: compute(np.log(predictions), chances))


def powers_in_place(predictions: Array, chances: Array) -> Array:
    predictions **= chances[:, None]
    return normalised(predictions.prod(axis=0))


GEOMETRIC_ROWS = (
    Misconception(
        "arithmetic-for-geometric",
        "that is the arithmetic mean: the sum of chance times prediction.",
        "A geometric mean multiplies. What is the logarithm of a product?",
        (ValueAnswer(lambda predictions, chances: chances @ predictions),),
    ),
    Misconception(
        "not-normalised",
        "these are the geometric means themselves, and they add up to less than 1.",
        "What must probabilities of all classes add up to?",
        (from_logs(lambda logs, c: np.exp(c @ logs)),),
    ),
    Misconception(
        "subnetworks-equally-likely",
        "the chances are not used: every subnetwork has the same weight.",
        "A subnetwork with chance c enters with the power c.",
        (from_logs(lambda logs, c: normalised(np.exp(logs.mean(axis=0)))),),
    ),
    Misconception(
        "product-for-mean",
        "the predictions were multiplied without a power, or with their chances as factors, which cancel. A product is "
        "no mean: two subnetworks that agree on 0.9 would make it 0.99.",
        "Raise each prediction to the power of its chance before you multiply.",
        (from_logs(lambda logs, c: normalised(np.exp(logs.sum(axis=0)))),),
    ),
    Misconception(
        "log-left",
        "the result is still a logarithm.",
        "Which function undoes the logarithm?",
        (from_logs(lambda logs, c: c @ logs), from_logs(lambda logs, c: normalised(c @ logs))),
    ),
    Misconception(
        "input-modified",
        "the predictions that were passed in are changed (**=, [...] = …). The caller may need them again.",
        "Compute a new array; `predictions ** powers` does, `predictions **= powers` does not.",
        (ValueAnswer(powers_in_place),),
    ),
)
