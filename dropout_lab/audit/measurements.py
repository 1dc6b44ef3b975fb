"""What the passes of an audit showed, gathered for the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from dropout_lab.audit.passes import AuditError, EvalPasses, Passes
from dropout_lab.audit.recording import Recording
from dropout_lab.audit.sites import Origin, named_modules
from dropout_lab.audit.tensors import tensors_in

TRAINING_PASSES = 3


@dataclass
class Measurements:
    """Everything the rules look at.

    Attributes
    ----------
    modules : list of (path, module)
    eval_passes : EvalPasses or None
    in_eval : Recording or None
        One watched pass in eval mode.
    in_training : list of Recording
        Watched passes in training mode, each with another random state.
    ignored : set of Origin
        Origins whose draws reach no output, and whose draws change nothing when drawn anew.
    over_batch : set of Origin
        Origins whose tensors have the batch on axis 0, shown by changing one example.
    failure : AuditError or None
        Why passes are missing.
    """

    modules: list[tuple[str, nn.Module]]
    eval_passes: EvalPasses | None = None
    in_eval: Recording | None = None
    in_training: list[Recording] = field(default_factory=list)
    ignored: set[Origin] = field(default_factory=set)
    over_batch: set[Origin] = field(default_factory=set)
    failure: AuditError | None = None


def measure(model: nn.Module, inputs: tuple[Any, ...]) -> Measurements:
    """Run every pass; the model and all random states are afterwards what they were."""
    lazy = [name for name, tensor in model.named_parameters() if is_lazy(tensor)]
    if lazy:
        raise AuditError(
            f"{lazy[0]} belongs to a lazy module without parameters yet: run the model once, then audit it."
        )
    if any(tensor.numel() == 0 for tensor in tensors_in(inputs)):
        raise AuditError("an input is empty: there is no unit to drop, and nothing to see.")
    passes = Passes(model, inputs)
    found = Measurements(list(named_modules(model)))
    try:
        found.eval_passes = passes.eval_passes()
        found.in_eval = passes.watch(training=False, seed=10)
        for number in range(TRAINING_PASSES):
            found.in_training.append(passes.watch(training=True, seed=20 + number))
        found.ignored = {origin for origin in _unheard(found.in_training) if passes.changes_nothing(origin)}
        if any(application.rows or application.call for application in found.in_training[0].applications):
            found.over_batch = passes.over_batch()
    except AuditError as failure:
        found.failure = failure
    finally:
        passes.restore()
    return found


def _unheard(recordings: list[Recording]) -> set[Origin]:
    first = recordings[0].activities
    return {
        origin
        for origin in first
        if all(origin in seen.activities and seen.activities[origin].flips_coins for seen in recordings)
        and not any(seen.activities[origin].reaches_output for seen in recordings)
    }
