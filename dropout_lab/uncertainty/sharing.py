"""One network for all rows: along which axis of each draw the rows of a batch lie, so that they can share its noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from dropout_lab.uncertainty.inputs import Call
from dropout_lab.uncertainty.site_noise import Shared, SiteNoise, one_pass

_CANNOT = "consistent=True gives all rows the noise of one network, and it cannot be told {}. Pass the rows one by one."


def shared_axes(call: Call, seed: int, restart: Callable[[], object]) -> list[Shared | None]:
    """How the rows lie in each draw of a pass, from what changes when the call has fewer rows.

    Parameters
    ----------
    call : Call
        The rows are axis 0 of each of its tensors.
    seed : int
    restart : function
        Called before each pass, to start the other random streams anew.

    Raises
    ------
    ValueError
        If that does not tell the axis, or if equal rows, tried out, get different outputs.
    """
    n_rows = call.n_rows
    if n_rows is None:
        raise ValueError(_CANNOT.format("which axis of the inputs the rows are: their first axes differ"))
    if n_rows == 1:
        return []
    fewer = max(1, min(2, n_rows - 1))
    restart()
    shapes = one_pass(call.run, SiteNoise(seed))[1]
    restart()
    reduced = one_pass(call.first_rows(fewer).run, SiteNoise(seed))[1]
    if len(shapes) != len(reduced):
        raise ValueError(_CANNOT.format("which draws belong to which row: fewer rows make another number of draws"))
    shared = [_axis(full, few, n_rows, fewer) for full, few in zip(shapes, reduced, strict=True)]
    _require_equal_rows(call, seed, shared, restart)
    return shared


def _axis(full: Sequence[int], few: Sequence[int], n_rows: int, fewer: int) -> Shared | None:
    if len(full) == len(few):
        changed = [axis for axis, sizes in enumerate(zip(full, few, strict=True)) if sizes[0] != sizes[1]]
        if not changed:
            return None
        (axis, *others) = changed
        if not others and full[axis] % n_rows == 0 and full[axis] // n_rows * fewer == few[axis]:
            return Shared(axis, full[axis] // n_rows)
    raise ValueError(_CANNOT.format(f"where the rows are in a draw of shape {tuple(full)}"))


def _require_equal_rows(call: Call, seed: int, shared: Sequence[Shared | None], restart: Callable[[], object]) -> None:
    restart()
    equal = call.first_row_twice()
    output = one_pass(equal.run, SiteNoise(seed, shared))[0]
    if not isinstance(output, Tensor) or output.ndim == 0 or len(output) != 2:
        raise ValueError(_CANNOT.format("which axis of the output the rows are: it is not the first"))
    tolerance = torch.finfo(output.dtype).eps ** 0.5 if output.is_floating_point() else 0.0
    if not torch.allclose(output[0], output[1], rtol=tolerance, atol=tolerance, equal_nan=True):
        raise ValueError(_CANNOT.format("which noise belongs to which row: two equal rows got different outputs"))
