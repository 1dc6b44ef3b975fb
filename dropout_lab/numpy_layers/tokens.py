"""Token dropout on arrays: words are replaced by another, except for protected ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_count, require_mask, require_probability, require_rng
from dropout_lab.masks import bernoulli_mask

Tokens = NDArray[np.integer]


def token_dropout(
    tokens: Tokens,
    p: float,
    replacement: int,
    rng: np.random.Generator | None = None,
    *,
    protected: Sequence[int] = (),
    training: bool = True,
    mask: NDArray[np.bool_] | None = None,
) -> Tokens:
    """Replace tokens by another with probability p each, except for protected ones such as padding and end of text.

    Nothing is scaled, and there is no backward pass: a word number has neither an expectation nor a gradient.

    Parameters
    ----------
    tokens : int array of any shape
        Never modified.
    p : float in [0, 1]
        Probability that an *unprotected token* is replaced.
    replacement : int
        What stands in its place, usually the number of "unknown".
    rng : numpy.random.Generator
        Draws the mask; needed in training when no `mask` is given.
    protected : sequence of int, default ()
        Numbers that always stay.
    training : bool, default True
        Off, the array `tokens` itself comes back.
    mask : bool array of the shape of `tokens`, optional
        The keep-mask to use in the place of a new one; protected tokens stay whatever it says.

    Returns
    -------
    dropped : array like `tokens`

    Raises
    ------
    TypeError, ValueError
        For tokens or numbers that are no whole numbers, a mask that does not fit, a p outside [0, 1].

    Examples
    --------
    >>> token_dropout(np.array([7, 8, 9, 0]), 1.0, 1, np.random.default_rng(0), protected=[0])
    array([1, 1, 1, 0])

    References
    ----------
    Bowman, Vilnis, Vinyals, Dai, Jozefowicz, Bengio (2016), Generating Sentences from a Continuous Space, CoNLL (word
    dropout of the decoder's input).
    """
    if not isinstance(tokens, np.ndarray) or not np.issubdtype(tokens.dtype, np.integer):
        kind = tokens.dtype if isinstance(tokens, np.ndarray) else type(tokens).__name__
        raise TypeError(f"tokens is an array of whole numbers, one for each word; got {kind}.")
    if tokens.size == 0:
        raise ValueError(f"tokens is empty (shape {tokens.shape}): there is no word to drop.")
    p, replacement = require_probability(p), require_count(replacement, "replacement", least=0)
    kinds = [require_count(kind, "each protected token", least=0) for kind in protected]
    if not training:
        return tokens
    if mask is None:
        mask = bernoulli_mask(tokens.shape, p, require_rng(rng))
    kept = require_mask(mask, tokens.shape, "tokens") | np.isin(tokens, kinds)
    return np.where(kept, tokens, tokens.dtype.type(replacement))
