"""Recurrent dropout without memory loss, on arrays: what is added to the memory is dropped, never the memory."""

from __future__ import annotations

import numpy as np

from dropout_lab.arguments import require_mask
from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers.recurrent import Array, Cell, State, Step
from dropout_lab.numpy_layers.unrolled import Mask, RecurrentModule, scaled


class RecurrentDropoutRNN(RecurrentModule):
    """An LSTM or GRU whose update is dropped: c' = f c + i (m g) / (1 - p), or h' = z h + (1 - z) (m n) / (1 - p).

    A fresh coin at every step does no harm here: a dropped unit keeps what it remembers. Dropped from the memory
    itself, it would survive L steps with probability (1 - p)^L.

    Parameters
    ----------
    cell : Cell
        Where the weights are.
    p : float in [0, 1]
        Probability that the *update of a unit at a step* is dropped.
    rng : numpy.random.Generator
        Draws new masks at every forward pass in training.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> RecurrentDropoutRNN(Cell("gru", 3, 4, rng), 0.2, rng)
    RecurrentDropoutRNN(Cell('gru', 3, 4), p=0.2)

    References
    ----------
    Semeniuta, Severyn, Barth (2016), Recurrent Dropout without Memory Loss, COLING.
    """

    def __init__(self, cell: Cell, p: float, rng: np.random.Generator) -> None:
        super().__init__(cell, p, rng)
        self.factors: Array | None = None

    def forward(
        self, h: Array, state: State | None = None, *, training: bool = True, mask: Mask | None = None
    ) -> tuple[Array, State]:
        """Outputs of all steps (N, L, H) and the last state, from `h` (N, L, D) and a keep-mask (N, L, H).

        A mask that is not given is drawn in training.
        """
        h, state = self.start(h, state)
        self.factors, shape = None, (*h.shape[:2], self.cell.hidden_size)
        if training:
            if mask is None:
                mask = bernoulli_mask(shape, self.p, self.rng)
            self.factors = scaled(require_mask(mask, shape, "all updates"), self.p, h)
        return self.unroll(h, state)

    def advance(self, time: int, x: Array, state: State) -> tuple[State, Step]:
        """See :class:`RecurrentModule`."""
        candidate = 1.0 if self.factors is None else self.factors[:, time]
        return self.cell.step(x, state, weight_hh=self.weight_hh, candidate=candidate)

    def __repr__(self) -> str:
        return f"RecurrentDropoutRNN({self.cell}, p={self.p})"
