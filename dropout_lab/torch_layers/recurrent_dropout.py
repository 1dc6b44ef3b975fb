"""Recurrent dropout without memory loss: what is added to the memory is dropped, never the memory."""

from __future__ import annotations

from torch import Size, Tensor

from dropout_lab.torch_layers.arguments import require_mask_tensor
from dropout_lab.torch_layers.dropout import dropout
from dropout_lab.torch_layers.noise import bernoulli_mask
from dropout_lab.torch_layers.recurrent import RecurrentModule, State, recurrent_step


class RecurrentDropoutRNN(RecurrentModule):
    """An LSTM or GRU whose update is dropped: c' = f c + i (m g) / (1 - p), or h' = z h + (1 - z) (m n) / (1 - p).

    A fresh coin at every step does no harm here: a dropped unit keeps what it remembers. Dropped from the memory
    itself, it would survive L steps with probability (1 - p)^L.

    Parameters
    ----------
    cell : nn.LSTMCell or nn.GRUCell
        Where the weights are.
    p : float in [0, 1]
        Probability that the *update of a unit at a step* is dropped.
    generator : torch.Generator, optional
        Draws new masks at every forward pass in training; None means PyTorch's default generator.

    Examples
    --------
    >>> import torch
    >>> layer = RecurrentDropoutRNN(torch.nn.GRUCell(3, 4), 0.2)
    >>> outputs, (h,) = layer(torch.ones(2, 7, 3))
    >>> outputs.shape, torch.equal(outputs[:, -1], h)
    (torch.Size([2, 7, 4]), True)

    References
    ----------
    Semeniuta, Severyn, Barth (2016), Recurrent Dropout without Memory Loss, COLING.
    """

    def forward(self, h: Tensor, state: State | None = None, *, mask: Tensor | None = None) -> tuple[Tensor, State]:
        """Outputs of all steps (N, L, H) and the last state, from `h` (N, L, D) and a keep-mask (N, L, H).

        A mask that is not given is drawn; a packed sequence is an error that says how to pad it.
        """
        h, state = self.start(h, state)
        shape = Size((*h.shape[:2], self.cell.hidden_size))
        if self.training and mask is None:
            mask = bernoulli_mask(shape, self.p, self.generator, device=h.device)
        kept = None if mask is None else require_mask_tensor(mask, h, shape, "all updates").unbind(dim=1)

        def step(time: int, x: Tensor, state: State) -> State:
            coins = None if kept is None else kept[time]
            return recurrent_step(
                x,
                state,
                self.cell,
                candidate=lambda update: dropout(update, self.p, training=self.training, mask=coins),
            )

        return self.unroll(h, state, step)
