"""How an operation acts on many samples at once: on values (C, *shape), the C samples of a chunk on axis 0.

A rule looks at a node once and returns its kernel, a function of the node's resolved arguments and of C; or None, where
it does not cover what it sees. What no rule covers runs sample after sample.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from dropout_lab.uncertainty.graph import Fixed, Node, Value, leaves, mapped

Kernel = Callable[[list[Any], int], Any]
Rule = Callable[[Node], Kernel | None]
RULES: dict[str, Rule] = {}
aten = torch.ops.aten


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register a rule for operations, by name (all overloads) or by name and overload."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return register


def kernel(node: Node, over: tuple[Any, int] | None = None) -> Kernel:
    """The kernel of the first rule that covers `node`; `over` names an operation in place and the argument to use."""
    if over is not None:
        found = _pointwise(node, *over)
        if found is not None:
            return found
    packet = node.name.split(".")[0]
    found = None
    candidates = [RULES.get(node.name), RULES.get(packet), _pointwise if torch.Tag.pointwise in node.op.tags else None]
    for candidate in candidates:
        if candidate is not None and found is None:
            found = candidate(node)
    return found or one_by_one(node)


def one_by_one(node: Node) -> Kernel:
    """Run the operation for one sample after another and stack what comes back."""
    varies = mapped(node.args, lambda leaf: isinstance(leaf, Value))
    keywords = mapped(tuple(node.kwargs.values()), lambda leaf: isinstance(leaf, Value))
    names = tuple(node.kwargs)

    def run(args: list[Any], count: int) -> Any:
        outs = []
        for sample in range(count):
            *positional, options = picked([*args[:-1], args[-1]], [*varies, keywords], sample)
            outs.append(node.op(*positional, **dict(zip(names, options, strict=True))))
        if isinstance(outs[0], Tensor):
            return torch.stack(outs)
        return [torch.stack(parts) if isinstance(parts[0], Tensor) else None for parts in zip(*outs, strict=True)]

    run.__dict__["takes_keywords"] = True
    return run


def picked(tree: Any, varies: Any, sample: int) -> Any:
    """The arguments of one sample, without gaps in memory: some kernels take that for granted."""
    if isinstance(varies, (list, tuple)):
        return [picked(item, flag, sample) for item, flag in zip(tree, varies, strict=True)]
    return tree[sample].contiguous() if varies else tree


def positional(node: Node) -> list[Any]:
    """All arguments that may be given by position, defaults included."""
    found = []
    for place, argument in enumerate(node.op._schema.arguments):
        if argument.kwarg_only:
            break
        given = node.args[place] if place < len(node.args) else node.kwargs.get(argument.name, argument.default_value)
        found.append(given)
    return found


def keywords(node: Node) -> dict[str, Any]:
    """The keyword-only arguments that were given, without the memory format."""
    names = {argument.name for argument in node.op._schema.arguments if argument.kwarg_only}
    return {key: value for key, value in node.kwargs.items() if key in names and key != "memory_format"}


def is_plain(tree: Any) -> bool:
    """Whether no tensor is among the arguments."""
    return not any(isinstance(leaf, (Value, Fixed)) for leaf in leaves(tree))


def spread(tensor: Any, reference: Any, count: int) -> Any:
    """A fixed tensor for all samples of the chunk; a value is returned as it is."""
    return tensor if isinstance(reference, Value) else tensor.expand(count, *tensor.shape)


def _pointwise(node: Node, in_place: Any = None, target: int = 0) -> Kernel | None:
    tensors = [arg for arg in node.args if isinstance(arg, (Value, Fixed))]
    if not is_plain(node.kwargs) or len(node.outs) != 1 or node.is_list:
        return None
    if not is_plain([arg for arg in node.args if isinstance(arg, (list, tuple))]):
        return None
    out = node.outs[0]
    assert_value = out is not None
    ndim = len(out.shape) if assert_value and out is not None else 0
    dtypes = {tensor.dtype if isinstance(tensor, Value) else tensor.tensor.dtype for tensor in tensors}
    if len(dtypes) > 1 and any(isinstance(tensor, Value) and not tensor.shape for tensor in tensors):
        return None  # a tensor without axes weighs less when dtypes are promoted; with the axis of samples it would not
    padded = [
        (place, (1,) * (ndim - len(arg.shape)) + arg.shape)
        for place, arg in enumerate(node.args)
        if isinstance(arg, Value) and len(arg.shape) < ndim
    ]
    op, options = in_place or node.op, keywords(node)
    if node.kwargs.get("memory_format") == torch.contiguous_format:
        options["memory_format"] = torch.contiguous_format

    def run(args: list[Any], count: int) -> Any:
        for place, shape in padded:
            args[place] = args[place].reshape(count, *shape)
        if target:
            args[0], args[target] = args[target], args[0]
        return op(*args, **options)

    return run


@rule("copy")
def _copy(node: Node) -> Kernel | None:
    target, source = node.args[:2]
    out = node.outs[0]
    if out is None or not isinstance(source, (Value, Fixed)):
        return None
    ndim = len(out.shape)
    shape = source.shape if isinstance(source, Value) else tuple(source.tensor.shape)
    padded = (1,) * (ndim - len(shape)) + shape[max(0, len(shape) - ndim) :]

    def run(args: list[Any], count: int) -> Any:
        new = args[1].reshape(count, *padded) if isinstance(source, Value) else args[1]
        return new.expand(count, *out.shape).to(out.dtype, copy=True)

    return run if target is not None else None
