"""Feature maps of a replay lie channel beside channel, in which convolutions and pooling are faster on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dropout_lab.uncertainty.graph import Fixed, Node, Value, mapped


def lay_out(nodes: list[Node]) -> None:
    """Give the fixed tensors that meet feature maps, and the weights of the convolutions, the layout channels_last.

    What the operations make of them has it too. Nothing changes in a graph without a convolution of maps (N, C, H, W).
    """
    convolutions = [node for node in nodes if _is_convolution(node)]
    sizes = {_shape(end)[2:] for node in convolutions for end in (node.args[0], node.outs[0])}
    for node in nodes:
        (out, *_) = node.outs
        is_map = out is not None and len(out.shape) == 4 and out.shape[2:] in sizes
        if _is_convolution(node) or (is_map and torch.Tag.pointwise in node.op.tags):
            node.args = mapped(node.args, _channels_last)


def is_channels_last(maps: Tensor) -> bool:
    """Whether maps (N, C, H, W) lie channel beside channel and not row beside row."""
    return not maps.is_contiguous() and maps.is_contiguous(memory_format=torch.channels_last)


def _is_convolution(node: Node) -> bool:
    out = node.outs[0]
    return node.name == "convolution.default" and out is not None and len(out.shape) == 4


def _shape(end: Any) -> tuple[int, ...]:
    return end.shape if isinstance(end, Value) else tuple(end.tensor.shape)


def _channels_last(leaf: Any) -> Any:
    if isinstance(leaf, Fixed) and leaf.tensor.ndim == 4:
        return Fixed(leaf.tensor.contiguous(memory_format=torch.channels_last))
    return leaf
