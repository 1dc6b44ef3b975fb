"""Checks of sequences that callers pass in as tensors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from dropout_lab.torch_layers.arguments import require_float_tensor


def require_sequence_tensor(h: object) -> Tensor:
    """Return `h` if it is a non-empty tensor of real floats; a packed sequence is an error that says how to pad it.

    Raises
    ------
    TypeError, ValueError
        As :func:`require_float_tensor`, and TypeError for a PackedSequence, whose rows belong to no fixed example.
    """
    if isinstance(h, PackedSequence):
        repair = "Pad it with torch.nn.utils.rnn.pad_packed_sequence(h, batch_first=True) and pack the result again."
        raise TypeError(f"h is a padded batch of sequences (N, L, D); got a PackedSequence. {repair}")
    return require_float_tensor(h)


def require_token_tensor(tokens: object, ndim: int | None = None) -> Tensor:
    """Return `tokens` if it is a non-empty tensor of whole numbers, with `ndim` axes where that is given.

    Raises
    ------
    TypeError
        If `tokens` is not a tensor of int32 or int64.
    ValueError
        If it is empty or has another number of axes.
    """
    if not isinstance(tokens, Tensor) or tokens.dtype not in (torch.int32, torch.int64):
        kind = tokens.dtype if isinstance(tokens, Tensor) else type(tokens).__name__
        raise TypeError(f"tokens is a tensor of whole numbers, one for each word; got {kind}.")
    if tokens.numel() == 0:
        raise ValueError(f"tokens is empty (shape {tuple(tokens.shape)}): there is no word to drop.")
    if ndim is not None and tokens.dim() != ndim:
        raise ValueError(f"tokens must have {ndim} axes, sequences (N, L); got {tuple(tokens.shape)}.")
    return tokens
