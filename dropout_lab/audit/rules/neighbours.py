"""Findings about the neighbours of a dropout: batch norm behind it, an activation before it, the ends of the model."""

from __future__ import annotations

from collections.abc import Iterator

from dropout_lab.audit.flow import Application
from dropout_lab.audit.measurements import Measurements
from dropout_lab.audit.recording import Recording
from dropout_lab.audit.report import Finding
from dropout_lab.audit.rules.wording import dropped_share, finding, line_of, percent, stated
from dropout_lab.audit.sites import number
from dropout_lab.audit.trail import Activity
from dropout_lab.audit.watchers import Normed

_FEW_ZEROS = 0.01  # of a ReLU's outputs more than this share is exactly zero


def neighbour_findings(found: Measurements) -> Iterator[Finding]:
    """Dropout in a place where its moments are wrong, or where it damages what is not its own."""
    for seen in found.in_training[:1]:
        for normed in seen.normed:
            yield from _before_batch_norm(seen.activities[normed.application.draw.origin], normed)
        for activity in seen.activities.values():
            yield from _beside_activation(activity)
            yield from _in_place(activity)
        yield from _on_output(seen)


def variance_ratio(variance: float, square: float, p: float) -> float:
    """How much larger the variance is in training: (Var[h] + p/(1-p) E[h²]) / Var[h].

    Parameters
    ----------
    variance, square : float
        Var[h] and E[h²] of the units before dropout.
    p : float in [0, 1)
        Probability that a unit is *dropped*.

    Examples
    --------
    >>> variance_ratio(variance=1.0, square=2.0, p=0.5)
    3.0

    References
    ----------
    Li, Chen, Hu, Yang (2019), Understanding the Disharmony between Dropout and Batch Normalization by Variance Shift,
    CVPR.
    """
    return (variance + p / (1 - p) * square) / variance


def _before_batch_norm(activity: Activity, normed: Normed) -> Iterator[Finding]:
    application = normed.application
    p = number(activity.p)
    p = dropped_share(application) if p is None else p
    if not activity.flips_coins or not 0 < p < 1 or _is_alpha(application):
        return
    h, by_channel = application.h, application.h.shape == normed.seen.shape
    seen, seen_square = normed.seen.spread(by_channel=by_channel)
    variance, square = h.spread(by_channel=by_channel)
    if normed.rectified:  # behind a ReLU h is gone; what was kept tells its moments: E[h²] = (1-p) E[h̃²], E[h] = E[h̃]
        variance, square = (1 - p) * seen_square - (seen_square - seen), (1 - p) * seen_square
    if variance > 0:
        measured = "" if normed.rectified else f"; measured were {seen / variance:.2f}"
        message = (
            f"The dropped tensor goes straight into the batch norm {normed.path}{stated(activity)}. In training that "
            f"layer sees {variance_ratio(variance, square, p):.2f} times the variance that it meets in eval, by (Var + "
            f"p/(1-p) E[h²]) / Var on these inputs{measured}. It stores the larger one, so in eval its outputs are too "
            "small by the root of that."
        )
        yield finding("before-batch-norm", str(activity.origin), message + line_of(activity))


def _beside_activation(activity: Activity) -> Iterator[Finding]:
    for application in activity.applications[:1]:
        h, out = application.h, application.h_dropped
        if out is None or not activity.flips_coins:
            continue
        if _is_alpha(application) and h.least == 0 and h.zeros > _FEW_ZEROS and not application.on_input:
            message = (
                f"Alpha dropout after ReLU{stated(activity)}: {percent(h.zeros)} of its input is exactly zero and "
                f"nothing is negative. It takes its input for SELU's, with mean 0 and variance 1, and puts -1.76 where "
                f"it drops: the mean goes from {h.mean:.2g} to {out.mean:.2g}, the variance from {h.variance:.2g} to "
                f"{out.variance:.2g}."
            )
            yield finding("alpha-with-relu", str(activity.origin), message + line_of(activity))
        if application.after_selu and not _is_alpha(application):
            message = (
                f"Plain dropout after SELU{stated(activity)}: SELU keeps mean 0 and variance 1 from layer to layer; "
                f"zeros beside a scale of 1/(1-p) break that: here the variance goes from {h.variance:.2g} to "
                f"{out.variance:.2g}."
            )
            yield finding("alpha-with-relu", str(activity.origin), message + line_of(activity))


def _on_output(seen: Recording) -> Iterator[Finding]:
    for application in seen.on_output:
        activity = seen.activities[application.draw.origin]
        if activity.flips_coins and activity.origin.kind not in ("recurrent", "attention"):
            message = (
                f"The model's output is a dropped tensor{stated(activity)}: in training "
                f"{percent(dropped_share(application))} of the scores are set to zero, and the loss takes them for "
                "predictions. Nothing behind can learn to make up for it."
            )
            yield finding("dropout-on-output", str(activity.origin), message + line_of(activity))


def _in_place(activity: Activity) -> Iterator[Finding]:
    if activity.flips_coins and any(application.in_place for application in activity.applications):
        message = (
            f"This drops in place, and what it drops is the model's input{stated(activity)}: after one training pass "
            "the caller's batch holds the zeros, and the next epoch drops from what is left."
        )
        yield finding("input-modified", str(activity.origin), message + line_of(activity))


def _is_alpha(application: Application) -> bool:
    name = application.draw.origin.name if application.call is None else application.call.name
    return "alpha" in name.lower()
