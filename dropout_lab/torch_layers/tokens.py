"""Token dropout: words are replaced by another, except for protected ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dropout_lab.arguments import require_count, require_probability
from dropout_lab.torch_layers.arguments import require_mask_tensor
from dropout_lab.torch_layers.arguments_sequence import require_token_tensor
from dropout_lab.torch_layers.noise import bernoulli_mask
from dropout_lab.torch_layers.rated import RatedModule


def token_dropout(
    tokens: Tensor,
    p: float,
    replacement: int,
    *,
    protected: Sequence[int] = (),
    training: bool = True,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Replace tokens by another with probability p each, except for protected ones such as padding and end of text.

    Nothing is scaled: a word number has no expectation to keep.

    Parameters
    ----------
    tokens : int tensor of any shape
        Never modified.
    p : float in [0, 1]
        Probability that an *unprotected token* is replaced.
    replacement : int
        What stands in its place, usually the number of "unknown".
    protected : sequence of int, default ()
        Numbers that always stay.
    training : bool, default True
        Off, the tensor `tokens` itself comes back.
    mask : bool tensor of the shape of `tokens`, optional
        The keep-mask to use in the place of a new one; protected tokens stay whatever it says.
    generator : torch.Generator, optional
        Draws the mask; None means PyTorch's default generator.

    Returns
    -------
    dropped : tensor like `tokens`

    Raises
    ------
    TypeError, ValueError
        For tokens or numbers that are no whole numbers, a mask that does not fit, a p outside [0, 1].

    Examples
    --------
    >>> token_dropout(torch.tensor([7, 8, 9, 0]), 1.0, 1, protected=[0])
    tensor([1, 1, 1, 0])

    References
    ----------
    Bowman, Vilnis, Vinyals, Dai, Jozefowicz, Bengio (2016), Generating Sentences from a Continuous Space, CoNLL (word
    dropout of the decoder's input).
    """
    tokens, p = require_token_tensor(tokens), require_probability(p)
    replacement = require_count(replacement, "replacement", least=0)
    kinds = [require_count(kind, "each protected token", least=0) for kind in protected]
    if not training:
        return tokens
    if mask is None:
        mask = bernoulli_mask(tokens.shape, p, generator, device=tokens.device)
    kept = require_mask_tensor(mask, tokens)
    for kind in kinds:
        kept = kept | (tokens == kind)
    return tokens.masked_fill(~kept, replacement)


class TokenDropout(RatedModule):
    """Token dropout as a module: replaces tokens after ``train()``, none after ``eval()``.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that an *unprotected token* is replaced. A new ``layer.p`` is checked as well.
    replacement : int
        What stands in its place.
    protected : sequence of int, default ()
        Numbers that always stay.
    generator : torch.Generator, optional
        Draws a new mask at every forward pass in training; None means PyTorch's default generator.

    Examples
    --------
    >>> TokenDropout(0.2, 1, protected=[0])
    TokenDropout(p=0.2, replacement=1, protected=(0,))
    """

    def __init__(
        self,
        p: float,
        replacement: int,
        generator: torch.Generator | None = None,
        *,
        protected: Sequence[int] = (),
    ) -> None:
        super().__init__(p, generator)
        self.replacement = require_count(replacement, "replacement", least=0)
        self.protected = tuple(require_count(kind, "each protected token", least=0) for kind in protected)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """The output of :func:`token_dropout`, with the module's own `training`."""
        return token_dropout(
            tokens,
            self.p,
            self.replacement,
            protected=self.protected,
            training=self.training,
            mask=mask,
            generator=self.generator,
        )

    def extra_repr(self) -> str:
        """What ``print(layer)`` shows between the brackets."""
        return f"p={self.p}, replacement={self.replacement}, protected={self.protected}"
