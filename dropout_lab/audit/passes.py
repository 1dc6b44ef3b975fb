"""The passes an audit is made of, each from the state in which the model came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from dropout_lab.audit.places import place_of_error
from dropout_lab.audit.randomness import Randomness
from dropout_lab.audit.recording import Recording, quietly, record, run_forward
from dropout_lab.audit.restoration import Snapshot
from dropout_lab.audit.sites import Origin
from dropout_lab.audit.tensors import clones, largest_difference, rounding, scale, tensors_in
from dropout_lab.audit.watchers import Generators

EVAL_PASSES = 3


class AuditError(RuntimeError):
    """The model could not be audited on these inputs; the message says why."""


@dataclass
class EvalPasses:
    """Passes in eval mode that nobody watched.

    Attributes
    ----------
    difference : float
        Largest difference of the outputs of two passes with different random states.
    same_state : float
        The same for two passes with one random state: what the hardware's rounding makes.
    rounding, scale : float
        What rounding may make of numbers of this size; their size.
    moved : list of str
        Running statistics of batch norm that moved, though the mode was eval.
    """

    difference: float
    same_state: float
    rounding: float
    scale: float
    moved: list[str]

    @property
    def is_random(self) -> bool:
        """Whether the outputs hang on the random state."""
        return self.difference > max(4 * self.same_state, self.rounding)


class Passes:
    """Passes of one model on one batch, each from the state in which the model came."""

    def __init__(self, model: nn.Module, inputs: tuple[Any, ...]) -> None:
        self._model, self._inputs = model, inputs
        self._snapshot = Snapshot(model)
        self._randomness = Randomness(model, tensors_in(inputs))
        self._grad = False

    def restore(self) -> None:
        """Put the model and all random states back."""
        self._snapshot.restore()
        self._randomness.restore()

    def eval_passes(self) -> EvalPasses:
        """Passes that nobody watches: they also show whether the model runs at all, without gradients or with them."""
        try:
            self._plain(seed=0)
        except AuditError:
            self._grad = True
        same = [self._plain(seed=0, rewind=True) for _ in range(2)]
        others = [self._plain(seed=seed) for seed in range(1, EVAL_PASSES)]
        moved = self._snapshot.changed(self._model.named_buffers())
        if not same[0]:
            raise AuditError("the model's forward returned no tensor: there is nothing to compare.")
        return EvalPasses(
            difference=max(largest_difference(same[0], other) for other in others),
            same_state=largest_difference(*same),
            rounding=rounding(same[0]),
            scale=scale(same[0]),
            moved=[name for name in moved if "running_" in name],
        )

    def watch(self, *, training: bool, seed: int, **options: Any) -> Recording:
        """One watched pass in a mode, with its own random state."""
        self._prepare(training=training, seed=seed)
        return self._record(training=training, **options)

    def changes_nothing(self, origin: Origin) -> bool:
        """Whether the outputs stay the same to the last bit when this origin alone draws other numbers."""
        usual = self._rewound(seed=30)
        return largest_difference(usual.outputs, self._rewound(seed=30, again=origin).outputs) == 0

    def over_batch(self) -> set[Origin]:
        """Origins whose tensors have the batch on axis 0."""
        size = next((len(tensor) for tensor in tensors_in(self._inputs) if tensor.ndim), 0)
        if size < 2:
            return set()
        usual = self._rewound(seed=40, keep=True, freeze_norms=True)
        inputs, self._inputs = self._inputs, _with_another_first_row(self._inputs, size)
        try:
            other = self._rewound(seed=40, keep=True, freeze_norms=True)
        finally:
            self._inputs = inputs
        if not _other_rows_agree(usual.outputs[0], other.outputs[0], size):
            return set()
        pairs = zip(usual.applications, other.applications, strict=False)
        return {
            a.draw.origin
            for a, b in pairs
            if a.kept is not None and b.kept is not None and _only_first_row_differs(a.kept, b.kept, size)
        }

    def _rewound(self, *, seed: int, freeze_norms: bool = False, **options: Any) -> Recording:
        self._prepare(training=True, seed=seed, freeze_norms=freeze_norms)
        self._randomness.rewind()
        return self._record(training=True, **options)

    def _record(self, *, training: bool, **options: Any) -> Recording:
        seen: Recording = self._caught(
            lambda: record(self._model, self._inputs, self._randomness, grad=self._grad, **options), training=training
        )
        return seen

    def _plain(self, *, seed: int, rewind: bool = False) -> list[Tensor]:
        self._prepare(training=False, seed=seed)
        if rewind:
            self._randomness.rewind()
        with quietly(grad=self._grad), Generators(self._randomness):
            output = self._caught(lambda: run_forward(self._model, clones(self._inputs)), training=False)
        return [tensor.detach().clone() for tensor in tensors_in(output)]

    def _prepare(self, *, training: bool, seed: int, freeze_norms: bool = False) -> None:
        self._snapshot.restore()
        self._caught(lambda: self._model.train(training), training=training)
        if freeze_norms:
            for module in self._model.modules():
                if isinstance(module, nn.modules.batchnorm._NormBase):
                    module.training = False
        self._randomness.seed(seed)

    def _caught(self, run: Callable[[], Any], *, training: bool) -> Any:
        try:
            return run()
        except Exception as error:
            mode = "training" if training else "eval"
            place = place_of_error(error)
            where = f" at {place}" if place else ""
            text = " ".join(str(error).split())
            message = f"the model's forward raised {type(error).__name__} in {mode} mode{where}: {text}"
            raise AuditError(message) from error


def _with_another_first_row(inputs: tuple[Any, ...], size: int) -> tuple[Any, ...]:
    def other(value: Any) -> Any:
        if not isinstance(value, Tensor) or value.ndim == 0 or len(value) != size:
            return value
        value = value.detach().clone()
        value[0] = (value[0] + value[1]) / 2 + 0.125 if value.is_floating_point() else value[1]
        return value

    rows: tuple[Any, ...] = tree_map(other, inputs)
    return rows


def _only_first_row_differs(a: Tensor, b: Tensor, size: int) -> bool:
    return _other_rows_agree(a, b, size) and not torch.equal(a, b)


def _other_rows_agree(a: Tensor, b: Tensor, size: int) -> bool:
    """Whether two tensors agree but for the share of axis 0 that belongs to the first of `size` examples."""
    if a.shape != b.shape or a.ndim == 0 or a.shape[0] % size:
        return False
    a, b, rows = a.double(), b.double(), a.shape[0] // size
    same = torch.isclose(a, b, rtol=1e-4, atol=1e-6 * scale([a]), equal_nan=True)
    return bool(same[rows:].all())
