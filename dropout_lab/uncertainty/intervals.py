"""Intervals for an observation: what share do they hold, at one level and at all of them?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dropout_lab.uncertainty.arguments import require_floats, require_level, require_observations


def interval_coverage(lower: Tensor, upper: Tensor, y: Tensor) -> float:
    """Share of the observations inside their intervals, ends included.

    Over N independent rows its standard error is √(c (1 - c) / N).

    Parameters
    ----------
    lower, upper, y : tensors (N,)

    Raises
    ------
    TypeError, ValueError
        For NaN, different shapes (an (N, 1) beside an (N,)), a lower end above its upper one.

    Examples
    --------
    >>> interval_coverage(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 1.0]), torch.tensor([0.5, 2.0]))
    0.5
    """
    lower = require_floats(lower, "lower", "(N,)", 1)
    upper = require_observations(upper, lower.shape, "lower", name="upper")
    y = require_observations(y, lower.shape, "lower")
    if bool((lower > upper).any()):
        raise ValueError("lower lies above upper in some row: are they swapped?")
    return float(((lower <= y) & (y <= upper)).double().mean())


def gaussian_coverage(mean: Tensor, sd: Tensor, y: Tensor, levels: Sequence[float]) -> Tensor:
    """Share of the observations inside the central interval of each level, if predictions are normal; float64 (L,).

    Plotted against `levels`, the diagonal is calibrated; above it the intervals are too wide.

    Parameters
    ----------
    mean, sd, y : tensors (N,)
        `sd` is that of a new observation, noise included; the root of a variance.
    levels : sequence of L floats in (0, 1), such as 0.9 for an interval that is to hold 90 %

    Raises
    ------
    TypeError, ValueError
        For NaN, different shapes, an sd that is not positive, a level in per cent.

    Examples
    --------
    >>> zeros, ones = torch.zeros(4), torch.ones(4)
    >>> gaussian_coverage(zeros, ones, torch.tensor([-3.0, -0.5, 0.5, 1.5]), [0.5, 0.95])
    tensor([0.5000, 0.7500], dtype=torch.float64)

    References
    ----------
    Kuleshov, Fenner, Ermon (2018), Accurate Uncertainties for Deep Learning Using Calibrated Regression, ICML,
    section 3.
    """
    mean = require_floats(mean, "mean", "(N,)", 1)
    sd, y = require_observations(sd, mean.shape, "mean", name="sd"), require_observations(y, mean.shape, "mean")
    if not bool((sd > 0).all()):
        raise ValueError(f"sd is a standard deviation above zero; got {sd.min().item():g}.")
    shares = torch.tensor([require_level(level) for level in levels], dtype=torch.float64)
    half_width = torch.special.ndtri((1 + shares) / 2)
    distance = ((y - mean) / sd).abs().double()
    inside: Tensor = distance[:, None] <= half_width.to(distance.device)
    return inside.double().mean(dim=0)
