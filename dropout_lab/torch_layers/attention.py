"""Attention with dropout on its weights, through PyTorch's scaled_dot_product_attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dropout_lab.arguments import require_probability
from dropout_lab.arguments_sequence import require_attention_shapes
from dropout_lab.torch_layers.arguments import require_float_tensor, require_generator
from dropout_lab.torch_layers.dropout import dropout
from dropout_lab.torch_layers.rated import RatedModule


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    p: float,
    *,
    training: bool = True,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
    is_causal: bool = False,
) -> Tensor:
    """Attend with some weights dropped: out = (m W / (1 - p)) value with W = softmax(query keyᵀ / √E) in training.

    The weights are dropped after the softmax, so a row of them no longer sums to 1, only its expectation does; a row
    of S keys loses everything with probability p^S. PyTorch's function drops whenever its ``dropout_p`` is above 0,
    after ``eval()`` too, so it is told 0 out of training. It takes no mask of coins and no generator: with either, the
    weights are computed here, and the (L, S) matrix that its kernels avoid is stored.

    Parameters
    ----------
    query : float tensor (..., L, E)
    key : float tensor (..., S, E)
    value : float tensor (..., S, V)
        The batch axes are those of the query; none of the three is modified.
    p : float in [0, 1]
        Probability that an *attention weight* is dropped.
    training : bool, default True
        Off, all weights are used as they are.
    mask : bool tensor (..., L, S), optional
        The keep-mask of the weights to use in the place of a new one. It is not PyTorch's ``attn_mask``, which says
        what may be seen, before the softmax.
    generator : torch.Generator, optional
        Draws the mask; None means PyTorch's default generator.
    is_causal : bool, default False
        Whether query l sees the keys 0 … l alone.

    Returns
    -------
    out : tensor (..., L, V)

    Raises
    ------
    TypeError, ValueError
        As :func:`dropout`; for shapes that do not fit.

    Examples
    --------
    >>> query, value = torch.zeros(1, 2), torch.tensor([[4.0], [8.0]])
    >>> attention(query, torch.ones(2, 2), value, 0.2, mask=torch.tensor([[True, False]]))
    tensor([[2.5000]])

    References
    ----------
    Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin (2017), Attention Is All You Need, NeurIPS,
    equation 1 (without dropout, which their code applies to the weights).
    """
    named = {"query": query, "key": key, "value": value}
    query, key, value = (require_float_tensor(tensor, name) for name, tensor in named.items())
    require_attention_shapes(query.shape, key.shape, value.shape)
    p, generator = require_probability(p), require_generator(generator)
    if training and (mask is not None or generator is not None):
        weights = attention_weights(query, key, is_causal=is_causal)
        return dropout(weights, p, mask=mask, generator=generator) @ value
    dropout_p = p if training else 0.0
    return nn.functional.scaled_dot_product_attention(query, key, value, dropout_p=dropout_p, is_causal=is_causal)


def attention_weights(query: Tensor, key: Tensor, *, is_causal: bool = False) -> Tensor:
    """Weights softmax(query keyᵀ / √E) before any dropout, of shape (..., L, S); their rows sum to 1.

    Examples
    --------
    >>> attention_weights(torch.zeros(2, 3), torch.ones(2, 3), is_causal=True)
    tensor([[1.0000, 0.0000],
            [0.5000, 0.5000]])
    """
    logits: Tensor = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    if is_causal:
        logits = logits.masked_fill(~torch.ones_like(logits, dtype=torch.bool).tril(), -torch.inf)
    return logits.softmax(dim=-1)


class AttentionDropout(RatedModule):
    """Attention as a module: some weights dropped after ``train()``, none after ``eval()``.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that an *attention weight* is dropped. A new ``layer.p`` is checked as well.
    generator : torch.Generator, optional
        Draws a new mask at every forward pass in training; None means PyTorch's default generator.
    is_causal : bool, default False
        Whether query l sees the keys 0 … l alone.

    Examples
    --------
    >>> layer = AttentionDropout(0.2)
    >>> layer
    AttentionDropout(p=0.2, is_causal=False)
    >>> h = torch.ones(2, 5, 4)
    >>> torch.equal(layer.eval()(h, h, h), layer(h, h, h))
    True
    """

    def __init__(self, p: float, generator: torch.Generator | None = None, *, is_causal: bool = False) -> None:
        super().__init__(p, generator)
        self.is_causal = is_causal

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        """The output of :func:`attention`, with the module's own `training`."""
        options = {"training": self.training, "is_causal": self.is_causal}
        return attention(query, key, value, self.p, mask=mask, generator=self.generator, **options)

    def extra_repr(self) -> str:
        """What ``print(layer)`` shows between the brackets."""
        return f"p={self.p}, is_causal={self.is_causal}"
