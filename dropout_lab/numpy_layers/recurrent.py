"""One step of an LSTM or GRU forward and backward, with the places where noise goes in, and a pass over all steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dropout_lab.arguments import require_count, require_float_array, require_float_dtype, require_rng
from dropout_lab.numpy_layers.loss import sigmoid

Array = NDArray[np.floating]
Factor = Array | float
State = tuple[Array, ...]  # (h, c) of an LSTM, (h,) of a GRU


@dataclass(frozen=True)
class Step:
    """What the backward pass of one step needs."""

    x: Array
    state: State
    seen: Factor
    candidate: Factor
    gates: tuple[Array, ...]


class Cell:
    """Weights of a recurrent cell, named, shaped, ordered and started as PyTorch's nn.LSTMCell and nn.GRUCell.

    Parameters
    ----------
    kind : {"lstm", "gru"}
    input_size, hidden_size : int
        D and H. `weight_ih` is (4H, D), `weight_hh` (4H, H) and each bias (4H,): input, forget, cell and output gate.
        A GRU has 3H rows: reset, update, new.
    rng : numpy.random.Generator
        Draws the starting values, uniform in ±1/√H.
    dtype : float dtype, default float32

    Raises
    ------
    TypeError, ValueError
        For another kind, sizes below 1, a seed in the place of `rng`, a dtype that does not hold floats.

    Examples
    --------
    >>> Cell("gru", 3, 4, np.random.default_rng(0)).weight_hh.shape
    (12, 4)
    """

    def __init__(
        self,
        kind: Literal["lstm", "gru"],
        input_size: int,
        hidden_size: int,
        rng: np.random.Generator,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        if kind not in ("lstm", "gru"):
            raise ValueError(f'kind is "lstm" or "gru"; got {kind!r}.')
        self.kind, self.input_size = kind, require_count(input_size, "input_size")
        self.hidden_size = require_count(hidden_size, "hidden_size")
        rows, bound = (4 if kind == "lstm" else 3) * hidden_size, 1 / np.sqrt(hidden_size)
        shapes = ((rows, input_size), (rows, hidden_size), (rows,), (rows,))
        drawn = [require_rng(rng).uniform(-bound, bound, shape).astype(require_float_dtype(dtype)) for shape in shapes]
        self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh = drawn
        self.grads: list[Array] = [np.zeros_like(array) for array in drawn]

    def parameters(self) -> list[Array]:
        """`weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`."""
        return [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]

    def step(
        self, x: Array, state: State, *, weight_hh: Array, seen: Factor = 1.0, candidate: Factor = 1.0
    ) -> tuple[State, Step]:
        """State after one more step: c' = f c + i (k g), h' = o tanh(c') of an LSTM; h' = z h + (1 - z) (k n) of a GRU.

        The gates see s h, where `seen` is s, (N, H); `candidate` is k, (N, H). What a GRU carries over is h itself.
        """
        of_input = x @ self.weight_ih.T + self.bias_ih
        of_state = (state[0] * seen) @ weight_hh.T + self.bias_hh
        if self.kind == "lstm":
            i, f, g, o = np.split(of_input + of_state, 4, axis=1)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            c = f * state[1] + i * (g * candidate)
            return (o * np.tanh(c), c), Step(x, state, seen, candidate, (i, f, g, o, np.tanh(c)))
        (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(of_input, 3, axis=1), np.split(of_state, 3, axis=1)
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        n = np.tanh(x_n + r * h_n)
        return (z * state[0] + (1 - z) * (n * candidate),), Step(x, state, seen, candidate, (r, z, n, h_n))

    def step_backward(self, grad_state: State, step: Step, *, weight_hh: Array) -> tuple[Array, State, list[Array]]:
        """Gradients of :meth:`step` for x, the state before it, and the parameters, `weight_hh` as it was passed in."""
        k = step.candidate
        if self.kind == "lstm":
            i, f, g, o, squashed = step.gates
            grad_c = grad_state[1] + grad_state[0] * o * (1 - squashed**2)
            parts = (
                grad_c * g * k * i * (1 - i),
                grad_c * step.state[1] * f * (1 - f),
                grad_c * i * k * (1 - g**2),
                grad_state[0] * squashed * o * (1 - o),
            )
            of_input = of_state = np.concatenate(parts, axis=1)
            carried: State = (np.zeros_like(grad_c), grad_c * f)
        else:
            r, z, n, h_n = step.gates
            grad_n = grad_state[0] * (1 - z) * k * (1 - n**2)
            grad_r, grad_z = grad_n * h_n * r * (1 - r), grad_state[0] * (step.state[0] - n * k) * z * (1 - z)
            of_input = np.concatenate((grad_r, grad_z, grad_n), axis=1)
            of_state = np.concatenate((grad_r, grad_z, grad_n * r), axis=1)
            carried = (grad_state[0] * z,)
        grads = [of_input.T @ step.x, of_state.T @ (step.state[0] * step.seen), of_input.sum(0), of_state.sum(0)]
        before = (carried[0] + (of_state @ weight_hh) * step.seen, *carried[1:])
        return of_input @ self.weight_ih, before, grads

    def __repr__(self) -> str:
        return f"Cell({self.kind!r}, {self.input_size}, {self.hidden_size})"


def require_sequences(h: object, cell: Cell) -> Array:
    """Return `h` if it is a float array (N, L, D) that fits the cell; raise TypeError or ValueError otherwise."""
    found = require_float_array(h)
    if found.ndim != 3 or found.shape[2] != cell.input_size:
        raise ValueError(f"h must be sequences (N, L, {cell.input_size}); got {found.shape}.")
    return found


def require_cell(cell: object) -> Cell:
    """Return `cell` if it is a :class:`Cell`; raise TypeError otherwise."""
    if not isinstance(cell, Cell):
        raise TypeError(f"cell is a dropout_lab.numpy_layers.Cell; got {type(cell).__name__}.")
    return cell
