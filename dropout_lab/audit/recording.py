"""One forward pass, watched: every draw, every mask, and where both go."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
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
from dropout_lab.audit.tensors import clones, tensors_in
from dropout_lab.audit.trail import Activity, Trail


@dataclass
class Normed:
    """A dropped tensor that went straight into a batch norm that was measuring its batch."""

    application: Application
    path: str
    seen: Summary


@dataclass
class Recording:
    """What a watched pass showed.

    Attributes
    ----------
    outputs : list of tensors
    activities : dict
        What each origin did.
    called : set of str
        Paths of the modules that ran.
    normed : list of Normed
    on_output : list of Application
        Masks over scores, with nothing but a softmax or a sigmoid between them and the first output. What comes from an
        activation or a normalisation is no score: there the model is the body of a larger one.
    draws : list of Draw
        In the order in which they fell.
    applications : list of Application
        In the order in which they ran.
    masked_parameters : dict from name to Origin
        Parameters into which forward wrote something computed from random numbers.
    """

    outputs: list[Tensor]
    activities: dict[Origin, Activity]
    called: set[str]
    normed: list[Normed]
    on_output: list[Application]
    draws: list[Draw]
    applications: list[Application]
    masked_parameters: dict[str, Origin]


def run_forward(model: nn.Module, inputs: tuple[Any, ...]) -> Any:
    """The output of the model. Its frame is where looking for the reader's line ends."""
    return model(*inputs)


@contextmanager
def quietly() -> Iterator[None]:
    """No gradients, no warnings (the audit says what they say), nothing compiled."""
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        compiled = "torch._dynamo" in sys.modules
        stack.enter_context(torch.compiler.set_stance("force_eager") if compiled else nullcontext())
        yield


def record(
    model: nn.Module,
    inputs: tuple[Any, ...],
    randomness: Randomness,
    *,
    keep: bool = False,
    again: Origin | None = None,
) -> Recording:
    """Run one pass in the model's present mode and watch it.

    Parameters
    ----------
    model, inputs : the model and what it is given
    randomness : Randomness
        Told of every generator that is met.
    keep : bool, default False
        Keep copies of the tensors that a comparison of two passes needs.
    again : Origin, optional
        Draw everything of this origin twice and use the second: its coins change, all others stay.
    """
    inputs = clones(inputs)
    layouts = Layouts()
    trail = Trail(model, layouts)
    flow = Flow(list(tensors_in(inputs)), list(model.parameters()), keep=keep)
    operations = _Operations(trail, flow, layouts, randomness, again)
    with quietly(), trail.following(), _Functions(trail, layouts), operations:
        output = run_forward(model, inputs)
    layouts.finish()
    written = ((name, flow.mark(tensor).reach) for name, tensor in model.named_parameters())
    masked = {name: min(reach, key=str) for name, reach in written if reach}
    return _recording(list(tensors_in(output)), trail, flow, operations, masked)


def _recording(
    outputs: list[Tensor], trail: Trail, flow: Flow, operations: _Operations, masked: dict[str, Origin]
) -> Recording:
    reached = flow.decided.union(*(flow.mark(tensor).reach for tensor in outputs))
    for origin, activity in trail.activities.items():
        activity.reaches_output = origin in reached
    marks = [(mark, mark.dropped) for mark in map(flow.mark, outputs[:1])]
    on_output = [laid for mark, laid in marks if laid is not None and (mark.squashed or laid.after_affine)]
    for application in flow.applications:
        trail.activities[application.draw.origin].applications.append(application)
    kept = [tensor.clone() for tensor in outputs]
    draws, normed = operations.draws, operations.normed
    return Recording(kept, trail.activities, trail.called, normed, on_output, draws, flow.applications, masked)


class _Functions(TorchFunctionMode):
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


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
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
        activity = self._trail.activity()
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
        dropped = self._flow.mark(inputs[0]).dropped
        if dropped is not None:
            self.normed.append(Normed(dropped, self._trail.path, summarise(inputs[0])))
