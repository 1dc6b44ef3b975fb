"""Shorter ways through the convolutions of a decoder: of maps joined with fixed ones, and of maps that were doubled."""

from __future__ import annotations

import collections

import torch

from dropout_lab.uncertainty.doubled import of_doubled
from dropout_lab.uncertainty.graph import Fixed, Graph, Node, Value

aten = torch.ops.aten
_SAME_SIZE = [[1, 1], [1, 1], [1, 1]]  # stride, padding and dilation of a 3 × 3 convolution that keeps the size


def shorten(graph: Graph) -> None:
    """Rewrite the convolutions of a graph that have a shorter way; the values that it gives stay the same.

    A convolution is linear: what joined maps that are the same in all samples add to it is computed once. Where each
    pixel of its maps was doubled before, one of the small maps does.
    """
    readers = collections.Counter(value.index for node in graph.nodes for value in node.reads)
    for way in (_apart, _of_small):
        made_by = {out.index: node for node in graph.nodes for out in node.outs if out is not None}
        nodes = []
        for node in graph.nodes:
            source = made_by.get(node.args[0].index) if _is_plain(node) else None
            shorter = way(graph, node, source) if source is not None and readers[node.args[0].index] == 1 else None
            nodes += shorter or [node]
        graph.nodes = nodes


def _is_plain(node: Node) -> bool:
    """Whether it is a convolution of values (N, C, H, W) with fixed weights, one group and no transposing."""
    if node.name != "convolution.default" or len(node.outs[0].shape) != 4:  # type: ignore[union-attr]
        return False
    source, weight, bias, *_, transposed, _, groups = node.args
    is_fixed = isinstance(weight, Fixed) and not isinstance(bias, Value)
    return isinstance(source, Value) and is_fixed and not transposed and groups == 1


def _doubles(node: Node) -> bool:
    if node.name != "upsample_nearest2d.default" or not isinstance(node.args[0], Value):
        return False
    source, size, *scales = node.args
    return list(size) == [2 * side for side in source.shape[2:]] and all(given in (None, 2.0) for given in scales)


def _of_small(graph: Graph, node: Node, source: Node) -> list[Node] | None:
    """The convolution of the maps that `source` doubles."""
    small, weight, bias, *options = source.args[0], *node.args[1:]
    if not (_doubles(source) and weight.tensor.shape[2:] == (3, 3) and options[:3] == _SAME_SIZE):
        return None
    four = bias and Fixed(bias.tensor.repeat(4))
    return [Node(node.op, (small, Fixed(of_doubled(weight.tensor)), four, *options), {}, node.outs, is_doubled=True)]


def _apart(graph: Graph, node: Node, source: Node) -> list[Node] | None:
    """The convolution of those maps joined in `source` that are values, and what the fixed ones and the bias add."""
    _, weight, bias, *options = node.args
    out, parts = node.outs[0], source.args[0]
    axis = source.args[1] if len(source.args) > 1 else 0
    if out is None or source.name != "cat.default" or axis % 4 != 1 or not any(isinstance(p, Fixed) for p in parts):
        return None
    shapes = [part.shape if isinstance(part, Value) else part.tensor.shape for part in parts]
    pairs = list(zip(parts, weight.tensor.split([shape[1] for shape in shapes], dim=1), strict=True))
    fixed = [(part.tensor, filters) for part, filters in pairs if isinstance(part, Fixed)]
    values, filters = zip(*[pair for pair in pairs if isinstance(pair[0], Value)], strict=True)
    added = node.op(*[torch.cat(tensors, 1) for tensors in zip(*fixed, strict=True)], bias and bias.tensor, *options)
    kept, nodes, rest = torch.cat(filters, 1), [], values[0]
    if len(values) > 1:
        rest = graph.value((shapes[0][0], kept.shape[1], *shapes[0][2:]), rest.dtype)
        nodes.append(Node(source.op, (list(values), axis), {}, [rest]))
    part = graph.value(out.shape, out.dtype)
    nodes.append(Node(node.op, (rest, Fixed(kept), None, *options), {}, [part]))
    return [*nodes, Node(aten.add.Tensor, (part, Fixed(added)), {}, [out])]
