"""DropBlock on arrays: square blocks of feature maps are dropped."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_count, require_float_array, require_mask, require_probability, require_rng
from dropout_lab.arguments_noise import require_block_size, require_gamma_rule, require_map_axes
from dropout_lab.masks import bernoulli_mask
from dropout_lab.moments_blocks import gamma_and_share
from dropout_lab.numpy_layers.dropout import Array, Cache, Dropout, dropout_forward


def drop_blocks(seeds: NDArray[np.bool_], block_size: int) -> NDArray[np.bool_]:
    """Keep-mask (N, C, H, W) with a block dropped below and to the right of every seed, itself included.

    Parameters
    ----------
    seeds : bool array (N, C, H - b + 1, W - b + 1)
        True where a block begins; every place is one where a block fits.
    block_size : int
        Side b of the square block, odd or even.

    Examples
    --------
    >>> drop_blocks(np.array([[[[True, False, False]]]]), 2)[0, 0].astype(int)
    array([[0, 0, 1, 1],
           [0, 0, 1, 1]])
    """
    examples, channels, rows, columns = seeds.shape
    tall = np.zeros((examples, channels, rows + block_size - 1, columns), bool)
    for offset in range(block_size):
        tall[:, :, offset : offset + rows] |= seeds
    dropped = np.zeros((*tall.shape[:3], columns + block_size - 1), bool)
    for offset in range(block_size):
        dropped[..., offset : offset + columns] |= tall
    return ~dropped


def block_mask(
    shape: tuple[int, int, int, int], gamma: float, block_size: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Sample a keep-mask of `shape` (N, C, H, W) that drops blocks, other ones in each map.

    Parameters
    ----------
    shape : tuple of 4 ints
    gamma : float in [0, 1]
        Probability that a *place where a block fits* is a seed.
    block_size : int
        Side of the square block.
    rng : numpy.random.Generator
        Draws the seeds.

    Examples
    --------
    >>> block_mask((1, 1, 4, 4), 1.0, 3, np.random.default_rng(0)).any()
    np.False_
    """
    block_size = require_block_size(block_size, *shape[2:])
    places = (*shape[:2], shape[2] - block_size + 1, shape[3] - block_size + 1)
    return drop_blocks(~bernoulli_mask(places, require_probability(gamma, "gamma"), rng), block_size)


def dropblock2d_forward(
    h: Array,
    p: float,
    block_size: int,
    rng: np.random.Generator | None = None,
    *,
    training: bool = True,
    mask: NDArray[np.bool_] | None = None,
    gamma: str = "solved",
) -> tuple[Array, Cache]:
    """Drop blocks of pixels and scale the others by one number: h̃ = m h / (1 - share) in training, h̃ = h otherwise.

    `share` is the *expected* share of dropped pixels, p with the solved γ: kept pixels are h/(1-p) as in dropout, no
    example depends on the coins of another, and the mean of a constant map is kept on average over masks. The paper
    divides by the share that was kept in this very pass, whose mean over the pixels it is counted on is then exact, but
    when all of them are dropped there is nothing to divide: one map under a block of its own size would keep a mean of
    1 - p. Both keep the mean of a map, not of each pixel: E[h̃_ij] = h_ij (1 - γ)^c_ij / (1 - p), more at the border,
    with c of :func:`dropout_lab.moments_blocks.seed_counts`. The backward pass is :func:`dropout_backward`.

    Parameters
    ----------
    h : float array (N, C, H, W)
        Feature maps; never modified.
    p : float in [0, 1]
        Probability that a *pixel* is dropped, on average over the map.
    block_size : int
        Side of the square block, odd or even, at most H and W.
    rng : numpy.random.Generator
        Draws the seeds; needed in training when no `mask` is given.
    training : bool, default True
        Off, the array `h` itself comes back.
    mask : bool array of the shape of `h`, optional
        The keep-mask to use in the place of a new one.
    gamma : {"solved", "paper"}
        Probability of a seed: the one that drops a share of p, or equation 1 of the paper, which ignores overlaps and
        drops less (.372 for p = .5, blocks of 7 and maps of 28×28).

    Returns
    -------
    h_dropped : array like `h`, same shape and dtype
    cache : what :func:`dropout_backward` needs; None when nothing was done

    Raises
    ------
    TypeError, ValueError
        As :func:`dropout_forward`; for maps that are not (N, C, H, W); for a block that does not fit.

    References
    ----------
    Ghiasi, Lin, Le (2018), DropBlock: A regularization method for convolutional networks, NeurIPS, section 3,
    algorithm 1 and equation 1.
    """
    h, p = require_float_array(h), require_probability(p)
    require_map_axes(h.shape, 2)
    n, channels, height, width = h.shape
    seed_p, share = gamma_and_share(p, height, width, block_size, require_gamma_rule(gamma))
    if training and mask is None:
        mask = block_mask((n, channels, height, width), seed_p, block_size, require_rng(rng))
    elif training:
        mask = require_mask(mask, h.shape)
    return dropout_forward(h, share, training=training, mask=mask)


class DropBlock2d(Dropout):
    """DropBlock as a layer: keeps its mask from forward to backward.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a *pixel* is dropped, on average over the map.
    block_size : int
        Side of the square block.
    rng : numpy.random.Generator
        Draws the seeds of every forward pass in training.
    gamma : {"solved", "paper"}
        How the probability of a seed follows from p, see :func:`dropblock2d_forward`.
    """

    def __init__(self, p: float, block_size: int, rng: np.random.Generator, *, gamma: str = "solved") -> None:
        super().__init__(p, rng)
        self.block_size, self.gamma = require_count(block_size, "block_size"), require_gamma_rule(gamma)

    def forward(self, h: Array, mask: NDArray[np.bool_] | None = None, *, training: bool = True) -> Array:
        """The output of :func:`dropblock2d_forward`; the cache stays with the layer."""
        h_dropped, self.cache = dropblock2d_forward(
            h, self.p, self.block_size, self.rng, training=training, mask=mask, gamma=self.gamma
        )
        return h_dropped

    def __repr__(self) -> str:
        return f"DropBlock2d(p={self.p}, block_size={self.block_size}, gamma={self.gamma!r})"
