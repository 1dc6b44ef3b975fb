"""Torch noise: nothing among the torch layers draws any but this and `raw_bits`."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from dropout_lab.arguments import require_axes, require_probability, require_shape
from dropout_lab.torch_layers.arguments import require_generator


def bernoulli_mask(
    shape: int | Sequence[int],
    p: float,
    generator: torch.Generator | None = None,
    *,
    shared_axes: Sequence[int] = (),
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """Sample a keep-mask: True where a unit is kept.

    The torch twin of :func:`dropout_lab.masks.bernoulli_mask`. The coins are drawn as float32 whatever the dtype of the
    activations: bfloat16 has 8 bits, too few for a probability.

    Parameters
    ----------
    shape : int or tuple of int
        Shape of the mask, usually ``h.shape``.
    p : float in [0, 1]
        Probability that a unit is *dropped*.
    generator : torch.Generator, optional
        Where the coins come from; its state moves on. None means PyTorch's default generator, as for ``torch.rand`` and
        ``nn.Dropout``: the one that ``torch.func.vmap`` and ``torch.compile`` know how to handle.
    shared_axes : tuple of int, default ()
        Axes along which one coin decides for all positions; negative axes count from the end.
    device : torch.device or str, optional
        Where the mask lives; by default PyTorch's default device. A generator must be on the same one.

    Returns
    -------
    mask : bool tensor of shape `shape`

    Raises
    ------
    TypeError, ValueError
        For a p outside [0, 1], a seed in the place of `generator`, an empty shape, an axis that is not there.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> bernoulli_mask((2, 5), 0.2, generator).shape
    torch.Size([2, 5])
    >>> maps = bernoulli_mask((3, 4, 8, 8), 0.2, generator, shared_axes=(2, 3))
    >>> bool((maps == maps[:, :, :1, :1]).all())
    True

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), Dropout: A Simple Way to Prevent Neural Networks
    from Overfitting, JMLR 15, section 4.
    """
    # a torch.Size comes from a tensor; while torch.export traces, it holds symbols in the place of ints
    sizes = shape if isinstance(shape, torch.Size) and 0 not in shape else require_shape(shape)
    p = require_probability(p)
    shared = require_axes(shared_axes, len(sizes))
    coins = tuple(1 if axis in shared else size for axis, size in enumerate(sizes))
    if require_generator(generator) is None:  # its own line: torch.export refuses a symbolic shape beside a generator
        uniform = torch.rand(coins, dtype=torch.float32, device=device)
    else:
        uniform = torch.rand(coins, generator=generator, dtype=torch.float32, device=device)
    kept = uniform >= p  # >= and not >: torch.rand can return exactly 0.0, which must be kept at p = 0
    return kept.expand(sizes).contiguous() if shared else kept


def unequal_mask(p: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
    """Sample a keep-mask of units that have a drop probability each: True where a unit is kept.

    Parameters
    ----------
    p : float tensor of any shape, with values in [0, 1]
        Probability that *this unit* is dropped, by the layer that asks; its values are not checked.
    generator : torch.Generator, optional
        Where the coins come from; its state moves on. None means PyTorch's default generator.

    Returns
    -------
    mask : bool tensor of the shape of `p`, on its device

    Raises
    ------
    TypeError
        For a seed in the place of `generator`.

    Examples
    --------
    >>> unequal_mask(torch.tensor([0.0, 1.0]))
    tensor([ True, False])
    """
    # see bernoulli_mask for float32, the two lines that draw, and for >=
    if require_generator(generator) is None:
        return torch.rand(p.shape, dtype=torch.float32, device=p.device) >= p
    return torch.rand(p.shape, generator=generator, dtype=torch.float32, device=p.device) >= p


def normal_noise(
    shape: int | Sequence[int],
    generator: torch.Generator | None = None,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """Sample independent standard normal numbers ε ~ N(0, 1); 1 + √α ε has mean 1 and variance α.

    The torch twin of :func:`dropout_lab.masks.normal_noise`.

    Parameters
    ----------
    shape : int or tuple of int
        Shape of the noise, usually ``h.shape``.
    generator : torch.Generator, optional
        Where the numbers come from; its state moves on. None means PyTorch's default generator.
    dtype : float dtype, default float32
        What comes back. Dtypes narrower than float32 are drawn as float32 and rounded.
    device : torch.device or str, optional
        Where the noise lives; by default PyTorch's default device. A generator must be on the same one.

    Returns
    -------
    noise : float tensor of shape `shape`

    Raises
    ------
    TypeError, ValueError
        For a seed in the place of `generator`, an empty shape, a dtype that does not hold real floats.

    Examples
    --------
    >>> noise = normal_noise((200, 500), torch.Generator().manual_seed(0))
    >>> noise.dtype, round(noise.std().item(), 2)
    (torch.float32, 1.0)
    """
    # see bernoulli_mask for the torch.Size and for the two lines that draw
    sizes = shape if isinstance(shape, torch.Size) and 0 not in shape else require_shape(shape)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise TypeError(f"dtype is a float dtype such as torch.float32; got {dtype}.")
    drawn = torch.float64 if dtype == torch.float64 else torch.float32
    if require_generator(generator) is None:
        return torch.randn(sizes, dtype=drawn, device=device).to(dtype)
    return torch.randn(sizes, generator=generator, dtype=drawn, device=device).to(dtype)


def logistic_noise(
    shape: int | Sequence[int],
    generator: torch.Generator | None = None,
    *,
    shared_axes: Sequence[int] = (),
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """Sample independent logistic numbers log u - log(1 - u), u uniform in (0, 1): the noise of a relaxed coin.

    log(p / (1 - p)) plus it is above zero with probability p, so its sign is a coin and a sigmoid of it a soft one.

    Parameters
    ----------
    shape : int or tuple of int
        Shape of the noise, usually ``h.shape``.
    generator : torch.Generator, optional
        Where the numbers come from; its state moves on. None means PyTorch's default generator.
    shared_axes : tuple of int, default ()
        Axes along which one number serves all positions; negative axes count from the end.
    device : torch.device or str, optional
        Where the noise lives; by default PyTorch's default device. A generator must be on the same one.

    Returns
    -------
    noise : float32 tensor of shape `shape`, finite: between -17.4 and 17.4

    Raises
    ------
    TypeError, ValueError
        For a seed in the place of `generator`, an empty shape, an axis that is not there.

    Examples
    --------
    >>> noise = logistic_noise((200, 500), torch.Generator().manual_seed(0))
    >>> round(noise.std().item(), 1)  # π / √3
    1.8
    """
    # see bernoulli_mask for the torch.Size and for the two lines that draw
    sizes = shape if isinstance(shape, torch.Size) and 0 not in shape else require_shape(shape)
    shared = require_axes(shared_axes, len(sizes))
    drawn = tuple(1 if axis in shared else size for axis, size in enumerate(sizes))
    if require_generator(generator) is None:
        uniform = torch.rand(drawn, dtype=torch.float32, device=device)
    else:
        uniform = torch.rand(drawn, generator=generator, dtype=torch.float32, device=device)
    # torch.rand gives k / 2^24 for whole k: half a step up, no u is 0, and float64 keeps the last below 1
    noise = torch.logit(uniform.double() + 2.0**-25).float()
    return noise.expand(sizes).contiguous() if shared else noise
