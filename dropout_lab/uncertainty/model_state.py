"""What a forward pass must leave as it was: modes, parameters, buffers, gradients and submodules."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy


class SavedTensor(NamedTuple):
    """A parameter or buffer, a copy of its values, and the flags that belong to it.

    `address` and `words` say where the values were and give them as whole numbers, on a CPU if they lie there in a row.
    """

    tensor: Tensor
    copy: Tensor
    requires_grad: bool
    grad: Tensor | None
    address: int
    words: Any
    copied_words: Any


class DisturbedError(RuntimeError):
    """A forward pass has changed what it must leave as it was."""


class ModelState:
    """State of a model at one moment, to compare with and to go back to.

    Parameters
    ----------
    model : nn.Module

    Raises
    ------
    ValueError
        If a lazy module has not seen an input yet: its first pass would create its parameters.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.names = {module: name or "the model itself" for name, module in model.named_modules()}
        # the module that torch.compile returns passes its mode on to the module inside
        owners = [module for module in self.names if not isinstance(getattr(type(module), "training", None), property)]
        self.modes = {module: module.training for module in owners}
        self.tables = [(table, dict(table)) for module in self.names for table in _tables(module)]
        self.tensors = {name: _saved(name, tensor) for name, tensor in _named_tensors(model)}
        self.is_known_unchanged = False

    def name(self, module: nn.Module) -> str:
        """Where `module` stands in the model, and what it is."""
        place = self.names.get(module)
        text = " ".join(str(module).split())
        text = text if len(text) <= 60 else type(module).__name__
        return f"{text}, which is no registered submodule" if place is None else f"{place} ({text})"

    def set_modes(self, active: Collection[nn.Module]) -> None:
        """Put the modules of `active` in training mode and all others in eval mode."""
        for module in self.modes:
            module.training = module in active

    def require_modes(self, active: Collection[nn.Module]) -> None:
        """Raise DisturbedError if the forward pass changed a mode or the set of submodules."""
        for module in self.modes:
            if module.training != (module in active):
                raise DisturbedError(
                    f"the forward pass changed the mode of {self.name(module)}: with train() or eval() inside forward "
                    "nobody outside can say which dropout is on. Take that call out of forward."
                )
        if self.names.keys() != set(self.model.modules()):
            raise DisturbedError("the forward pass added or removed submodules; run the model once before mc_predict.")

    def changed_tensors(self) -> list[str]:
        """Names of the parameters and buffers that are no longer what they were; to be called after the last pass."""
        now = dict(_named_tensors(self.model))
        changed = [name for name, saved in self.tensors.items() if not _unchanged(saved, now.get(name))]
        self.is_known_unchanged = not changed
        return changed

    def restore_tensors(self) -> None:
        """Put back every parameter, buffer and submodule; what has not changed is not written to."""
        for table, entries in self.tables:
            if [(key, id(value)) for key, value in table.items()] != [(key, id(entries[key])) for key in entries]:
                table.clear()
                table.update(entries)
        with torch.no_grad():
            for saved in () if self.is_known_unchanged else self.tensors.values():
                if not _unchanged(saved, saved.tensor):
                    saved.tensor.copy_(saved.copy)

    def restore(self) -> None:
        """Put back the modes, the tensors and their gradients."""
        for module, training in self.modes.items():
            module.training = training
        self.restore_tensors()
        for saved in self.tensors.values():
            if saved.grad is not None or saved.tensor.is_leaf:
                saved.tensor.grad = saved.grad
            if saved.tensor.requires_grad != saved.requires_grad:
                saved.tensor.requires_grad_(saved.requires_grad)


@contextmanager
def preserved(model: nn.Module) -> Iterator[ModelState]:
    """Give the model back bit by bit as it was, also after an exception; gradients are set aside in between."""
    state = ModelState(model)
    try:
        for saved in state.tensors.values():
            if saved.grad is not None:
                saved.tensor.grad = None
        yield state
    finally:
        state.restore()


def _tables(module: nn.Module) -> list[dict[str, Any]]:
    if isinstance(module, torch.jit.ScriptModule):
        return []  # its tables are views on C++ objects, and scripted code cannot rebind an entry
    return [module._parameters, module._buffers, module._modules]


def _named_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.layout is torch.strided and not tensor.is_meta:
            yield name, tensor


def _saved(name: str, tensor: Tensor) -> SavedTensor:
    if is_lazy(tensor):
        raise ValueError(
            f"{name} belongs to a lazy module without parameters yet; run the model once before mc_predict."
        )
    copy, grad = tensor.detach().clone(), tensor.grad if tensor.is_leaf else None
    is_plain = tensor.device.type == "cpu" and tensor.is_contiguous()
    address, words = (tensor.data_ptr(), _words(tensor)) if is_plain else (0, None)
    return SavedTensor(tensor, copy, tensor.requires_grad, grad, address, words, _words(copy) if is_plain else None)


def _unchanged(saved: SavedTensor, now: Tensor | None) -> bool:
    if now is not saved.tensor or now.shape != saved.copy.shape or now.dtype != saved.copy.dtype:
        return False
    if saved.words is not None and now.data_ptr() == saved.address and now.is_contiguous():
        return bool((saved.words == saved.copied_words).all())
    return torch.equal(_bits(now), _bits(saved.copy))


def _bits(tensor: Tensor) -> Tensor:
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8)  # bits, so that NaN equals itself


def _words(tensor: Tensor) -> Any:
    bits = _bits(tensor).numpy()
    return bits.view(np.uint64) if len(bits) % 8 == 0 else bits  # many times faster to compare than bytes
