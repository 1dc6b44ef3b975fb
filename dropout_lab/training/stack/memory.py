"""Memory that is written again and again: fresh memory costs page faults, often more than the arithmetic done in it."""

from __future__ import annotations

import torch
from torch import Tensor


class Memory:
    """Hands out tensors to write into; the same one for the same name and shape, whatever stands in it.

    Parameters
    ----------
    dtype : float dtype

    Examples
    --------
    >>> memory = Memory(torch.float32)
    >>> memory("h", 2, 3).data_ptr() == memory("h", 2, 3).data_ptr(), memory("h", 4, 3).shape
    (True, torch.Size([4, 3]))
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self._tensors: dict[tuple[str, tuple[int, ...]], Tensor] = {}

    def __call__(self, name: str, *shape: int) -> Tensor:
        """Return the tensor of this name and shape."""
        if (name, shape) not in self._tensors:
            self._tensors[name, shape] = torch.empty(shape, dtype=self.dtype)
        return self._tensors[name, shape]
