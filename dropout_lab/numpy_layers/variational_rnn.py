"""Variational recurrent nets on arrays: one mask on the inputs and one on the state, constant over time."""

from __future__ import annotations

import numpy as np

from dropout_lab.arguments import require_mask, require_probability
from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers.recurrent import Array, Cell, Factor, State, Step
from dropout_lab.numpy_layers.unrolled import Mask, RecurrentModule, scaled


class VariationalRNN(RecurrentModule):
    """An LSTM or GRU whose gates see x_t ∘ m_x / (1 - p) and h_{t-1} ∘ m_h / (1 - p_state), the same masks at every t.

    All gates share the masks (the paper's tied weights). What is carried over from step to step is never scaled: the
    memory c of an LSTM, z h of a GRU.

    Parameters
    ----------
    cell : Cell
        Where the weights are.
    p : float in [0, 1]
        Probability that an *input of a sequence* is dropped, at all steps.
    rng : numpy.random.Generator
        Draws new masks at every forward pass in training.
    p_state : float in [0, 1], optional
        Probability that a *unit of the state of a sequence* is hidden from the gates, at all steps; `p` by default.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> layer = VariationalRNN(Cell("lstm", 3, 4, rng), 0.2, rng, p_state=0.4)
    >>> outputs, (h, c) = layer.forward(np.ones((2, 7, 3)))
    >>> outputs.shape, bool((outputs[:, -1] == h).all())
    ((2, 7, 4), True)

    References
    ----------
    Gal, Ghahramani (2016), A Theoretically Grounded Application of Dropout in Recurrent Neural Networks, NeurIPS,
    section 4.
    """

    def __init__(self, cell: Cell, p: float, rng: np.random.Generator, *, p_state: float | None = None) -> None:
        super().__init__(cell, p, rng)
        self.p_state = self.p if p_state is None else require_probability(p_state, "p_state")
        self.of_input: Factor = 1.0
        self.of_state: Factor = 1.0

    def forward(
        self,
        h: Array,
        state: State | None = None,
        *,
        training: bool = True,
        input_mask: Mask | None = None,
        state_mask: Mask | None = None,
    ) -> tuple[Array, State]:
        """Outputs of all steps (N, L, H) and the last state, from `h` (N, L, D) and keep-masks (N, D) and (N, H).

        A mask that is not given is drawn in training.
        """
        h, state = self.start(h, state)
        self.of_input = self.of_state = 1.0
        if training:
            self.of_input = self._factor(input_mask, h[:, 0], self.p)
            self.of_state = self._factor(state_mask, state[0], self.p_state)
        return self.unroll(h, state)

    def advance(self, time: int, x: Array, state: State) -> tuple[State, Step]:
        """See :class:`RecurrentModule`."""
        return self.cell.step(x * self.of_input, state, weight_hh=self.weight_hh, seen=self.of_state)

    def backward(self, grad_outputs: Array, grad_state: State | None = None) -> Array:
        """See :class:`RecurrentModule`."""
        grad = super().backward(grad_outputs, grad_state)
        return grad if isinstance(self.of_input, float) else grad * self.of_input[:, np.newaxis]

    def _factor(self, mask: Mask | None, like: Array, p: float) -> Array:
        if mask is None:
            mask = bernoulli_mask(like.shape, p, self.rng)
        return scaled(require_mask(mask, like.shape, "what it drops at each step"), p, like)

    def __repr__(self) -> str:
        return f"VariationalRNN({self.cell}, p={self.p}, p_state={self.p_state})"
