"""Answers in one form: whatever the learner wrote, the probes drop units of `h` with probability p from a source."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.checks.exercise import AnswerError

Array = NDArray[Any]


class ZeroGenerator(np.random.Generator):
    """A generator whose uniform numbers are all exactly 0.0, the smallest that a real one can return."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Zeros of the shape asked for."""
        if out is not None:
            out[...] = 0
            return out
        return 0.0 if size is None else np.zeros(size, dtype)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """The lower end of the range."""
        return low + (high - low) * self.random(size)


class NumpyAnswer:
    """A function (h, p, rng, training) → array that drops units.

    Attributes
    ----------
    call : callable
    scaled : bool
        True if survivors must be scaled by 1/(1-p); a mask alone is not.
    dtypes : dtypes that must be kept
    """

    scaled = True
    dtypes: tuple[str, ...] = ("float32", "float64")

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def source(self, seed: int) -> np.random.Generator:
        """A generator in a known state."""
        return np.random.default_rng(seed)

    def zero_source(self) -> np.random.Generator | None:
        """A generator that returns exact zeros; None where there is no way to make one."""
        return ZeroGenerator()

    def position(self, source: np.random.Generator) -> Any:
        """The state of the source, to see whether it was used."""
        return repr(source.bit_generator.state)

    def forward(self, h: Array, p: float, source: Any, training: bool) -> Array:
        """Output for `h`; raises AnswerError for a wrong type or shape."""
        return _array(self.call(h, p, source, training=training), h.shape)

    def out_dtype(self, dtype: str, p: float, source: Any) -> str:
        """Name of the dtype that comes back for inputs of `dtype`."""
        return str(self.forward(np.ones((4, 6), dtype), p, source, True).dtype)


class MaskAnswer(NumpyAnswer):
    """A function (shape, p, rng) → bool array, True where a unit is kept."""

    scaled = False
    dtypes = ()

    def forward(self, h: Array, p: float, source: Any, training: bool) -> Array:
        """`h` where the mask is True."""
        mask = _array(self.call(h.shape, p, source), h.shape)
        if mask.dtype != np.bool_:
            raise AnswerError(
                f"the mask has dtype {mask.dtype}; I expected bool, True where a unit is kept. A comparison gives bool."
            )
        return np.where(mask, h, 0)


class ForwardCacheAnswer(NumpyAnswer):
    """A function (h, p, rng, training) → (out, cache)."""

    def forward(self, h: Array, p: float, source: Any, training: bool) -> Array:
        """The first of the two things that come back."""
        return _array(_pair(self.call(h, p, source, training=training))[0], h.shape)


class PairAnswer(ForwardCacheAnswer):
    """A pair of functions: forward (h, p, rng, training) → (out, cache) and backward (grad_out, cache) → grad_h."""

    def __init__(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        super().__init__(forward)
        self.call_backward = backward

    def forward_and_gradient(
        self, h: Array, p: float, source: Any, grad_out: Array, training: bool
    ) -> tuple[Array, Array]:
        """Output, and gradient for `h`, of one pass."""
        out, cache = _pair(self.call(h, p, source, training=training))
        gradient = self.call_backward(grad_out, cache)
        return _array(out, h.shape), _array(gradient, h.shape, "the gradient")

    def first_gradient_of_two(self, h: Array, p: float, source: Any) -> tuple[Array, Array]:
        """Output of a pass, and its gradient asked for after a second pass has been made."""
        out, cache = _pair(self.call(h, p, source, training=True))
        self.call(h, p, source, training=True)
        return _array(out, h.shape), _array(self.call_backward(np.ones_like(h), cache), h.shape, "the gradient")


def global_states() -> str:
    """The global random states of Python, NumPy and (where it is loaded) torch, to see whether one moved."""
    torch = sys.modules.get("torch")
    state: Any = np.random.get_state()  # noqa: NPY002 - it is read, never used
    states = [hash(random.getstate()), hash(state[1].tobytes()), state[2]]
    return repr(states + ([hash(torch.get_rng_state().numpy().tobytes())] if torch else []))


@contextmanager
def undisturbed() -> Iterator[None]:
    """The global random states of Python, NumPy and (where it is loaded) torch are put back at the end."""
    torch = sys.modules.get("torch")
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - put back, never used
    coins = torch.get_rng_state() if torch else None
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        if torch:
            torch.set_rng_state(coins)


def named(answer: Any) -> str:
    """What to call an answer in a message."""
    return str(getattr(answer, "__name__", type(answer).__name__))


def _array(value: Any, shape: tuple[int, ...], what: str = "the result") -> Array:
    if value is None:
        raise AnswerError(f"{what} is None; I expected an array of shape {shape}. Is the `return` missing?")
    if not isinstance(value, np.ndarray):
        raise AnswerError(f"{what} is of type {type(value).__name__}; I expected an array of shape {shape}.")
    if value.shape != shape:
        message = f"{what} has shape {value.shape}; I expected {shape}, a value for every unit."
        raise AnswerError(message, shared_by_shape(value.shape, shape))
    return value


def shared_by_shape(came: tuple[int, ...], expected: tuple[int, ...]) -> str | None:
    """The slip of a result that broadcasting would repeat: which axis has no coins of its own?"""
    padded = (1,) * (len(expected) - len(came)) + came
    shared = [axis for axis, size in enumerate(padded) if size == 1]
    if len(padded) != len(expected) or any(size not in (1, full) for size, full in zip(padded, expected, strict=True)):
        return None
    whole = {(0,): "one-mask-for-the-batch", tuple(range(1, len(expected))): "one-coin-per-example"}
    return "one-coin-for-all" if len(shared) == len(expected) else whole.get(tuple(shared))


def _pair(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, tuple) or len(value) != 2:
        came = "None: is the `return` missing?" if value is None else f"{type(value).__name__}."
        raise AnswerError(f"the forward function must return two things, (out, cache); it returned {came}")
    return value


def callable_answer(adapt: Callable[[Callable[..., Any]], Any]) -> Callable[[Any], Any]:
    """Turn a function into a subject; refuse what cannot be called."""

    def to_subject(answer: Any) -> Any:
        if not callable(answer):
            raise AnswerError(f"the answer is {answer!r}; I expected a function. Pass its name without brackets.")
        return adapt(answer)

    return to_subject
