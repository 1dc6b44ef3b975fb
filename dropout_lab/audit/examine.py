"""The audit of a model: measure, apply the rules, list the sites."""

from __future__ import annotations

from typing import Any

from torch import nn

from dropout_lab.audit.measurements import Measurements, measure
from dropout_lab.audit.report import Report
from dropout_lab.audit.rules import all_findings
from dropout_lab.audit.sites import Site, number
from dropout_lab.audit.trail import Activity, declared


def audit(model: nn.Module, *inputs: Any, random_in_eval: bool = False) -> Report:
    """Find dropout bugs in a model by watching what it does with a batch.

    The model is run a few times in eval and in training mode, each time from the state it came in. Random numbers are
    followed from the place that draws them to the outputs, whoever draws them: modules, functions, attention kernels or
    lines of your own. Afterwards modes, parameters, buffers, gradients, hooks, other attributes and all random states
    are what they were to the last bit, also if forward raised an exception.

    Parameters
    ----------
    model : nn.Module
    *inputs : tensors, or whatever forward takes
        A small batch of real inputs, at least two examples; they are copied, never written into.
    random_in_eval : bool, default False
        Whether noise after ``eval()`` is meant. Wrappers that put dropout modules in training mode inside forward are
        recognised without it, and so are modules that say it: a class MC…, MonteCarlo…, Always… or Bayes…, a switch
        such as ``self.mc_dropout = True``.

    Returns
    -------
    report : Report
        With `findings` and `sites`; true if nothing was found.

    Raises
    ------
    TypeError
        If `model` is no nn.Module.
    AuditError
        If forward raises an exception on these inputs, or returns no tensor.

    Examples
    --------
    >>> import torch
    >>> from dropout_lab.audit import audit
    >>> model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.2), nn.BatchNorm1d(16), nn.Linear(16, 2))
    >>> report = audit(model, torch.randn(32, 8))
    >>> [(finding.code, finding.where) for finding in report.findings]
    [('before-batch-norm', '2')]
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is an nn.Module; got {type(model).__name__}. An instance is wanted, not its class.")
    found = measure(model, inputs)
    findings = all_findings(found, random_in_eval=random_in_eval)
    if found.failure is not None and not any(finding.code == "p-out-of-range" for finding in findings):
        raise found.failure
    name = type(getattr(model, "_orig_mod", model)).__name__
    return Report(name, findings, _sites(found))


def _sites(found: Measurements) -> tuple[Site, ...]:
    training = found.in_training[0].activities if found.in_training else {}
    in_eval = found.in_eval.activities if found.in_eval is not None else {}
    every = {**{activity.origin: activity for activity in declared(found.modules)}, **in_eval, **training}
    sites = (_site(activity, training.get(origin), in_eval.get(origin)) for origin, activity in every.items())
    return tuple(site for site in sites if site.p != 0 or site.kind == "module" or site.random_in_training)


def _site(activity: Activity, training: Activity | None, in_eval: Activity | None) -> Site:
    origin = activity.origin
    seen = [activity for activity in (training, in_eval) if activity is not None]
    kind = origin.kind
    if kind == "draw":
        kind = "own mask" if any(other.flips_coins for other in seen) else "noise"
    return Site(
        where=str(origin),
        name=origin.name if origin.kind != "draw" else kind,
        kind=kind,
        p=number(activity.p),
        calls=max((max(other.calls, len(other.draws) > 0) for other in seen), default=0),
        random_in_training=bool(training and training.draws),
        random_in_eval=bool(in_eval and in_eval.draws),
    )
