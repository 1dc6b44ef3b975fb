"""Findings about the masks: the same ones again, one for all rows, the wrong axes, laid over the weights themselves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from dropout_lab.audit.draws import Draw
from dropout_lab.audit.functions import Call
from dropout_lab.audit.measurements import TRAINING_PASSES, Measurements
from dropout_lab.audit.recording import Recording
from dropout_lab.audit.report import Finding
from dropout_lab.audit.rules.wording import dropped_share, finding, line_of, percent, stated
from dropout_lab.audit.sites import Origin
from dropout_lab.audit.trail import Activity

_SURE = -40.0  # log2: chance makes such a coincidence once in a million million
_MOST_DRAWS = 200
_FULL = {"F.dropout1d": "(N, C, L)", "F.dropout2d": "(N, C, H, W)", "F.dropout3d": "(N, C, D, H, W)"}


def mask_findings(found: Measurements) -> Iterator[Finding]:
    """Masks that repeat where they should not, and masks with their coins along the wrong axes."""
    if len(found.in_training) < TRAINING_PASSES:
        return
    yield from _repeated(found.in_training)
    for activity in found.in_training[0].activities.values():
        yield from _one_for_the_batch(activity, found)
        for call in activity.functions[:1]:
            yield from _wrong_axes(activity, call, found)
    yield from _overwritten(found.in_training[0])


def _repeated(passes: list[Recording]) -> Iterator[Finding]:
    pairs = _equal_pairs(passes)
    for first, others in pairs.items():
        activity = passes[0].activities[first]
        others_named = ", ".join(str(origin) for origin in others)
        message = (
            f"The same coins fall here and at {others_named}{stated(activity)}: in {len(passes)} training passes the "
            "masks were equal from the first unit to the last, so the layers always drop together."
        )
        yield finding("same-mask-everywhere", str(first), message + line_of(activity))
    inside = {other for others in pairs.values() for other in others} | set(pairs)
    frozen = [origin for origin in passes[0].activities if origin not in inside and _never_changes(origin, passes)]
    if frozen:
        activity = passes[0].activities[frozen[0]]
        others_named = f" So are those of {', '.join(map(str, frozen[1:]))}." if frozen[1:] else ""
        message = (
            f"The masks are the same in every training pass{stated(activity)}: {len(passes)} passes with different "
            f"random states drew equal coins, so the same units are dropped for ever.{others_named}"
        )
        yield finding("seeded-inside", str(frozen[0]), message + line_of(activity))


def _equal_pairs(passes: list[Recording]) -> dict[Origin, list[Origin]]:
    """Origins whose masks were equal in every pass, each under the first that drew the mask."""
    draws = [[draw for draw in seen.draws if draw.coin][:_MOST_DRAWS] for seen in passes]
    if len({len(row) for row in draws}) != 1:
        return {}
    found: dict[Origin, list[Origin]] = {}
    taken: set[Origin] = set()
    for i, j in combinations(range(len(draws[0])), 2):
        a, b = draws[0][i].origin, draws[0][j].origin
        if a == b or a in taken or (b in taken and b not in found.get(a, [])):
            continue
        if _all_equal([(row[i], row[j]) for row in draws]) and b not in found.get(a, []):
            found.setdefault(a, []).append(b)
            taken.add(b)
    return found


def _never_changes(origin: Origin, passes: list[Recording]) -> bool:
    if not passes[0].activities[origin].flips_coins:
        return False
    rows = [seen.activities[origin].draws if origin in seen.activities else [] for seen in passes]
    if not rows[0] or not all(len(row) == len(rows[0]) and all(draw.coin for draw in row) for row in rows):
        return False
    return _all_equal([pair for row in rows[1:] for pair in zip(rows[0], row, strict=True)])


def _all_equal(pairs: list[tuple[Draw, Draw]]) -> bool:
    """Whether all pairs begin with the same numbers, beyond what chance can do."""
    for a, b in pairs:
        shown = min(len(a.first), len(b.first))
        if not shown or a.first[:shown] != b.first[:shown]:
            return False
    return sum(max(a.agreement, b.agreement) for a, b in pairs) < _SURE


def _one_for_the_batch(activity: Activity, found: Measurements) -> Iterator[Finding]:
    rows = [application.rows for application in activity.applications]
    if not activity.flips_coins or not rows or activity.origin not in found.over_batch:
        return
    shared = [row for row in rows if row is not None]
    sure = any(row.structural for row in shared) or sum(row.agreement for row in shared) * TRAINING_PASSES < _SURE
    if len(shared) == len(rows) and sure:
        size = activity.applications[0].h.shape[0]
        message = (
            f"All {size} examples of the batch share one mask{stated(activity)}: {shared[0].coins} coins for "
            f"{activity.applications[0].h.shape}. Changing one example alone shows that axis 0 is the batch and not "
            "time. The noise no longer averages out over the batch, and the gradient of a dropped unit is zero for all."
        )
        yield finding("one-mask-for-the-batch", str(activity.origin), message + line_of(activity))


def _wrong_axes(activity: Activity, call: Call, found: Measurements) -> Iterator[Finding]:
    full = _FULL.get(call.name)
    if full is None or not activity.draws:
        return
    reason = _layout_reason(call, len(full.split(",")), over_batch=activity.origin in found.over_batch)
    if reason:
        share = percent(dropped_share(activity.applications[0])) if activity.applications else "some"
        name = call.name.removeprefix("F.").capitalize()
        message = f"{name} wants {full} and was given {call.shape}: {reason.format(share=share)}"
        yield finding("wrong-axes", str(activity.origin), message + line_of(activity))


def _layout_reason(call: Call, ndim: int, *, over_batch: bool) -> str:
    """What goes wrong with this shape, or nothing."""
    if call.from_features_last or call.to_features_last:
        return (
            "the neighbouring layer keeps its features on the last axis, so axis 1 holds positions. Whole positions "
            "vanish ({share} of them here), and no feature ever does."
        )
    if len(call.shape) == ndim:
        return ""
    if call.name == "F.dropout2d":
        return (
            "there are no maps to drop, so every unit has a coin of its own, as in nn.Dropout."
            if len(call.shape) == 2
            else "a 3-D input is read as (N, C, L). For (N, C, L) say Dropout1d; one image (C, H, W) loses whole rows."
        )
    if len(call.shape) == ndim - 1 and over_batch:
        return (
            "with one axis less it is read as a single example, so axis 0, your batch, counts as channels: whole "
            "examples vanish ({share} of them here)."
        )
    return ""


def _overwritten(seen: Recording) -> Iterator[Finding]:
    for name, origin in seen.masked_parameters.items():
        message = (
            f"Forward writes the masked weight back into the parameter {name}: what one pass drops is gone for good, "
            "and after k passes a weight has survived with probability (1-p)^k."
        )
        yield finding("weights-overwritten", str(origin), message + line_of(seen.activities[origin]))
