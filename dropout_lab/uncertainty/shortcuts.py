"""Shorter ways through the convolutions of a decoder: of maps joined with fixed ones, and of maps that were doubled."""

from __future__ import annotations

from typing import Any

import torch

from dropout_lab.uncertainty.doubled import of_doubled
from dropout_lab.uncertainty.graph import Fixed, Graph, Node, Value

aten = torch.ops.aten
_SAME_SIZE = ([1, 1], [1, 1], [1, 1])  # stride, padding and dilation of a 3 × 3 convolution that keeps the size


def shorten(graph: Graph) -> None:
    """Rewrite the convolutions of a graph that have a shorter way; the values that it gives stay the same.

    A convolution is linear: what joined maps that are the same in all samples add to it is computed once. Where each
    pixel of its maps was doubled before, one of the small maps does.
    """
    readers: dict[int, int] = {}
    for value in (value for node in graph.nodes for value in node.reads):
        readers[value.index] = readers.get(value.index, 0) + 1
    made_by = {out.index: node for node in graph.nodes for out in node.outs if out is not None}
    graph.nodes = [
        new for node in graph.nodes for new in (_apart(graph, node, made_by, readers) if _is_plain(node) else [node])
    ]
    made_by = {out.index: node for node in graph.nodes for out in node.outs if out is not None}
    for node in graph.nodes:
        source = made_by.get(node.args[0].index) if _is_plain(node) else None
        if source is not None and readers.get(node.args[0].index) == 1 and _doubles(source) and _keeps_size(node):
            weight, bias = node.args[1].tensor, node.args[2]
            four = bias and Fixed(bias.tensor.repeat(4))
            node.args = (source.args[0], Fixed(of_doubled(weight)), four, *node.args[3:])
            node.is_doubled = True


def _is_plain(node: Node) -> bool:
    """Whether it is a convolution of values (N, C, H, W) with fixed weights, one group and no transposing."""
    if node.name != "convolution.default" or len(node.outs[0].shape) != 4:  # type: ignore[union-attr]
        return False
    source, weight, bias, *_, transposed, _, groups = node.args
    is_fixed = isinstance(weight, Fixed) and not isinstance(bias, Value)
    return isinstance(source, Value) and is_fixed and not transposed and groups == 1


def _keeps_size(node: Node) -> bool:
    stride, padding, dilation = node.args[3:6]
    return node.args[1].tensor.shape[2:] == (3, 3) and (stride, padding, dilation) == _SAME_SIZE


def _doubles(node: Node) -> bool:
    if node.name != "upsample_nearest2d.default" or not isinstance(node.args[0], Value):
        return False
    source, size, *scales = node.args
    return list(size) == [2 * side for side in source.shape[2:]] and all(given in (None, 2.0) for given in scales)


def _apart(graph: Graph, node: Node, made_by: dict[int, Node], readers: dict[int, int]) -> list[Node]:
    """The convolution of those joined maps that are values, and what the fixed ones and the bias add to it."""
    source, weight, bias, *options = node.args
    joined, out = made_by.get(source.index), node.outs[0]
    if joined is None or out is None or joined.name != "cat.default" or readers[source.index] != 1:
        return [node]
    parts = joined.args[0]
    axis = joined.args[1] if len(joined.args) > 1 else 0
    channels = [(part.shape if isinstance(part, Value) else part.tensor.shape)[1:2] for part in parts]
    if axis % 4 != 1 or not any(isinstance(part, Fixed) for part in parts):
        return [node]
    filters = weight.tensor.split([size for (size,) in channels], dim=1)
    fixed = [place for place, part in enumerate(parts) if isinstance(part, Fixed)]
    same = torch.cat([parts[place].tensor for place in fixed], 1)
    added = node.op(same, torch.cat([filters[place] for place in fixed], 1), bias and bias.tensor, *options)
    moving = [place for place in range(len(parts)) if place not in fixed]
    kept = torch.cat([filters[place] for place in moving], 1)
    nodes, rest = [], parts[moving[0]]
    if len(moving) > 1:
        rest = graph.value((source.shape[0], kept.shape[1], *source.shape[2:]), source.dtype)
        nodes.append(Node(joined.op, ([parts[place] for place in moving], axis), {}, [rest]))
    part = graph.value(out.shape, out.dtype)
    nodes.append(Node(node.op, (rest, Fixed(kept), None, *options), {}, [part]))
    return [*nodes, Node(aten.add.Tensor, (part, Fixed(added)), {}, [out])]
