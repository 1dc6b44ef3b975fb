"""Torch answers in the form the probes take: arrays go in, arrays come out, coins come from a seeded stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from dropout_lab.checks.exercise import AnswerError
from dropout_lab.checks.subjects import Array


class Stream:
    """A position in torch's default generator that a subject can be run from, and the modules made on the way.

    The default generator itself is as it was outside the stream.
    """

    def __init__(self, seed: int) -> None:
        self.state = torch.Generator().manual_seed(seed).get_state()
        self.modules: dict[Any, nn.Module] = {}

    @contextmanager
    def active(self) -> Iterator[None]:
        """The default generator stands where this stream is; afterwards the stream has moved and the generator not."""
        outside = torch.get_rng_state()
        torch.set_rng_state(self.state)
        try:
            yield
            self.state = torch.get_rng_state()
        finally:
            torch.set_rng_state(outside)


class ModuleAnswer:
    """A class that makes modules: `answer(p)` is an nn.Module that drops units."""

    scaled = True
    dtypes: tuple[str, ...] = ("float32", "float64", "bfloat16")

    def __init__(self, make: Callable[..., Any]) -> None:
        self.make = make

    def source(self, seed: int) -> Stream:
        """A stream in a known state."""
        return Stream(seed)

    def zero_source(self) -> None:
        """There is no way to make torch's default generator return exact zeros."""
        return

    def position(self, source: Stream) -> Any:
        """The state of the stream, to see whether it was used."""
        return source.state.numpy().tobytes()

    def module(self, p: float, source: Stream) -> nn.Module:
        """The module for p, the same for all calls on one stream."""
        if p not in source.modules:
            source.modules[p] = self.new(p)
        return source.modules[p]

    def new(self, p: float) -> nn.Module:
        """A new module; raises AnswerError if the answer makes something else."""
        module = self.make(p)
        if not isinstance(module, nn.Module):
            raise AnswerError(f"{self.make!r} made a {type(module).__name__}; I expected a subclass of nn.Module.")
        if "_modules" not in vars(module):
            raise AnswerError("the module was never initialised. Make super().__init__() the first line of __init__.")
        return module

    def run(self, h: Tensor, p: float, source: Stream, training: bool) -> Tensor:
        """Output of the module for p in the mode asked for."""
        with source.active():
            return same_shape(self.module(p, source).train(training)(h), h)

    def forward(self, h: Array, p: float, source: Stream, training: bool) -> Array:
        """Output for an array; the tensor shares its memory, so that changes in place are seen."""
        array: Array = self.run(torch.from_numpy(h), p, source, training).detach().numpy().copy()
        return array

    def out_dtype(self, dtype: str, p: float, source: Stream) -> str:
        """Name of the dtype that comes back for inputs of `dtype`."""
        h = torch.ones(4, 6, dtype=getattr(torch, dtype))
        return str(self.run(h, p, source, True).dtype).removeprefix("torch.")

    def forward_and_gradient(
        self, h: Array, p: float, source: Stream, grad_out: Array, training: bool
    ) -> tuple[Array, Array]:
        """Output, and gradient for `h`, of one pass; a gradient that autograd cannot follow counts as zero."""
        leaf = torch.from_numpy(h).requires_grad_()
        out = self.run(leaf, p, source, training)
        gradient = torch.zeros_like(leaf)
        if out.requires_grad:
            (found,) = torch.autograd.grad(out, leaf, torch.from_numpy(grad_out), allow_unused=True)
            gradient = gradient if found is None else found
        return out.detach().numpy(), gradient.numpy()


def same_shape(out: Any, h: Tensor) -> Tensor:
    """`out` if it is a tensor of the shape of `h`; raises AnswerError otherwise."""
    if out is None:
        raise AnswerError(f"forward returned None; I expected a tensor of shape {tuple(h.shape)}. `return` missing?")
    if not isinstance(out, Tensor):
        raise AnswerError(f"forward returned a {type(out).__name__}; I expected a tensor of shape {tuple(h.shape)}.")
    if out.shape != h.shape:
        raise AnswerError(f"forward returned shape {tuple(out.shape)}; I expected {tuple(h.shape)}.")
    return out


def module_class(answer: Any) -> Callable[..., Any]:
    """`answer` if it is a class or function that makes modules; raises AnswerError for a module that is made."""
    if isinstance(answer, nn.Module):
        raise AnswerError("the answer is a module; I expected the class, without brackets and arguments.")
    if not callable(answer):
        raise AnswerError(f"the answer is {answer!r}; I expected a class.")
    made: Callable[..., Any] = answer
    return made
