"""Who is running: the stack of modules, the dropout calls that are open, and what each origin did so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from torch import nn
from torch.nn.modules import module as hooks

from dropout_lab.audit.draws import Draw
from dropout_lab.audit.flow import Application
from dropout_lab.audit.functions import Call
from dropout_lab.audit.layouts import Layouts
from dropout_lab.audit.places import Place, caller
from dropout_lab.audit.sites import Origin, declared_p, is_bare, is_meant_to_be_random, is_torch, kind_of, named_modules


@dataclass
class Activity:
    """What one origin did during one pass.

    Attributes
    ----------
    origin : Origin
    p : object
        The drop probability it declares, as it is.
    registered : bool
        Whether the model's train() and eval() reach it.
    meant : bool
        Whether the innermost module says that it stays random in eval mode.
    place : Place or None
        The line inside a layer of the reader's own that drew, or that called a dropout function.
    calls : int
        How often forward came by.
    training : set of bool
        The `training` of the innermost module that the model knows, at each call.
    functions, draws, applications : lists
        The dropout functions that ran, what was drawn, and what it was laid over.
    reaches_output, decides : bool
        Whether anything drawn here led to the model's output, or to a decision of the program (an ``if``).
    """

    origin: Origin
    p: object
    registered: bool
    meant: bool = False
    place: Place | None = None
    calls: int = 0
    training: set[bool] = field(default_factory=set)
    functions: list[Call] = field(default_factory=list)
    draws: list[Draw] = field(default_factory=list)
    applications: list[Application] = field(default_factory=list)
    reaches_output: bool = False
    decides: bool = False

    @property
    def flips_coins(self) -> bool:
        """Whether it drew masks, and not noise of another kind."""
        named = self.origin.kind != "draw" and "drop" in self.origin.name.lower()
        used = self.functions or self.applications or self.decides or self.origin.kind in ("recurrent", "attention")
        return bool(self.draws) and (named or (bool(used) and any(draw.coin for draw in self.draws)))


def declared(modules: Iterable[tuple[str, nn.Module]]) -> Iterator[Activity]:
    """Every module that bears dropout by its type or its name, as an origin that has done nothing yet."""
    for path, module in modules:
        kind = kind_of(module)
        if kind is not None:
            name = type(module).__name__
            yield Activity(Origin(path, name, kind), declared_p(module), True)


class Trail:
    """Follows a forward pass of `model` from module to module.

    Parameters
    ----------
    model : nn.Module
        The hooks are global and removed again: the modules themselves get none.
    layouts : Layouts
        Told of the layers that come by.
    """

    def __init__(self, model: nn.Module, layouts: Layouts) -> None:
        self._paths = {id(module): path for path, module in named_modules(model)}
        self._stack = [model]
        self._layouts = layouts
        self.open: list[Call] = []
        self.activities: dict[Origin, Activity] = {}
        self.called: set[str] = set()

    @contextmanager
    def following(self) -> Iterator[None]:
        """Keep the stack of modules while a forward pass runs inside."""
        handles = [
            hooks.register_module_forward_pre_hook(self._enter),
            hooks.register_module_forward_hook(self._leave, always_call=True),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @property
    def path(self) -> str:
        """Path of the innermost module that the model knows."""
        path: str = self._paths[id(self._governor())]
        return path

    @property
    def training(self) -> bool:
        """Whether that module is in training mode."""
        return self._governor().training

    @property
    def call(self) -> Call | None:
        """The dropout function that is running, if one is."""
        return self.open[-1] if self.open else None

    def activity(self) -> Activity:
        """The record of whoever is drawing, or about to draw, at this moment."""
        origin, p, registered = self._origin()
        if origin not in self.activities:
            meant = is_meant_to_be_random(self._stack[-1]) or is_meant_to_be_random(self._governor())
            self.activities[origin] = Activity(origin, p, registered, meant)
        activity = self.activities[origin]
        activity.training.add(self.training)
        return activity

    def drawing(self) -> Activity:
        """The record of whoever is drawing, with the line if it is the reader's own."""
        activity = self.activity()
        if activity.place is None and not activity.origin.source and not is_torch(self._stack[-1]):
            activity.place = caller().place
        return activity

    def begin(self, call: Call) -> None:
        """Open a dropout function; a module that bears dropout was counted when it was entered."""
        self.open.append(call)
        activity = self.activity()
        activity.functions.append(call)
        activity.calls += kind_of(self._stack[-1]) is None

    def _origin(self) -> tuple[Origin, object, bool]:
        module, path = self._stack[-1], self.path
        registered = id(module) in self._paths
        kind = kind_of(module)
        if kind is not None and registered:
            return Origin(path, type(module).__name__, kind), declared_p(module), True
        seen = caller()
        source, text = (str(seen.place), seen.place.text) if seen.place else ("", "")
        if kind is not None:
            return Origin(path, type(module).__name__, kind, source, text), declared_p(module), False
        if self.call is not None:
            kind = "sdpa" if self.call.name == "scaled_dot_product_attention" else "functional"
            return Origin(path, self.call.name, kind, source, text), self.call.p, True
        if "drop" in seen.function.lower():
            return Origin(path, seen.function, "functional", source, text), seen.p, True
        if registered and is_bare(module):
            return Origin(path, type(module).__name__, "module"), declared_p(module), True
        return Origin(path, seen.function, "draw", source, text), None, True

    def _governor(self) -> nn.Module:
        return next(module for module in reversed(self._stack) if id(module) in self._paths)

    def _enter(self, module: nn.Module, _: object) -> None:
        self._stack.append(module)
        if id(module) in self._paths:
            self.called.add(self._paths[id(module)])
        if kind_of(module) is not None:
            self.activity().calls += 1

    def _leave(self, module: nn.Module, args: tuple[object, ...], result: object) -> None:
        self._layouts.module(module, args, result)
        while len(self._stack) > 1 and self._stack.pop() is not module:
            pass
