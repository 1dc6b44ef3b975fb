"""A recurrent cell over all steps of a batch of sequences, and the gradients back through time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_float_array, require_gradient, require_probability, require_rng
from dropout_lab.numpy_layers.recurrent import Array, Cell, State, require_cell, require_sequences

Mask = NDArray[np.bool_]


class RecurrentModule:
    """An LSTM or GRU over sequences (N, L, D), step by step, forward and backward; subclasses put noise in.

    Unlike a :class:`Layer` it returns a state beside its outputs, as the torch module of the same name does.

    Parameters
    ----------
    cell : Cell
        Where the weights are.
    p : float in [0, 1]
        Probability that a unit is *dropped*; each subclass says of what.
    rng : numpy.random.Generator
        Draws the noise in training.

    Raises
    ------
    TypeError, ValueError
        If `cell` is something else, for a p outside [0, 1], for a seed in the place of `rng`.
    """

    def __init__(self, cell: Cell, p: float, rng: np.random.Generator) -> None:
        self.cell, self.p, self.rng = require_cell(cell), require_probability(p), require_rng(rng)
        self.memory: list[Any] = []
        self.weight_hh = cell.weight_hh

    def advance(self, time: int, x: Array, state: State) -> tuple[State, Any]:
        """State after the step `time` and what :meth:`retreat` needs."""
        raise NotImplementedError

    def retreat(self, grad_state: State, memory: Any) -> tuple[Array, State, list[Array]]:
        """Gradients of one step for its input, for the state before it, and for the parameters."""
        return self.cell.step_backward(grad_state, memory, weight_hh=self.weight_hh)

    def start(self, h: Array, state: State | None) -> tuple[Array, State]:
        """Return `h` and the state before the first step, zeros if none is given, if they fit."""
        h, parts = require_sequences(h, self.cell), 2 if self.cell.kind == "lstm" else 1
        shape, self.weight_hh = (len(h), self.cell.hidden_size), self.cell.weight_hh
        if state is None:
            return h, tuple(np.zeros(shape, h.dtype) for _ in range(parts))
        if len(state) != parts or any(require_float_array(part, "state").shape != shape for part in state):
            found = tuple(np.shape(part) for part in state)
            raise ValueError(f"state is a tuple of {parts} arrays of shape {shape}; got shapes {found}.")
        return h, state

    def unroll(self, h: Array, state: State) -> tuple[Array, State]:
        """Outputs (N, L, H) of all steps and the state after the last one."""
        outputs, self.memory = [], []
        for time in range(h.shape[1]):
            state, memory = self.advance(time, h[:, time], state)
            outputs.append(state[0])
            self.memory.append(memory)
        return np.stack(outputs, axis=1), state

    def backward(self, grad_outputs: Array, grad_state: State | None = None) -> Array:
        """Gradient (N, L, D) for the sequences of the last forward pass; those of the parameters stay with the cell.

        `grad_state`, the gradient for the last state, is zero if it is not given.
        """
        if not self.memory:
            raise ValueError("backward needs a forward pass before it; call forward first.")
        size = self.cell.hidden_size
        if grad_state is None:
            empty = np.zeros((len(grad_outputs), size), grad_outputs.dtype)
            grad_state = (empty,) * (2 if self.cell.kind == "lstm" else 1)
        require_gradient(grad_outputs, (len(grad_state[0]), len(self.memory), size))
        total = [np.zeros_like(array) for array in self.cell.parameters()]
        grad_h = []
        for time in reversed(range(len(self.memory))):
            grad_state = (grad_state[0] + grad_outputs[:, time], *grad_state[1:])
            grad_x, grad_state, grads = self.retreat(grad_state, self.memory[time])
            grad_h.append(grad_x)
            for array, grad in zip(total, grads, strict=True):
                array += grad
        self.cell.grads = total
        return np.stack(grad_h[::-1], axis=1)

    def parameters(self) -> list[Array]:
        """The arrays of the cell."""
        return self.cell.parameters()

    def gradients(self) -> list[Array]:
        """Gradients of :meth:`parameters`, as the last `backward` left them."""
        return self.cell.grads


def scaled(mask: Mask, p: float, like: Array) -> Array:
    """Return the factor m / (1 - p) of a keep-mask, zero at p = 1, in the dtype of `like`."""
    return mask * like.dtype.type(1 / (1 - p) if p < 1 else 0)
