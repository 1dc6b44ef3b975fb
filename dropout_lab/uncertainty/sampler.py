"""Monte-Carlo passes by a plain loop or by replay, in chunks (C, N, …) of the samples, all with the same noise."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from torch import Tensor, nn
from tqdm import tqdm

from dropout_lab.uncertainty.chunks import chunk_size, keep_freed
from dropout_lab.uncertainty.graph import NotReplayableError, Recording, does_the_same
from dropout_lab.uncertainty.inputs import Call
from dropout_lab.uncertainty.model_state import DisturbedError, ModelState
from dropout_lab.uncertainty.probe import require_output, visits
from dropout_lab.uncertainty.recording import record
from dropout_lab.uncertainty.replay import Replay, first_chunk
from dropout_lab.uncertainty.sharing import shared_axes
from dropout_lab.uncertainty.site_choice import no_site
from dropout_lab.uncertainty.site_noise import NoNoise, Shared, SiteNoise, one_pass
from dropout_lab.uncertainty.sites import Sites
from dropout_lab.uncertainty.streams import Stream, reseed, seeded_marks

Method = Literal["auto", "fast", "loop"]
_Pass = TypeVar("_Pass")


FEW = 2  # rows on which sites are sought: what is random there is random in a whole batch


@dataclass
class Sampler:
    """Passes of a model whose dropout is active, from a seed.

    Attributes
    ----------
    call : Call
    state : ModelState
    streams : random streams other than those of the sites
    find : function that looks for sites in a call
    known : what it would find, of a model that needs no looking
    seed, n_samples, max_memory : int
    stochastic_depth : bool
    consistent : whether all rows share the noise of a pass
    """

    call: Call
    state: ModelState
    streams: list[Stream]
    find: Callable[[Call], Sites]
    known: Sites | None
    seed: int
    n_samples: int
    max_memory: int
    stochastic_depth: bool
    consistent: bool
    active: set[nn.Module] = field(default_factory=set)
    probed: Recording | None = None
    probed_few: bool = False
    shared: Sequence[Shared | None] = ()

    def chunks(self, method: Method) -> Iterator[Tensor]:
        """Samples (C, N, …), chunk after chunk, `n_samples` in all.

        Raises
        ------
        ValueError
            If no draw is made, if passes differ in shape, if ``method="fast"`` and the pass cannot be replayed.
        RuntimeError
            If a pass changes modes, parameters or buffers.
        """
        bar = tqdm(desc="passes", total=self.n_samples, leave=False, disable=None)
        with bar:
            looped = method == "loop" or (method == "auto" and self.n_samples == 1)  # one pass is not worth a replay
            for chunk in self._loop() if looped else self._fast(method):
                bar.update(len(chunk))
                yield chunk
        changed = self.state.changed_tensors()
        if changed:
            raise RuntimeError(
                f"the forward pass changed {', '.join(changed)} with dropout on, so the passes are not of one model. "
                "Batch statistics and masks must not be written into the model; keep them apart from the module that "
                "drops."
            )

    def _found(self, first_pass: Callable[[], _Pass]) -> _Pass:
        """The first pass with the sites active that a few rows show, or all rows if a module runs for some only."""
        if self.known is not None:
            self._activate(self.known)
            return first_pass()
        sites, self.probed_few = self._on_few_rows(self.find)
        self._activate(sites)
        with visits() as seen:
            found = first_pass()
        if self.probed_few and (seen - sites.visited) & self.state.modes.keys():
            self._activate(self.find(self.call))
            self.probed_few = False
            found = first_pass()
        self.state.require_modes(self.active)
        return found

    def _activate(self, sites: Sites) -> None:
        self.active, self.probed = sites.active, sites.recording
        self.state.set_modes(self.active)
        if self.consistent:
            self.shared = shared_axes(self.call, self.seed, lambda: reseed(self.streams, self.seed))

    def _noise(self) -> SiteNoise:
        return SiteNoise(self.seed, self.shared)

    def _on_few_rows(self, look: Callable[[Call], _Pass]) -> tuple[_Pass, bool]:
        """What `look` finds on a few rows, and True; on all rows, and False, where few are no input for the model."""
        n_rows = self.call.n_rows
        if n_rows is not None and n_rows > FEW:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    return look(self.call.first_rows(FEW)), True
            except DisturbedError:
                raise
            except Exception:
                logging.getLogger(__name__).debug("%s rows are no input for this model", FEW, exc_info=True)
        return look(self.call), False

    def _loop(self) -> Iterator[Tensor]:
        noise = self._noise()

        def first_pass() -> tuple[Any, bool]:
            nonlocal noise
            noise = self._noise()
            reseed(self.streams, self.seed)
            before = seeded_marks(self.streams)
            output, shapes = one_pass(self.call.run, noise)
            return output, bool(shapes) or seeded_marks(self.streams) != before

        output, drew = self._found(first_pass)
        first = require_output(output)
        if not drew:
            raise ValueError(no_site(self.state, stochastic_depth=self.stochastic_depth))
        yield first.detach()[None]
        for _ in range(1, self.n_samples):
            output = require_output(one_pass(self.call.run, noise)[0])
            if output.shape != first.shape:
                shapes = f"{tuple(first.shape)} and {tuple(output.shape)}"
                raise ValueError(f"every pass must give the same shape; got {shapes}.")
            self.state.require_modes(self.active)
            yield output.detach()[None]

    def _fast(self, method: Method) -> Iterator[Tensor]:
        try:
            replay, first = self._prepared()
            size = chunk_size(replay.largest, replay.bytes_per_sample, self.max_memory)
            keep_freed(min(size, self.n_samples) * replay.bytes_per_sample)
            chunk = first_chunk(replay, min(size, self.n_samples), first)
        except NotReplayableError as error:
            if method == "fast":
                raise ValueError(f'this model cannot be replayed: {error}. Use method="auto" or "loop".') from error
            yield from self._loop()
            return
        yield chunk
        done = len(chunk)
        while done < self.n_samples:
            chunk = replay.run(min(size, self.n_samples - done))
            done += len(chunk)
            yield chunk

    def _prepared(self) -> tuple[Replay, Tensor]:
        recording = self._found(lambda: self._recorded(self.call, self._noise()))
        output = require_output(recording.output)
        if not self._is_repeated(recording):
            raise NotReplayableError("two passes of the model do not do the same")
        self.state.require_modes(self.active)
        return Replay(recording.graph, self._noise(), self.n_samples), output

    def _is_repeated(self, recording: Recording) -> bool:
        """Whether other passes do the operations of this one, and the same as each other to the same tensors."""
        if self.known is not None:
            return True
        rows = (self.call.n_rows or FEW, FEW)
        if self.probed_few and self.probed is not None and does_the_same(recording, self.probed, rows):
            return True  # the pass that looked for the sites did so
        again, is_few = self._on_few_rows(self._recorded)
        if again.signature != recording.signature and is_few:
            again, is_few = self._recorded(self.call), False
        if again.signature != recording.signature:
            return False
        return does_the_same(self._on_few_rows(self._recorded)[0] if is_few else recording, again)

    def _recorded(self, call: Call, noise: SiteNoise | None = None) -> Recording:
        reseed(self.streams, self.seed)
        before = seeded_marks(self.streams)
        recording = record(call.run, noise or NoNoise(self.seed))
        drew_otherwise = seeded_marks(self.streams) != before
        if not recording.n_draws and not drew_otherwise:
            raise ValueError(no_site(self.state, stochastic_depth=self.stochastic_depth))
        if drew_otherwise:
            raise NotReplayableError("it draws from a stream that is not PyTorch's")
        return recording
