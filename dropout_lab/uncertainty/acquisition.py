"""Acquisition: which unlabelled rows to ask about, from what the passes disagree on."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dropout_lab.arguments import require_count
from dropout_lab.torch_layers.arguments import require_generator
from dropout_lab.uncertainty.arguments import require_passes, require_probabilities
from dropout_lab.uncertainty.decomposition import expected_entropy, mutual_information


class Batch(NamedTuple):
    """The chosen `rows` (B,), in order, and `information` (B,): of the first, of the first two, …, in nats."""

    rows: Tensor
    information: Tensor


def bald(probabilities: Tensor) -> Tensor:
    """Score of each row by BALD, the mutual information of its label and the network, (N,) in nats.

    It is :func:`~dropout_lab.uncertainty.mutual_information`: high where passes are sure and contradict each other, low
    where all of them find the row ambiguous. ``bald(probabilities).topk(b).indices`` are the b best rows one by one,
    which may be b times the same question; see :func:`batch_bald`.

    Parameters
    ----------
    probabilities : tensor (T, N, K), T at least 2

    Raises
    ------
    TypeError, ValueError
        For a single pass, logits, rows that do not sum to 1, NaN.

    Examples
    --------
    >>> passes = torch.tensor([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])
    >>> bald(passes)
    tensor([0.6931, 0.0000])

    References
    ----------
    Houlsby, Huszár, Ghahramani, Lengyel (2011), Bayesian Active Learning for Classification and Preference Learning,
    arXiv:1112.5745, equation 2. Gal, Islam, Ghahramani (2017), Deep Bayesian Active Learning with Image Data, ICML.
    """
    return mutual_information(probabilities)


def batch_bald(
    probabilities: Tensor,
    size: int,
    *,
    max_configurations: int = 10_000,
    generator: torch.Generator | None = None,
) -> Batch:
    """Choose `size` rows one after another, each the one that most raises the joint information of all so far.

    Two rows about which the same passes quarrel count once. The joint entropy needs the probability of every
    combination of labels, K to the number of rows: exact up to `max_configurations` of them, and beyond that from as
    many drawn combinations.

    Parameters
    ----------
    probabilities : tensor (T, N, K), T at least 2
        Pass t must be *the same network for all rows*. Ordinary passes draw a mask for each row, and then the joint
        information is that of unrelated networks.
    size : int, 1 to N
    max_configurations : int, default 10 000
    generator : torch.Generator, optional
        Draws the combinations; only needed when there are more than `max_configurations`.

    Returns
    -------
    batch : Batch

    Raises
    ------
    TypeError, ValueError
        As :func:`bald`, for a `size` beyond N, and without a generator where one is needed.

    Examples
    --------
    >>> twins = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])  # four passes of one row
    >>> other = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]])
    >>> batch_bald(torch.stack([twins, twins, other], dim=1), 2).rows  # BALD alone would take both twins
    tensor([0, 2])

    References
    ----------
    Kirsch, van Amersfoort, Gal (2019), BatchBALD: Efficient and Diverse Batch Acquisition for Deep Bayesian Active
    Learning, NeurIPS, sections 3 and 4.
    """
    samples = require_passes(require_probabilities(probabilities)).double().clamp(min=0)
    n_rows, n_classes = samples.shape[1:]
    limit = require_count(max_configurations, "max_configurations", n_classes)
    if require_count(size, "size") > n_rows:
        raise ValueError(f"size is the number of rows to choose, at most {n_rows}; got {size}.")
    noise = expected_entropy(samples)
    joint, weight = samples.new_ones(1, len(samples)), samples.new_ones(1)
    chosen: list[int] = []
    information: list[float] = []
    for _ in range(size):
        gains = _joint_entropy(joint, weight, samples) - noise - sum(noise[row] for row in chosen)
        gains[chosen] = -torch.inf
        chosen.append(int(gains.argmax()))
        information.append(float(gains[chosen[-1]]))
        joint = (joint[:, None] * samples[:, chosen[-1]].T).reshape(-1, len(samples))
        weight = weight.repeat_interleave(n_classes)
        if len(joint) > limit and len(chosen) < size:
            joint, weight = _drawn(joint, weight, limit, generator)
    return Batch(torch.tensor(chosen, device=samples.device), samples.new_tensor(information))


def _joint_entropy(joint: Tensor, weight: Tensor, samples: Tensor) -> Tensor:
    """Entropy of the labels so far and one more, for each candidate: `joint` (M, T), `weight` (M,) → (N,)."""
    n_samples, n_rows, n_classes = samples.shape
    p = (joint @ samples.reshape(n_samples, -1) / n_samples).reshape(-1, n_rows, n_classes)
    entropy: Tensor = (weight[:, None, None] * torch.special.entr(p)).sum(dim=(0, 2))
    return entropy


def _drawn(joint: Tensor, weight: Tensor, n: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """`n` combinations drawn by their probability, and weights that keep every sum over all of them unbiased."""
    if require_generator(generator) is None:
        raise TypeError(f"more than max_configurations = {n} combinations of labels: pass a generator to draw them.")
    chance = weight * joint.mean(dim=1)
    chance = chance / chance.sum()
    drawn = torch.multinomial(chance, n, replacement=True, generator=generator)
    return joint[drawn], weight[drawn] / (n * chance[drawn])
