"""Closed forms of DropBlock: how often a pixel can be hit, which γ drops a share of p, how noisy a pooled map is.

A seed may stand wherever its block fits, so there are (H - b + 1)(W - b + 1) places, each a seed with probability γ. A
pixel that c of these blocks would cover is kept with probability (1 - γ)^c: in the corner c = 1, in the middle of a
large map c = b².
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_probability, require_survivors
from dropout_lab.arguments_noise import require_block_size, require_gamma_rule


def seed_counts(height: int, width: int, block_size: int) -> NDArray[np.intp]:
    """Number of places for a seed whose block would cover each pixel, an int array (H, W).

    Examples
    --------
    >>> seed_counts(4, 3, 2)
    array([[1, 2, 1],
           [2, 4, 2],
           [2, 4, 2],
           [1, 2, 1]])
    """
    block_size = require_block_size(block_size, height, width)
    return np.outer(_counts_on_a_line(height, block_size), _counts_on_a_line(width, block_size))


def dropped_share(gamma: float, height: int, width: int, block_size: int) -> float:
    """Expected share of dropped pixels, 1 - 1/(HW) Σ_ij (1 - γ)^c_ij, where overlapping blocks count once.

    Parameters
    ----------
    gamma : float in [0, 1]
        Probability that a *place where a block fits* is a seed.
    height, width : int
        H and W of the map.
    block_size : int
        Side b of the square block.

    Examples
    --------
    With γ = p = 0.1 on a 7×7 map nearly a third would be gone, not a tenth.

    >>> round(dropped_share(0.1, 7, 7, 3), 2)
    0.36
    """
    gamma = require_probability(gamma, "gamma")
    pixels = _pixels_by_count(height, width, require_block_size(block_size, height, width))
    return 1 - sum(number * (1 - gamma) ** count for count, number in pixels) / (height * width)


def paper_gamma(p: float, height: int, width: int, block_size: int) -> float:
    """The γ of the paper, p / b² · HW / ((H - b + 1)(W - b + 1)): right where no two blocks overlap, else too small.

    Parameters as for :func:`solved_gamma`.

    Examples
    --------
    >>> gamma = paper_gamma(0.5, 28, 28, 7)
    >>> round(gamma, 4), round(dropped_share(gamma, 28, 28, 7), 3)
    (0.0165, 0.372)

    References
    ----------
    Ghiasi, Lin, Le (2018), DropBlock: A regularization method for convolutional networks, NeurIPS, equation 1, which is
    written for square maps and a keep probability; the paper says that blocks may overlap and calls it approximate.
    """
    p, block_size = require_probability(p), require_block_size(block_size, height, width)
    return p / block_size**2 * (height * width) / ((height - block_size + 1) * (width - block_size + 1))


def solved_gamma(p: float, height: int, width: int, block_size: int) -> float:
    """The γ for which the expected share of dropped pixels is p.

    Solves log Σ_ij (1 - γ)^c_ij / (HW) = log(1 - p) for log(1 - γ) by Newton's method. The left side is convex and
    rising, so the tangent at 0 meets log(1 - p) on the right of the root, and from there every step stays on that side.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a *pixel* is dropped, on average over the map.
    height, width : int
        H and W of the map.
    block_size : int
        Side b of the square block, at most H and W; with 1 there are only single pixels, and γ = p.

    Raises
    ------
    TypeError, ValueError
        For a p outside [0, 1], a block that does not fit.

    Examples
    --------
    >>> gamma = solved_gamma(0.5, 28, 28, 7)
    >>> round(gamma, 4), round(dropped_share(gamma, 28, 28, 7), 3)
    (0.0257, 0.5)
    """
    p = require_probability(p)
    pixels = _pixels_by_count(height, width, require_block_size(block_size, height, width))
    if p in (0, 1):
        return p
    log_keep, n = math.log1p(-p), height * width
    log_no_seed = log_keep * n / sum(count * number for count, number in pixels)
    for _ in range(12):
        terms = [(count, number * math.exp(count * log_no_seed)) for count, number in pixels]
        kept = sum(term for _, term in terms)
        slope = sum(count * term for count, term in terms) / kept
        log_no_seed -= (math.log(kept / n) - log_keep) / slope
    return -math.expm1(log_no_seed)


def gamma_and_share(p: float, height: int, width: int, block_size: int, gamma: str) -> tuple[float, float]:
    """The γ that the rule `gamma`, "solved" or "paper", gives, and the share of pixels that it drops on average.

    Examples
    --------
    >>> [round(number, 4) for number in gamma_and_share(0.5, 28, 28, 7, "paper")]
    [0.0165, 0.3723]
    """
    if require_gamma_rule(gamma) == "solved":
        return solved_gamma(p, height, width, block_size), require_probability(p)
    seed_p = paper_gamma(p, height, width, block_size)
    return seed_p, dropped_share(seed_p, height, width, block_size)


def pooled_variance(p: float, height: int, width: int, block_size: int) -> float:
    """Variance of the mean of a map of ones under DropBlock with the solved γ, the kept pixels scaled by 1/(1-p).

    Two pixels are both kept if no seed hits either, with probability (1 - γ)^(c + c' - o), where o places would hit
    both. With blocks of 1 it is that of dropout, p/(1-p)/(HW); with one block as large as the map that of spatial
    dropout, p/(1-p). Needs memory for (HW)² numbers.

    Parameters
    ----------
    p : float in [0, 1)
        Probability that a *pixel* is dropped, on average over the map.
    height, width : int
        H and W of the map.
    block_size : int
        Side b of the square block.

    Examples
    --------
    >>> [round(pooled_variance(0.5, 14, 14, b) ** 0.5, 3) for b in (1, 5, 14)]
    [0.071, 0.273, 1.0]
    """
    p = require_survivors(p)
    counts = seed_counts(height, width, block_size).ravel()
    both = np.kron(_shared_on_a_line(height, block_size), _shared_on_a_line(width, block_size))
    no_seed = 1 - solved_gamma(p, height, width, block_size)
    together = no_seed ** (counts[:, None] + counts - both)
    return float(together.mean() - (no_seed**counts).mean() ** 2) / (1 - p) ** 2


def _counts_on_a_line(length: int, block_size: int) -> list[int]:
    last = length - block_size  # the last place where a block fits
    return [min(pixel, last) - max(0, pixel - block_size + 1) + 1 for pixel in range(length)]


def _shared_on_a_line(length: int, block_size: int) -> NDArray[np.intp]:
    """Number of places from which a block hits both of two pixels, an int array (length, length)."""
    first = np.arange(length - block_size + 1)
    hits = np.array([(first <= pixel) & (pixel < first + block_size) for pixel in range(length)]).astype(np.intp)
    return hits @ hits.T


def _pixels_by_count(height: int, width: int, block_size: int) -> list[tuple[int, int]]:
    """Pairs (count, number of pixels that so many seeds could hit)."""
    rows = Counter(_counts_on_a_line(height, block_size))
    columns = Counter(_counts_on_a_line(width, block_size))
    return [(r * c, rows[r] * columns[c]) for r in rows for c in columns]
