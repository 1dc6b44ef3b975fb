"""Which of the dropout sites that were found are to be active: all, the last, or those that a predicate chooses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import nn

from dropout_lab.uncertainty.model_state import ModelState
from dropout_lab.uncertainty.sites import Sites, dropout_p, is_stochastic_depth

SiteChoice = Literal["all", "last"] | Callable[[str, nn.Module], bool]


def require_choice(sites: object) -> SiteChoice:
    """Return `sites` if it is "all", "last" or a function.

    Raises
    ------
    TypeError, ValueError
        For anything else.
    """
    meaning = 'sites is "all", "last" or a function of (name, module) that returns True for a site to be active'
    if isinstance(sites, str) and sites not in ("all", "last"):
        raise ValueError(f"{meaning}; got {sites!r}. For one module: sites=lambda name, module: name == {sites!r}.")
    if not isinstance(sites, str) and (not callable(sites) or isinstance(sites, (type, nn.Module))):
        raise TypeError(f"{meaning}; got {sites!r}.")
    return sites  # type: ignore[return-value]


def choose(found: Sites, choice: SiteChoice, state: ModelState) -> set[nn.Module]:
    """The modules of `found` to put in training mode.

    Raises
    ------
    ValueError
        If the predicate chooses none; the message names those that it could have chosen.
    """
    if choice == "all":
        return found.active
    places = {module: name for name, module in state.model.named_modules()}
    sites = {module for module in found.active if not isinstance(module, nn.TransformerEncoderLayer)}
    if callable(choice):
        chosen = {module for module in sites if choice(places[module], module)}
    else:
        chosen = sites & {found.last}
    if not chosen and sites:
        names = "; ".join(sorted(state.name(module) for module in sites))
        raise ValueError(f"no site was chosen, so all passes would be the same. To choose from are {names}.")
    # an encoder layer in eval mode takes a fused path that skips the dropout of its submodules
    layers = {layer for layer in found.active - sites if chosen & set(layer.modules())}
    return chosen | layers


def no_site(state: ModelState, *, stochastic_depth: bool) -> str:
    """Why no dropout was active, for an error message."""
    found = {state.name(module): dropout_p(module) for module in state.modes if dropout_p(module) is not None}
    depth = [state.name(module) for module in state.modes if is_stochastic_depth(module)]
    if depth and not stochastic_depth:
        return (
            "no dropout is active, so all passes would be the same. Stochastic depth counts only if asked for: pass "
            f"stochastic_depth=True for {'; '.join(depth)}."
        )
    if not found:
        return "this model has no dropout, so all passes would be the same."
    reason = "p = 0 and p = 1 leave nothing to chance" if all(p in {0, 1} for p in found.values()) else "none is called"
    return f"no dropout is active, so all passes would be the same: found {'; '.join(found)}, but {reason}."
