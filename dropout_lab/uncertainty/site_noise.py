"""The noise of Monte-Carlo passes: a stream for each draw of a pass, so that every way of sampling gives the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from dropout_lab.uncertainty.operations import computed, operation
from dropout_lab.uncertainty.site_coins import SiteCoins

aten = torch.ops.aten
_BERNOULLI = aten.bernoulli_.float
_MAPS = {aten.convolution.default, aten.max_pool2d_with_indices.default, aten.avg_pool2d.default}


def draws(op: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether an operation draws random numbers; the fused attention kernels only with a drop probability."""
    facts = operation(op)
    if not facts.is_seeded:
        return False
    if "scaled_dot_product" in facts.name:
        names = [argument.name for argument in op._schema.arguments]
        place = names.index("dropout_p") if "dropout_p" in names else len(args)
        return bool(kwargs.get("dropout_p", args[place] if place < len(args) else 0.0))
    return True


def has_coins(op: Any, args: tuple[Any, ...]) -> bool:
    """Whether a draw is of equal coins on a CPU, with a p far enough from 0 and 1 for few raw bits."""
    if op is not _BERNOULLI or args[0].device.type != "cpu":
        return False
    keep_prob = args[1] if len(args) > 1 else 0.5
    return 1 / 128 <= keep_prob <= 127 / 128


class Shared(NamedTuple):
    """The axis of a draw along which the rows lie, and how many of its positions belong to one row."""

    axis: int
    size: int


class SiteNoise:
    """Streams of the draws of a pass: the one of draw number k is seeded by the call's seed and k.

    Each stream gives the noise of sample after sample, whether they are asked for one at a time or many.

    Parameters
    ----------
    seed : int
    shared : sequence of Shared or None, by site
        Along which axis the rows of a batch take the same noise; by default they do not.
    """

    def __init__(self, seed: int, shared: Sequence[Shared | None] = ()) -> None:
        self.seed, self.shared = seed, shared
        self._coins: dict[int, SiteCoins] = {}
        self._states: dict[int, Tensor] = {}

    def coins(
        self,
        site: int,
        n_samples: int,
        shape: tuple[int, ...],
        keep_prob: float,
        dtype: torch.dtype,
        scale: float = 1.0,
        channels_last: bool = False,
    ) -> Tensor:
        """Coins (n_samples, *shape) times `scale`, the next ones of this site; a map's lie channel beside channel."""
        if site not in self._coins:
            self._coins[site] = SiteCoins((self.seed, site))
        shared = self.shared[site] if site < len(self.shared) else None
        drawn = shape if shared is None else (*shape[: shared.axis], shared.size, *shape[shared.axis + 1 :])
        noise = self._coins[site].draw(n_samples, math.prod(drawn), 1 - keep_prob, scale, dtype)
        if channels_last:
            rows, channels, *pixels = drawn
            return self.spread(site, noise.view(n_samples, rows, *pixels, channels).movedim(-1, 2), shape)
        return self.spread(site, noise.view(n_samples, *drawn), shape)

    def spread(self, site: int, noise: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Noise (C, *shape) in which all rows have that of the first, if the rows of this site are to share it."""
        shared = self.shared[site] if site < len(self.shared) else None
        if shared is None:
            return noise
        axis = shared.axis + 1
        repeats = [1] * noise.ndim
        repeats[axis] = shape[shared.axis] // shared.size
        return noise.narrow(axis, 0, shared.size).repeat(repeats)

    @contextmanager
    def stream(self, site: int) -> Iterator[None]:
        """Let PyTorch's default generator be this site's stream."""
        default = torch.default_generator
        outer = default.get_state()
        try:
            if site in self._states:
                default.set_state(self._states[site])
            else:
                default.manual_seed((self.seed * 1_000_003 + site * 7919 + 1) % 2**64)
            yield
            self._states[site] = default.get_state()
        finally:
            default.set_state(outer)


class NoNoise(SiteNoise):
    """Coins that keep every unit, for passes of which only the operations are looked at: real ones take longer."""

    def coins(
        self,
        site: int,
        n_samples: int,
        shape: tuple[int, ...],
        keep_prob: float,
        dtype: torch.dtype,
        scale: float = 1.0,
        channels_last: bool = False,
    ) -> Tensor:
        """Coins (n_samples, *shape), all `scale`."""
        return torch.full((n_samples, *shape), scale, dtype=dtype)


def without_generator(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The same options, with PyTorch's default generator in the place of any other on the CPU."""
    return {key: None if key == "generator" else value for key, value in kwargs.items()}


class SiteDraws(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Answers every draw of a pass from the streams of its site; all else runs as it would."""

    def __init__(self, noise: SiteNoise) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.noise, self.count = noise, 0
        self.shapes: list[tuple[int, ...]] = []
        self.map_sizes: set[torch.Size] = set()  # height and width of what the convolutions gave so far

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # the wrapper that keeps a compiler out costs every operation 20 µs, and its import seconds

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if not draws(func, args, options):
            found = self.run(func, args, options)
            if func in _MAPS:
                tensor = found[0] if isinstance(found, tuple) else found
                self.map_sizes.add(tensor.shape[2:])
            return found
        self.count += 1
        out = self.draw(func, args, options, self.count - 1)
        self.shapes.append(tuple(out.shape) if isinstance(out, Tensor) else ())
        return out

    def run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What an operation gives that draws nothing."""
        return computed(func, args, kwargs)

    def is_map(self, tensor: Tensor) -> bool:
        """Whether a draw is for a feature map (N, C, H, W), as its size tells: replayed convolutions are faster so."""
        return tensor.ndim == 4 and tensor.shape[2:] in self.map_sizes

    def draw(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], site: int) -> Any:
        """What the draw gives in the next sample."""
        if has_coins(func, args):
            tensor: Tensor = args[0]
            keep_prob = args[1] if len(args) > 1 else 0.5
            shape, is_map = tuple(tensor.shape), self.is_map(tensor)
            return tensor.copy_(self.noise.coins(site, 1, shape, keep_prob, tensor.dtype, channels_last=is_map)[0])
        with self.noise.stream(site):
            out = func(*args, **without_generator(kwargs))
        if isinstance(out, Tensor) and site < len(self.noise.shared):
            out.copy_(self.noise.spread(site, out[None], tuple(out.shape))[0])
        return out


def one_pass(run: Callable[[], Any], noise: SiteNoise) -> tuple[Any, list[tuple[int, ...]]]:
    """What the model returns with the next noise of every site, and the shape of each draw that it made."""
    with SiteDraws(noise) as mode:
        return run(), mode.shapes
