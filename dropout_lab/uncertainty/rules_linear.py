"""Rules for the operations that cost the time: matrix products, convolutions, pooling, norms, attention, LSTM layers.

The samples are folded into the batch: a matrix product of (C·N, D) with the same weights costs less than C of (N, D).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dropout_lab.uncertainty.graph import Fixed, Node, Value, leaves
from dropout_lab.uncertainty.rules import Kernel, aten, is_plain, keywords, positional, rule, spread


@rule("mm", "bmm")
def _product(node: Node) -> Kernel | None:
    first, second = node.args
    out = node.outs[0]
    if out is None:
        return None
    shape = out.shape
    if node.name.startswith("mm") and isinstance(second, Fixed):
        return lambda args, count: _times(args[0].reshape(-1, args[0].shape[-1]), args[1]).view(count, *shape)
    if node.name.startswith("bmm") and isinstance(first, Value) and isinstance(second, Value):
        return lambda args, count: torch.bmm(_batch(args[0]), _batch(args[1])).view(count, *shape)
    return lambda args, count: torch.matmul(args[0], args[1])


def _times(rows: Tensor, weight: Tensor, bias: Tensor | None = None, beta: float = 1, alpha: float = 1) -> Tensor:
    """The product of many rows with a weight; of few outputs the transposed one, which takes half the time."""
    if weight.shape[1] >= 16:
        return torch.mm(rows, weight) if bias is None else torch.addmm(bias, rows, weight, beta=beta, alpha=alpha)
    if bias is None:
        return torch.mm(weight.t(), rows.t()).t()
    return torch.addmm(bias.reshape(-1, 1), weight.t(), rows.t(), beta=beta, alpha=alpha).t()


def _batch(matrices: Tensor) -> Tensor:
    """The matrices of all samples in a row; transposed ones stay so, where a copy would go against their order."""
    if matrices.stride(-2) == 1 != matrices.stride(-1):
        return matrices.transpose(-1, -2).flatten(0, 1).transpose(1, 2)
    return matrices.flatten(0, 1)


@rule("addmm")
def _addmm(node: Node) -> Kernel | None:
    bias, _, second = node.args
    out = node.outs[0]
    if out is None:
        return None
    beta, alpha, shape = node.kwargs.get("beta", 1), node.kwargs.get("alpha", 1), out.shape
    if isinstance(bias, Fixed) and isinstance(second, Fixed) and (bias.tensor.ndim < 2 or len(bias.tensor) == 1):

        def fold(args: list[Any], count: int) -> Any:
            rows = args[1].reshape(-1, args[1].shape[-1])
            return _times(rows, args[2], args[0], beta, alpha).view(count, *shape)

        return fold

    def run(args: list[Any], count: int) -> Any:
        added = args[0].unsqueeze(1) if isinstance(bias, Value) and len(bias.shape) == 1 else args[0]
        product = torch.matmul(args[1], args[2])
        return torch.add(product if alpha == 1 else product * alpha, added, alpha=beta)

    return run


@rule("linear")
def _linear(node: Node) -> Kernel | None:
    return None if any(isinstance(arg, Value) for arg in node.args[1:]) else lambda args, count: aten.linear(*args)


_FOLDED = {  # name: how many of the leading arguments have the batch on axis 0, and how many axes these have
    "max_pool2d_with_indices": (1, 4),
    "max_pool3d_with_indices": (1, 5),
    "avg_pool2d": (1, 4),
    "avg_pool3d": (1, 5),
    "_adaptive_avg_pool2d": (1, 4),
    "_adaptive_avg_pool3d": (1, 5),
    "adaptive_max_pool2d": (1, 4),
    "upsample_nearest1d": (1, 3),
    "upsample_nearest2d": (1, 4),
    "upsample_nearest3d": (1, 5),
    "upsample_linear1d": (1, 3),
    "upsample_bilinear2d": (1, 4),
    "upsample_bicubic2d": (1, 4),
    "upsample_trilinear3d": (1, 5),
    "reflection_pad1d": (1, 3),
    "reflection_pad2d": (1, 4),
    "replication_pad1d": (1, 3),
    "replication_pad2d": (1, 4),
    "pixel_shuffle": (1, 4),
    "pixel_unshuffle": (1, 4),
    "im2col": (1, 4),
    "col2im": (1, 3),
    "grid_sampler_2d": (2, 4),
    "native_batch_norm": (1, None),
    "_native_batch_norm_legit_no_training": (1, None),
    "convolution": (1, None),
    "_scaled_dot_product_flash_attention_for_cpu": (3, 4),
}


@rule(*_FOLDED)
def _fold(node: Node) -> Kernel | None:
    given, options = positional(node), keywords(node)
    n_batched, ndim = _FOLDED[node.name.split(".")[0]]
    batched, rest = given[:n_batched], given[n_batched:]
    if any(isinstance(leaf, Value) for leaf in leaves((rest, options))):
        return None
    shapes = [_shape(tensor) for tensor in batched]
    if ndim is not None and any(len(shape) != ndim for shape in shapes):
        return None
    if "attention" in node.name:  # a mask is broadcast over the rows of one sample, not over those of all
        mask = options.get("attn_mask")
        if mask is not None and len(mask.tensor.shape) > 2 and mask.tensor.shape[0] != 1:
            return None
        options = {key: value.tensor if isinstance(value, Fixed) else value for key, value in options.items()}
    elif not is_plain(options):
        return None
    op, first = node.op, node.outs[0]
    size = len(shapes[0])
    kept = [out for out in node.outs if out is not None and len(out.shape) == size and out.shape[0] == shapes[0][0]]

    def run(args: list[Any], count: int) -> Any:
        folded = [
            spread(args[place], reference, count).reshape(-1, *shapes[place][1:])
            for place, reference in enumerate(batched)
        ]
        if "attention" in node.name:  # its kernel takes numbers beside each other along the last axis for granted
            folded = [tensor.contiguous() for tensor in folded]
        outs = op(*folded, *args[n_batched:], **options)
        if isinstance(outs, Tensor):
            return outs.view(count, *first.shape) if first is not None else None
        return [
            out.view(count, *reference.shape) if reference in kept else None
            for out, reference in zip(outs, node.outs, strict=True)
        ]

    return run


def _shape(tensor: Value | Fixed) -> tuple[int, ...]:
    return tensor.shape if isinstance(tensor, Value) else tuple(tensor.tensor.shape)


@rule("native_layer_norm")
def _layer_norm(node: Node) -> Kernel | None:
    if any(isinstance(arg, Value) for arg in node.args[1:]):
        return None
    op = node.op
    return lambda args, count: op(*args)


@rule("native_group_norm")
def _group_norm(node: Node) -> Kernel | None:
    source, *parameters = node.args[:3]
    if not isinstance(source, Value) or any(isinstance(parameter, Value) for parameter in parameters):
        return None
    n_rows, rest = node.args[3], node.args[4:]

    def run(args: list[Any], count: int) -> Any:
        folded = args[0].reshape(-1, *source.shape[1:]).contiguous()
        out = aten.native_group_norm.default(folded, args[1], args[2], n_rows * count, *rest)[0]
        return [out.view(count, *source.shape), None, None]

    return run


@rule("mkldnn_rnn_layer")
def _rnn_layer(node: Node) -> Kernel | None:
    inputs, *weights = node.args[:5]
    states, rest = node.args[5:7], node.args[7:]
    batch_sizes = rest[1]
    if any(isinstance(weight, Value) for weight in weights) or len(batch_sizes) or len(_shape(inputs)) != 3:
        return None
    out, *last = node.outs
    if out is None or any(len(_shape(state)) != 2 for state in states):
        return None

    def run(args: list[Any], count: int) -> Any:
        steps = spread(args[0], inputs, count).transpose(0, 1).flatten(1, 2)  # time first: (L, C·N, D)
        begin = [spread(args[5 + k], state, count).flatten(0, 1).contiguous() for k, state in enumerate(states)]
        outs = node.op(steps.contiguous(), *args[1:5], *begin, *rest)
        length, n_rows = out.shape[0], out.shape[1]
        ends = [
            None if value is None else end.reshape(count, *value.shape)
            for end, value in zip(outs[1:3], last[:2], strict=True)
        ]
        return [outs[0].view(length, count, n_rows, -1).transpose(0, 1), *ends, None]

    return run
