"""What a forward pass may change in a model, remembered and put back to the last bit."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, MutableSequence, MutableSet
from typing import Any

import torch
from torch import Tensor, nn


class Snapshot:
    """A model as it is now: modes, parameters, buffers, gradients, hooks and every other attribute of its modules.

    Parameters
    ----------
    model : nn.Module
        Twice the memory of its parameters is held while the snapshot lives.
    """

    def __init__(self, model: nn.Module) -> None:
        self._modules = [(module, dict(vars(module))) for module in model.modules()]
        self._containers: dict[int, tuple[Any, Any]] = {}
        self._tensors: dict[int, tuple[Tensor, Tensor, Tensor, bool, Tensor | None]] = {}
        for _, attributes in self._modules:
            for value in attributes.values():
                self._remember(value)

    def restore(self) -> None:
        """Put everything back; what did not change is not written."""
        for module, attributes in self._modules:
            _restore_mapping(vars(module), attributes)
        for container, contents in self._containers.values():
            _restore_container(container, contents)
        for tensor, alias, values, requires_grad, grad in self._tensors.values():
            _restore_tensor(tensor, alias, values)
            if tensor.requires_grad != requires_grad:
                tensor.requires_grad_(requires_grad)
            if tensor.is_leaf and tensor.grad is not grad:
                tensor.grad = grad

    def changed(self, tensors: Iterator[tuple[str, Tensor]]) -> list[str]:
        """The names of those tensors whose values are no longer the remembered ones."""
        known = [(name, tensor, self._tensors.get(id(tensor))) for name, tensor in tensors]
        return [name for name, tensor, then in known if then is not None and not _identical(tensor, then[2])]

    def _remember(self, value: Any) -> None:
        if isinstance(value, Tensor):
            self._remember_tensor(value)
        elif isinstance(value, (MutableMapping, MutableSequence, MutableSet)) and id(value) not in self._containers:
            contents = dict(value) if isinstance(value, MutableMapping) else list(value)
            self._containers[id(value)] = (value, contents)
            for item in contents.values() if isinstance(contents, dict) else contents:
                self._remember(item)

    def _remember_tensor(self, tensor: Tensor) -> None:
        if id(tensor) in self._tensors:
            return
        alias = tensor.detach()  # the same memory: shows where a tensor pointed before somebody assigned .data
        grad = tensor.grad if tensor.is_leaf else None
        self._tensors[id(tensor)] = (tensor, alias, alias.clone(), tensor.requires_grad, grad)
        if grad is not None:
            self._remember_tensor(grad)


def _restore_mapping(now: MutableMapping[str, Any], then: dict[str, Any]) -> None:
    if list(now) != list(then) or any(now[key] is not value for key, value in then.items()):
        now.clear()
        now.update(then)


def _restore_container(container: Any, contents: Any) -> None:
    if isinstance(contents, dict):
        _restore_mapping(container, contents)
    elif len(container) != len(contents) or any(a is not b for a, b in zip(container, contents, strict=True)):
        container.clear()
        add = container.add if isinstance(container, MutableSet) else container.append
        for item in contents:
            add(item)


def _restore_tensor(tensor: Tensor, alias: Tensor, values: Tensor) -> None:
    with torch.no_grad():
        if not _shares_memory(tensor, alias):
            tensor.data = alias
        if not _identical(alias, values):
            alias.copy_(values)


def _shares_memory(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and a.stride() == b.stride() and a.data_ptr() == b.data_ptr() and a.dtype == b.dtype


def _identical(a: Tensor, b: Tensor) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype or a.layout != torch.strided:
        return a is b
    return torch.equal(_bits(a), _bits(b))  # bits and not values: NaN differs from itself, -0.0 equals 0.0


def _bits(tensor: Tensor) -> Tensor:
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8)
