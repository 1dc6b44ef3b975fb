"""DropBlock: square blocks of feature maps are dropped."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dropout_lab.arguments import require_count, require_probability
from dropout_lab.arguments_noise import require_block_size, require_gamma_rule, require_map_axes
from dropout_lab.moments_blocks import gamma_and_share
from dropout_lab.torch_layers.arguments import require_float_tensor
from dropout_lab.torch_layers.dropout import Dropout, dropout
from dropout_lab.torch_layers.noise import bernoulli_mask


def drop_blocks(seeds: Tensor, block_size: int) -> Tensor:
    """Keep-mask (N, C, H, W) with a block dropped below and to the right of every seed, itself included.

    Parameters
    ----------
    seeds : bool tensor (N, C, H - b + 1, W - b + 1)
        True where a block begins; every place is one where a block fits.
    block_size : int
        Side b of the square block, odd or even.

    Examples
    --------
    >>> drop_blocks(torch.tensor([[[[True, False, False]]]]), 2)[0, 0].int()
    tensor([[0, 0, 1, 1],
            [0, 0, 1, 1]], dtype=torch.int32)
    """
    around = (block_size - 1,) * 4
    hit = nn.functional.max_pool2d(nn.functional.pad(seeds.float(), around), block_size, stride=1)
    return hit == 0


def block_mask(
    shape: Sequence[int],
    gamma: float,
    block_size: int,
    generator: torch.Generator | None = None,
    *,
    device: torch.device | str | None = None,
) -> Tensor:
    """Sample a keep-mask of `shape` (N, C, H, W) that drops blocks, other ones in each map.

    Parameters
    ----------
    shape : torch.Size or tuple of 4 ints
    gamma : float in [0, 1]
        Probability that a *place where a block fits* is a seed.
    block_size : int
        Side of the square block.
    generator : torch.Generator, optional
        Draws the seeds; None means PyTorch's default generator.
    device : torch.device or str, optional
        Where the mask lives.

    Examples
    --------
    >>> bool(block_mask((1, 1, 4, 4), 1.0, 3).any())
    False
    """
    examples, channels, height, width = shape
    block_size = require_block_size(block_size, height, width)
    places = torch.Size((examples, channels, height - block_size + 1, width - block_size + 1))
    seeds = ~bernoulli_mask(places, require_probability(gamma, "gamma"), generator, device=device)
    return drop_blocks(seeds, block_size)


def dropblock2d(
    h: Tensor,
    p: float,
    block_size: int,
    *,
    training: bool = True,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
    gamma: str = "solved",
) -> Tensor:
    """Drop blocks of pixels and scale the others by one number: h̃ = m h / (1 - share) in training, h̃ = h otherwise.

    `share` is the *expected* share of dropped pixels, p with the solved γ: kept pixels are h/(1-p) as in dropout, no
    example depends on the coins of another, and the mean of a constant map is kept on average over masks. The paper
    divides by the share that was kept in this very pass, whose mean over the pixels it is counted on is then exact, but
    when all of them are dropped there is nothing to divide: one map under a block of its own size would keep a mean of
    1 - p. Both keep the mean of a map, not of each pixel: E[h̃_ij] = h_ij (1 - γ)^c_ij / (1 - p), more at the border,
    with c of :func:`dropout_lab.moments_blocks.seed_counts`.

    Parameters
    ----------
    h : float tensor (N, C, H, W)
        Feature maps; never modified.
    p : float in [0, 1]
        Probability that a *pixel* is dropped, on average over the map.
    block_size : int
        Side of the square block, odd or even, at most H and W.
    training : bool, default True
        Off, the tensor `h` itself comes back.
    mask : bool tensor of the shape of `h`, optional
        The keep-mask to use in the place of a new one.
    generator : torch.Generator, optional
        Draws the seeds; None means PyTorch's default generator.
    gamma : {"solved", "paper"}
        Probability of a seed: the one that drops a share of p, or equation 1 of the paper, which ignores overlaps and
        drops less (.372 for p = .5, blocks of 7 and maps of 28×28).

    Returns
    -------
    h_dropped : tensor like `h`

    Raises
    ------
    TypeError, ValueError
        As :func:`dropout`; for maps that are not (N, C, H, W); for a block that does not fit.

    References
    ----------
    Ghiasi, Lin, Le (2018), DropBlock: A regularization method for convolutional networks, NeurIPS, section 3,
    algorithm 1 and equation 1.
    """
    h, p = require_float_tensor(h), require_probability(p)
    require_map_axes(h.shape, 2)
    seed_p, share = gamma_and_share(p, h.shape[2], h.shape[3], block_size, require_gamma_rule(gamma))
    if training and mask is None:
        mask = block_mask(h.shape, seed_p, block_size, generator, device=h.device)
    return dropout(h, share, training=training, mask=mask)


class DropBlock2d(Dropout):
    """DropBlock as a module: active after ``train()``, the identity after ``eval()``.

    Parameters
    ----------
    p : float in [0, 1]
        Probability that a *pixel* is dropped, on average over the map. A new ``layer.p`` is checked as well.
    block_size : int
        Side of the square block.
    generator : torch.Generator, optional
        Draws the seeds of every forward pass in training; None means PyTorch's default generator.
    gamma : {"solved", "paper"}
        How the probability of a seed follows from p, see :func:`dropblock2d`.

    Examples
    --------
    >>> layer = DropBlock2d(0.2, 3)
    >>> layer
    DropBlock2d(p=0.2, block_size=3, gamma='solved')
    >>> sorted(layer(torch.ones(8, 8, 9, 9)).unique().tolist())
    [0.0, 1.25]
    """

    def __init__(
        self, p: float, block_size: int, generator: torch.Generator | None = None, *, gamma: str = "solved"
    ) -> None:
        super().__init__(p, generator)
        self.block_size, self.gamma = require_count(block_size, "block_size"), require_gamma_rule(gamma)

    def forward(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """The output of :func:`dropblock2d`, with the module's own `training`."""
        return dropblock2d(
            h,
            self.p,
            self.block_size,
            training=self.training,
            mask=mask,
            generator=self.generator,
            gamma=self.gamma,
        )

    def extra_repr(self) -> str:
        """What ``print(layer)`` shows between the brackets."""
        return f"p={self.p}, block_size={self.block_size}, gamma={self.gamma!r}"
