"""Rules for operations on feature maps that are faster in another way, or where channels lie beside each other."""

from __future__ import annotations

from typing import Any

from dropout_lab.uncertainty.doubled import doubled
from dropout_lab.uncertainty.graph import Node, Value
from dropout_lab.uncertainty.layout import is_channels_last
from dropout_lab.uncertainty.rules import Kernel, is_plain, positional, rule, spread


@rule("upsample_nearest2d.default")
def _enlarged(node: Node) -> Kernel | None:
    """Copies of the pixels along each row, then of the rows: a third of the time, for factors that divide exactly.

    PyTorch's own kernel is as fast where whole pixels are copied, channel beside channel.
    """
    source, size, *scales = node.args
    if not isinstance(source, Value):
        return None
    *_, height, width = source.shape
    down, across = size[0] // height, size[1] // width
    exact = [down * height, across * width] == list(size) and {down, across} <= {1, 2, 4, 8}
    if not exact or any(given not in (None, factor) for given, factor in zip(scales, (down, across), strict=False)):
        return None
    shape = (*source.shape[:-2], *size)

    def run(args: list[Any], count: int) -> Any:
        maps = args[0].flatten(0, 1)
        if is_channels_last(maps):
            return node.op(maps, *args[1:]).view(count, *shape)
        rows = args[0].reshape(-1, height, width, 1).expand(-1, height, width, across)
        rows = rows.reshape(-1, height, 1, width * across).expand(-1, height, down, width * across)
        return rows.reshape(count, *shape)

    return run


@rule("cat", "stack")
def _join(node: Node) -> Kernel | None:
    parts, axis = positional(node)
    if any(isinstance(part, Value) and part.shape == (0,) for part in parts):
        return None
    op, moved = node.op, axis + 1 if axis >= 0 else axis
    out = node.outs[0]
    if out is not None and len(out.shape) == 4 and node.name == "cat.default" and axis % 4:

        def maps(args: list[Any], count: int) -> Any:  # with four axes, PyTorch keeps how channels and pixels lie
            folded = [spread(part, ref, count).flatten(0, 1) for part, ref in zip(args[0], parts, strict=True)]
            return op(folded, axis).view(count, *out.shape)

        return maps
    return lambda args, count: op([spread(part, ref, count) for part, ref in zip(args[0], parts, strict=True)], moved)


@rule("convolution.default")
def _of_doubled(node: Node) -> Kernel | None:
    source, out = node.args[0], node.outs[0]
    if not node.is_doubled or out is None:
        return None

    def run(args: list[Any], count: int) -> Any:
        folded = node.op(args[0].reshape(-1, *source.shape[1:]), *args[1:])
        return doubled(folded, out.shape[1]).view(count, *out.shape)

    return run


@rule("native_batch_norm.default")
def _by_the_batch(node: Node) -> Kernel | None:
    """By the statistics of the batch at hand, as in an instance norm: those of each sample, as if it were a channel."""
    source, weight, bias, *running, training, momentum, epsilon = node.args
    parameters = (weight, bias)
    if not training or not is_plain(running) or any(isinstance(parameter, Value) for parameter in parameters):
        return None

    def run(args: list[Any], count: int) -> Any:
        beside = args[0].transpose(0, 1).flatten(1, 2)  # (N, C·K, …)
        repeated = [None if parameter is None else parameter.repeat(count) for parameter in args[1:3]]
        out = node.op(beside, *repeated, None, None, True, momentum, epsilon)[0]
        return [out.unflatten(1, (count, source.shape[1])).transpose(0, 1), None, None]

    return run
