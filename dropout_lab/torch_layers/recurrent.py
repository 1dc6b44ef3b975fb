"""One step of an LSTM or GRU written out, with the places where noise goes in, and a pass over all steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from dropout_lab.torch_layers.arguments import require_float_tensor
from dropout_lab.torch_layers.arguments_sequence import require_sequence_tensor
from dropout_lab.torch_layers.rated import RatedModule

Cell = nn.LSTMCell | nn.GRUCell
State = tuple[Tensor, ...]  # (h, c) of an LSTM, (h,) of a GRU


def _unchanged(tensor: Tensor) -> Tensor:
    return tensor


def recurrent_step(
    x: Tensor,
    state: State,
    cell: Cell,
    *,
    seen: Callable[[Tensor], Tensor] = _unchanged,
    candidate: Callable[[Tensor], Tensor] = _unchanged,
) -> State:
    """State after one more step: c' = f c + i g and h' = o tanh(c') of an LSTM, h' = z h + (1 - z) n of a GRU.

    Parameters
    ----------
    x : float tensor (N, D)
    state : (h, c) for an LSTM, (h,) for a GRU; each a tensor (N, H)
    cell : nn.LSTMCell or nn.GRUCell
        Where the weights are; its own forward is not called.
    seen : function of a tensor (N, H)
        What the gates and the candidate see of h; what a GRU carries over, z h, is h itself. Were that scaled by
        1/(1-p) as well, a unit with z = 1 would grow at every step.
    candidate : function of a tensor (N, H)
        What is added to the memory in the place of g, or n.

    Returns
    -------
    state : tuple of tensors (N, H), as `state`

    Examples
    --------
    >>> cell, x, h = nn.GRUCell(3, 4), torch.ones(2, 3), torch.zeros(2, 4)
    >>> torch.allclose(recurrent_step(x, (h,), cell)[0], cell(x, h))
    True
    """
    of_input = nn.functional.linear(x, cell.weight_ih, cell.bias_ih)
    of_state = nn.functional.linear(seen(state[0]), cell.weight_hh, cell.bias_hh)
    if isinstance(cell, nn.LSTMCell):
        i, f, g, o = (of_input + of_state).chunk(4, dim=-1)
        c = f.sigmoid() * state[1] + i.sigmoid() * candidate(g.tanh())
        return o.sigmoid() * c.tanh(), c
    (x_r, x_z, x_n), (h_r, h_z, h_n) = of_input.chunk(3, dim=-1), of_state.chunk(3, dim=-1)
    z = (x_z + h_z).sigmoid()
    return (z * state[0] + (1 - z) * candidate((x_n + (x_r + h_r).sigmoid() * h_n).tanh()),)


class RecurrentModule(RatedModule):
    """An LSTM or GRU over sequences (N, L, D), step by step, so that noise can go in anywhere.

    Parameters
    ----------
    cell : nn.LSTMCell or nn.GRUCell
        Where the weights are.
    p : float in [0, 1]
        Probability that a unit is *dropped*; each subclass says of what.
    generator : torch.Generator, optional
        Draws the noise in training; None means PyTorch's default generator.

    Raises
    ------
    TypeError
        If `cell` is another module; nn.LSTM and nn.GRU show no single step.
    """

    def __init__(self, cell: Cell, p: float, generator: torch.Generator | None = None) -> None:
        super().__init__(p, generator)
        if not isinstance(cell, (nn.LSTMCell, nn.GRUCell)):
            raise TypeError(f"cell is an nn.LSTMCell or nn.GRUCell; got {type(cell).__name__}.")
        self.cell = cell

    def start(self, h: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Return `h` and the state before the first step, zeros if none is given, if they fit."""
        h, parts = require_sequence_tensor(h), 2 if isinstance(self.cell, nn.LSTMCell) else 1
        if h.dim() != 3 or h.shape[2] != self.cell.input_size:
            raise ValueError(f"h must be sequences (N, L, {self.cell.input_size}); got {tuple(h.shape)}.")
        shape = torch.Size((h.shape[0], self.cell.hidden_size))
        if state is None:
            return h, (h.new_zeros(shape),) * parts
        if len(state) != parts or any(require_float_tensor(part, "state").shape != shape for part in state):
            found = tuple(tuple(part.shape) for part in state)
            raise ValueError(f"state is a tuple of {parts} tensors of shape {tuple(shape)}; got shapes {found}.")
        return h, state

    def unroll(self, h: Tensor, state: State, step: Callable[[int, Tensor, State], State]) -> tuple[Tensor, State]:
        """Outputs (N, L, H) of all steps and the state after the last one."""
        outputs = []
        for time, x in enumerate(h.unbind(dim=1)):
            state = step(time, x, state)
            outputs.append(state[0])
        return torch.stack(outputs, dim=1), state

    def forward(self, *_: Any, **__: Any) -> tuple[Tensor, State]:
        """Outputs of all steps (N, L, H) and the last state."""
        raise NotImplementedError
