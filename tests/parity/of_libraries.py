"""Rows against the formulas of Keras and timm, read and written anew; neither is installed."""

import math

import numpy as np
import torch

from dropout_lab import masks, numpy_layers, torch_layers
from pairs import Pair, row
from sides import RATES, both, coins, generator, law, outcome, times_coins, two_arrays

ROWS = []


def keras_dropout(h, mask, p):
    """Keras's backends select h / (1 - rate) or 0; a rate of 0 or 1 needs no coin."""
    return h if p == 0 else torch.where(mask, h / (1 - p if p < 1 else 1), 0.0)


@row(ROWS, "`Dropout`", "Keras `Dropout`", p=RATES)
def dropout_of_keras(p):
    h, grad_out = two_arrays((12, 7))
    mask = coins(h.shape, p)
    layers = torch_layers.Dropout(p), numpy_layers.Dropout(p, generator())
    yield from both(lambda tensor: keras_dropout(tensor, torch.from_numpy(mask), p), *layers, h, grad_out, mask)


@row(ROWS, "`SpatialDropout`", "Keras `SpatialDropout2D`, channels last", p=RATES)
def spatial_dropout_of_keras(p):
    h, grad_out = two_arrays((5, 3, 4, 2))
    mask = coins(h.shape, p, shared_axes=(2, 3))
    of_keras = torch.from_numpy(mask[:, :, 0, 0])[:, None, None, :]  # noise_shape (N, 1, 1, C)

    def theirs(tensor):
        return keras_dropout(tensor.movedim(1, -1), of_keras, p).movedim(-1, 1)

    layers = torch_layers.SpatialDropout(p), numpy_layers.SpatialDropout(p, generator())
    yield from both(theirs, *layers, h, grad_out, mask)


@row(ROWS, "`GaussianDropout`", "Keras `GaussianDropout`", p=RATES)
def gaussian_dropout_of_keras(p):
    h, grad_out = two_arrays((6, 5))
    if p == 1:
        ours, theirs = outcome(lambda: torch_layers.GaussianDropout(p)), outcome(lambda: math.sqrt(p / (1 - p)))
        yield Pair("torch", "errors", ours, theirs, why="p = 1 divides by zero in a call there; here no layer is made")
        return
    epsilon = masks.normal_noise((6, 5), np.random.default_rng(4))
    noise = 1.0 + (p / (1 - p)) ** 0.5 * epsilon  # mean 1, stddev √(rate / (1 - rate))
    layer = numpy_layers.GaussianDropout(p, np.random.default_rng(4))
    theirs = torch.from_numpy(noise)
    yield from both(lambda tensor: tensor * theirs, torch_layers.GaussianDropout(p), layer, h, grad_out, noise)
    drawn = numpy_layers.GaussianDropout(p, np.random.default_rng(4)).forward(h)
    yield Pair("NumPy", "noise of one generator", drawn, torch.from_numpy(h) * theirs)


@row(ROWS, "`AlphaDropout`", "Keras `AlphaDropout`", p=RATES[:-1])
def alpha_dropout_of_keras(p):
    h, grad_out = two_arrays((6, 5))
    mask, floor = coins(h.shape, p), -1.6732632423543772 * 1.0507009873554805
    scale = ((1 - p) * (1 + p * floor**2)) ** -0.5
    kept = torch.from_numpy(mask).double()

    def theirs(tensor):
        return scale * (tensor * kept + floor * (1 - kept)) - scale * floor * p

    layers = torch_layers.AlphaDropout(p), numpy_layers.AlphaDropout(p, generator())
    yield from both(theirs, *layers, h, grad_out, mask, sums=True)


@row(ROWS, "`max_norm_`", "Keras `MaxNorm`", c=(2.0,))
def max_norm_of_keras(c):
    weight = np.random.default_rng(6).normal(size=(6, 5))
    norms = np.sqrt((weight**2).sum(axis=1, keepdims=True))
    theirs = weight * np.clip(norms, 0, c) / (1e-7 + norms)
    why = "they divide by 10⁻⁷ + ‖w‖, which shrinks short weights too"
    yield Pair("torch", "output", torch_layers.max_norm_(torch.from_numpy(weight.copy()), c), theirs, why=why)
    yield Pair("NumPy", "output", numpy_layers.max_norm_(weight.copy(), c), theirs, why=why)


@row(ROWS, "`DropPath`", "timm `DropPath`", p=RATES)
def drop_path_of_timm(p):
    h, grad_out = two_arrays((9, 4, 3))
    mask = coins(h.shape, p, shared_axes=(1, 2))
    random = torch.from_numpy(mask[:, :1, :1]).double()
    layers = torch_layers.DropPath(p), numpy_layers.DropPath(p, np.random.default_rng(2))
    yield from both(lambda tensor: times_coins(tensor, random, p), *layers, h, grad_out, mask)
    if p == 0.2:

        def drawn(tensor):
            return times_coins(tensor, tensor.new_empty(len(tensor), 1, 1).bernoulli_(1 - p), p)

        yield from law(drawn, *layers, (2, 2))


@row(ROWS, "`DropBlock2d`", "timm `DropBlock2d`", p=(0.3,))
def dropblock_of_timm(p):
    h = two_arrays((3, 4, 7, 6))[0]
    mask = masks.bernoulli_mask(h.shape, p, np.random.default_rng(5))
    kept = torch.from_numpy(mask).double()
    why = "they scale by the share that happened to be dropped in the batch; here by the expected share"
    for here in (
        torch_layers.DropBlock2d(p, 3)(torch.from_numpy(h), torch.from_numpy(mask)),
        numpy_layers.DropBlock2d(p, 3, generator()).forward(h, mask),
    ):
        name = "torch" if torch.is_tensor(here) else "NumPy"
        yield Pair(name, "output", here, torch.from_numpy(h) * kept * (kept.numel() / kept.sum()), why=why)
