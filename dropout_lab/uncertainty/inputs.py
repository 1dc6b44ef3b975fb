"""What a model is called with: a tensor, a tuple of positional or a dict of keyword arguments; some of its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

Inputs = Tensor | tuple[Any, ...] | Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """A model and the arguments of its forward pass."""

    model: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def tensors(self) -> list[Tensor]:
        """The tensors among the arguments."""
        return [value for value in (*self.args, *self.kwargs.values()) if isinstance(value, Tensor)]

    def run(self) -> Any:
        """What the model returns; it is given copies, because a first layer with inplace=True would write into them."""
        copies = {id(value): value.clone() for value in self.tensors}
        fresh = {key: copies.get(id(value), value) for key, value in self.kwargs.items()}
        return self.model(*(copies.get(id(value), value) for value in self.args), **fresh)

    @property
    def n_rows(self) -> int | None:
        """Size of the first axis if all tensors agree in it and nothing else among the arguments may hold rows."""
        others = [value for value in (*self.args, *self.kwargs.values()) if not isinstance(value, Tensor)]
        sizes = {len(tensor) if tensor.ndim else 0 for tensor in self.tensors}
        plain = all(value is None or isinstance(value, (bool, int, float, str)) for value in others)
        return sizes.pop() if len(sizes) == 1 and plain else None

    def first_rows(self, n_rows: int) -> Call:
        """The same call with the first rows of every tensor."""
        return self._with(lambda tensor: tensor[:n_rows])

    def first_row_twice(self) -> Call:
        """The same call with two rows, both the first of every tensor."""
        return self._with(lambda tensor: tensor[:1].expand(2, *tensor.shape[1:]).contiguous())

    def _with(self, change: Callable[[Tensor], Tensor]) -> Call:
        args = tuple(change(value) if isinstance(value, Tensor) else value for value in self.args)
        kwargs = {key: change(value) if isinstance(value, Tensor) else value for key, value in self.kwargs.items()}
        return Call(self.model, args, kwargs)


def require_call(model: object, inputs: object) -> Call:
    """The call of `model` with `inputs`.

    Raises
    ------
    TypeError, ValueError
        If the model is no module, the inputs are a list or an array, or a tensor among them is empty.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is an nn.Module; got {type(model).__name__}. An instance is wanted, not its class.")
    if isinstance(inputs, Tensor):
        call = Call(model, (inputs,), {})
    elif type(inputs) is tuple:
        call = Call(model, inputs, {})
    elif isinstance(inputs, Mapping):
        call = Call(model, (), dict(inputs))
    else:
        raise TypeError(
            f"inputs is a tensor, a tuple of positional or a dict of keyword arguments; got {type(inputs).__name__}. "
            "If the model takes it as its only argument, pass (inputs,)."
        )
    for tensor in call.tensors:
        if tensor.numel() == 0:
            raise ValueError(f"inputs hold an empty tensor (shape {tuple(tensor.shape)}): there is nothing to predict.")
    return call
