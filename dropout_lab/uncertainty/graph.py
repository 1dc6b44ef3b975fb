"""A forward pass written down: which operations depend on noise, on which values, and what they gave."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dropout_lab.uncertainty.rounding import is_close


class NotReplayableError(Exception):
    """The pass cannot be replayed for many samples at once; the message says why."""


@dataclass(eq=False)
class Value:
    """A tensor that differs from sample to sample, and what is the same in all of them."""

    index: int
    shape: tuple[int, ...]
    dtype: torch.dtype


@dataclass(eq=False)
class Fixed:
    """A tensor that is the same in all samples: a parameter, an input, or computed before any noise."""

    tensor: Tensor


@dataclass(eq=False)
class Node:
    """One operation on such values. `site` counts the draws of a pass; it is None where none is made.

    `is_map` says that a draw is for a feature map, so that its coins lie channel beside channel; `is_doubled` that a
    convolution is of maps to be doubled, with the weights of :func:`of_doubled`.
    """

    op: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outs: list[Value | None]
    is_list: bool = False
    site: int | None = None
    is_map: bool = False
    is_doubled: bool = False

    @property
    def name(self) -> str:
        """The operation and its overload, as in ``add.Tensor``."""
        return _name(self.op)

    @functools.cached_property
    def reads(self) -> list[Value]:
        """The values among its arguments."""
        return [leaf for leaf in leaves([*self.args, *self.kwargs.values()]) if isinstance(leaf, Value)]


@functools.cache
def _name(op: Any) -> str:
    return str(op).removeprefix("aten.")


@dataclass
class Graph:
    """The nodes of a pass in their order, how many values there are, and the value that the model returns."""

    nodes: list[Node] = field(default_factory=list)
    n_values: int = 0
    output: Value | None = None

    def new(self, tensor: Tensor) -> Value:
        """A value of the shape and dtype of `tensor`."""
        return self.value(tuple(tensor.shape), tensor.dtype)

    def value(self, shape: tuple[int, ...], dtype: torch.dtype) -> Value:
        """A value that no node gives yet."""
        self.n_values += 1
        return Value(self.n_values - 1, shape, dtype)


def needed(graph: Graph) -> list[Node]:
    """The nodes that the output depends on, and every draw, in their order."""
    wanted, kept = {graph.output.index} if graph.output is not None else set(), []
    for node in reversed(graph.nodes):
        if node.site is not None or any(out is not None and out.index in wanted for out in node.outs):
            wanted |= {value.index for value in node.reads}
            kept.append(node)
    return kept[::-1]


def mapped(tree: Any, change: Callable[[Any], Any]) -> Any:
    """Apply `change` to every leaf of the arguments of an operation: lists and tuples may be nested in them."""
    if isinstance(tree, (list, tuple)) and not isinstance(tree, torch.Size):
        return type(tree)(mapped(item, change) for item in tree)
    return change(tree)


def is_tensor(leaf: Any) -> bool:
    """Whether an argument is a tensor; PyTorch's own check is slow to say that a number is none."""
    return type(leaf) not in _NUMBERS and isinstance(leaf, Tensor)


_NUMBERS = (int, float, bool, type(None), str, torch.dtype, torch.device, torch.layout, torch.memory_format)


def leaves(tree: Any) -> list[Any]:
    """The leaves of the arguments of an operation, one after another."""
    if not isinstance(tree, (list, tuple)):
        return leaves(list(tree.values())) if isinstance(tree, dict) else [tree]
    found = []
    for item in tree:
        if isinstance(item, (list, tuple, dict)):
            found += leaves(item)
        else:
            found.append(item)
    return found


class Recording(NamedTuple):
    """A pass: its graph, what the model returned, how many draws it made, and what it did, to compare with another."""

    graph: Graph
    output: Any
    n_draws: int
    signature: list[Any]


def does_the_same(one: Recording, other: Recording, few: tuple[int, int] | None = None) -> bool:
    """Whether two passes did the same to the same tensors: a model that counts its passes may not.

    With `few` = (n, m), `one` is of n rows and `other` of the first m of them; numbers of rows are compared up to
    rounding, of which the number of rows changes some.
    """
    first, second = (
        [
            leaf.tensor
            for node in recording.graph.nodes
            if node.site is None  # a draw overwrites what it is given, memory that nobody filled yet
            for leaf in leaves([*node.args, *node.kwargs.values()])
            if isinstance(leaf, Fixed)
        ]
        for recording in (one, other)
    )
    if one.signature != other.signature or len(first) != len(second):
        return False
    return all(
        _is_equal(a, b) or (few is not None and _begins_with(a, b, *few)) for a, b in zip(first, second, strict=True)
    )


def _is_equal(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    same_memory = one.data_ptr() == other.data_ptr() and one.stride() == other.stride()
    return same_memory or torch.equal(one, other)


def _begins_with(many: Tensor, few: Tensor, n_many: int, n_few: int) -> bool:
    """Whether what lies along the axis of the rows begins with the numbers of the few."""
    changed = [axis for axis, sizes in enumerate(zip(many.shape, few.shape, strict=False)) if sizes[0] != sizes[1]]
    if many.ndim != few.ndim or len(changed) != 1:
        return False
    (axis,) = changed
    if many.shape[axis] * n_few != few.shape[axis] * n_many:
        return False
    return is_close(many.narrow(axis, 0, few.shape[axis]), few, epsilons=100)
