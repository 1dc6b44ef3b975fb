"""The random streams that a forward pass may draw from: lent out with a new seed, given back as they were."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Stream:
    """One source of randomness: how to read, write and seed its state, and a mark that every draw changes.

    Where such a mark is slow (0.1 ms for NumPy), `seeded_mark` is one that the first draw after a seed changes.
    """

    read: Callable[[], Any]
    write: Callable[[Any], object]
    seed: Callable[[int], object]
    mark: Callable[[], Hashable]
    seeded_mark: Callable[[], Hashable] | None = None


def random_streams(model: nn.Module, tensors: Iterable[Tensor]) -> list[Stream]:
    """Streams that `model` may use: Python's, NumPy's and PyTorch's global ones and the generators its modules hold."""
    devices = {tensor.device for tensor in (*tensors, *model.parameters(), *model.buffers())}
    default = [torch.default_generator, *(_accelerator(device) for device in devices if device.type not in _HOSTS)]
    held = [
        value for module in model.modules() for value in vars(module).values() if isinstance(value, torch.Generator)
    ]
    generators = {id(generator): generator for generator in (*default, *held)}
    return [_PYTHON, _NUMPY, *map(_torch_stream, generators.values())]


@contextmanager
def lent(streams: Sequence[Stream]) -> Iterator[None]:
    """Give every stream back in the state it was in, whatever happens in between."""
    states = [stream.read() for stream in streams]
    try:
        yield
    finally:
        for stream, state in zip(streams, states, strict=True):
            stream.write(state)


def reseed(streams: Sequence[Stream], seed: int) -> None:
    """Start every stream anew, each from its own number drawn at `seed`: equal seeds would correlate the masks."""
    source = torch.Generator().manual_seed(seed)
    for stream in streams:
        stream.seed(draw_seed(source))


def marks(streams: Sequence[Stream]) -> tuple[Hashable, ...]:
    """Fingerprint of the states; it changes when a random number is drawn from any stream."""
    return tuple(stream.mark() for stream in streams)


def seeded_marks(streams: Sequence[Stream]) -> tuple[Hashable, ...]:
    """Fingerprint of streams that were seeded just now, or before a pass that may have drawn from them."""
    return tuple((stream.seeded_mark or stream.mark)() for stream in streams)


def draw_seed(generator: torch.Generator | None) -> int:
    """A seed in [0, 2³²) from `generator`, whose state moves on; from the operating system's entropy if it is None."""
    if generator is None:
        generator = torch.Generator()
        generator.seed()
    return int(torch.randint(2**32, (), generator=generator, device=generator.device))


_HOSTS = ("cpu", "meta")
_PYTHON = Stream(random.getstate, random.setstate, random.seed, random.getstate, random.getstate)


def _numpy_mark() -> Hashable:
    state: Any = np.random.get_state(legacy=False)  # noqa: NPY002
    return state["state"]["key"].tobytes(), state["state"]["pos"], state["has_gauss"]


def _numpy_words() -> Hashable:
    """The words of the generator and its place in them, without a number that the last draw may have put aside."""
    generator: Any = np.random.get_bit_generator()  # type: ignore[attr-defined]  # the stubs of NumPy 2.4 lack it
    if type(generator) is not np.random.MT19937:
        return _numpy_mark()
    return ctypes.string_at(generator.ctypes.state_address, 4 * (624 + 1))


# NumPy's legacy stream is lent to models that draw from it; nothing of this package does
_NUMPY = Stream(np.random.get_state, np.random.set_state, np.random.seed, _numpy_mark, _numpy_words)


def _torch_stream(generator: torch.Generator) -> Stream:
    return Stream(
        generator.get_state,
        generator.set_state,
        generator.manual_seed,
        lambda: generator.get_state().numpy().tobytes(),
    )


def _accelerator(device: torch.device) -> torch.Generator:
    module = torch.get_device_module(device)
    if device.type == "mps":
        found: torch.Generator = module._get_default_mps_generator()
        return found
    generators: Sequence[torch.Generator] = module.default_generators
    return generators[device.index or 0]
