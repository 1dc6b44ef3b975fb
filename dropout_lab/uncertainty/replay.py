"""Replay a recorded pass for many samples at once: what depends on the noise, with an axis for the samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

import dropout_lab.uncertainty.rules_linear
import dropout_lab.uncertainty.rules_maps
import dropout_lab.uncertainty.rules_shape  # noqa: F401  (all register their rules)
from dropout_lab.uncertainty.doubled import scratch
from dropout_lab.uncertainty.few_dropped import FewDropped, with_few_dropped
from dropout_lab.uncertainty.fusion import overwritten, scaled_coins
from dropout_lab.uncertainty.graph import Fixed, Graph, Node, NotReplayableError, Value, leaves, mapped, needed
from dropout_lab.uncertainty.layout import lay_out
from dropout_lab.uncertainty.rounding import is_close
from dropout_lab.uncertainty.rules import Kernel, kernel, picked
from dropout_lab.uncertainty.shortcuts import shorten
from dropout_lab.uncertainty.site_noise import SiteNoise, has_coins, without_generator


class Step(NamedTuple):
    """A kernel, where its arguments come from, where its results go, and what nobody reads afterwards."""

    run: Kernel
    arguments: Callable[[list[Any]], list[Any]]
    outs: list[int | None]
    is_list: bool
    dtype: torch.dtype | None
    dead: list[int]


class Replay:
    """The part of a recorded pass that depends on the noise, ready to be run for C samples.

    Parameters
    ----------
    graph : Graph
    noise : SiteNoise
        Gives the next noise of each site.
    n_samples : int
        How many samples will be asked for in all; some ways are faster only for many.
    """

    def __init__(self, graph: Graph, noise: SiteNoise, n_samples: int = 1) -> None:
        if graph.output is None:
            raise NotReplayableError("the output does not depend on the noise")
        shorten(graph)
        self.output, self.n_values, self.noise = graph.output, graph.n_values, noise
        nodes, self.scales = scaled_coins(needed(graph), _is_coins)
        nodes = with_few_dropped(nodes, self.scales, _is_coins, n_samples)
        lay_out(nodes)
        last = {value.index: place for place, node in enumerate(nodes) for value in (*node.reads, *_outs(node))}
        last[self.output.index] = len(nodes)
        in_place = overwritten(nodes, last)
        self.steps = [self._step(node, place, last, in_place.get(place)) for place, node in enumerate(nodes)]
        self.bytes_per_sample = _peak(nodes, last)
        self.largest = max(_bytes(value) for node in nodes for value in _outs(node))

    def run(self, count: int) -> Tensor:
        """Outputs (count, N, …) of the next samples."""
        table: list[Any] = [None] * self.n_values
        for step in self.steps:
            result = step.run(step.arguments(table), count)
            if step.is_list:
                for index, tensor in zip(step.outs, result, strict=False):
                    if index is not None:
                        table[index] = tensor
            else:
                table[step.outs[0]] = result if step.dtype is None else result.to(step.dtype)  # type: ignore[index]
            for index in step.dead:
                table[index] = None
        output: Tensor = table[self.output.index]
        return output

    def _step(self, node: Node, place: int, last: dict[int, int], over: tuple[Any, int] | None) -> Step:
        run = kernel(node, over) if node.site is None else self._draw(node, node.site)
        outs = [None if value is None else value.index for value in node.outs]
        dead = sorted({value.index for value in (*node.reads, *_outs(node)) if last[value.index] == place})
        dtype = node.outs[0].dtype if len(outs) == 1 and node.outs[0] is not None else None
        is_list = node.is_list or len(outs) != 1
        return Step(run, _resolver(node, "takes_keywords" in run.__dict__), outs, is_list, dtype, dead)

    def _draw(self, node: Node, site: int) -> Kernel:
        noise, out = self.noise, node.outs[0]
        if out is None:
            raise NotReplayableError(f"{node.name} gives no tensor")
        if isinstance(node, FewDropped):
            return node.kernel(noise)
        if _is_coins(node):
            keep_prob = node.args[1] if len(node.args) > 1 else 0.5
            scale = self.scales.get(site, 1.0)
            return lambda args, count: noise.coins(site, count, out.shape, keep_prob, out.dtype, scale, node.is_map)
        in_place = node.op._schema.is_mutable
        varies = mapped(node.args, lambda leaf: isinstance(leaf, Value))
        options = without_generator(node.kwargs)
        if any(isinstance(leaf, (Value, Fixed)) for leaf in leaves(options)):
            raise NotReplayableError(f"{node.name} draws with tensors for options")

        def run(args: list[Any], count: int) -> Any:
            outs = []
            with noise.stream(site):
                for sample in range(count):
                    chosen = picked(args, varies, sample)
                    if in_place:  # in a tensor of its own: the recorded one may be in use
                        chosen[0] = chosen[0].clone()
                    outs.append(node.op(*chosen, **options))
            if isinstance(outs[0], Tensor):
                return noise.spread(site, torch.stack(outs), out.shape)
            return [torch.stack(parts) for parts in zip(*outs, strict=True)]

        return run


def first_chunk(replay: Replay, size: int, first: Tensor) -> Tensor:
    """The first samples by replay, if the very first is what the model itself gave with this noise."""
    try:
        chunk = replay.run(size)
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
        raise NotReplayableError("an operation did not run for several samples") from error
    if not is_close(chunk[0], first):
        raise NotReplayableError("replayed, the first pass gave something else")
    return chunk


def _is_coins(node: Node) -> bool:
    # whether a value is on the CPU the value does not say: only passes on the CPU are recorded
    first = node.args[0] if node.args else None
    return isinstance(first, (Value, Fixed)) and has_coins(node.op, (torch.empty(0), *node.args[1:]))


def _outs(node: Node) -> list[Value]:
    return [value for value in node.outs if value is not None]


def _bytes(value: Value) -> int:
    return torch.Size(value.shape).numel() * value.dtype.itemsize


def _peak(nodes: list[Node], last: dict[int, int]) -> int:
    """Bytes of the values of one sample that are in use at the same time, views counted as copies."""
    live, peak = 0, 1
    for place, node in enumerate(nodes):
        live += sum(_bytes(value) for value in _outs(node))
        peak = max(peak, live + sum(scratch(value) for value in _outs(node) if node.is_doubled))
        dead = {value.index: value for value in (*node.reads, *_outs(node)) if last[value.index] == place}
        live -= sum(map(_bytes, dead.values()))
    return peak


def _resolver(node: Node, with_keywords: bool) -> Callable[[list[Any]], list[Any]]:
    tree = [*node.args, tuple(node.kwargs.values())] if with_keywords else list(node.args)

    def look_up(table: list[Any], leaf: Any) -> Any:
        if isinstance(leaf, Value):
            return table[leaf.index]
        return leaf.tensor if isinstance(leaf, Fixed) else leaf

    if any(
        isinstance(item, (list, tuple)) and any(isinstance(x, (Value, Fixed)) for x in leaves(item)) for item in tree
    ):
        return lambda table: list(mapped(tree, lambda leaf: look_up(table, leaf)))
    template = [leaf.tensor if isinstance(leaf, Fixed) else leaf for leaf in tree]
    places = [(place, leaf.index) for place, leaf in enumerate(tree) if isinstance(leaf, Value)]

    def resolve(table: list[Any]) -> list[Any]:
        args = template.copy()
        for place, index in places:
            args[place] = table[index]
        return args

    return resolve
