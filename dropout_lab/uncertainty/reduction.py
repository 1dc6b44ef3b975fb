"""Mean, variance, entropies and mutual information of the passes as they come, none of them kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import torch
from torch import Tensor

from dropout_lab.uncertainty.arguments import require_probabilities

Reduce = Literal["moments", "probabilities", "logits"]
MEANING = (
    'reduce is None (keep the samples), "moments" (mean and variance), "probabilities" (these and the entropies of '
    'outputs that are probabilities) or "logits" (a softmax over the last axis first)'
)


@dataclass(frozen=True)
class MomentSummary:
    """Mean and variance over the passes, in float64.

    Attributes
    ----------
    n_samples : int or None
        Number of passes T; None where no sample was drawn (``method="moments"``).
    mean, variance : tensors (N, …)
        1/T Σ_t ŷ_t, and 1/(T-1) Σ_t (ŷ_t - ȳ)², which is NaN for a single pass.
    """

    n_samples: int | None
    mean: Tensor
    variance: Tensor


@dataclass(frozen=True)
class ClassSummary(MomentSummary):
    """The same for probabilities, and what they say of the label, in nats and float64.

    Attributes
    ----------
    predictive_entropy, expected_entropy, mutual_information : tensors (N,)
        As the functions of these names give them from all samples.
    """

    predictive_entropy: Tensor
    expected_entropy: Tensor
    mutual_information: Tensor


class Reducer:
    """Takes chunk after chunk of samples and gives their summary.

    Parameters
    ----------
    reduce : "moments", "probabilities" or "logits"

    Examples
    --------
    >>> reducer = Reducer("moments")
    >>> reducer.add(torch.tensor([[1.0], [2.0]]))
    >>> reducer.add(torch.tensor([[6.0]]))
    >>> reducer.summary().mean, reducer.summary().variance
    (tensor([3.], dtype=torch.float64), tensor([7.], dtype=torch.float64))

    References
    ----------
    Chan, Golub, LeVeque (1983), Algorithms for Computing the Sample Variance, The American Statistician 37, for the
    merging of two means and sums of squares.
    """

    def __init__(self, reduce: Reduce) -> None:
        self.reduce, self.count = reduce, 0
        self.mean = self.squares = self.entropy = torch.zeros((), dtype=torch.float64)

    def add(self, chunk: Tensor) -> None:
        """Take samples (C, N, …) in.

        Raises
        ------
        TypeError, ValueError
            For outputs that are no floats; for "probabilities", as :func:`predictive_entropy`.
        """
        if not chunk.is_floating_point():
            raise TypeError(
                f"only floats have a mean; the model returns {chunk.dtype}. Return probabilities, no labels."
            )
        if self.reduce == "probabilities" and self.count == 0:
            require_probabilities(chunk)
        values = chunk.double()
        if self.reduce == "logits":
            values = values.softmax(dim=-1)
        new, total = len(values), self.count + len(values)
        mean = values.mean(dim=0)
        shift = mean - self.mean
        between = shift**2 * (self.count * new / total)
        self.squares = self.squares + ((values - mean) ** 2).sum(dim=0) + between
        self.mean = self.mean + shift * (new / total)
        if self.reduce != "moments":
            self.entropy = self.entropy + _entropy(values).sum(dim=0)
        self.count = total

    def summary(self) -> MomentSummary:
        """What the samples so far say."""
        variance = self.squares / (self.count - 1) if self.count > 1 else torch.full_like(self.squares, torch.nan)
        if self.reduce == "moments":
            return MomentSummary(self.count, self.mean, variance)
        total, expected = _entropy(self.mean), self.entropy / self.count
        return ClassSummary(self.count, self.mean, variance, total, expected, (total - expected).clamp(min=0))


def joined(parts: Sequence[MomentSummary]) -> MomentSummary:
    """The summary of all rows from those of batches of rows."""
    tensors = [field.name for field in fields(parts[0]) if field.name != "n_samples"]
    values = {name: torch.cat([getattr(part, name) for part in parts]) for name in tensors}
    return type(parts[0])(parts[0].n_samples, **values)


def _entropy(probabilities: Tensor) -> Tensor:
    surprise: Tensor = torch.special.entr(probabilities.clamp(min=0))
    return surprise.sum(dim=-1)
