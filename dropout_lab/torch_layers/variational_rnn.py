"""Variational recurrent nets: one mask on the inputs and one on the state, constant over time."""

from __future__ import annotations

import torch
from torch import Tensor

from dropout_lab.arguments import require_probability
from dropout_lab.torch_layers.arguments import require_mask_tensor
from dropout_lab.torch_layers.dropout import dropout
from dropout_lab.torch_layers.noise import bernoulli_mask
from dropout_lab.torch_layers.recurrent import Cell, RecurrentModule, State, recurrent_step


class VariationalRNN(RecurrentModule):
    """An LSTM or GRU whose gates see x_t ∘ m_x / (1 - p) and h_{t-1} ∘ m_h / (1 - p_state), the same masks at every t.

    All gates share the masks (the paper's tied weights). What is carried over from step to step is never scaled: the
    memory c of an LSTM, z h of a GRU.

    Parameters
    ----------
    cell : nn.LSTMCell or nn.GRUCell
        Where the weights are.
    p : float in [0, 1]
        Probability that an *input of a sequence* is dropped, at all steps.
    generator : torch.Generator, optional
        Draws new masks at every forward pass in training; None means PyTorch's default generator.
    p_state : float in [0, 1], optional
        Probability that a *unit of the state of a sequence* is hidden from the gates, at all steps; `p` by default.

    Examples
    --------
    >>> layer = VariationalRNN(torch.nn.LSTMCell(3, 4), 0.2, p_state=0.4)
    >>> outputs, (h, c) = layer(torch.ones(2, 7, 3))
    >>> outputs.shape, torch.equal(outputs[:, -1], h)
    (torch.Size([2, 7, 4]), True)

    References
    ----------
    Gal, Ghahramani (2016), A Theoretically Grounded Application of Dropout in Recurrent Neural Networks, NeurIPS,
    section 4.
    """

    def __init__(
        self, cell: Cell, p: float, generator: torch.Generator | None = None, *, p_state: float | None = None
    ) -> None:
        super().__init__(cell, p, generator)
        self.p_state = self.p if p_state is None else p_state

    @property
    def p_state(self) -> float:
        """Probability that a unit of the state is hidden from the gates."""
        return self._p_state

    @p_state.setter
    def p_state(self, p_state: float) -> None:
        self._p_state = require_probability(p_state, "p_state")

    def forward(
        self,
        h: Tensor,
        state: State | None = None,
        *,
        input_mask: Tensor | None = None,
        state_mask: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Outputs of all steps (N, L, H) and the last state, from `h` (N, L, D) and keep-masks (N, D) and (N, H).

        A mask that is not given is drawn; a packed sequence is an error that says how to pad it.
        """
        h, state = self.start(h, state)
        of_input = self._mask(input_mask, h[:, 0], self.p)
        of_state = self._mask(state_mask, state[0], self.p_state)

        def step(_: int, x: Tensor, state: State) -> State:
            x = dropout(x, self.p, training=self.training, mask=of_input)
            return recurrent_step(
                x,
                state,
                self.cell,
                seen=lambda h: dropout(h, self.p_state, training=self.training, mask=of_state),
            )

        return self.unroll(h, state, step)

    def _mask(self, mask: Tensor | None, like: Tensor, p: float) -> Tensor | None:
        if mask is not None:
            return require_mask_tensor(mask, like, of="what it drops at each step")
        return bernoulli_mask(like.shape, p, self.generator, device=like.device) if self.training else None

    def extra_repr(self) -> str:
        """What ``print(layer)`` shows between the brackets."""
        return f"p={self.p}, p_state={self.p_state}"
