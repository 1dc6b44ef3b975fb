"""One observed forward pass: which modules ran, which of them drew random numbers, which dropout was told not to."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from dropout_lab.uncertainty.dropout_calls import DropoutCalls
from dropout_lab.uncertainty.graph import NotReplayableError, Recording
from dropout_lab.uncertainty.model_state import ModelState
from dropout_lab.uncertainty.recording import Recorder
from dropout_lab.uncertainty.site_noise import NoNoise
from dropout_lab.uncertainty.streams import Stream, marks, reseed, seeded_marks

# the model whose passes are being watched: hooks see every model of every thread, and models may call mc_predict
_watched: ContextVar[ModelState | None] = ContextVar("watched", default=None)


@contextmanager
def watching(state: ModelState) -> Iterator[None]:
    """Let probes of this model see its passes, and those of a model around it not."""
    token = _watched.set(state)
    try:
        yield
    finally:
        _watched.reset(token)


@dataclass
class Observation:
    """What one forward pass did.

    `drew` holds the modules in whose own code, outside that of their submodules, a random number was drawn, and `last`
    the one of the last draw; `muted` the places where a dropout function was called with 0 < p < 1 and
    ``training=False``; `end` the states it left behind; `recording` what :func:`record` gives, where that was asked for
    and can be done.
    """

    visited: set[nn.Module] = field(default_factory=set)
    drew: set[nn.Module] = field(default_factory=set)
    muted: list[nn.Module] = field(default_factory=list)
    last: nn.Module | None = None
    output: Any = None
    end: tuple[Hashable, ...] = ()
    recording: Recording | None = None


@dataclass(frozen=True)
class Probe:
    """How to run the model once and watch: the call, the model's state, its random streams and a seed."""

    run: Callable[[], Any]
    state: ModelState
    streams: list[Stream]
    seed: int

    def observe(
        self, active: Collection[nn.Module], *, without_dropout: bool = False, attempt: int = 0, recorded: bool = False
    ) -> Observation:
        """Run the model with `active` in training mode; `without_dropout` sets p = 0 in every dropout function."""
        quick = [stream for stream in self.streams if stream.seeded_mark is None]
        slow = [stream for stream in self.streams if stream.seeded_mark is not None]
        try:
            recorder = Recorder(NoNoise(self.seed)) if recorded else None
            seen, drew = self._observed(active, quick, slow, without_dropout, attempt, recorder)
        except NotReplayableError:
            return self.observe(active, without_dropout=without_dropout, attempt=attempt)
        return self._observed(active, self.streams, (), without_dropout, attempt)[0] if drew else seen

    def _observed(
        self,
        active: Collection[nn.Module],
        charged: Sequence[Stream],
        others: Sequence[Stream],
        without_dropout: bool,
        attempt: int,
        recorder: Recorder | None = None,
    ) -> tuple[Observation, bool]:
        """What happens, the draws from `charged` streams charged to modules, and whether any came from the others."""
        seen = Observation()
        self.state.set_modes(active)
        reseed(self.streams, self.seed + attempt)
        before, frames = seeded_marks(others), _Frames(seen, self.state, charged, recorder)
        try:
            with uncompiled(), frames, DropoutCalls(frames.is_watched, frames.mute, p_zero=without_dropout):
                if recorder is None:
                    seen.output = self._run_noting(active)
                else:
                    seen.recording = recorder.record(lambda: self._run_noting(active))
                    seen.output = seen.recording.output
            after = seeded_marks(others)
            seen.end = (*marks(charged), *after)
            self.state.require_modes(active)
        finally:
            self.state.restore_tensors()
        return seen, after != before

    def _run_noting(self, active: Collection[nn.Module]) -> Any:
        try:
            return self.run()
        except Exception as error:
            if active:
                error.add_note("Raised while mc_predict looked for dropout with the model in training mode.")
            raise


@contextmanager
def visits() -> Iterator[set[nn.Module]]:
    """The modules that run meanwhile, of any model."""
    seen: set[nn.Module] = set()
    handle = register_module_forward_pre_hook(lambda module, _: seen.add(module))
    try:
        yield seen
    finally:
        handle.remove()


@contextmanager
def uncompiled() -> Iterator[None]:
    """Run the Python code that torch.compile was given: compiled code calls no hooks."""
    if "torch._dynamo" not in sys.modules:  # nothing is compiled, and the import would cost seconds
        yield
        return
    with torch.compiler.set_stance("force_eager"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Using `torch.compile.module.` when there are global hooks")
        yield


class _Frames:
    """Global forward hooks that charge every draw to the innermost module running; a recorder draws for the streams."""

    def __init__(
        self, seen: Observation, state: ModelState, streams: Sequence[Stream], recorder: Recorder | None
    ) -> None:
        self.seen, self.state, self.streams, self.recorder = seen, state, streams, recorder
        self.stack: list[nn.Module] = []

    def __enter__(self) -> None:
        self.mark = self.now()
        self.handles = [register_module_forward_pre_hook(self.enter), register_module_forward_hook(self.leave)]

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()

    def now(self) -> Hashable:
        return marks(self.streams) if self.recorder is None else self.recorder.count

    def charge(self) -> None:
        mark = self.now()
        if mark != self.mark and self.stack:
            self.seen.drew.add(self.stack[-1])
            self.seen.last = self.stack[-1]
        self.mark = mark

    def is_watched(self) -> bool:
        return _watched.get() is self.state

    def mute(self) -> None:
        if self.stack:
            self.seen.muted.append(self.stack[-1])

    def enter(self, module: nn.Module, _: Any) -> None:
        if not self.is_watched():
            return
        stateful = module.training and any(True for _ in module.buffers(recurse=False))
        if module not in self.state.names and stateful:
            raise ValueError(
                f"forward calls {self.state.name(module)}: it stays in training mode and may change its buffers. "
                "Make it an attribute of its parent or put it in an nn.ModuleList."
            )
        self.charge()
        self.seen.visited.add(module)
        self.stack.append(module)

    def leave(self, module: nn.Module, _: Any, __: Any) -> None:
        if not self.is_watched():
            return
        self.charge()
        while self.stack and self.stack.pop() is not module:
            pass  # a submodule that raised an exception never left


def require_output(output: object) -> Tensor:
    """Return `output` if it is a tensor; raise TypeError with the usual repair otherwise."""
    if not isinstance(output, Tensor):
        raise TypeError(
            f"the model must return one tensor, so that its passes can be stacked; got {type(output).__name__}. "
            "Wrap it in a module whose forward returns the part you want."
        )
    return output
