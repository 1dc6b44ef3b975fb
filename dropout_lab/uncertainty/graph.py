"""A forward pass written down: which operations depend on noise, on which values, and what they gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


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
    """One operation on such values. `site` counts the draws of a pass; it is None where none is made."""

    op: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outs: list[Value | None]
    is_list: bool = False
    site: int | None = None

    @property
    def name(self) -> str:
        """The operation and its overload, as in ``add.Tensor``."""
        return str(self.op).removeprefix("aten.")


@dataclass
class Graph:
    """The nodes of a pass in their order, how many values there are, and the value that the model returns."""

    nodes: list[Node] = field(default_factory=list)
    n_values: int = 0
    output: Value | None = None

    def new(self, tensor: Tensor) -> Value:
        """A value of the shape and dtype of `tensor`."""
        self.n_values += 1
        return Value(self.n_values - 1, tuple(tensor.shape), tensor.dtype)


def mapped(tree: Any, change: Callable[[Any], Any]) -> Any:
    """Apply `change` to every leaf of the arguments of an operation: lists and tuples may be nested in them."""
    if isinstance(tree, (list, tuple)) and not isinstance(tree, torch.Size):
        return type(tree)(mapped(item, change) for item in tree)
    return change(tree)


def leaves(tree: Any) -> Iterator[Any]:
    """The leaves of the arguments of an operation, one after another."""
    if isinstance(tree, (list, tuple)):
        for item in tree:
            yield from leaves(item)
    elif isinstance(tree, dict):
        yield from leaves(tuple(tree.values()))
    else:
        yield tree


def values(node: Node) -> list[Value]:
    """The values that a node reads."""
    return [leaf for leaf in leaves((node.args, node.kwargs)) if isinstance(leaf, Value)]


def same_fixed(one: Graph, other: Graph) -> bool:
    """Whether two passes gave their noise the same tensors to work on: a model that counts its passes may not."""
    first, second = (
        [
            leaf.tensor
            for node in graph.nodes
            if node.site is None  # a draw overwrites what it is given, memory that nobody filled yet
            for leaf in leaves((node.args, node.kwargs))
            if isinstance(leaf, Fixed)
        ]
        for graph in (one, other)
    )
    if len(first) != len(second):
        return False
    return all(a is b or (a.dtype == b.dtype and torch.equal(a, b)) for a, b in zip(first, second, strict=True))
