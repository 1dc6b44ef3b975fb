"""Rules for operations that move numbers about, and for those that reduce or act along an axis."""

from __future__ import annotations

from typing import Any

from dropout_lab.uncertainty.graph import Fixed, Node, Value
from dropout_lab.uncertainty.rules import Kernel, aten, is_plain, keywords, positional, rule, spread


@rule("view.default", "_unsafe_view", "reshape", "unsqueeze", "squeeze", "_reshape_alias", "flatten", "unflatten")
def _same_order(node: Node) -> Kernel | None:
    out = node.outs[0]
    if out is None:
        return None
    shape = out.shape

    def run(args: list[Any], count: int) -> Any:
        return args[0].reshape(count, *shape)

    return run


@rule("alias", "detach", "lift_fresh", "contiguous")
def _same(node: Node) -> Kernel | None:
    return lambda args, count: args[0]


@rule("expand")
def _expand(node: Node) -> Kernel | None:
    out, source = node.outs[0], node.args[0]
    if out is None or not isinstance(source, Value):
        return None
    shape, padded = out.shape, (1,) * (len(out.shape) - len(source.shape)) + source.shape

    def run(args: list[Any], count: int) -> Any:
        return args[0].reshape(count, *padded).expand(count, *shape)

    return run


@rule("repeat")
def _repeat(node: Node) -> Kernel | None:
    source, repeats = node.args[0], node.args[1]
    if not isinstance(source, Value):
        return None
    padded = (1,) * (len(repeats) - len(source.shape)) + source.shape
    return lambda args, count: args[0].reshape(count, *padded).repeat(1, *repeats)


@rule("t")
def _t(node: Node) -> Kernel | None:
    (source,) = node.args
    ndim = len(source.shape)
    return (lambda args, count: args[0].transpose(1, 2)) if ndim == 2 else (lambda args, count: args[0])


_AXES = ("dim", "dim0", "dim1", "dim2", "dims", "dimension")


@rule(
    "sum.dim_IntList", "mean.dim", "amax", "amin", "max.dim", "min.dim", "argmax", "argmin", "var.correction",
    "aminmax", "std.correction", "var_mean.correction", "logsumexp", "cumsum", "cumprod", "_softmax",
    "_log_softmax", "softmax", "log_softmax", "select.int", "slice.Tensor", "split.Tensor",
    "split_with_sizes", "unsafe_split", "unsafe_split_with_sizes", "unbind", "flip", "roll", "glu", "topk", "sort",
    "linalg_vector_norm", "prod.dim_int", "any.dim", "all.dim", "transpose.int", "permute", "movedim", "diagonal",
    "unfold", "median.dim", "norm.ScalarOpt_dim",
)  # fmt: skip
def _along(node: Node) -> Kernel | None:
    given = positional(node)
    source = given[0]
    if not isinstance(source, Value) or not source.shape or not is_plain(given[1:]) or not is_plain(node.kwargs):
        return None
    shifted = {}
    every = list(range(len(source.shape)))
    names = [argument.name for argument in node.op._schema.arguments]
    for place, name in enumerate(names[: len(given)]):
        if name in _AXES:
            axis = given[place]
            if axis is None or axis == []:
                if name != "dim" or node.name.startswith(("arg", "roll", "aminmax")):
                    return None
                axis = every
            moved = [a + 1 if a >= 0 else a for a in axis] if isinstance(axis, (list, tuple)) else axis + (axis >= 0)
            shifted[place] = [0, *moved] if node.name.startswith("permute") else moved
    if not shifted:
        return None
    rest = [shifted.get(place, value) for place, value in enumerate(given)][1:]
    op, options = node.op, keywords(node)
    return lambda args, count: op(args[0], *rest, **options)


@rule("_safe_softmax")
def _safe_softmax(node: Node) -> Kernel | None:
    """A plain softmax, at half the time; it differs in rows of nothing but -inf alone, where it gives NaN."""
    usual, safe = _along(node), node.op
    axis = node.args[1] + 1 if node.args[1] >= 0 else node.args[1]
    if usual is None or len(node.args) > 2 or node.kwargs:
        return usual

    def run(args: list[Any], count: int) -> Any:
        weights = args[0].softmax(axis)
        return weights if weights.sum().isfinite() else safe(args[0], axis)

    return run


_WHOLE = {
    "sum.default": aten.sum.dim_IntList,
    "mean.default": aten.mean.dim,
    "max.default": aten.amax.default,
    "min.default": aten.amin.default,
    "any.default": aten.any.dims,
    "all.default": aten.all.dims,
}


@rule(*_WHOLE)
def _whole(node: Node) -> Kernel | None:
    op, options = _WHOLE[node.name], keywords(node)
    return lambda args, count: op(args[0].reshape(count, -1), [1], **options)


@rule("index_select")
def _index_select(node: Node) -> Kernel | None:
    source, axis, index = node.args
    if not isinstance(source, Value) or not isinstance(index, Fixed):
        return None
    moved = axis + 1 if axis >= 0 else axis
    return lambda args, count: args[0].index_select(moved, args[2])


@rule("index.Tensor")
def _index(node: Node) -> Kernel | None:
    source, indices = node.args
    used = [place for place, index in enumerate(indices) if index is not None]
    adjacent = used == list(range(used[0], used[-1] + 1))  # otherwise the result's axes are in another order
    if not isinstance(source, Value) or not adjacent or any(isinstance(index, Value) for index in indices):
        return None
    return lambda args, count: aten.index.Tensor(args[0], [None, *args[1]])


@rule("gather")
def _gather(node: Node) -> Kernel | None:
    source, axis, index = node.args[:3]
    moved = axis + 1 if axis >= 0 else axis
    return lambda args, count: spread(args[0], source, count).gather(moved, spread(args[2], index, count))


@rule("constant_pad_nd", "tril", "triu")
def _trailing(node: Node) -> Kernel | None:
    op, rest = node.op, node.args[1:]
    return lambda args, count: op(args[0], *rest)


@rule("_to_copy")
def _to_copy(node: Node) -> Kernel | None:
    options = {key: value for key, value in node.kwargs.items() if key != "memory_format"}
    return lambda args, count: aten._to_copy.default(args[0], **options)


@rule("embedding")
def _embedding(node: Node) -> Kernel | None:
    weight, indices = node.args[:2]
    if isinstance(weight, Fixed):
        return lambda args, count: aten.embedding.default(args[0], args[1])
    if not isinstance(indices, Fixed):
        return None
    shape = tuple(indices.tensor.shape)
    return lambda args, count: args[0].index_select(1, args[1].reshape(-1)).reshape(count, *shape, -1)
