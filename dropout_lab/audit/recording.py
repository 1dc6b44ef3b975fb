"""One forward pass, watched: every draw, every mask, and where both go."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dropout_lab.audit.draws import Draw
from dropout_lab.audit.flow import Application, Flow
from dropout_lab.audit.layouts import Layouts
from dropout_lab.audit.randomness import Randomness
from dropout_lab.audit.sites import Origin
from dropout_lab.audit.tensors import clones, tensors_in
from dropout_lab.audit.trail import Activity, Trail
from dropout_lab.audit.watchers import Functions, Normed, Operations


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
def quietly(*, grad: bool) -> Iterator[None]:
    """No warnings (the audit says what they say), nothing compiled, and gradients only for a model that needs them."""
    with ExitStack() as stack:
        stack.enter_context(torch.set_grad_enabled(grad))
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
    grad: bool = False,
    keep: bool = False,
    again: Origin | None = None,
) -> Recording:
    """Run one pass in the model's present mode and watch it.

    Parameters
    ----------
    model, inputs : the model and what it is given
    randomness : Randomness
        Told of every generator that is met.
    grad : bool, default False
        Whether forward needs to differentiate.
    keep : bool, default False
        Keep copies of the tensors that a comparison of two passes needs.
    again : Origin, optional
        Draw everything of this origin twice and use the second: its coins change, all others stay.
    """
    inputs = clones(inputs)
    layouts = Layouts()
    trail = Trail(model, layouts)
    flow = Flow(list(tensors_in(inputs)), list(model.parameters()), keep=keep)
    operations = Operations(trail, flow, layouts, randomness, again)
    with quietly(grad=grad), trail.following(), Functions(trail, layouts), operations:
        output = run_forward(model, inputs)
    layouts.finish()
    written = ((name, flow.mark(tensor).reach) for name, tensor in model.named_parameters())
    masked = {name: min(reach, key=str) for name, reach in written if reach}
    return _recording(list(tensors_in(output)), trail, flow, operations, masked)


def _recording(
    outputs: list[Tensor], trail: Trail, flow: Flow, operations: Operations, masked: dict[str, Origin]
) -> Recording:
    reached = flow.decided.union(*(flow.mark(tensor).reach for tensor in outputs))
    for origin, activity in trail.activities.items():
        activity.reaches_output = origin in reached
        activity.decides = origin in flow.decided
    marks = [(mark, mark.dropped) for mark in map(flow.mark, outputs[:1])]
    on_output = [laid for mark, laid in marks if laid is not None and (mark.squashed or laid.after_affine)]
    for application in flow.applications:
        trail.activities[application.draw.origin].applications.append(application)
    kept = [tensor.detach().clone() for tensor in outputs]
    draws, normed = operations.draws, operations.normed
    return Recording(kept, trail.activities, trail.called, normed, on_output, draws, flow.applications, masked)
