"""Weight-dropped recurrent nets on arrays: the matrix from state to state loses weights, one mask for all steps."""

from __future__ import annotations

import numpy as np

from dropout_lab.arguments import require_mask
from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers.recurrent import Array, Cell, State, Step
from dropout_lab.numpy_layers.unrolled import Mask, RecurrentModule, scaled


class WeightDropRNN(RecurrentModule):
    """An LSTM or GRU whose state-to-state weights are m W / (1 - p) during a pass in training.

    One mask for all steps and all sequences of the batch: this is DropConnect with a shared mask. The stored weight is
    never written to; overwritten by its dropped self at every pass, a weight would survive k passes with probability
    (1 - p)^k.

    Parameters
    ----------
    cell : Cell
        Where the weights are.
    p : float in [0, 1]
        Probability that a *state-to-state weight* is dropped.
    rng : numpy.random.Generator
        Draws a new mask at every forward pass in training.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> WeightDropRNN(Cell("gru", 3, 4, rng), 0.2, rng).forward(np.ones((2, 7, 3)))[0].shape
    (2, 7, 4)

    References
    ----------
    Merity, Keskar, Socher (2018), Regularizing and Optimizing LSTM Language Models, ICLR, section 2.
    """

    def __init__(self, cell: Cell, p: float, rng: np.random.Generator) -> None:
        super().__init__(cell, p, rng)
        self.factor: Array | None = None

    def forward(
        self, h: Array, state: State | None = None, *, training: bool = True, mask: Mask | None = None
    ) -> tuple[Array, State]:
        """Outputs of all steps (N, L, H) and the last state, from `h` (N, L, D) and a keep-mask of `weight_hh`.

        A mask that is not given is drawn in training.
        """
        h, state = self.start(h, state)
        weight, self.factor = self.cell.weight_hh, None
        if training:
            if mask is None:
                mask = bernoulli_mask(weight.shape, self.p, self.rng)
            self.factor = scaled(require_mask(mask, weight.shape, "weight_hh"), self.p, weight)
            self.weight_hh = weight * self.factor
        return self.unroll(h, state)

    def advance(self, time: int, x: Array, state: State) -> tuple[State, Step]:
        """See :class:`RecurrentModule`."""
        return self.cell.step(x, state, weight_hh=self.weight_hh)

    def backward(self, grad_outputs: Array, grad_state: State | None = None) -> Array:
        """See :class:`RecurrentModule`; the gradient of a dropped weight is zero."""
        grad_h = super().backward(grad_outputs, grad_state)
        if self.factor is not None:
            self.cell.grads[1] *= self.factor
        return grad_h

    def __repr__(self) -> str:
        return f"WeightDropRNN({self.cell}, p={self.p})"
