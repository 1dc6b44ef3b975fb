"""The dropout functions of PyTorch: how each is told its p and its mode, and what was passed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name every PyTorch reader knows it by

from dropout_lab.audit.places import Place


@dataclass
class Call:
    """One call of a dropout function, with what it was given.

    Attributes
    ----------
    name : str
        As a reader writes it, for instance "F.dropout2d".
    p, training : object
        What was passed, or the default; `training` is None for a function without that argument.
    shape : tuple of int
        Shape of the first argument.
    place : Place or None
        The reader's line.
    from_features_last, to_features_last : bool
        Whether the argument came from, or the result went to, a layer that keeps features on the last axis.
    """

    name: str
    p: object
    training: object
    shape: tuple[int, ...]
    place: Place | None
    from_features_last: bool = False
    to_features_last: bool = False


@dataclass(frozen=True)
class _Signature:
    name: str
    p: tuple[int, str, object]
    training: tuple[int, str, object] | None


_ATTENTION = _Signature("scaled_dot_product_attention", (4, "dropout_p", 0.0), None)
_HEADS = _Signature("F.multi_head_attention_forward", (10, "dropout_p", 0.0), (13, "training", True))
_WITH_DEFAULTS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
_PLAIN = ("dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout")
_LOW_LEVEL = ("native_dropout", *_PLAIN, *(f"{name}_" for name in _PLAIN))
_SIGNATURES: dict[Callable[..., Any], _Signature] = {
    F.scaled_dot_product_attention: _ATTENTION,
    F.multi_head_attention_forward: _HEADS,
    **{getattr(torch, name): _Signature(f"torch.{name}", (1, "p", None), (2, "train", None)) for name in _LOW_LEVEL},
    **{
        getattr(F, name): _Signature(f"F.{name}", (1, "p", 0.5), (2, "training", "alpha" not in name))
        for name in _WITH_DEFAULTS
    },
}


def call_of(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], place: Callable[[], Place | None]
) -> Call | None:
    """The record of a call if `func` is a dropout function, None otherwise; `place` is asked only then."""
    signature = _SIGNATURES.get(func)
    if signature is None:
        return None
    first = args[0] if args else next(iter(kwargs.values()), None)
    shape = tuple(first.shape) if isinstance(first, Tensor) else ()
    training = None if signature.training is None else _argument(signature.training, args, kwargs)
    return Call(signature.name, _argument(signature.p, args, kwargs), training, shape, place())


def _argument(which: tuple[int, str, object], args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
    position, name, default = which
    return args[position] if len(args) > position else kwargs.get(name, default)
