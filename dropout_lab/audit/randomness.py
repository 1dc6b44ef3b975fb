"""Every random state a forward pass may move, so that passes can share one, differ in it, and leave none moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dropout_lab.uncertainty.streams import random_streams, reseed


class Randomness:
    """The global random states and the generators a model owns, as they were when this was made.

    Parameters
    ----------
    model : nn.Module
        Generators among the attributes of its modules are remembered; :meth:`know` adds others when they are met.
    tensors : tensors
        What the model is given: their devices count as well.
    """

    def __init__(self, model: nn.Module, tensors: Iterable[Tensor]) -> None:
        self._streams = random_streams(model, tensors)
        self._states = [stream.read() for stream in self._streams]
        self._owned: dict[int, tuple[torch.Generator, Tensor]] = {}
        self._owned_numpy: list[tuple[np.random.Generator, Any]] = []
        for value in (value for module in model.modules() for value in _held(vars(module))):
            if isinstance(value, torch.Generator):
                self.know(value)
            elif isinstance(value, np.random.Generator):
                self._owned_numpy.append((value, value.bit_generator.state))

    def know(self, generator: torch.Generator) -> None:
        """Remember the state of a generator that was not known yet."""
        if _identity(generator) not in {_identity(torch.default_generator), *self._owned}:
            self._owned[_identity(generator)] = (generator, generator.get_state())

    def seed(self, number: int) -> None:
        """Start every global stream anew; the generators that the model owns go on from where they are."""
        now = [(generator, generator.get_state()) for generator, _ in self._owned.values()]
        reseed(self._streams, number)
        for generator, state in now:
            generator.set_state(state)

    def rewind(self) -> None:
        """Put the generators that the model owns back to their first state."""
        for generator, state in self._owned.values():
            generator.set_state(state)
        for numpy_generator, numpy_state in self._owned_numpy:
            numpy_generator.bit_generator.state = numpy_state

    def restore(self) -> None:
        """Put every state back, to the last bit."""
        for stream, state in zip(self._streams, self._states, strict=True):
            stream.write(state)
        self.rewind()


def _identity(generator: torch.Generator) -> int:
    # operators are handed the same generator in another Python object
    return int(generator._cdata)  # type: ignore[attr-defined]


def _held(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _held(item)
    else:
        yield value
