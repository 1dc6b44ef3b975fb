"""Weight-dropped recurrent nets: the matrix from state to state loses weights, one mask for all steps."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from dropout_lab.torch_layers.arguments import require_float_tensor
from dropout_lab.torch_layers.dropout import dropout
from dropout_lab.torch_layers.rated import RatedModule


class WeightDropRNN(RatedModule):
    """An nn.LSTM, nn.GRU or nn.RNN whose state-to-state weights are m W / (1 - p) during a pass in training.

    One mask for all steps and all sequences of the batch: this is DropConnect with a shared mask, cheap because
    PyTorch's own recurrence runs on the dropped matrix. The stored weight is never written to; overwritten by its
    dropped self at every pass, a weight would survive k passes with probability (1 - p)^k. Packed sequences are fine.

    Parameters
    ----------
    rnn : nn.LSTM, nn.GRU or nn.RNN
        Any number of layers and directions; every ``weight_hh_l…`` is dropped.
    p : float in [0, 1]
        Probability that a *state-to-state weight* is dropped.
    generator : torch.Generator, optional
        Draws new masks at every forward pass in training; None means PyTorch's default generator.

    Raises
    ------
    TypeError
        If `rnn` is another module.

    Examples
    --------
    >>> layer = WeightDropRNN(nn.GRU(3, 4, batch_first=True), 0.2)
    >>> layer(torch.ones(2, 7, 3))[0].shape
    torch.Size([2, 7, 4])

    References
    ----------
    Merity, Keskar, Socher (2018), Regularizing and Optimizing LSTM Language Models, ICLR, section 2.
    """

    def __init__(self, rnn: nn.RNNBase, p: float, generator: torch.Generator | None = None) -> None:
        super().__init__(p, generator)
        if not isinstance(rnn, nn.RNNBase):
            raise TypeError(f"rnn is an nn.LSTM, nn.GRU or nn.RNN; got {type(rnn).__name__}.")
        self.rnn = rnn

    def forward(
        self,
        h: Tensor | PackedSequence,
        state: Tensor | tuple[Tensor, Tensor] | None = None,
        *,
        masks: Mapping[str, Tensor] | None = None,
    ) -> tuple[Tensor | PackedSequence, Tensor | tuple[Tensor, Tensor]]:
        """What the recurrent module returns, on dropped weights in training; `masks` are keep-masks by weight name."""
        require_float_tensor(h.data if isinstance(h, PackedSequence) else h)
        weights = {name: weight for name, weight in self.rnn.named_parameters() if name.startswith("weight_hh_l")}
        if masks is not None and masks.keys() != weights.keys():
            raise ValueError(f"masks has a mask for each of {sorted(weights)}; got {sorted(masks)}.")
        out: tuple[Tensor | PackedSequence, Tensor | tuple[Tensor, Tensor]]
        if not self.training:
            out = self.rnn(h, state)
            return out
        given = masks or dict.fromkeys(weights)
        dropped = {
            name: dropout(weight, self.p, mask=given[name], generator=self.generator)
            for name, weight in weights.items()
        }
        out = torch.func.functional_call(self.rnn, dropped, (h, state))
        return out
