"""Findings about eval mode: who is still random there, and who moved what must rest."""

from __future__ import annotations

from collections.abc import Iterator

from dropout_lab.audit.measurements import Measurements
from dropout_lab.audit.passes import EvalPasses
from dropout_lab.audit.recording import Recording
from dropout_lab.audit.report import Finding
from dropout_lab.audit.rules.wording import dropped_share, finding, line_of, percent, stated
from dropout_lab.audit.trail import Activity


def mode_findings(found: Measurements, *, random_in_eval: bool) -> Iterator[Finding]:
    """Dropout that eval() does not stop, unless that is meant, and batch norm that eval() does not hold."""
    passes, seen = found.eval_passes, found.in_eval
    if passes is None:
        return
    if passes.moved:
        yield _moved(passes)
    if seen is None or random_in_eval:
        return
    loud = [activity for activity in seen.activities.values() if activity.draws and activity.reaches_output]
    yield from (_still_random(activity, passes, found) for activity in loud if _is_accident(activity))
    if passes.is_random and not loud:
        yield _from_elsewhere(passes)


def _is_accident(activity: Activity) -> bool:
    switched_on = activity.registered and all(draw.training for draw in activity.draws)
    return activity.flips_coins and not switched_on and not activity.meant


def _still_random(activity: Activity, passes: EvalPasses, found: Measurements) -> Finding:
    origin = activity.origin
    by_call = bool(activity.functions) or origin.kind == "functional" or not activity.registered
    code = "sdpa-in-eval" if origin.kind == "sdpa" else "functional-always-on" if by_call else "active-in-eval"
    shares = [dropped_share(application) for application in activity.applications]
    zeroed = f" and set {percent(sum(shares) / len(shares))} of its units to zero" if any(shares) else ""
    message = f"After eval() this still drops{stated(activity)}: it flipped coins{zeroed}. {_spread(passes)}"
    return finding(code, _where(activity), message + _reason(activity, found.in_training) + line_of(activity))


def _where(activity: Activity) -> str:
    return f"{activity.origin} ({activity.place})" if activity.place else str(activity.origin)


def _spread(passes: EvalPasses) -> str:
    if passes.difference == 0:
        return "The outputs of two passes over the same batch agreed here by luck, or because a weight is zero."
    return (
        f"Two passes over the same batch differ by up to {passes.difference:.2g}, where the outputs reach "
        f"{passes.scale:.2g}."
    )


def _reason(activity: Activity, in_training: list[Recording]) -> str:
    if not activity.registered:
        return (
            " The module is not among model.modules(): it is made inside forward or kept in a plain list, so eval() "
            "never reaches it."
        )
    here = [seen.activities[activity.origin] for seen in in_training if activity.origin in seen.activities]
    if here and not any(seen.draws for seen in here):
        return " In training it drops nothing: is the flag the wrong way round?"
    return ""


def _from_elsewhere(passes: EvalPasses) -> Finding:
    reason = " PyTorch drew no random number on the way, so they come from NumPy, from random, or from the system."
    return finding(
        "active-in-eval", "the model itself", f"After eval() the outputs are random. {_spread(passes)}{reason}"
    )


def _moved(passes: EvalPasses) -> Finding:
    others = f" and {len(passes.moved) - 1} more" if len(passes.moved) > 1 else ""
    message = (
        f"One pass in eval mode moved {passes.moved[0]}{others}: forward switches batch norm to training, so every "
        "prediction depends on its batch, and the running statistics drift."
    )
    return finding("batch-norm-in-train", passes.moved[0].rpartition(".")[0] or "the model itself", message)
