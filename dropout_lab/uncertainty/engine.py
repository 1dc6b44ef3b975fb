"""Monte-Carlo dropout: the same inputs through the model many times, with every dropout site active."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from dropout_lab.arguments import require_count
from dropout_lab.torch_layers.arguments import require_generator
from dropout_lab.uncertainty.inputs import Call, Inputs, require_call
from dropout_lab.uncertainty.model_state import preserved
from dropout_lab.uncertainty.probe import Probe, uncompiled, watching
from dropout_lab.uncertainty.sampler import Method, Sampler
from dropout_lab.uncertainty.site_choice import SiteChoice, choose, require_choice
from dropout_lab.uncertainty.sites import find_sites
from dropout_lab.uncertainty.streams import draw_seed, lent, random_streams

MAX_MEMORY = 2**28


def mc_predict(
    model: nn.Module,
    inputs: Inputs,
    *,
    n_samples: int,
    generator: torch.Generator | None = None,
    method: Method = "auto",
    max_memory: int = MAX_MEMORY,
    sites: SiteChoice = "all",
    stochastic_depth: bool = False,
) -> Tensor:
    """Outputs of `n_samples` passes with dropout active, stacked on axis 0.

    Every dropout site is switched on: dropout modules of any kind, recurrent layers, attention, and dropout functions
    that modules of your own call while ``self.training`` is set. All else, batch norm above all, stays in eval mode.
    Whatever happens, the model comes back as it was: modes, parameters, buffers, gradients; so do the global random
    states of PyTorch, NumPy and Python. A few passes more than `n_samples` are run to find the sites, and a copy of the
    parameters and buffers is held meanwhile.

    Parameters
    ----------
    model : nn.Module
        Must return one tensor (N, …).
    inputs : tensor, tuple or dict
        Passed on as ``model(inputs)``, ``model(*inputs)`` or ``model(**inputs)``; never modified.
    n_samples : int, at least 1
        Number of passes T.
    generator : torch.Generator, optional
        The same state gives the same samples; its state moves on. None takes fresh entropy from the operating system,
        so two calls differ whatever ``torch.manual_seed`` was given before.

    Returns
    -------
    samples : tensor (T, N, …)
        One pass after another; rows of a batch have masks of their own. No gradient is recorded.

    Raises
    ------
    TypeError
        If the model is no module or returns no tensor, or a seed stands in the place of the generator.
    ValueError
        If no dropout is active, if a dropout site cannot be reached (the message names it), if a module does more than
        dropout in training mode, for an empty batch.
    RuntimeError
        If the forward pass changes modes, parameters or buffers.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))
    >>> samples = mc_predict(model, torch.ones(5, 3), n_samples=10, generator=torch.Generator().manual_seed(0))
    >>> samples.shape
    torch.Size([10, 5, 1])
    >>> bool((samples.var(dim=0) > 0).all())
    True

    References
    ----------
    Gal and Ghahramani (2016), Dropout as a Bayesian Approximation: Representing Model Uncertainty in Deep Learning,
    ICML, section 4: the moments of these samples estimate those of the predictive distribution.
    """
    call, n_samples = require_call(model, inputs), require_count(n_samples, "n_samples")
    _require_method(method)
    max_memory, choice = require_count(max_memory, "max_memory"), require_choice(sites)
    seed = draw_seed(require_generator(generator))
    with torch.no_grad(), _sampler(call, choice, seed, n_samples, max_memory, stochastic_depth) as sampler:
        samples: Tensor | None = None
        done = 0
        for chunk in sampler.chunks(method):
            if samples is None:
                samples = chunk.new_empty((n_samples, *chunk.shape[1:]))
            samples[done : done + len(chunk)] = chunk
            done += len(chunk)
    if samples is None:
        raise RuntimeError("no pass was made.")
    return samples


@contextmanager
def _sampler(
    call: Call, choice: SiteChoice, seed: int, n_samples: int, max_memory: int, stochastic_depth: bool
) -> Iterator[Sampler]:
    """A sampler of the call, while everything that a pass could disturb is kept."""
    streams = random_streams(call.model, call.tensors)
    with lent(streams), uncompiled(), preserved(call.model) as state, watching(state):

        def find(part: Call) -> tuple[set[nn.Module], set[nn.Module]]:
            found = find_sites(Probe(part.run, state, streams, seed + 1), stochastic_depth=stochastic_depth)
            return choose(found, choice, state), found.visited

        yield Sampler(call, state, streams, find, seed, n_samples, max_memory, stochastic_depth)


def _require_method(method: object) -> None:
    methods = ("auto", "fast", "loop")
    if method not in methods:
        raise ValueError(f"method is one of {', '.join(map(repr, methods))}; got {method!r}.")
