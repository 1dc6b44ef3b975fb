"""Rows against the equations of papers whose noise is a coin for each unit, map, weight, word type or example."""

import numpy as np
import torch
from torch import nn

from dropout_lab import numpy_layers, torch_layers
from dropout_lab.moments_noise import SELU_FLOOR
from pairs import Law, Pair, row
from sides import DRAWS, RATES, both, coins, generator, law, patterns, times_coins, two_arrays, with_gradient

ROWS = []


@row(ROWS, "`Dropout`", "Srivastava 2014: m h in training, (1 − p) h at test time", p=(0.2,))
def dropout_of_2014(p):
    h, _ = two_arrays((12, 7))
    mask, tensor = coins(h.shape, p), torch.from_numpy(h)
    why = "survivors are scaled in training here, so that eval is the identity"
    module, layer = torch_layers.Dropout(p), numpy_layers.Dropout(p, generator())
    for name, train, test in (
        ("torch", module(tensor, torch.from_numpy(mask)), module.eval()(tensor)),
        ("NumPy", layer.forward(h, mask), layer.forward(h, training=False)),
    ):
        yield Pair(name, "output", train, mask * h, why=why)
        yield Pair(name, "eval", test, (1 - p) * h, why=why)
        yield Pair(name, "output × (1 − p)", (1 - p) * np.asarray(train), mask * h, sums=True)


@row(ROWS, "`DropConnectLinear`", "Wan 2013: (m ∘ W) h + b, a mask for each example", p=RATES)
def dropconnect(p):
    rng = np.random.default_rng(2)
    h, grad_out = rng.normal(size=(6, 5)), rng.normal(size=(6, 4))
    layer, module = dropconnect_layers(p, rng)
    mask = coins((6, 4, 5), p)
    kept = module.weight.detach() * torch.from_numpy(mask) * (1 / (1 - p) if p < 1 else 0.0)

    def scaled(tensor):
        return torch.stack([nn.functional.linear(row, w, module.bias) for row, w in zip(tensor, kept, strict=True)])

    yield from both(scaled, module, layer, h, grad_out, mask, sums=True)
    if p == 0.2:
        unscaled = torch.einsum("nkd,nd->nk", kept * (1 - p), torch.from_numpy(h)) + module.bias
        why = "survivors are scaled in training here, weights at test time there"
        yield Pair("torch", "output", module(torch.from_numpy(h), torch.from_numpy(mask)), unscaled, why=why)
        yield Pair("NumPy", "output", layer.forward(h, mask), unscaled, why=why)


def dropconnect_layers(p, rng, **options):
    """Our two layers with one weight, float64."""
    layer = numpy_layers.DropConnectLinear(5, 4, p, rng, dtype=np.float64, **options)
    module = torch_layers.DropConnectLinear(5, 4, p, **options).double()
    module.load_state_dict({"weight": torch.from_numpy(layer.weight), "bias": torch.from_numpy(layer.bias)})
    return layer, module


@row(ROWS, "moments of `DropConnectLinear`", "Wan 2013: a Gaussian with those of the masks", p=RATES[:-1])
def moments_of_dropconnect(p):
    rng = np.random.default_rng(3)
    h, noise = rng.normal(size=(6, 5)), rng.normal(size=(6, 4))
    layer, module = dropconnect_layers(p, rng, inference="moments")
    mean, variance = h @ layer.weight.T + layer.bias, p / (1 - p) * (h**2 @ (layer.weight**2).T)
    there = mean + np.sqrt(variance) * noise
    yield Pair("torch", "eval", module.eval()(torch.from_numpy(h), noise=torch.from_numpy(noise)), there, sums=True)
    yield Pair("NumPy", "eval", layer.forward(h, training=False, noise=noise), there, sums=True)


@row(ROWS, "`DropPath`", "Huang 2016: one coin for the batch, the branch times 1 − p at test time", p=(0.3,))
def drop_path_of_2016(p):
    layers = torch_layers.DropPath(p), numpy_layers.DropPath(p, np.random.default_rng(2))

    def theirs(tensor):
        batches = torch.empty(len(tensor) // 2, 1).bernoulli_(1 - p)  # batches of two examples
        return tensor * batches.repeat_interleave(2, dim=0)

    yield from law(theirs, *layers, (3,), why="one coin for each example: a batch is not without the branch as a whole")
    h = two_arrays((4, 3))[0]
    why = "survivors are scaled in training here, so that eval is the identity"
    yield Pair("torch", "eval", layers[0].eval()(torch.from_numpy(h)), (1 - p) * h, why=why)


@row(ROWS, "`LockedDropout`", "Merity 2018 (AWD-LSTM): coins (1, N, D) / (1 − p), time first", p=RATES)
def locked_dropout(p):
    h, grad_out = two_arrays((7, 4, 3))
    mask = coins(h.shape, p, shared_axes=(0,))
    random = torch.from_numpy(mask[:1]).double()
    layers = torch_layers.LockedDropout(p, time_axis=0), numpy_layers.LockedDropout(p, generator(), time_axis=0)
    yield from both(lambda tensor: times_coins(tensor, random, p), *layers, h, grad_out, mask)


@row(ROWS, "`EmbeddingDropout`", "Merity 2018 (AWD-LSTM): rows of the matrix are dropped", p=RATES)
def embedding_dropout(p):
    rng = np.random.default_rng(6)
    tokens, weight, grad_out = rng.integers(9, size=(4, 7)), rng.normal(size=(9, 3)), rng.normal(size=(4, 7, 3))
    types = coins((9,), p)
    mask = np.repeat(types[None], 4, axis=0)  # the same coins for all sequences, as there
    random = torch.from_numpy(types[:, None]).double()

    def theirs(tensor):
        return nn.functional.embedding(torch.from_numpy(tokens), times_coins(tensor, random, p))

    def ours(tensor):
        return torch_layers.embedding_dropout(torch.from_numpy(tokens), tensor, p, mask=torch.from_numpy(mask))

    (out, grad), (here, mine) = (with_gradient(function, weight, grad_out) for function in (theirs, ours))
    array, cache = numpy_layers.embedding_dropout_forward(tokens, weight, p, mask=mask)
    for name, output, gradient in (
        ("torch", here, mine),
        ("NumPy", array, numpy_layers.embedding_dropout_backward(grad_out, cache)),
    ):
        yield Pair(name, "output", output, out)
        yield Pair(name, "gradient", gradient, grad, sums=True)


def dropped_types(p):
    """Patterns of two word types in two neighbouring sequences, of each of our layers."""
    tokens, weight = np.repeat([[0, 1]], 2 * DRAWS, axis=0), np.ones((2, 1))
    source, tensors = torch.Generator().manual_seed(1), (torch.from_numpy(tokens), torch.from_numpy(weight))
    yield "torch", patterns(torch_layers.embedding_dropout(*tensors, p, generator=source))
    yield "NumPy", patterns(numpy_layers.embedding_dropout_forward(tokens, weight, p, np.random.default_rng(2))[0])


@row(ROWS, "`EmbeddingDropout`", "Gal 2016: a coin for each sequence and word type", p=(0.3,))
def law_of_gal(p):
    for name, here in dropped_types(p):
        yield Law(name, here, ~coins((DRAWS, 4), p))


@row(ROWS, "`EmbeddingDropout`", "Merity 2018 (AWD-LSTM): one coin a word type for the batch", p=(0.3,))
def law_of_merity(p):
    why = "a coin for each sequence and word type, as Gal and Ghahramani 2016 have it"
    of_batch = np.repeat(~coins((DRAWS, 2), p)[:, None], 2, axis=1)  # batches of two sequences
    for name, here in dropped_types(p):
        yield Law(name, here, of_batch.reshape(DRAWS, -1), why)


@row(ROWS, "`AlphaDropout`", "Klambauer 2017: a (h m + α'(1 − m)) + b", p=RATES[:-1])
def alpha_dropout_of_2017(p):
    h, grad_out = two_arrays((6, 5))
    mask, keep = coins(h.shape, p), 1 - p  # the paper's q
    scale = (keep + SELU_FLOOR**2 * keep * (1 - keep)) ** -0.5
    shift = -scale * (1 - keep) * SELU_FLOOR

    def theirs(tensor):
        return scale * torch.where(torch.from_numpy(mask), tensor, SELU_FLOOR) + shift

    layers = torch_layers.AlphaDropout(p), numpy_layers.AlphaDropout(p, generator())
    yield from both(theirs, *layers, h, grad_out, mask, sums=True)
