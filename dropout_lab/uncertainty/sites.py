"""Where a model's dropout is: the modules to put in training mode so that every site, and nothing else, is active."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from dropout_lab.torch_layers import DropPath, LayerDrop
from dropout_lab.torch_layers.bearers import P_ATTRIBUTES, p_attribute
from dropout_lab.uncertainty.graph import Recording
from dropout_lab.uncertainty.probe import Observation, Probe, require_output
from dropout_lab.uncertainty.rounding import is_close

# the encoder layer drops nothing itself, but in eval mode its fused path skips the dropout of its submodules
_DROPOUT_MODULES: tuple[type[nn.Module], ...] = (*P_ATTRIBUTES, nn.TransformerEncoderLayer)


@dataclass(frozen=True)
class Sites:
    """Modules to put in training mode for a pass, the one among them that drew last, and all modules that ran.

    `recording` is of a pass in which others than the active ones may have been in training mode too.
    """

    active: set[nn.Module]
    last: nn.Module | None
    visited: set[nn.Module]
    recording: Recording | None


def find_sites(probe: Probe, *, stochastic_depth: bool = False) -> Sites:
    """Modules to put in training mode for a Monte-Carlo pass, found by watching passes rather than reading code.

    The dropout modules of PyTorch and of this package belong to them, and so does every module that is not PyTorch's
    and that, put in training mode, draws random numbers in its own forward: ``F.dropout(h, p, self.training)``,
    attention with ``dropout_p`` gated on the mode. Others stay in eval mode: batch norm, auxiliary heads; and unless
    asked for, modules of :func:`is_stochastic_depth`.

    Raises
    ------
    ValueError
        If a dropout site cannot be reached, or a site's module does more than dropout in training mode.
    TypeError
        If the model's output is not a tensor.
    """
    modules = [m for m in probe.state.modes if stochastic_depth or not is_stochastic_depth(m)]
    _require_no_scripted_dropout(probe, modules)
    dropout_modules = {m for m in modules if isinstance(m, _DROPOUT_MODULES) and dropout_p(m) != 0}
    own_modules = {module for module in modules if _is_own(module)}

    @functools.cache
    def quiet() -> Observation:  # of use only where training mode may have hidden something
        return probe.observe((), without_dropout=True)

    loud = _observe_loudly(probe, dropout_modules | own_modules, quiet, stochastic_depth)
    if not isinstance(loud.output, Tensor):
        require_output(quiet().output if own_modules else loud.output)
    gated = (loud.drew & own_modules) - dropout_modules
    # modules of PyTorch run the same submodules in both modes, so that one pass tells of them
    visited = loud.visited | quiet().visited if own_modules - loud.visited else loud.visited
    unseen = (visited - loud.visited) & own_modules
    if unseen:  # modules that run in eval mode only, beside a training branch
        gated |= probe.observe(dropout_modules | gated | unseen).drew & unseen
    sites = dropout_modules | gated
    _require_reachable(probe, sites, loud)
    if gated:
        _require_only_dropout(probe, gated, quiet())
    return Sites(sites, loud.last, visited, loud.recording)


def is_stochastic_depth(module: nn.Module) -> bool:
    """Whether a module skips whole branches or layers: `DropPath` and `LayerDrop`, and classes of such a name."""
    return isinstance(module, (DropPath, LayerDrop)) or bool(_DEPTH.search(type(module).__name__))


_DEPTH = re.compile(r"drop_?path|stochastic_?depth|layer_?drop|drop_?layer|drop_?connect_?path", re.IGNORECASE)


def dropout_p(module: nn.Module) -> float | None:
    """Drop probability that a dropout module states, or None if it states no number."""
    p = getattr(module, p_attribute(module) or "dropout", None)
    return float(p) if isinstance(p, (int, float)) else None


def _is_own(module: nn.Module) -> bool:
    """Whether some of its code is not PyTorch's and may drop units."""
    # training mode of a batch norm is batch statistics, of RReLU other noise, of TorchScript out of reach
    if isinstance(module, (_NormBase, nn.RReLU, torch.jit.ScriptModule)):
        return False
    return any(cls is not object and not cls.__module__.startswith("torch.") for cls in type(module).__mro__)


def _observe_loudly(
    probe: Probe,
    active: set[nn.Module],
    quiet: Callable[[], Observation],
    stochastic_depth: bool,
    attempts: int = 50,
) -> Observation:
    """What happens with all of `active` in training mode; again while a random skip hides a module that eval runs."""
    loud = Observation()
    for attempt in range(attempts):
        seen = probe.observe(active, attempt=attempt, recorded=True)
        loud.visited |= seen.visited
        loud.drew |= seen.drew
        loud.muted += [module for module in seen.muted if stochastic_depth or not is_stochastic_depth(module)]
        loud.last = seen.last or loud.last
        loud.output, loud.recording = seen.output, seen.recording
        hidden = active - loud.visited
        if not seen.drew or not hidden or not quiet().visited & hidden:
            break
    return loud


def _require_no_scripted_dropout(probe: Probe, modules: Iterable[nn.Module]) -> None:
    scripted = (module for module in modules if isinstance(module, torch.jit.ScriptModule))
    for module in scripted:
        if re.search(r"::\w*dropout", str(getattr(module, "inlined_graph", ""))):  # an operator, not a path of a file
            raise ValueError(
                f"dropout in {probe.state.name(module)} cannot be reached: TorchScript fixes its mode when it is "
                "compiled. Pass the Python model."
            )


def _require_reachable(probe: Probe, sites: set[nn.Module], loud: Observation) -> None:
    silent = [m for m in sites - loud.drew if 0 < (dropout_p(m) or 0) < 1]
    if silent:
        usual = probe.observe(sites)
        silent = [module for module in silent if not _p_matters(probe, sites, module, usual)]
    unreached = sorted({probe.state.name(module) for module in (*silent, *loud.muted)})
    if unreached:
        raise ValueError(
            f"dropout that cannot be reached: {'; '.join(unreached)}. With every mode switched on it drops nothing: it "
            "is never called, it is an LSTM, GRU or RNN with a single layer (these drop between layers), or it is "
            "called with training=False. Repair or remove it, or set its p to 0."
        )


def _p_matters(probe: Probe, sites: set[nn.Module], module: nn.Module, usual: Observation) -> bool:
    """Whether a pass changes with the module's p: another module may read it, as attention kernels do."""
    name = p_attribute(module) or "dropout"
    p = getattr(module, name)
    setattr(module, name, 0.0)
    try:
        changed = probe.observe(sites)
    except Exception:
        return True  # the pass depends on it so much that it fails without
    finally:
        setattr(module, name, p)
    return changed.end != usual.end or not _agree(changed.output, usual.output)


def _require_only_dropout(probe: Probe, gated: set[nn.Module], quiet: Observation) -> None:
    still = probe.observe(gated, without_dropout=True)
    # noise of the module's own making cannot be silenced from outside, so there is nothing to compare
    if not still.drew and not _agree(still.output, quiet.output):
        names = "; ".join(sorted(probe.state.name(module) for module in gated))
        raise ValueError(
            f"dropout that cannot be separated from the rest: {names}. Without dropping a unit, training mode still "
            "gives another output than eval mode (batch statistics, an auxiliary output, a softmax in eval only?). "
            "Give the dropout a module of its own, such as nn.Dropout."
        )


def _agree(first: object, second: object) -> bool:
    return isinstance(first, Tensor) and isinstance(second, Tensor) and is_close(first, second)
