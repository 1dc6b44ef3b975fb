"""What is known of an operation of PyTorch before it is called: what it writes to, and what its result depends on."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import torch

from dropout_lab.uncertainty.graph import NotReplayableError

aten = torch.ops.aten

# what these give depends on the shape of their argument only, not on its numbers
_SHAPE_ONLY = {
    "empty_like", "zeros_like", "ones_like", "full_like", "new_empty", "new_zeros", "new_ones", "new_full", "sym_size",
    "new_empty_strided",
}  # fmt: skip
_MOVES = {"transpose": aten.transpose.int, "unsqueeze": aten.unsqueeze.default}


class Operation(NamedTuple):
    """Its name without overload, what it writes to (place and name of each argument), and what it looks at."""

    name: str
    written: tuple[tuple[int, str], ...]
    is_view: bool
    is_seeded: bool
    is_shape_only: bool
    depends_on_numbers: bool


@functools.cache
def operation(op: Any) -> Operation:
    """The facts about an operation; they are the same at every call, and looking them up takes longer than a small one.

    `depends_on_numbers` says that the shape of the result, or what Python gets, depends on the numbers of an argument.
    """
    schema, tags = op._schema, set(op.tags)
    name = schema.name.removeprefix("aten::")
    written = tuple(
        (place, argument.name)
        for place, argument in enumerate(schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )
    dependent = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & tags
    return Operation(
        name,
        written,
        is_view=not written and any(result.alias_info is not None for result in schema.returns),
        is_seeded=torch.Tag.nondeterministic_seeded in tags,
        is_shape_only=name in _SHAPE_ONLY,
        depends_on_numbers=bool(dependent) or op is aten.as_strided.default,
    )


def computed(op: Any, args: Any, kwargs: Any) -> Any:
    """What an operation gives. Maxima of many maps are taken channel beside channel: a third of the time on a CPU."""
    if op is _MAX_POOL and args[0].ndim == 4 and args[0].shape[1] >= 8 and args[0].is_contiguous() and args[0].is_cpu:
        maps = args[0].contiguous(memory_format=torch.channels_last)
        return tuple(out.contiguous() for out in op(maps, *args[1:], **kwargs))
    return op(*args, **kwargs)


_MAX_POOL = aten.max_pool2d_with_indices.default


@functools.cache
def functional(op: Any) -> Any:
    """The operation that gives what `op` writes in place.

    Raises
    ------
    NotReplayableError
        If there is none, or if `op` writes to another argument than its first.
    """
    require_first(op)
    name = operation(op).name.removesuffix("_")
    if name in _MOVES:
        return _MOVES[name]
    found = getattr(getattr(aten, name, None), op._overloadname, None)
    if found is None or found._schema.is_mutable:
        raise NotReplayableError(f"{op} has no form that leaves its argument alone")
    return found


def require_first(op: Any) -> None:
    """Raise NotReplayableError if `op` writes to another argument than its first."""
    if [place for place, _ in operation(op).written] != [0]:
        raise NotReplayableError(f"{op} writes into an argument of its own")
