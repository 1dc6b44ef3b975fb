"""Record a pass: a dispatch mode that runs it for the first sample and writes down what depends on its noise."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from dropout_lab.uncertainty.graph import Fixed, Graph, Node, NotReplayableError, Value, leaves, mapped
from dropout_lab.uncertainty.site_noise import SiteDraws, SiteNoise

# what these give depends on the shape of their argument only, not on its numbers
_SHAPE_ONLY = {
    "empty_like", "zeros_like", "ones_like", "full_like", "new_empty", "new_zeros", "new_ones", "new_full", "sym_size",
    "new_empty_strided",
}  # fmt: skip
_MASKS = (torch.bool, torch.uint8)
_LIFT = torch.ops.aten.lift_fresh.default
_READERS = {"tolist", "numpy", "__array__", "data_ptr", "untyped_storage", "storage", "__dlpack__", "__reduce_ex__"}


class Recording(NamedTuple):
    """A pass: its graph, what the model returned, how many draws it made, and what it did, to compare with another."""

    graph: Graph
    output: Any
    n_draws: int
    signature: list[Any]


def record(run: Callable[[], Any], noise: SiteNoise) -> Recording:
    """Record one pass, which takes the next noise of every site.

    Raises
    ------
    NotReplayableError
        If what the pass does depends on its noise, or on noise that is not PyTorch's.
    """
    recorder = Recorder(noise)
    with _Readers(recorder), recorder:
        output = run()
    if recorder.failure is not None:  # the model may have caught it
        raise recorder.failure
    if isinstance(output, Tensor):
        recorder.graph.output = recorder.value(output)
    return Recording(recorder.graph, output, recorder.count, recorder.signature)


class Recorder(SiteDraws):  # type: ignore[no-untyped-call]
    """Runs every operation, and keeps a node for each that reads a value of the sample or draws one."""

    def __init__(self, noise: SiteNoise) -> None:
        super().__init__(noise)
        self.graph = Graph()
        self.known: Any = WeakIdKeyDictionary()  # tensor -> Value
        self.views: dict[int, list[weakref.ref[Tensor]]] = {}  # index of a value -> tensors that share its memory
        self.apart: Any = WeakIdKeyDictionary()  # parts of an unsafe split, which nobody uses together
        self.held: dict[int, list[Fixed]] = {}  # storage -> fixed tensors in it
        self.signature: list[Any] = []
        self.failure: NotReplayableError | None = None

    def value(self, tensor: Tensor) -> Value | None:
        """The value that `tensor` holds now, None if it is the same in all samples."""
        found: Value | None = self.known.get(tensor)
        return found

    def __torch_dispatch__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__torch_dispatch__(*args, **kwargs)
        except NotReplayableError as error:  # remembered, because the model may catch it
            self.failure = error
            raise

    def run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """An operation that draws nothing."""
        self.signature.append((func, *(arg for arg in args if isinstance(arg, float))))
        if func is _LIFT and args[0].numel() <= 64:  # a constant that Python made
            self.signature.append(args[0].tolist())
        name = func._schema.name.removeprefix("aten::")
        reads_values = any(isinstance(leaf, Tensor) and leaf in self.known for leaf in leaves((args, kwargs)))
        if not reads_values or name in _SHAPE_ONLY:
            self._before_write(func, args, kwargs)
            out = func(*args, **kwargs)
            if name.startswith("unsafe_"):
                self.apart.update((part, True) for part in out)
            return out
        if self._is_shaped_by_numbers(func, args):
            raise NotReplayableError(f"{name} reads a value that dropout has touched")
        written = self._written(func, args)
        node = self._node(func if written is None else _functional(func), args, kwargs)
        if written is not None:
            self._before_write(func, args, kwargs)
            self._require_alone(func, written)
        out = func(*args, **kwargs)
        self._append(node, out)
        if written is None and any(ret.alias_info is not None for ret in func._schema.returns):
            self._join(node, args)
        return out

    def _is_shaped_by_numbers(self, func: Any, args: tuple[Any, ...]) -> bool:
        """Whether the shape of the result, or what Python gets, depends on the numbers of a value."""
        if func is torch.ops.aten.index.Tensor:
            return any(isinstance(index, Tensor) and index.dtype in _MASKS and index in self.known for index in args[1])
        dependent = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & set(func.tags)
        return bool(dependent) or func is torch.ops.aten.as_strided.default

    def draw(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], site: int) -> Any:
        """A draw becomes a node; what it gives is a value."""
        node, written = self._node(func, args, kwargs), self._written(func, args)
        node.site = site
        if written is not None:
            self._before_write(func, args, kwargs)
            self._require_alone(func, written)
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
            value = self.graph.new(tensor)
            node.outs.append(value)
            self.known[tensor] = value
            self.views[value.index] = [weakref.ref(tensor)]
        self.graph.nodes.append(node)

    def _node(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Node:
        return Node(op, mapped(args, self._leaf), {key: mapped(value, self._leaf) for key, value in kwargs.items()}, [])

    def _leaf(self, leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
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

    def _written(self, func: Any, args: tuple[Any, ...]) -> Tensor | None:
        if not func._schema.is_mutable:
            return None
        arguments = func._schema.arguments
        if arguments[0].alias_info is None or any(
            a.alias_info is not None and a.alias_info.is_write for a in arguments[1:]
        ):
            raise NotReplayableError(f"{func} writes into an argument of its own")
        written: Tensor = args[0]
        return written

    def _before_write(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not func._schema.is_mutable:
            return
        for place, argument in enumerate(func._schema.arguments):
            if argument.alias_info is not None and argument.alias_info.is_write:
                tensor = args[place] if place < len(args) else kwargs.get(argument.name)
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
        if name in _READERS and args and isinstance(args[0], Tensor) and args[0] in self.recorder.known:
            self.recorder.failure = NotReplayableError(f"{name} reads a value that dropout has touched")
            raise self.recorder.failure
        return func(*args, **(kwargs or {}))


def _storage(tensor: Tensor) -> int:
    try:
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError) as error:
        raise NotReplayableError("a tensor without plain memory") from error


_MOVES = {"transpose": torch.ops.aten.transpose.int, "unsqueeze": torch.ops.aten.unsqueeze.default}


def _functional(func: Any) -> Any:
    """The operation that gives what `func` writes in place."""
    name = func._schema.name.removeprefix("aten::").removesuffix("_")
    if name in _MOVES:
        return _MOVES[name]
    packet = getattr(torch.ops.aten, name, None)
    found = getattr(packet, func._overloadname, None)
    if found is None or found._schema.is_mutable:
        raise NotReplayableError(f"{func} has no form that leaves its argument alone")
    return found
