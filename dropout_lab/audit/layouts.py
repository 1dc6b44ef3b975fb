"""Which tensors keep their features on the last axis: the evidence that a channel dropout met the wrong layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name every PyTorch reader knows it by

from dropout_lab.audit.functions import Call
from dropout_lab.audit.tensors import tensors_in

_View = tuple[int, tuple[int, ...], tuple[int, ...], int]
_FEATURES_LAST: dict[Callable[..., Any], int] = {F.linear: 0, F.embedding: -1, F.layer_norm: 0, F.rms_norm: 0}


class Layouts:
    """Remembers the tensors that come from, and go to, layers whose features are the last axis.

    Linear, Embedding, LayerNorm over one axis, recurrent layers and MultiheadAttention are such layers; element-wise
    operations hand the layout on; a transpose makes another view and ends it.
    """

    def __init__(self) -> None:
        self._from: set[_View] = set()
        self._to: set[_View] = set()
        self._alive: list[object] = []  # storage that lives on cannot lend its address to another tensor
        self._calls: list[tuple[Call, _View]] = []

    def function(self, func: Callable[..., Any], args: tuple[Any, ...], result: object) -> None:
        """Note a call of a function of `torch.nn.functional`."""
        position = _FEATURES_LAST.get(func)
        if position is None or (func in (F.layer_norm, F.rms_norm) and not _over_one_axis(args)):
            return
        self.produced(result)
        if position >= 0 and len(args) > position:
            self.consumed(args[position])

    def module(self, module: nn.Module, args: tuple[Any, ...], result: object) -> None:
        """Note a recurrent or attention layer."""
        if isinstance(module, (nn.RNNBase, nn.MultiheadAttention)) and isinstance(result, tuple) and args:
            self.produced(result[0])
            self.consumed(args[0])

    def pointwise(self, inputs: list[Tensor], outputs: list[Tensor]) -> None:
        """Hand the layout from the arguments to the results of an element-wise operation."""
        shapes = {tuple(tensor.shape) for tensor in inputs if self.is_last(tensor)}
        for tensor in outputs:
            if tuple(tensor.shape) in shapes:
                self.produced(tensor)

    def opened(self, call: Call, args: tuple[Any, ...]) -> None:
        """Note the argument of a dropout call."""
        call.from_features_last = any(self.is_last(tensor) for tensor in tensors_in(args[:1]))

    def closed(self, call: Call, result: object) -> None:
        """Note the result of a dropout call."""
        for tensor in tensors_in(result):
            view = self._view(tensor)
            if view is not None:
                self._calls.append((call, view))

    def finish(self) -> None:
        """Tell every dropout call whether its result went on to a layer that keeps features last."""
        for call, view in self._calls:
            call.to_features_last = call.to_features_last or view in self._to

    def produced(self, result: object) -> None:
        """Note a tensor whose features are its last axis."""
        view = self._view(result)
        if view is not None:
            self._from.add(view)

    def consumed(self, argument: object) -> None:
        """Note a tensor that a layer takes with its features last."""
        view = self._view(argument)
        if view is not None:
            self._to.add(view)

    def is_last(self, tensor: Tensor) -> bool:
        """Whether a tensor is known to keep its features on the last axis."""
        return self._view(tensor, keep=False) in self._from

    def _view(self, value: object, *, keep: bool = True) -> _View | None:
        if not isinstance(value, Tensor) or value.ndim < 3:
            return None
        try:
            storage = value.untyped_storage()
        except (NotImplementedError, RuntimeError):
            return None
        if keep:
            self._alive.append(storage)
        return storage._cdata, tuple(value.shape), value.stride(), int(value.storage_offset())


def _over_one_axis(args: tuple[Any, ...]) -> bool:
    return len(args) > 1 and len(tuple(args[1])) == 1
