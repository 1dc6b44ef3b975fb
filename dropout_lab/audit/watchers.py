"""The two modes that watch a pass: one sees functions with their arguments, the other operations with their tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from dropout_lab.audit.draws import Draw, draw_of, is_plain, may_draw, operation, random_state, set_random_state
from dropout_lab.audit.flow import Application, Flow
from dropout_lab.audit.functions import call_of
from dropout_lab.audit.layouts import Layouts
from dropout_lab.audit.places import caller
from dropout_lab.audit.randomness import Randomness
from dropout_lab.audit.sites import Origin
from dropout_lab.audit.summaries import Summary, summarise
from dropout_lab.audit.tensors import tensors_in
from dropout_lab.audit.trail import Activity, Trail


@dataclass
class Normed:
    """A dropped tensor that went straight into a batch norm that was measuring its batch, or through a ReLU at most."""

    application: Application
    path: str
    seen: Summary
    rectified: bool


class Generators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees the generators that operations draw from, before they move, and nothing else."""

    def __init__(self, randomness: Randomness) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._randomness = randomness

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        generator = (kwargs or {}).get("generator")
        if generator is not None:
            self._randomness.know(generator)
        return func(*args, **(kwargs or {}))


class Functions(TorchFunctionMode):
    """Sees the functions of PyTorch as the model calls them, with their arguments."""

    def __init__(self, trail: Trail, layouts: Layouts) -> None:
        super().__init__()
        self._trail, self._layouts = trail, layouts

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        call = call_of(func, args, kwargs, lambda: caller().place)
        if call is None:
            result = func(*args, **kwargs)
            self._layouts.function(func, args, result)
            return result
        self._trail.begin(call)
        self._layouts.opened(call, args)
        try:
            result = func(*args, **kwargs)
        finally:
            self._trail.open.pop()
        self._layouts.closed(call, result)
        return result


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees the operations that a pass comes down to, with their tensors."""

    def __init__(
        self, trail: Trail, flow: Flow, layouts: Layouts, randomness: Randomness, again: Origin | None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._trail, self._flow, self._layouts = trail, flow, layouts
        self._randomness, self._again = randomness, again
        self.draws: list[Draw] = []
        self.normed: list[Normed] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        inputs = list(tensors_in((args, kwargs)))
        step = self._flow.before(func, args, inputs, self._trail.call)
        self._batch_norm(step.name, args, inputs)
        result, draw = self._run(func, args, kwargs, inputs) if may_draw(func) else (func(*args, **kwargs), None)
        if draw is not None:
            self._flow.native(step, draw, self._trail.call)
        outputs = list(tensors_in(result))
        if torch.Tag.pointwise in func.tags:
            self._layouts.pointwise(inputs, outputs)
        self._flow.after(step, outputs, draw)
        return result

    def _run(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], inputs: list[Tensor]
    ) -> tuple[Any, Draw | None]:
        generator = kwargs.get("generator")
        device = inputs[0].device if inputs else torch.device(kwargs.get("device") or "cpu")
        if generator is not None:
            self._randomness.know(generator)
        before = random_state(generator, device)
        result = func(*args, **kwargs)
        after = random_state(generator, device)
        if torch.equal(before, after):
            return result, None  # the operator may draw, and did not: attention without dropout
        activity = self._trail.drawing()
        if activity.origin == self._again:
            result = func(*args, **kwargs)
            set_random_state(after, generator, device)
        draw = self._draw(operation(func), list(tensors_in(result)), activity)
        return result, draw

    def _draw(self, name: str, results: list[Tensor], activity: Activity) -> Draw:
        numbers = results[0] if is_plain(name) else results[1] if name == "native_dropout" else None
        sure = name in ("bernoulli", "native_dropout") or bool(self._trail.open)
        coin = sure or activity.origin.kind in ("recurrent", "attention")
        draw = draw_of(name, numbers, activity.origin, coin=coin, training=self._trail.training)
        activity.draws.append(draw)
        self.draws.append(draw)
        return draw

    def _batch_norm(self, name: str, args: tuple[Any, ...], inputs: list[Tensor]) -> None:
        if "batch_norm" not in name or not (any(arg is True for arg in args) or "update" in name):
            return
        mark = self._flow.mark(inputs[0])
        if mark.dropped is not None:
            self.normed.append(Normed(mark.dropped, self._trail.path, summarise(inputs[0]), mark.rectified))
