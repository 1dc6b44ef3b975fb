"""Checks of the tensors and generators that callers pass in: what `dropout_lab.arguments` is for arrays."""

from __future__ import annotations

import torch

from dropout_lab.arguments_noise import unshared_mask


def require_generator(generator: object) -> torch.Generator | None:
    """Return `generator` if it is a torch.Generator or None; raise TypeError with the usual repair otherwise."""
    if generator is not None and not isinstance(generator, torch.Generator):
        is_seed = isinstance(generator, int) and not isinstance(generator, bool)
        hint = f" Make one with torch.Generator().manual_seed({generator}) and pass it on." if is_seed else ""
        raise TypeError(f"generator is the torch.Generator that flips the coins; got {generator!r}.{hint}")
    return generator


def require_float_tensor(h: object, name: str = "h") -> torch.Tensor:
    """Return `h` if it is a non-empty tensor of real floats.

    Raises
    ------
    TypeError
        If `h` is not a tensor or holds no real floats: scaling by 1/(1-p) has no place in integers.
    ValueError
        If `h` is empty.
    """
    if not isinstance(h, torch.Tensor):
        repair = "Wrap it in torch.tensor(..., dtype=torch.float32)."
        raise TypeError(f"{name} is a tensor of floats; got {type(h).__name__}. {repair}")
    if not h.is_floating_point():
        repair = "" if h.is_complex() else f" Scaled units are not whole: use {name}.float()."
        raise TypeError(f"{name} must hold real floats; got dtype {h.dtype}.{repair}")
    if h.numel() == 0:
        raise ValueError(f"{name} is empty (shape {tuple(h.shape)}): there is no unit to drop.")
    return h


def require_mask_tensor(mask: object, h: torch.Tensor, shape: torch.Size | None = None, of: str = "h") -> torch.Tensor:
    """Return `mask` if it is a bool tensor on the device of `h` and with its shape, True where a unit is kept.

    Another `shape` than that of `h` is the shape of what `of` names.

    Raises
    ------
    TypeError
        If `mask` is not a bool tensor; noise with real values is not a mask.
    ValueError
        If its shape or its device differs from that of `h`.
    """
    if not isinstance(mask, torch.Tensor) or mask.dtype != torch.bool:
        kind = mask.dtype if isinstance(mask, torch.Tensor) else type(mask).__name__
        raise TypeError(f"mask is a bool tensor, True where a unit is kept; got {kind}. Leave 1/(1-p) out of it.")
    wanted = h.shape if shape is None else shape
    if mask.shape != wanted:
        raise ValueError(f"mask must have the shape of {of}, {tuple(wanted)}; got {tuple(mask.shape)}.")
    if mask.device != h.device:
        raise ValueError(f"mask must be on the device of h, {h.device}; got {mask.device}.")
    return mask


def require_shared_mask_tensor(mask: object, h: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """Return `mask` if it fits `h` and holds one coin along `axes`.

    While torch.compile or torch.export traces there are no values to look at, nor on the meta device: then shape and
    dtype alone are checked. torch.func.vmap refuses to look at values, so draw the mask inside of it.

    Raises
    ------
    TypeError, ValueError
        As :func:`require_mask_tensor`, and where two positions that share a coin differ.
    """
    mask = require_mask_tensor(mask, h)
    if torch.compiler.is_compiling() or mask.device.type == "meta":
        return mask
    coins = mask[tuple(slice(1) if axis in axes else slice(None) for axis in range(mask.dim()))]
    if not torch.equal(mask, coins.expand_as(mask)):
        raise ValueError(unshared_mask(axes))
    return mask


def require_noise_tensor(noise: object, shape: torch.Size, device: torch.device) -> torch.Tensor:
    """Return `noise` if it is a float tensor of exactly `shape` on `device`.

    Raises
    ------
    TypeError
        If `noise` is not a tensor of real floats; a mask of bools is not noise with real values.
    ValueError
        If its shape differs from `shape` or its device from `device`.
    """
    if not isinstance(noise, torch.Tensor) or not noise.is_floating_point():
        kind = noise.dtype if isinstance(noise, torch.Tensor) else type(noise).__name__
        raise TypeError(f"noise is a tensor of floats, one real number for each unit; got {kind}.")
    if noise.shape != shape:
        wanted, found = tuple(shape), tuple(noise.shape)
        raise ValueError(f"noise must have the shape of what it multiplies or moves, {wanted}; got {found}.")
    if noise.device != device:
        raise ValueError(f"noise must be on the device of h, {device}; got {noise.device}.")
    return noise
