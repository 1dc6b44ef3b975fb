"""Record a pass: a dispatch mode that runs it for the first sample and writes down what depends on its noise."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from dropout_lab.uncertainty.graph import (
    Fixed,
    Graph,
    Node,
    NotReplayableError,
    Recording,
    Value,
    is_tensor,
    leaves,
    mapped,
)
from dropout_lab.uncertainty.operations import Operation, computed, functional, operation, require_first
from dropout_lab.uncertainty.site_noise import SiteDraws, SiteNoise

_MASKS = (torch.bool, torch.uint8)
_LIFT, _INDEX = torch.ops.aten.lift_fresh.default, torch.ops.aten.index.Tensor
_READERS = {"tolist", "numpy", "__array__", "data_ptr", "untyped_storage", "storage", "__dlpack__", "__reduce_ex__"}


def record(run: Callable[[], Any], noise: SiteNoise) -> Recording:
    """Record one pass, which takes the next noise of every site.

    Raises
    ------
    NotReplayableError
        If what the pass does depends on its noise, or on noise that is not PyTorch's.
    """
    return Recorder(noise).record(run)


class Recorder(SiteDraws):  # type: ignore[no-untyped-call]
    """Runs every operation, and keeps a node for each that reads a value of the sample or draws one."""

    def __init__(self, noise: SiteNoise) -> None:
        super().__init__(noise)
        self.graph = Graph()
        self.known: dict[int, tuple[weakref.ref[Tensor], Value]] = {}  # by id, which a dead tensor leaves to another
        self.views: dict[int, list[weakref.ref[Tensor]]] = {}  # index of a value -> tensors that share its memory
        self.apart: Any = WeakIdKeyDictionary()  # parts of an unsafe split, which nobody uses together
        self.held: dict[int, list[Fixed]] = {}  # storage -> fixed tensors in it
        self.signature: list[Any] = []
        self.failure: NotReplayableError | None = None

    def record(self, run: Callable[[], Any]) -> Recording:
        """See the function of this name."""
        with _Readers(self), self:
            output = run()
        if self.failure is not None:  # the model may have caught it
            raise self.failure
        if isinstance(output, Tensor):
            self.graph.output = self.value(output)
        return Recording(self.graph, output, self.count, self.signature)

    def value(self, tensor: Tensor) -> Value | None:
        """The value that `tensor` holds now, None if it is the same in all samples."""
        reference, value = self.known.get(id(tensor), (None, None))
        return value if reference is not None and reference() is tensor else None

    def __torch_dispatch__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__torch_dispatch__(*args, **kwargs)
        except NotReplayableError as error:  # remembered, because the model may catch it
            self.failure = error
            raise

    def run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """An operation that draws nothing."""
        self.signature.append((func, *[arg for arg in args if isinstance(arg, float)]))
        if func is _LIFT and args[0].numel() <= 64:  # a constant that Python made
            self.signature.append(args[0].tolist())
        facts = operation(func)
        if facts.is_shape_only or not self._reads_values(args, kwargs):
            if facts.written:
                self._before_write(facts, args, kwargs)
            out = computed(func, args, kwargs)
            if facts.name.startswith("unsafe_"):
                self.apart.update((part, True) for part in out)
            return out
        if facts.depends_on_numbers and not self._is_plain_index(func, args):
            raise NotReplayableError(f"{facts.name} reads a value that dropout has touched")
        node = self._node(functional(func) if facts.written else func, args, kwargs)
        if facts.written:
            self._before_write(facts, args, kwargs)
            self._require_alone(func, args[0])
        out = computed(func, args, kwargs)
        self._append(node, out)
        if facts.is_view:
            self._join(node, args)
        return out

    def _reads_values(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        return any(is_tensor(leaf) and self.value(leaf) is not None for leaf in leaves([*args, *kwargs.values()]))

    def _is_plain_index(self, func: Any, args: tuple[Any, ...]) -> bool:
        """Whether it is an index, and none by a mask that is a value: what these pick has one shape in all samples."""
        if func is not _INDEX:
            return False
        masks = [index for index in args[1] if is_tensor(index) and index.dtype in _MASKS]
        return all(self.value(mask) is None for mask in masks)

    def draw(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], site: int) -> Any:
        """A draw becomes a node; what it gives is a value."""
        node, facts = self._node(func, args, kwargs), operation(func)
        node.site, node.is_map = site, isinstance(args[0], Tensor) and self.is_map(args[0])
        if facts.written:
            require_first(func)
            self._before_write(facts, args, kwargs)
            self._require_alone(func, args[0])
        out = super().draw(func, args, kwargs, site)
        self._append(node, out)
        return out

    def _append(self, node: Node, out: Any) -> None:
        node.is_list = isinstance(out, (list, tuple))
        for tensor in out if node.is_list else (out,):
            if tensor is None:
                node.outs.append(None)
                continue
            if type(tensor) not in (Tensor, nn.Parameter) or tensor.layout is not torch.strided:
                raise NotReplayableError(f"{node.name} gives a {type(tensor).__name__}")
            value, reference = self.graph.new(tensor), weakref.ref(tensor)
            node.outs.append(value)
            self.known[id(tensor)] = (reference, value)
            self.views[value.index] = [reference]
        self.graph.nodes.append(node)

    def _node(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Node:
        return Node(op, mapped(args, self._leaf), {key: mapped(value, self._leaf) for key, value in kwargs.items()}, [])

    def _leaf(self, leaf: Any) -> Any:
        if not is_tensor(leaf):
            return leaf
        value = self.value(leaf)
        if value is not None:
            return value
        fixed = Fixed(leaf)
        self.held.setdefault(_storage(leaf), []).append(fixed)
        return fixed

    def _join(self, node: Node, args: tuple[Any, ...]) -> None:
        """The outputs of a view share the memory of its first argument."""
        source = self.value(args[0]) if args and isinstance(args[0], Tensor) else None
        if source is not None:
            group = self.views[source.index]
            for value in node.outs:
                if value is not None:
                    group.extend(self.views[value.index])
                    self.views[value.index] = group

    def _before_write(self, facts: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        for place, name in facts.written:
            tensor = args[place] if place < len(args) else kwargs.get(name)
            if isinstance(tensor, Tensor):  # a node may have read what is about to change
                for fixed in self.held.pop(_storage(tensor), ()):
                    fixed.tensor = fixed.tensor.clone()

    def _require_alone(self, func: Any, tensor: Tensor) -> None:
        value = self.value(tensor)
        if value is not None:
            shared = any(other() is not None and other() is not tensor for other in self.views[value.index])
        else:
            users = torch._C._storage_Use_Count(_storage(tensor))  # its own and the one that asks among them
            shared = tensor not in self.apart and users > 2
        if shared:
            raise NotReplayableError(f"{func} writes into memory that another tensor shares")


class _Readers(TorchFunctionMode):
    """Refuses what reads the numbers of a value where no operation of PyTorch shows it."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name in _READERS and args and isinstance(args[0], Tensor) and self.recorder.value(args[0]) is not None:
            self.recorder.failure = NotReplayableError(f"{name} reads a value that dropout has touched")
            raise self.recorder.failure
        return func(*args, **(kwargs or {}))


def _storage(tensor: Tensor) -> int:
    try:
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError) as error:
        raise NotReplayableError("a tensor without plain memory") from error
