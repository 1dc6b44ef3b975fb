"""Embedding dropout: whole word types lose their embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dropout_lab.arguments import require_count, require_probability
from dropout_lab.torch_layers.arguments import require_float_tensor, require_mask_tensor
from dropout_lab.torch_layers.arguments_sequence import require_token_tensor
from dropout_lab.torch_layers.dropout import dropout
from dropout_lab.torch_layers.noise import bernoulli_mask
from dropout_lab.torch_layers.rated import RatedModule


def embedding_dropout(
    tokens: Tensor,
    weight: Tensor,
    p: float,
    *,
    training: bool = True,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Embed tokens with whole word types dropped: ẽ_nl = m_nv w_v / (1 - p) for v = tokens_nl, in training.

    One coin for each word type and sequence: a dropped word is zero wherever it stands in that sequence. `weight` is
    never modified.

    Parameters
    ----------
    tokens : int tensor (N, L)
        Numbers of word types, from 0 to V - 1.
    weight : float tensor (V, D)
        Embedding of each word type.
    p : float in [0, 1]
        Probability that a *word type of a sequence* is dropped.
    training : bool, default True
        Off, all embeddings are used as they are.
    mask : bool tensor (N, V), optional
        The keep-mask of word types to use in the place of a new one.
    generator : torch.Generator, optional
        Draws the mask; None means PyTorch's default generator.

    Returns
    -------
    embedded : tensor (N, L, D)

    Raises
    ------
    TypeError, ValueError
        For tokens that are no whole numbers or not (N, L); weights or a mask that do not fit; a p outside [0, 1].

    Examples
    --------
    >>> kept = torch.tensor([[True, False]])
    >>> embedding_dropout(torch.tensor([[0, 1, 0]]), torch.ones(2, 1), 0.2, mask=kept).flatten()
    tensor([1.2500, 0.0000, 1.2500])

    References
    ----------
    Gal, Ghahramani (2016), A Theoretically Grounded Application of Dropout in Recurrent Neural Networks, NeurIPS,
    section 4.2 (word embeddings dropout). Merity, Keskar, Socher (2018) take one coin a word type for the whole batch.
    """
    tokens, weight, p = (
        require_token_tensor(tokens, ndim=2),
        require_float_tensor(weight, "weight"),
        require_probability(p),
    )
    if weight.dim() != 2:
        raise ValueError(f"weight is (V, D), a row for each word type; got shape {tuple(weight.shape)}.")
    embedded = nn.functional.embedding(tokens, weight)
    if not training:
        return embedded
    shape = torch.Size((tokens.shape[0], weight.shape[0]))
    if mask is None:
        mask = bernoulli_mask(shape, p, generator, device=weight.device)
    kept = require_mask_tensor(mask, weight, shape, "a coin for each sequence and word type").gather(1, tokens.long())
    return dropout(embedded, p, mask=kept.unsqueeze(-1).expand_as(embedded))


class EmbeddingDropout(RatedModule):
    """An embedding that loses whole word types after ``train()``, one coin for each type and sequence.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        V and D; `weight` is (V, D), standard normal as in nn.Embedding.
    p : float in [0, 1]
        Probability that a *word type of a sequence* is dropped. A new ``layer.p`` is checked as well.
    generator : torch.Generator, optional
        Draws a new mask at every forward pass in training; None means PyTorch's default generator.

    Examples
    --------
    >>> EmbeddingDropout(100, 8, 0.2)
    EmbeddingDropout(100, 8, p=0.2)
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, p: float, generator: torch.Generator | None = None
    ) -> None:
        super().__init__(p, generator)
        types, features = require_count(num_embeddings, "num_embeddings"), require_count(embedding_dim, "embedding_dim")
        self.weight = nn.Embedding(types, features).weight

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """The output of :func:`embedding_dropout`, with the module's own `training`."""
        return embedding_dropout(
            tokens, self.weight, self.p, training=self.training, mask=mask, generator=self.generator
        )

    def extra_repr(self) -> str:
        """What ``print(layer)`` shows between the brackets."""
        return f"{self.weight.shape[0]}, {self.weight.shape[1]}, p={self.p}"
