"""Monte-Carlo dropout: the same inputs through the model many times, with every dropout site active."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from dropout_lab.arguments import require_count
from dropout_lab.torch_layers.arguments import require_generator
from dropout_lab.uncertainty.model_state import ModelState, preserved
from dropout_lab.uncertainty.probe import Probe, require_output, watching
from dropout_lab.uncertainty.sites import dropout_p, find_sites
from dropout_lab.uncertainty.streams import Stream, draw_seed, lent, marks, random_streams, reseed

Inputs = Tensor | tuple[Any, ...] | Mapping[str, Any]


def mc_predict(model: nn.Module, inputs: Inputs, *, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
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
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is an nn.Module; got {type(model).__name__}. An instance is wanted, not its class.")
    n_samples = require_count(n_samples, "n_samples")
    args, kwargs = _require_inputs(inputs)
    seed = draw_seed(require_generator(generator))
    streams = random_streams(model, (value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)))

    def run() -> Any:
        # copies, because a first layer with inplace=True would write into the caller's tensors
        copies = {id(value): value.clone() for value in (*args, *kwargs.values()) if isinstance(value, Tensor)}
        fresh = {key: copies.get(id(value), value) for key, value in kwargs.items()}
        return model(*(copies.get(id(value), value) for value in args), **fresh)

    with torch.no_grad(), lent(streams), preserved(model) as state, watching(state):
        sites = find_sites(Probe(run, state, streams, seed + 1))
        state.set_modes(sites)
        reseed(streams, seed)
        return _sample(run, n_samples, state, sites, streams)


def _sample(
    run: Callable[[], Any], n_samples: int, state: ModelState, sites: Collection[nn.Module], streams: list[Stream]
) -> Tensor:
    before = marks(streams)
    first = require_output(run())
    state.require_modes(sites)
    if marks(streams) == before:
        raise ValueError(_no_site(state))
    samples = first.new_empty((n_samples, *first.shape))
    samples[0] = first
    for t in tqdm(range(1, n_samples), desc="passes", initial=1, total=n_samples, leave=False, disable=None):
        output = require_output(run())
        if output.shape != first.shape:
            raise ValueError(
                f"every pass must give the same shape; got {tuple(first.shape)} and {tuple(output.shape)}."
            )
        samples[t] = output
        state.require_modes(sites)
    changed = state.changed_tensors()
    if changed:
        raise RuntimeError(
            f"the forward pass changed {', '.join(changed)} with dropout on, so the passes are not of one model. Batch "
            "statistics and masks must not be written into the model; keep them apart from the module that drops."
        )
    return samples


def _no_site(state: ModelState) -> str:
    found = {state.name(module): dropout_p(module) for module in state.modes if dropout_p(module) is not None}
    if not found:
        return "this model has no dropout, so all passes would be the same."
    reason = "p = 0 and p = 1 leave nothing to chance" if all(p in {0, 1} for p in found.values()) else "none is called"
    return f"no dropout is active, so all passes would be the same: found {'; '.join(found)}, but {reason}."


def _require_inputs(inputs: object) -> tuple[tuple[Any, ...], dict[str, Any]]:
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    if isinstance(inputs, Tensor):
        args = (inputs,)
    elif type(inputs) is tuple:
        args = inputs
    elif isinstance(inputs, Mapping):
        kwargs = dict(inputs)
    else:
        raise TypeError(
            f"inputs is a tensor, a tuple of positional or a dict of keyword arguments; got {type(inputs).__name__}. "
            "If the model takes it as its only argument, pass (inputs,)."
        )
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor) and value.numel() == 0:
            raise ValueError(f"inputs hold an empty tensor (shape {tuple(value.shape)}): there is nothing to predict.")
    return args, kwargs
