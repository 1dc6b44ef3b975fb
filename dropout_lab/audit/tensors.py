"""Tensors inside whatever a model takes or returns, and whether two passes returned the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map


def tensors_in(value: object, depth: int = 6) -> Iterator[Tensor]:
    """Every tensor in a nest of tuples, lists, mappings and plain objects, in order."""
    if isinstance(value, Tensor):
        yield value
    elif depth == 0 or value is None or isinstance(value, (str, bytes, int, float, complex, type, nn.Module)):
        return
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item, depth - 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from tensors_in(item, depth - 1)
    elif hasattr(value, "__dict__"):
        yield from tensors_in(vars(value), depth - 1)


def clones(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inputs with every tensor copied, so that no pass can write into the caller's batch."""
    copies: tuple[Any, ...] = tree_map(_clone, inputs)
    return copies


def largest_difference(a: list[Tensor], b: list[Tensor]) -> float:
    """Largest absolute difference of two lists of tensors; infinite where shapes or the places of NaN differ."""
    if [tensor.shape for tensor in a] != [tensor.shape for tensor in b]:
        return float("inf")
    return max((_difference(x, y) for x, y in zip(a, b, strict=True)), default=0.0)


def scale(tensors: list[Tensor]) -> float:
    """Largest absolute value in a list of tensors, 0 for an empty one."""
    sizes = [_real(tensor).nan_to_num(0, 0, 0).abs().max().item() for tensor in tensors if tensor.numel()]
    return max(map(float, sizes), default=0.0)


def rounding(tensors: list[Tensor]) -> float:
    """The difference that rounding alone may make: 16 units in the last place of the largest value."""
    steps = [torch.finfo(tensor.dtype).eps for tensor in tensors if tensor.is_floating_point()]
    return 16 * max(steps, default=0.0) * scale(tensors)


def _difference(x: Tensor, y: Tensor) -> float:
    if x.numel() == 0 or x is y:
        return 0.0
    x, y = _real(x), _real(y)
    if not torch.equal(x.isnan(), y.isnan()):
        return float("inf")
    different = (x != y) & ~x.isnan()  # equal infinities do not differ
    return float((x - y)[different].abs().max()) if bool(different.any()) else 0.0


def _clone(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _real(tensor: Tensor) -> Tensor:
    dense = tensor.to_dense() if tensor.layout != torch.strided else tensor
    return torch.view_as_real(dense).double() if dense.is_complex() else dense.double()
