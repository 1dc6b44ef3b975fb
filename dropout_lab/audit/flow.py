"""Where random numbers go: which tensors are noise, which were masked by it, and what reaches the outputs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from dropout_lab.audit.draws import COMPARISONS, Draw, is_plain, operation
from dropout_lab.audit.functions import Call
from dropout_lab.audit.sites import Origin
from dropout_lab.audit.summaries import Rows, Summary, is_constant, shared_rows, summarise

_MASKING = {"mul", "div", "where", "masked_fill", "index_put", "native_dropout"}
_HOMOGENEOUS = {"relu", "leaky_relu", "clone", "_to_copy", "mul", "div", "add", "sub", "_unsafe_view"}
_RECTIFYING = {"relu", "leaky_relu"}
_SQUASHING = {"_softmax", "_log_softmax", "_safe_softmax", "softmax", "log_softmax", "sigmoid", "log_sigmoid_forward"}
_AFFINE = {"addmm", "mm", "linear", "convolution", "mkldnn_linear"}
_SELU_SCALE = 1.0507009873554805


@dataclass
class Application:
    """One mask laid over one tensor.

    Attributes
    ----------
    draw : Draw
        The numbers of the mask.
    call : Call or None
        The dropout function that was running.
    h, h_dropped : Summary
        The tensor before and after.
    rows : Rows or None
        How the mask repeats for all rows, if it does.
    after_selu, after_affine, on_input, in_place : bool
        Whether the tensor came from SELU, came from a linear layer, a convolution or a softmax, was the model's input,
        was overwritten.
    kept : Tensor or None
        A copy of the tensor, where the recording was asked for one.
    """

    draw: Draw
    call: Call | None
    h: Summary
    rows: Rows | None
    after_selu: bool
    after_affine: bool
    on_input: bool
    in_place: bool
    kept: Tensor | None = None
    h_dropped: Summary | None = None


@dataclass(frozen=True)
class Mark:
    """What is known of the numbers in one storage."""

    reach: frozenset[Origin] = frozenset()
    noise: Draw | None = None
    dropped: Application | None = None
    rectified: bool = False
    squashed: bool = False
    selu: bool = False
    affine: bool = False


@dataclass
class Step:
    """One operation, looked at before it runs."""

    name: str
    mutable: bool
    inputs: list[Tensor]
    marks: list[Mark]
    result: Mark = field(default_factory=Mark)
    measured: bool = False


class Flow:
    """Follows marks from storage to storage through every operation of a pass.

    Parameters
    ----------
    inputs, parameters : lists of tensors
        What the model was given, and what it learns: neither can be the frame of a mask.
    keep : bool
        Whether applications keep a copy of the tensor where later comparison needs one.
    """

    def __init__(self, inputs: list[Tensor], parameters: list[Tensor], *, keep: bool = False) -> None:
        self._marks: dict[int, tuple[object, Mark]] = {}
        self._inputs = {_key(tensor)[0] for tensor in inputs}
        self._parameters = {_key(tensor)[0] for tensor in parameters}
        self._keep = keep
        self.applications: list[Application] = []
        self.decided: set[Origin] = set()

    def mark(self, tensor: Tensor) -> Mark:
        """What is known of a tensor."""
        return self._marks.get(_key(tensor)[0], (None, Mark()))[1]

    def before(self, func: Any, args: tuple[Any, ...], inputs: list[Tensor], call: Call | None) -> Step:
        """Look at an operation while its arguments still hold their values."""
        step = Step(operation(func), bool(func._schema.is_mutable), inputs, [self.mark(tensor) for tensor in inputs])
        reach = frozenset().union(*(mark.reach for mark in step.marks)) if step.marks else frozenset()
        step.result = replace(self._noise_or_dropped(step, call), reach=reach, affine=self._is_affine(step))
        if step.name in ("_local_scalar_dense", "is_nonzero", "equal"):
            self.decided |= reach  # the number leaves the tensors: an `if` or a loop may hang on it
        if step.name == "elu" and any(number == _SELU_SCALE for number in args[1:] if isinstance(number, float)):
            step.result = replace(step.result, selu=True)
        return step

    def after(self, step: Step, outputs: list[Tensor], draw: Draw | None) -> None:
        """Mark what an operation returned."""
        mark = step.result
        if draw is not None:
            noise = draw if is_plain(step.name) else None
            mark = replace(mark, reach=mark.reach | {draw.origin}, noise=noise)
        known = {_key(tensor)[0] for tensor in step.inputs}
        for tensor in outputs:
            key, storage = _key(tensor)
            if key in known and not step.mutable:
                continue  # a view: what is known of the storage still holds
            if mark != Mark() or key in self._marks:
                self._marks[key] = (storage, mark)
        application = mark.dropped
        if application is not None and step.measured and outputs:
            application.h_dropped = summarise(outputs[0])

    def native(self, step: Step, draw: Draw, call: Call | None) -> None:
        """A fused kernel that draws its mask and applies it at once."""
        if step.name == "native_dropout":
            step.result = replace(step.result, dropped=self._application(step, step.inputs[0], draw, None, call))
            step.measured = True

    def _noise_or_dropped(self, step: Step, call: Call | None) -> Mark:
        noisy = [(tensor, mark.noise) for tensor, mark in zip(step.inputs, step.marks, strict=True) if mark.noise]
        others = [
            (tensor, mark)
            for tensor, mark in zip(step.inputs, step.marks, strict=True)
            if not mark.noise and tensor.numel() > 1
        ]
        if not noisy:
            return self._handed_on(step, others)
        noise, draw = noisy[0]
        if draw is not None and step.name in COMPARISONS:
            draw.coin = True
        floats = [(tensor, mark) for tensor, mark in others if tensor.is_floating_point()]
        if not floats or draw is None or step.name in COMPARISONS:
            return Mark(noise=draw)
        return self._masked(step, noise, draw, floats, call)

    def _masked(
        self, step: Step, noise: Tensor, draw: Draw, floats: list[tuple[Tensor, Mark]], call: Call | None
    ) -> Mark:
        step.measured = True
        before = floats[0][1].dropped
        if len(floats) == 1 and before is not None and before.draw is draw and step.name in _HOMOGENEOUS:
            return Mark(dropped=before)  # the scale or the shift of the same mask, as in alpha dropout
        if step.name not in _MASKING:
            return Mark()
        h = next((tensor for tensor, _ in floats if not self._is_frame(tensor)), None)
        if h is None:
            return Mark(noise=draw)
        return Mark(dropped=self._application(step, h, draw, noise, call))

    def _is_frame(self, tensor: Tensor) -> bool:
        return _key(tensor)[0] not in self._inputs | self._parameters and is_constant(tensor)

    def _application(
        self, step: Step, h: Tensor, draw: Draw, noise: Tensor | None, call: Call | None
    ) -> Application | None:
        key = _key(h)[0]
        if key in self._parameters or not h.is_floating_point():
            return None
        rows = None if noise is None else shared_rows(noise, h)
        mark = self.mark(h)
        in_place = step.mutable and key in self._inputs
        application = Application(draw, call, summarise(h), rows, mark.selu, mark.affine, key in self._inputs, in_place)
        if self._keep and rows is not None:
            application.kept = h.detach().clone()
        elif self._keep and call is not None and (1, *call.shape) == tuple(h.shape):
            application.kept = h[0].detach().clone()  # axis 0 is what Dropout1d and 3d put before one example
        self.applications.append(application)
        return application

    def _is_affine(self, step: Step) -> bool:
        if step.name == "add":  # a bias of its own, and not the shortcut of a residual block
            biases = [_key(tensor)[0] in self._parameters for tensor in step.inputs]
            return any(biases) and any(mark.affine for mark in step.marks)
        return step.name in _AFFINE | _SQUASHING

    def _handed_on(self, step: Step, others: list[tuple[Tensor, Mark]]) -> Mark:
        if len(others) != 1:
            return Mark()
        mark = others[0][1]
        if mark.dropped is None or step.name not in _HOMOGENEOUS | _SQUASHING:
            return Mark()
        rectified, squashed = mark.rectified or step.name in _RECTIFYING, mark.squashed or step.name in _SQUASHING
        return Mark(dropped=mark.dropped, rectified=rectified, squashed=squashed)


def _key(tensor: Tensor) -> tuple[int, object]:
    try:
        storage = tensor.untyped_storage()
    except (NotImplementedError, RuntimeError):
        return id(tensor), tensor
    return storage._cdata, storage
