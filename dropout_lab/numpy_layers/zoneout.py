"""Zoneout on arrays: some units of a recurrent state keep their last value in the place of the new one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_float_array, require_gradient, require_mask, require_probability, require_rng
from dropout_lab.masks import bernoulli_mask
from dropout_lab.numpy_layers.recurrent import Array, Cell, State, Step
from dropout_lab.numpy_layers.unrolled import Mask, RecurrentModule


def zoneout_forward(
    previous: Array,
    current: Array,
    p: float,
    rng: np.random.Generator | None = None,
    *,
    training: bool = True,
    mask: NDArray[np.bool_] | None = None,
) -> tuple[Array, Array]:
    """Take the new value where the mask keeps the update, else the last one; their mean p h + (1 - p) h' in eval.

    Nothing is scaled: E[m h' + (1 - m) h] = (1 - p) h' + p h is what eval returns.

    Parameters
    ----------
    previous, current : float arrays of one shape
        The state before and after the step; never modified.
    p : float in [0, 1]
        Probability that the *update of a unit* is dropped, so that it keeps its last value.
    rng : numpy.random.Generator
        Draws the mask; needed in training when no `mask` is given.
    training : bool, default True
    mask : bool array of the shape of `current`, optional
        The keep-mask of updates to use in the place of a new one.

    Returns
    -------
    state : array like `current`
    cache : what :func:`zoneout_backward` needs, the share of the update that each unit took

    Raises
    ------
    TypeError, ValueError
        For integers, two shapes, a mask that does not fit, a p outside [0, 1].

    Examples
    --------
    >>> zoneout_forward(np.zeros(2), np.ones(2), 0.2, mask=np.array([True, False]))[0]
    array([1., 0.])
    >>> zoneout_forward(np.zeros(2), np.ones(2), 0.2, training=False)[0]
    array([0.8, 0.8])

    References
    ----------
    Krueger, Maharaj, Kramár, Pezeshki, Ballas, Ke, Goyal, Bengio, Courville, Pal (2017), Zoneout: Regularizing RNNs by
    Randomly Preserving Hidden Activations, ICLR.
    """
    previous, current = require_float_array(previous, "previous"), require_float_array(current, "current")
    if previous.shape != current.shape:
        raise ValueError(f"the state before and after a step has one shape; got {previous.shape} and {current.shape}.")
    p = require_probability(p)
    if not training:
        share: Array = np.full(current.shape, 1 - p, current.dtype)
        return current.dtype.type(p) * previous + share * current, share
    if mask is None:
        mask = bernoulli_mask(current.shape, p, require_rng(rng))
    mask = require_mask(mask, current.shape, "the state")
    return np.where(mask, current, previous), mask.astype(current.dtype)


def zoneout_backward(grad_out: Array, cache: Array) -> tuple[Array, Array]:
    """Gradients of :func:`zoneout_forward` for the last and for the new value: each takes what it gave.

    Parameters
    ----------
    grad_out : float array of the shape of the state
        Gradient of the loss with respect to the state.
    cache : as returned by :func:`zoneout_forward`

    Returns
    -------
    grad_previous, grad_current : arrays like `grad_out`

    Raises
    ------
    TypeError, ValueError
        For a gradient that holds no floats or has not the shape of the state.
    """
    grad_out = require_gradient(grad_out, cache.shape)
    return grad_out * (1 - cache), grad_out * cache


class ZoneoutRNN(RecurrentModule):
    """An LSTM or GRU with zoneout of its state: h and, with coins of its own, the memory c of an LSTM.

    The new h of an LSTM comes from the new memory before zoneout, as in the paper. Out of training each step takes the
    mean, which is not the mean over the masks of all steps together.

    Parameters
    ----------
    cell : Cell
        Where the weights are.
    p : float in [0, 1]
        Probability that a *unit of h keeps its last value* at a step.
    rng : numpy.random.Generator
        Draws new masks at every forward pass in training.
    p_memory : float in [0, 1], optional
        Probability that a *unit of the memory c keeps its last value* at a step; `p` by default, of no effect in a GRU.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ZoneoutRNN(Cell("lstm", 3, 4, rng), 0.05, rng, p_memory=0.5)
    ZoneoutRNN(Cell('lstm', 3, 4), p=0.05, p_memory=0.5)

    References
    ----------
    Krueger et al. (2017), as for :func:`zoneout_forward`.
    """

    def __init__(self, cell: Cell, p: float, rng: np.random.Generator, *, p_memory: float | None = None) -> None:
        super().__init__(cell, p, rng)
        self.p_memory = self.p if p_memory is None else require_probability(p_memory, "p_memory")
        self.training = True
        self.masks: list[Mask | None] = []

    def forward(
        self,
        h: Array,
        state: State | None = None,
        *,
        training: bool = True,
        mask: Mask | None = None,
        memory_mask: Mask | None = None,
    ) -> tuple[Array, State]:
        """Outputs of all steps (N, L, H) and the last state, from `h` (N, L, D) and keep-masks of updates (N, L, H).

        A mask that is not given is drawn in training.
        """
        h, state = self.start(h, state)
        self.training, shape = training, (*h.shape[:2], self.cell.hidden_size)
        self.masks = [self._mask(mask, shape, self.p)]
        if self.cell.kind == "lstm":
            self.masks.append(self._mask(memory_mask, shape, self.p_memory))
        return self.unroll(h, state)

    def advance(self, time: int, x: Array, state: State) -> tuple[State, tuple[Step, list[Array]]]:
        """See :class:`RecurrentModule`."""
        new, step = self.cell.step(x, state, weight_hh=self.weight_hh)
        after, shares = [], []
        for previous, current, p, kept in zip(state, new, (self.p, self.p_memory), self.masks, strict=False):
            coins = None if kept is None else kept[:, time]
            value, share = zoneout_forward(previous, current, p, training=self.training, mask=coins)
            after.append(value)
            shares.append(share)
        return tuple(after), (step, shares)

    def retreat(self, grad_state: State, memory: tuple[Step, list[Array]]) -> tuple[Array, State, list[Array]]:
        """See :class:`RecurrentModule`."""
        step, shares = memory
        pairs = [zoneout_backward(grad, share) for grad, share in zip(grad_state, shares, strict=True)]
        grad_x, before, grads = super().retreat(tuple(current for _, current in pairs), step)
        return grad_x, tuple(kept + grad for (kept, _), grad in zip(pairs, before, strict=True)), grads

    def _mask(self, mask: Mask | None, shape: tuple[int, ...], p: float) -> Mask | None:
        if not self.training:
            return None
        return bernoulli_mask(shape, p, self.rng) if mask is None else require_mask(mask, shape, "all updates")

    def __repr__(self) -> str:
        return f"ZoneoutRNN({self.cell}, p={self.p}, p_memory={self.p_memory})"
