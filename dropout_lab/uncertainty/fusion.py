"""Shorter ways to the same numbers: coins drawn with their scale, and results written over arguments nobody needs."""

from __future__ import annotations

from typing import Any

import torch

from dropout_lab.uncertainty.graph import Node, Value
from dropout_lab.uncertainty.operations import operation

aten = torch.ops.aten
_DIVISIONS = ("div.Scalar", "div.Tensor")
_PRODUCTS = ("mul.Scalar", "mul.Tensor")
_IN_PLACE = {
    "mul.Tensor": aten.mul_.Tensor,
    "mul.Scalar": aten.mul_.Scalar,
    "div.Tensor": aten.div_.Tensor,
    "div.Scalar": aten.div_.Scalar,
    "add.Tensor": aten.add_.Tensor,
    "add.Scalar": aten.add_.Scalar,
    "sub.Tensor": aten.sub_.Tensor,
    "relu.default": aten.relu_.default,
    "tanh.default": aten.tanh_.default,
    "sigmoid.default": aten.sigmoid_.default,
    "gelu.default": aten.gelu_.default,
    "silu.default": aten.silu_.default,
    "leaky_relu.default": aten.leaky_relu_.default,
    "elu.default": aten.elu_.default,
    "masked_fill.Scalar": aten.masked_fill_.Scalar,
}
_SYMMETRIC = ("mul.Tensor", "add.Tensor")
_FRESH = ("addmm", "mm", "bmm", "convolution", "native_batch_norm", "native_layer_norm", "_softmax", "cat", "stack")
_SHARING = ("_unsafe_view", "unsafe_split", "unsafe_split_with_sizes", "_reshape_alias", "reshape", "contiguous")
_OVERLAPPING = ("expand", "broadcast_to", "unfold", "diagonal")


def scaled_coins(nodes: list[Node], is_coins: Any) -> tuple[list[Node], dict[int, float]]:
    """Leave out the division of coins by 1 - p: the nodes that remain, and the scale of the draws by site."""
    readers: dict[int, list[Node]] = {}
    for node in nodes:
        for value in node.reads:
            readers.setdefault(value.index, []).append(node)
    scales: dict[int, float] = {}
    gone: set[int] = set()
    for node in nodes:
        coins = node.outs[0] if node.site is not None and is_coins(node) else None
        if coins is None or len(readers.get(coins.index, [])) != 1:
            continue
        (reader,) = readers[coins.index]
        number = reader.args[1] if len(reader.args) == 2 and reader.args[0] is coins and not reader.kwargs else None
        scaled = reader.outs[0]
        same = scaled is not None and scaled.shape == coins.shape and scaled.dtype == coins.dtype
        if not same or not isinstance(number, (int, float)) or not coins.dtype.is_floating_point or not number:
            continue
        if reader.name in (*_DIVISIONS, *_PRODUCTS):
            scales[node.site or 0] = 1 / number if reader.name in _DIVISIONS else float(number)
            node.outs = [scaled]
            gone.add(id(reader))
    return [node for node in nodes if id(node) not in gone], scales


def overwritten(nodes: list[Node], last: dict[int, int]) -> dict[int, tuple[Any, int]]:
    """Which nodes may write their result over an argument: by place, the operation in place and the argument.

    An argument may be overwritten if its memory was made in this pass for it alone, and if neither it nor a view of it
    is read later.
    """
    family: dict[int, list[int]] = {}  # values that share memory
    fresh: dict[int, bool] = {}
    found: dict[int, tuple[Any, int]] = {}
    for place, node in enumerate(nodes):
        outs = [value for value in node.outs if value is not None]
        packet = node.name.split(".")[0]
        source = node.args[0] if node.args and isinstance(node.args[0], Value) else None
        is_view = node.site is None and (packet in _SHARING or operation(node.op).is_view)
        chosen = None if node.site is not None else _argument(node, place, family, fresh, last)
        if is_view and source is not None:
            for value in outs:
                _join(family, source.index, value.index)
                fresh[value.index] = fresh[source.index] and packet not in _OVERLAPPING
            if packet in _OVERLAPPING:
                fresh.update(dict.fromkeys(family[source.index], False))
            continue
        for value in outs:
            family[value.index] = [value.index]
            pointwise = node.site is None and torch.Tag.pointwise in node.op.tags
            fresh[value.index] = node.site is not None or packet in _FRESH or pointwise
        if chosen is not None:
            found[place] = (_IN_PLACE[node.name], chosen)
            _join(family, node.args[chosen].index, outs[0].index)
    return found


def _argument(
    node: Node, place: int, family: dict[int, list[int]], fresh: dict[int, bool], last: dict[int, int]
) -> int | None:
    out = node.outs[0] if len(node.outs) == 1 else None
    if node.name not in _IN_PLACE or out is None:
        return None
    both = node.name in _SYMMETRIC and not node.kwargs and len(node.args) == 2
    reads = [value.index for value in node.reads]
    for position in (1, 0) if both else (0,):
        argument = node.args[position]
        if not isinstance(argument, Value) or argument.shape != out.shape or argument.dtype != out.dtype:
            continue
        relatives = family[argument.index]
        alone = all(last[index] <= place for index in relatives) and sum(index in relatives for index in reads) == 1
        if alone and fresh[argument.index]:
            return position
    return None


def _join(family: dict[int, list[int]], source: int, value: int) -> None:
    family[source].append(value)
    family[value] = family[source]
