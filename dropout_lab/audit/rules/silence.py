"""Findings about dropout that is declared and does nothing in training."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from dropout_lab.audit.measurements import TRAINING_PASSES, Measurements
from dropout_lab.audit.report import Finding
from dropout_lab.audit.rules.wording import finding, line_of, stated
from dropout_lab.audit.sites import declared_p, number
from dropout_lab.audit.trail import Activity

_SUFFIXES = ("_p", "_prob", "_rate", "p")


def silence_findings(found: Measurements) -> Iterator[Finding]:
    """Dropout that forward never calls, that draws nothing, or whose result nobody uses."""
    yield from _single_layers(found)
    yield from _identities(found)
    if len(found.in_training) < TRAINING_PASSES:
        return
    yield from _uncalled(found)
    for activity in found.in_training[0].activities.values():
        if activity.origin in found.ignored:
            yield _ignored(activity)
        elif _never_drops(found, activity):
            yield _mute(activity)


def _single_layers(found: Measurements) -> Iterator[Finding]:
    for path, module in found.modules:
        if isinstance(module, nn.RNNBase) and module.num_layers == 1 and 0 < module.dropout <= 1:
            name = type(module).__name__
            draws = sum(
                len(activity.draws)
                for seen in found.in_training
                for activity in seen.activities.values()
                if activity.origin.path == path
            )
            message = (
                f"{name}(dropout={module.dropout:g}, num_layers=1) drops nothing: its dropout acts between layers, and "
                f"one layer has no between. {len(found.in_training)} training passes drew {draws} masks here."
            )
            yield finding("lstm-one-layer", path or "the model itself", message)


def _identities(found: Measurements) -> Iterator[Finding]:
    for path, module in found.modules:
        if type(module) is nn.Identity and "p" in vars(module) and (number(vars(module)["p"]) or 0) > 0:
            yield _identity(path, f"its p was set to {number(vars(module)['p']):g}")
        for name, child in module.named_children():
            p = _promised(module, name) if type(child) is nn.Identity and "drop" in name.lower() else None
            if p is not None:
                yield _identity(f"{path}.{name}".lstrip("."), f"its module says {p[0]} = {p[1]:g}")


def _identity(path: str, reason: str) -> Finding:
    message = (
        f"Here stands nn.Identity, though {reason}: nothing will ever be dropped. It was probably built when p was 0, "
        "and raising p later does not turn it into dropout."
    )
    return finding("identity-at-zero", path, message)


def _promised(owner: nn.Module, name: str) -> tuple[str, float] | None:
    """The attribute of the owner that can only be the p of this child, if it is above zero."""
    alone = sum("drop" in other.lower() for other, _ in owner.named_children()) == 1
    names = [f"{name}{suffix}" for suffix in _SUFFIXES] + [f"p_{name}"] + (["p"] if alone else [])
    for candidate in names:
        p = number(vars(owner).get(candidate))
        if p is not None and 0 < p <= 1:
            return candidate, p
    return None


def _uncalled(found: Measurements) -> Iterator[Finding]:
    """Modules that their owners, though they ran, never called; unless something in the owner drops in their stead.

    Where another instance of the owner's class does call its own, leaving this one out is a decision.
    """
    modules, passes = dict(found.modules), found.in_training
    called = set[str]().union(*(seen.called for seen in passes))
    drawing = {draw.origin.path for seen in passes for draw in seen.draws}
    used = {(type(modules[path.rpartition(".")[0]]), path.rpartition(".")[2]) for path in called}
    for path, module in found.modules:
        owner, _, name = path.rpartition(".")
        p = number(declared_p(module))
        idle = path not in called and owner in called - drawing and (type(modules[owner]), name) not in used
        if idle and isinstance(module, _DropoutNd) and p is not None and 0 < p <= 1:
            message = (
                f"{type(module).__name__}(p={p:g}) is built and never called: {TRAINING_PASSES} training passes went "
                f"through {owner or 'the model'} and none came by here."
            )
            yield finding("never-called", path, message)


def _never_drops(found: Measurements, activity: Activity) -> bool:
    """PyTorch's own classes promise to drop; a class of the reader's may have a schedule."""
    modules = dict(found.modules)
    module = modules.get(activity.origin.path)
    passes = [seen.activities[activity.origin] for seen in found.in_training if activity.origin in seen.activities]
    if any(seen.draws or seen.applications or False in seen.training for seen in passes):
        return False
    if activity.origin.kind == "functional":
        return any("alpha" in call.name and call.training is False and call.p for call in activity.functions)
    p = number(activity.p)
    return isinstance(module, _DropoutNd) and bool(activity.calls) and p is not None and 0 < p < 1


def _mute(activity: Activity) -> Finding:
    reason = (
        "its training argument is False, which for this function is the default"
        if activity.origin.kind == "functional"
        else "its forward gives the input back"
    )
    message = f"In training mode this drops nothing{stated(activity)}: {reason}. {TRAINING_PASSES} passes drew no mask."
    return finding("never-drops", str(activity.origin), message + line_of(activity))


def _ignored(activity: Activity) -> Finding:
    message = (
        f"Coins fall here{stated(activity)}, and nothing comes of it: no output of the model is computed from the "
        "dropped tensor. With new coins here and all others kept, the outputs stayed the same to the last bit."
    )
    return finding("dropped-then-ignored", str(activity.origin), message + line_of(activity))
