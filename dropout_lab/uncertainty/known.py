"""Models whose every line is known: Sequentials of PyTorch's own layers, whose dropout need not be sought.

They call each layer once a pass, in order, with nothing but the output of the one before: every dropout in them is
reached, passes do the same, and no state is touched that PyTorch does not show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor, nn
from torch.nn.modules import module as nn_module

from dropout_lab.torch_layers import Dropout
from dropout_lab.uncertainty.sites import Sites, dropout_p

_NAMES = """
    Linear Identity Flatten Unflatten Embedding Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d
    ReLU ReLU6 LeakyReLU PReLU ELU SELU CELU GELU SiLU Mish Tanh Sigmoid Softplus Hardtanh Softmax LogSoftmax
    MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d
    BatchNorm1d BatchNorm2d BatchNorm3d LayerNorm GroupNorm Upsample PixelShuffle ZeroPad2d
    Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout
"""
_LAYERS: tuple[Any, ...] = (*(getattr(nn, name) for name in _NAMES.split()), Dropout)
_FORWARDS: dict[Any, Any] = {layer: layer.forward for layer in (*_LAYERS, nn.Sequential)}
_METHODS = {layer: {name for name in dir(layer) if callable(getattr(layer, name))} for layer in _FORWARDS}
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
# what a subclass may define again without a change of what it does in a pass
_HARMLESS = {"__init__", "__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__"}


def known_sites(model: nn.Module, inputs: Iterable[Tensor]) -> Sites | None:
    """The dropout of a model whose every line is known, or None for any other model.

    Parameters
    ----------
    model : nn.Module
        Known are nn.Sequential, subclasses of it that only add names, and layers of PyTorch, but not their subclasses.
        No hook may be registered, no method replaced in an instance or in a class, and no tensor may be of a subclass.
    inputs : tensors
        What the model will be called with.
    """
    modules = list(_called(model))
    tensors = (*inputs, *model.parameters(), *model.buffers())
    if any(type(tensor) not in (Tensor, nn.Parameter) for tensor in tensors) or _has_global_hooks():
        return None
    if not all(map(_is_known, modules)):
        return None
    active = [module for module in modules if dropout_p(module)]
    drawing = [module for module in active if dropout_p(module) != 1]
    return Sites(set(active), drawing[-1] if drawing else None, set(modules), None)


def _called(module: nn.Module) -> Iterator[nn.Module]:
    """The module and what it calls, if it is a Sequential, in this order."""
    yield module
    if isinstance(module, nn.Sequential):
        for child in module._modules.values():
            if child is not None:
                yield from _called(child)


def _is_known(module: nn.Module) -> bool:
    kind: Any = nn.Sequential if isinstance(module, nn.Sequential) else type(module)
    if kind not in _FORWARDS or kind.forward is not _FORWARDS[kind] or not _only_adds(type(module), kind):
        return False
    replaced = not _METHODS[kind].isdisjoint(vars(module))
    is_compiled = getattr(module, "_compiled_call_impl", None) is not None
    return not replaced and not is_compiled and not any(getattr(module, hooks) for hooks in _HOOKS)


def _only_adds(cls: type, known: type) -> bool:
    """Whether a class is `known`, or derived from it without another meaning for any of its names."""
    above = cls.__mro__[: len(cls.__mro__) - len(known.__mro__)]
    return not any(hasattr(known, name) for base in above for name in vars(base).keys() - _HARMLESS)


def _has_global_hooks() -> bool:
    return bool(nn_module._global_forward_hooks or nn_module._global_forward_pre_hooks)
