"""Checks of sequences that callers pass in as tensors."""

from __future__ import annotations

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
