"""Zoneout: some units of a recurrent state keep their last value in the place of the new one."""

from __future__ import annotations

import torch
from torch import Size, Tensor, nn

from dropout_lab.arguments import require_probability
from dropout_lab.torch_layers.arguments import require_float_tensor, require_mask_tensor
from dropout_lab.torch_layers.noise import bernoulli_mask
from dropout_lab.torch_layers.recurrent import Cell, RecurrentModule, State, recurrent_step


def zoneout(
    previous: Tensor,
    current: Tensor,
    p: float,
    *,
    training: bool = True,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Take the new value where the mask keeps the update, else the last one; their mean p h + (1 - p) h' in eval.

    Nothing is scaled: E[m h' + (1 - m) h] = (1 - p) h' + p h is what eval returns.

    Parameters
    ----------
    previous, current : float tensors of one shape
        The state before and after the step; never modified.
    p : float in [0, 1]
        Probability that the *update of a unit* is dropped, so that it keeps its last value.
    training : bool, default True
    mask : bool tensor of the shape of `current`, optional
        The keep-mask of updates to use in the place of a new one.
    generator : torch.Generator, optional
        Draws the mask; None means PyTorch's default generator.

    Returns
    -------
    state : tensor like `current`

    Raises
    ------
    TypeError, ValueError
        For integers, two shapes, a mask that does not fit, a p outside [0, 1].

    Examples
    --------
    >>> zoneout(torch.zeros(2), torch.ones(2), 0.2, mask=torch.tensor([True, False]))
    tensor([1., 0.])
    >>> zoneout(torch.zeros(2), torch.ones(2), 0.2, training=False)
    tensor([0.8000, 0.8000])

    References
    ----------
    Krueger, Maharaj, Kramár, Pezeshki, Ballas, Ke, Goyal, Bengio, Courville, Pal (2017), Zoneout: Regularizing RNNs by
    Randomly Preserving Hidden Activations, ICLR.
    """
    previous, current = require_float_tensor(previous, "previous"), require_float_tensor(current, "current")
    if previous.shape != current.shape:
        found = f"{tuple(previous.shape)} and {tuple(current.shape)}"
        raise ValueError(f"the state before and after a step has one shape; got {found}.")
    p = require_probability(p)
    if not training:
        return p * previous + (1 - p) * current
    if mask is None:
        mask = bernoulli_mask(current.shape, p, generator, device=current.device)
    return torch.where(require_mask_tensor(mask, current, of="the state"), current, previous)


class ZoneoutRNN(RecurrentModule):
    """An LSTM or GRU with zoneout of its state: h and, with coins of its own, the memory c of an LSTM.

    The new h of an LSTM comes from the new memory before zoneout, as in the paper. Eval uses the mean at every step,
    which is not the mean over the masks of all steps together.

    Parameters
    ----------
    cell : nn.LSTMCell or nn.GRUCell
        Where the weights are.
    p : float in [0, 1]
        Probability that a *unit of h keeps its last value* at a step.
    generator : torch.Generator, optional
        Draws new masks at every forward pass in training; None means PyTorch's default generator.
    p_memory : float in [0, 1], optional
        Probability that a *unit of the memory c keeps its last value* at a step; `p` by default, of no effect in a GRU.

    Examples
    --------
    >>> layer = ZoneoutRNN(nn.LSTMCell(3, 4), 0.05, p_memory=0.5)
    >>> outputs, (h, c) = layer(torch.ones(2, 7, 3))
    >>> outputs.shape, torch.equal(outputs[:, -1], h)
    (torch.Size([2, 7, 4]), True)

    References
    ----------
    Krueger et al. (2017), as for :func:`zoneout`.
    """

    def __init__(
        self, cell: Cell, p: float, generator: torch.Generator | None = None, *, p_memory: float | None = None
    ) -> None:
        super().__init__(cell, p, generator)
        self.p_memory = self.p if p_memory is None else p_memory

    @property
    def p_memory(self) -> float:
        """Probability that a unit of the memory keeps its last value."""
        return self._p_memory

    @p_memory.setter
    def p_memory(self, p_memory: float) -> None:
        self._p_memory = require_probability(p_memory, "p_memory")

    def forward(
        self, h: Tensor, state: State | None = None, *, mask: Tensor | None = None, memory_mask: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Outputs of all steps (N, L, H) and the last state, from `h` (N, L, D) and keep-masks of updates (N, L, H).

        A mask that is not given is drawn; a packed sequence is an error that says how to pad it.
        """
        h, state = self.start(h, state)
        masks = [self._mask(mask, h, self.p)]
        if isinstance(self.cell, nn.LSTMCell):
            masks.append(self._mask(memory_mask, h, self.p_memory))

        def step(time: int, x: Tensor, state: State) -> State:
            updates = zip(state, recurrent_step(x, state, self.cell), (self.p, self.p_memory), masks, strict=False)
            return tuple(
                zoneout(previous, current, p, training=self.training, mask=None if kept is None else kept[:, time])
                for previous, current, p, kept in updates
            )

        return self.unroll(h, state, step)

    def _mask(self, mask: Tensor | None, h: Tensor, p: float) -> Tensor | None:
        shape = Size((*h.shape[:2], self.cell.hidden_size))
        if mask is not None:
            return require_mask_tensor(mask, h, shape, "all updates")
        return bernoulli_mask(shape, p, self.generator, device=h.device) if self.training else None

    def extra_repr(self) -> str:
        """What ``print(layer)`` shows between the brackets."""
        return f"p={self.p}, p_memory={self.p_memory}"
