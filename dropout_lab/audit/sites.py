"""The places where a model flips coins: which modules bear dropout, with which p, and how each place is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import nn

from dropout_lab.torch_layers.bearers import p_attribute

_KINDS: tuple[tuple[type[nn.Module], str], ...] = ((nn.RNNBase, "recurrent"), (nn.MultiheadAttention, "attention"))
_NAMES_OF_P = ("p", "drop_prob", "dropout_p", "drop_p", "p_drop", "drop_rate", "dropout", "rate", "prob")
_NAMES_OF_KEEP = ("keep_prob", "keep_p", "survival_prob")


# a class MCDropout, MonteCarlo… or AlwaysOn…, and a switch mc_dropout = True, say that the noise in eval mode is meant
_MEANT_CLASS = re.compile(r"MC(?![a-z])|Mc[A-Z]|MonteCarlo|Always(?:On|Active|Dropout|Drop|Random|Stochastic)|Bayes")
_MEANT_SWITCH = re.compile(r"(^|_)(mc|always|bayes)|monte_?carlo|stochastic")


@dataclass(frozen=True)
class Origin:
    """One place that draws: equal for two draws exactly when a reader would say that it was the same place.

    Attributes
    ----------
    path : str
        Name of the module in `model.named_modules()`, "" for the model itself.
    name : str
        Class of the module or name of the function.
    kind : str
        "module", "recurrent", "attention" (modules), "functional", "sdpa" (calls), "own mask" or "noise" (draws of the
        model's own).
    source : str
        The reader's line, file:line; "" for a module that a path names.
    text : str
        What that line says.
    """

    path: str
    name: str
    kind: str
    source: str = field(default="")
    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        if not self.source:
            return self.path or "the model itself"
        return f"{self.path} ({self.source})" if self.path else self.source


@dataclass(frozen=True)
class Site:
    """One stochastic place of the audited model, as the report lists it.

    Attributes
    ----------
    where : str
        Path of the module, source line of the call, or both.
    name : str
        Class of the module or name of the function.
    kind : str
        "module", "recurrent", "attention", "functional", "sdpa", "own mask" or "noise".
    p : float or None
        Probability that a unit is *dropped*, as declared; None where the place declares none.
    calls : int
        How often one training pass came by; 0 for a module that forward never called.
    random_in_training, random_in_eval : bool
        Whether coins were seen to fall there in each mode.
    """

    where: str
    name: str
    kind: str
    p: float | None
    calls: int
    random_in_training: bool
    random_in_eval: bool


def kind_of(module: nn.Module) -> str | None:
    """How a module bears dropout, by its type or its name: "module", "recurrent", "attention", or None."""
    known = p_attribute(module) is not None
    named = not module._modules and "drop" in type(module).__name__.lower()
    kind = next((kind for bearer, kind in _KINDS if isinstance(module, bearer)), "module")
    return kind if known or named else None


def is_bare(module: nn.Module) -> bool:
    """Whether a module holds neither parameters nor other modules: all it can do is to transform what it is given."""
    return not module._modules and not module._parameters


def declared_p(module: nn.Module) -> object:
    """The drop probability a module holds, as it is; None if it holds none."""
    known = p_attribute(module)
    if known is not None:
        return getattr(module, known, None)
    for name in _NAMES_OF_P:
        if hasattr(module, name):
            return getattr(module, name)
    keep = next((getattr(module, name) for name in _NAMES_OF_KEEP if hasattr(module, name)), None)
    return None if number(keep) is None else 1 - float(number(keep) or 0)


def named_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Every module with its path as the reader wrote it, without the wrapper that torch.compile puts in between."""
    for path, module in model.named_modules():
        yield ".".join(part for part in path.split(".") if part != "_orig_mod"), module


def number(p: object) -> float | None:
    """A declared p as a float, also when it is a 0-dimensional tensor; None if it is no number."""
    if isinstance(p, torch.Tensor):
        return float(p.detach()) if p.numel() == 1 and not p.is_complex() else None
    return float(p) if isinstance(p, (int, float)) else None


def is_torch(module: nn.Module) -> bool:
    """Whether the class of a module is PyTorch's own."""
    return type(module).__module__.startswith("torch.")


def is_meant_to_be_random(module: nn.Module) -> bool:
    """Whether a module says, by its name or by a switch that is on, that it stays random in eval mode.

    The layers of this package ask for the mode, so what one of them draws in eval mode is meant.
    """
    if type(module).__module__.startswith("dropout_lab.torch_layers"):
        return True
    switches = [name for name, value in vars(module).items() if value is True]
    return bool(_MEANT_CLASS.search(type(module).__name__)) or any(map(_MEANT_SWITCH.search, switches))
