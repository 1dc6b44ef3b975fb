"""Exercises of lesson 05."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.bank import backward, scaling
from dropout_lab.checks.exercise import AnswerError, Exercise, Misconception
from dropout_lab.checks.probes_dropout import edges, evaluation, manners, repeatability
from dropout_lab.checks.probes_gradient import gradients, own_cache
from dropout_lab.checks.probes_law import training_law
from dropout_lab.checks.probes_values import ValueAnswer, arguments_kept, on, outputs
from dropout_lab.checks.subjects import ForwardCacheAnswer, PairAnswer, callable_answer

Array = NDArray[np.floating]


def dropout_forward(h: Array, p: float, rng: np.random.Generator, training: bool = True) -> tuple[Array, Any]:
    """Return (out, cache): h with units dropped and survivors scaled in training, and what backward needs."""
    if not training:
        return h, None
    mask = rng.random(h.shape) >= p
    scale = 1 / (1 - p) if p < 1 else 0.0
    return h * mask * scale, (mask, scale)


def dropout_backward(grad_out: Array, cache: Any) -> Array:
    """Return the gradient for h, given the gradient for out and the cache of the forward pass."""
    if cache is None:
        return grad_out
    mask, scale = cache
    grad_h: Array = grad_out * mask * scale
    return grad_h


def numerical_gradient(f: Callable[[Array], float], x: Array, eps: float = 1e-5) -> Array:
    """Return the gradient of f at x by central differences, (f(x + eps e_i) - f(x - eps e_i)) / (2 eps)."""
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = eps
        gradient[place] = (f(x + step) - f(x - step)) / (2 * eps)
    return gradient


def cubic(x: Array) -> float:
    """Σ x³, on which central and one-sided differences with a long step are told apart."""
    return float((x**3).sum())


def product(x: Array) -> float:
    """x₀ x₁ x₂, whose gradient mixes the coordinates."""
    return float(x.prod())


def _pair(answer: Any) -> PairAnswer:
    if not isinstance(answer, (tuple, list)) or len(answer) != 2 or not all(map(callable, answer)):
        raise AnswerError("I expected the pair (dropout_forward, dropout_backward), two functions in brackets.")
    return PairAnswer(*answer)


def one_sided(f: Callable[[Array], float], x: Array, eps: float = 1e-5) -> Array:
    """The gradient by differences to one side."""
    return np.array([(f(x + eps * e) - f(x)) / eps for e in np.eye(len(x))])


def one_sided_below(f: Callable[[Array], float], x: Array, eps: float = 1e-5) -> Array:
    """The gradient by differences to the other side."""
    return np.array([(f(x) - f(x - eps * e)) / eps for e in np.eye(len(x))])


def not_halved(f: Callable[[Array], float], x: Array, eps: float = 1e-5) -> Array:
    """Twice the gradient: divided by eps."""
    return 2 * numerical_gradient(f, x, eps)


def times_eps(f: Callable[[Array], float], x: Array, eps: float = 1e-5) -> Array:
    """The gradient times eps²: `/ 2 * eps` divides by 2 and multiplies by eps."""
    return numerical_gradient(f, x, eps) * eps**2


def with_its_own_step(f: Callable[[Array], float], x: Array, eps: float = 1e-5) -> Array:
    """The gradient by a step that was not asked for."""
    return numerical_gradient(f, x, 1e-5)


def all_at_once(f: Callable[[Array], float], x: Array, eps: float = 1e-5) -> Array:
    """The sum of the gradient in every place: all coordinates were moved together."""
    return np.full_like(x, (f(x + eps) - f(x - eps)) / (2 * eps))


def left_moved(f: Callable[[Array], float], x: Array, eps: float = 1e-5) -> Array:
    """The right gradient, with x moved for good."""
    gradient = numerical_gradient(f, x, eps)
    x -= eps
    return gradient


POINTS = (
    on(numerical_gradient, "f = Σ x³ at x = [1, 2, -1] with eps = 0.1", cubic, np.array([1.0, 2.0, -1.0]), 0.1),
    on(numerical_gradient, "f = x₀ x₁ x₂ at x = [2, 3, 5]", product, np.array([2.0, 3.0, 5.0]), 1e-3),
)
DIFFERENCES = (
    Misconception(
        "one-sided-difference",
        "the difference is taken to one side. Its error shrinks with eps, that of the central difference with eps².",
        "Step to both sides of x and divide by the distance between the two points.",
        (ValueAnswer(one_sided), ValueAnswer(one_sided_below)),
    ),
    Misconception(
        "not-halved",
        "the two points lie 2 eps apart, and the difference was divided by eps.",
        "How far is it from x - eps to x + eps?",
        (ValueAnswer(not_halved),),
    ),
    Misconception(
        "eps-multiplied",
        "`/ 2 * eps` divides by 2 and then multiplies by eps.",
        "Brackets around 2 * eps.",
        (ValueAnswer(times_eps),),
    ),
    Misconception(
        "eps-ignored",
        "the step is fixed inside the function, whatever eps says.",
        "Where in your function does eps stand?",
        (ValueAnswer(with_its_own_step),),
    ),
    Misconception(
        "all-at-once",
        "all coordinates are moved together, which gives the sum of the partial derivatives in every place.",
        "Move one coordinate at a time and leave the others where they are.",
        (ValueAnswer(all_at_once),),
    ),
    Misconception(
        "input-modified",
        "x is not what it was before the call: a coordinate was moved in place and not put back exactly.",
        "Work on a copy, or add a step vector to x in a new array.",
        (ValueAnswer(left_moved),),
    ),
)
FORWARD_STAGES = ((training_law,), (evaluation,), (repeatability,), (edges,), (manners,))

EXERCISES = (
    Exercise(
        id="05-a",
        title="Forward with a cache",
        section="lesson 05, Forward: keep what backward needs",
        solution=dropout_forward,
        adapt=callable_answer(ForwardCacheAnswer),
        stages=FORWARD_STAGES,
        bank=scaling.ROWS,
        hints=(
            "It is inverted_dropout of lesson 02 that returns two things.",
            "The output is h times m / (1 - p). Backward needs exactly that factor.",
            "Return (h * mask * scale, (mask, scale)), with scale = 0 at p = 1.",
        ),
    ),
    Exercise(
        id="05-b",
        title="Backward through the same mask",
        section="lesson 05, Backward: the same mask, the same scale",
        solution=dropout_backward,
        adapt=_pair,
        stages=(*FORWARD_STAGES, (gradients,), (own_cache,)),
        bank=(*scaling.ROWS, *backward.ROWS),
        hints=(
            "For each unit the layer multiplies by a number. What is the derivative of c·h for h?",
            "Multiply grad_out by the mask of the forward pass and by its scale.",
            "With training off the cache says so: return grad_out as it is.",
        ),
    ),
    Exercise(
        id="05-c",
        title="A gradient by central differences",
        section="lesson 05, Check a gradient by differences",
        solution=numerical_gradient,
        adapt=callable_answer(ValueAnswer),
        stages=((arguments_kept(POINTS),), (outputs(POINTS),)),
        bank=DIFFERENCES,
        hints=(
            "Move one coordinate at a time, to both sides.",
            "np.ndindex(x.shape) runs over the places of an array of any shape.",
            "Divide f(x + step) - f(x - step) by 2 * eps.",
        ),
    ),
)
