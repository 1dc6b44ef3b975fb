"""One observed forward pass: which modules ran, which of them drew random numbers, which dropout was told not to."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from dropout_lab.uncertainty.model_state import ModelState
from dropout_lab.uncertainty.streams import Stream, marks, reseed

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
    ``training=False``; `end` the states it left behind.
    """

    visited: set[nn.Module] = field(default_factory=set)
    drew: set[nn.Module] = field(default_factory=set)
    muted: list[nn.Module] = field(default_factory=list)
    last: nn.Module | None = None
    output: Any = None
    end: tuple[Hashable, ...] = ()


@dataclass(frozen=True)
class Probe:
    """How to run the model once and watch: the call, the model's state, its random streams and a seed."""

    run: Callable[[], Any]
    state: ModelState
    streams: list[Stream]
    seed: int

    def observe(self, active: Collection[nn.Module], *, without_dropout: bool = False, attempt: int = 0) -> Observation:
        """Run the model with `active` in training mode; `without_dropout` sets p = 0 in every dropout function."""
        seen = Observation()
        frames = _Frames(seen, self.state, self.streams)
        self.state.set_modes(active)
        reseed(self.streams, self.seed + attempt)
        try:
            with uncompiled(), frames, _DropoutCalls(frames, p_zero=without_dropout):
                seen.output = self._run_noting(active)
            seen.end = marks(self.streams)
            self.state.require_modes(active)
        finally:
            self.state.restore_tensors()
        return seen

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
    """Global forward hooks that charge every draw to the innermost module running."""

    def __init__(self, seen: Observation, state: ModelState, streams: list[Stream]) -> None:
        self.seen, self.state, self.streams = seen, state, streams
        self.stack: list[nn.Module] = []

    def __enter__(self) -> None:
        self.mark = marks(self.streams)
        self.handles = [register_module_forward_pre_hook(self.enter), register_module_forward_hook(self.leave)]

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()

    def charge(self) -> None:
        mark = marks(self.streams)
        if mark != self.mark and self.stack:
            self.seen.drew.add(self.stack[-1])
            self.seen.last = self.stack[-1]
        self.mark = mark

    def enter(self, module: nn.Module, _: Any) -> None:
        if _watched.get() is not self.state:
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
        if _watched.get() is not self.state:
            return
        self.charge()
        while self.stack and self.stack.pop() is not module:
            pass  # a submodule that raised an exception never left


class _DropoutCalls(TorchFunctionMode):
    """Watches the dropout functions of PyTorch: notes the muted ones, and calls them with p = 0 if asked to."""

    def __init__(self, frames: _Frames, *, p_zero: bool) -> None:
        super().__init__()
        self.frames, self.p_zero = frames, p_zero

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        name = getattr(func, "__name__", "").removesuffix(".default").rstrip("_")
        if _watched.get() is not self.frames.state:
            return func(*args, **options)
        if name in _DROPOUTS:
            p = options.get("p", args[1] if len(args) > 1 else 0.5)
            training = options.get("training", options.get("train", args[2] if len(args) > 2 else name not in _OFF))
            if not training and 0 < p < 1 and self.frames.stack:
                self.frames.seen.muted.append(self.frames.stack[-1])
            if self.p_zero:
                args, options = _with(args, options, 1, "p")
        elif name == "scaled_dot_product_attention" and self.p_zero:
            args, options = _with(args, options, 4, "dropout_p")
        return func(*args, **options)


_OFF = ("alpha_dropout", "feature_alpha_dropout")  # off unless told otherwise, unlike the others
_DROPOUTS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout", "native_dropout", *_OFF)


def _with(
    args: tuple[Any, ...], options: dict[str, Any], index: int, key: str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if len(args) > index:
        return (*args[:index], 0.0, *args[index + 1 :]), options
    return args, {**options, key: 0.0}


def require_output(output: object) -> Tensor:
    """Return `output` if it is a tensor; raise TypeError with the usual repair otherwise."""
    if not isinstance(output, Tensor):
        raise TypeError(
            f"the model must return one tensor, so that its passes can be stacked; got {type(output).__name__}. "
            "Wrap it in a module whose forward returns the part you want."
        )
    return output
