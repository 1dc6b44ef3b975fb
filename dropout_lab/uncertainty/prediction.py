"""One call of mc_predict, from its options to samples or a summary: the model lent, sampled, reduced and given back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from dropout_lab.uncertainty.deterministic import moment_predict
from dropout_lab.uncertainty.inputs import Call, require_call
from dropout_lab.uncertainty.known import known_sites
from dropout_lab.uncertainty.model_state import preserved
from dropout_lab.uncertainty.probe import Probe, uncompiled, watching
from dropout_lab.uncertainty.reduction import MEANING, MomentSummary, Reducer, joined
from dropout_lab.uncertainty.sampler import Sampler
from dropout_lab.uncertainty.site_choice import SiteChoice, choose
from dropout_lab.uncertainty.sites import Sites, find_sites
from dropout_lab.uncertainty.streams import draw_seed, lent, random_streams

METHODS = ("auto", "fast", "loop", "moments")
REDUCTIONS = (None, "moments", "probabilities", "logits")


@dataclass(frozen=True)
class Options:
    """What a caller of mc_predict asks for, checked."""

    n_samples: int
    method: Any
    max_memory: int
    reduce: Any
    sites: SiteChoice
    consistent: bool
    stochastic_depth: bool


def require_one_of(value: object, name: str, known: tuple[object, ...]) -> object:
    """Return `value` if it is among the known ones, otherwise raise ValueError."""
    if not isinstance(value, (str, type(None))) or value not in known:
        meaning = f" {MEANING}." if name == "reduce" else ""
        raise ValueError(f"{name} is one of {', '.join(map(repr, known))}; got {value!r}.{meaning}")
    return value


def predict(call: Call, options: Options, seed: int) -> Tensor | MomentSummary:
    """Samples (T, N, …) of one call, or their summary."""
    with torch.no_grad(), _sampler(call, options, seed) as sampler:
        chunks = sampler.chunks(options.method)
        if options.reduce is None:
            return _stacked(chunks, options.n_samples)
        reducer = Reducer(options.reduce)
        for chunk in chunks:
            reducer.add(chunk)
        return reducer.summary()


def over_batches(model: nn.Module, loader: DataLoader[Any], options: Options, seed: int) -> Tensor | MomentSummary:
    """The same for all rows of a loader, batch after batch; each batch has noise of its own unless it is consistent."""
    seeds = torch.Generator().manual_seed(seed)
    tensors: list[Tensor] = []
    summaries: list[MomentSummary] = []
    with lent(random_streams(nn.Identity(), ())):  # the order of a shuffling loader comes from a global stream
        for batch in loader:
            inputs = tuple(batch) if isinstance(batch, list) else batch
            number = seed if options.consistent else draw_seed(seeds)
            found = predict(require_call(model, inputs), options, number)
            if isinstance(found, Tensor):
                tensors.append(found)
            else:
                summaries.append(found)
    if not tensors and not summaries:
        raise ValueError("inputs is a DataLoader without a batch: there is nothing to predict.")
    return torch.cat(tensors, dim=1) if tensors else joined(summaries)


def by_moments(model: nn.Module, inputs: object, options: Options) -> MomentSummary:
    """Mean and variance by :func:`moment_predict`, without a sample.

    Raises
    ------
    ValueError
        If samples are asked for, or what needs them.
    """
    if options.reduce != "moments" or options.sites != "all" or options.consistent:
        raise ValueError(
            'method="moments" draws no sample: it gives a mean and a variance over all sites, so pass reduce="moments" '
            "and leave sites and consistent alone."
        )
    if isinstance(inputs, DataLoader):
        parts = [by_moments(model, tuple(batch) if isinstance(batch, list) else batch, options) for batch in inputs]
        return joined(parts)
    call = require_call(model, inputs)
    if len(call.args) != 1 or call.kwargs:
        raise TypeError('method="moments" takes one tensor.')
    mean, variance = moment_predict(model, call.args[0])
    return MomentSummary(None, mean.double(), variance.double())


def _stacked(chunks: Iterator[Tensor], n_samples: int) -> Tensor:
    first = next(chunks)
    if len(first) == n_samples:
        for _ in chunks:  # lets the sampler look at the model once more
            pass
        return first.contiguous()
    samples = first.new_empty((n_samples, *first.shape[1:]))
    samples[: len(first)] = first
    done = len(first)
    for chunk in chunks:
        samples[done : done + len(chunk)] = chunk
        done += len(chunk)
    return samples


@contextmanager
def _sampler(call: Call, options: Options, seed: int) -> Iterator[Sampler]:
    """A sampler of the call, while everything that a pass could disturb is kept."""
    streams = random_streams(call.model, call.tensors)
    with lent(streams), uncompiled(), preserved(call.model) as state, watching(state):

        def find(part: Call) -> Sites:
            probe = Probe(part.run, state, streams, seed + 1)
            found = find_sites(probe, stochastic_depth=options.stochastic_depth)
            return replace(found, active=choose(found, options.sites, state))

        known = known_sites(call.model, call.tensors)
        if known is not None:
            known = replace(known, active=choose(known, options.sites, state))
        yield Sampler(
            call,
            state,
            streams,
            find,
            known,
            seed,
            options.n_samples,
            options.max_memory,
            options.stochastic_depth,
            options.consistent,
        )
