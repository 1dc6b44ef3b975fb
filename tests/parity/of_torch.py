"""Rows against PyTorch itself, whose noise is read off what it makes of ones."""

import numpy as np
import torch
from torch import nn

from dropout_lab import numpy_layers, torch_layers
from dropout_lab.moments_noise import SELU_FLOOR, alpha_dropout_affine
from pairs import Law, Pair, row
from sides import DRAWS, RATES, at_seed, beside, both, dropped_of_ones, law, outcome, patterns, seeded, two_arrays

ROWS = []
SDPA = nn.functional.scaled_dot_product_attention
SHAPES = {
    nn.Dropout: [(12, 7)],
    nn.Dropout1d: [(5, 7, 4)],
    nn.Dropout2d: [(5, 7, 4, 3)],
    nn.Dropout3d: [(5, 7, 4, 3, 2)],
    nn.AlphaDropout: [(5, 7)],
    nn.FeatureAlphaDropout: [(5, 7, 4), (5, 7, 4, 3, 2)],
}


def kept(theirs, shape, p):
    """The keep-mask that a module of PyTorch draws at the seed of `seeded`."""
    of_ones = dropped_of_ones(theirs, shape).numpy()
    if "Alpha" not in type(theirs).__name__:
        return of_ones != 0
    scale, shift = alpha_dropout_affine(p) if p < 1 else (0.0, 0.0)
    return of_ones > scale * (1 + SELU_FLOOR) / 2 + shift  # between a kept one and a dropped one


def against_module(kind, name):
    """The rows of one of our layers against a module of PyTorch: numbers on its mask, and the law of its masks."""
    make = {"torch": lambda p: getattr(torch_layers, name)(p)}
    make["NumPy"] = lambda p: getattr(numpy_layers, name)(p, np.random.default_rng(0))

    @row(ROWS, f"`{name}`", f"`torch.nn.{kind.__name__}`", p=RATES, shape=SHAPES[kind])
    def numbers(p, shape):
        h, grad_out = two_arrays(shape)
        yield from both(seeded(kind(p)), make["torch"](p), make["NumPy"](p), h, grad_out, kept(kind(p), shape, p))
        yield Pair("torch", "eval", make["torch"](p).eval()(torch.from_numpy(h)), kind(p).eval()(torch.from_numpy(h)))
        yield Pair("NumPy", "eval", make["NumPy"](p).forward(h, training=False), kind(p).eval()(torch.from_numpy(h)))

    @row(ROWS, f"`{name}`", f"`torch.nn.{kind.__name__}`", p=(0.3,))
    def noise(p):
        yield from law(kind(p), make["torch"](p), make["NumPy"](p), (2, 2, 2, 2)[: len(SHAPES[kind][0]) - 1])


against_module(nn.Dropout, "Dropout")


@row(ROWS, "`dropout`, `DropoutFunction`", "`torch.nn.Dropout`", p=RATES)
def dropout_functions(p):
    h, grad_out = two_arrays((12, 7))
    mask, theirs = torch.from_numpy(kept(nn.Dropout(p), (12, 7), p)), seeded(nn.Dropout(p))
    yield from beside(theirs, lambda tensor: torch_layers.dropout(tensor, p, mask=mask), h, grad_out)
    yield from beside(theirs, lambda tensor: torch_layers.DropoutFunction.apply(tensor, mask, p), h, grad_out)


@row(ROWS, "`Dropout`", "`torch.nn.Dropout`", p=(float("nan"),))
def dropout_of_nan(p):
    why = "p = NaN passes their check, all comparisons with NaN being false; here it is a ValueError"
    yield Pair("torch", "errors", outcome(lambda: torch_layers.Dropout(p)), outcome(lambda: nn.Dropout(p)), why=why)


against_module(nn.Dropout1d, "SpatialDropout")
against_module(nn.Dropout2d, "SpatialDropout")
against_module(nn.Dropout3d, "SpatialDropout")


@row(ROWS, "`SpatialDropout`", "`torch.nn.Dropout1d`")
def unbatched_maps():
    why = "an input without batch axis is an error here, (C, L) looking like (N, D)"
    ours, theirs = torch_layers.SpatialDropout(0.3), nn.Dropout1d(0.3)
    maps = torch.ones(7, 4)
    yield Pair("torch", "errors", outcome(lambda: ours(maps)), outcome(lambda: seeded(theirs)(maps)), why=why)


against_module(nn.AlphaDropout, "AlphaDropout")
against_module(nn.FeatureAlphaDropout, "FeatureAlphaDropout")


@row(ROWS, "`LockedDropout`", "`torch.nn.Dropout1d` with time last", p=RATES)
def locked_dropout(p):
    h, grad_out = two_arrays((7, 4, 3))  # (N, L, D)

    def theirs(tensor):
        return nn.functional.dropout1d(tensor.transpose(1, 2), p).transpose(1, 2)

    mask = np.ascontiguousarray(dropped_of_ones(theirs, (7, 4, 3)) != 0)
    layer = numpy_layers.LockedDropout(p, np.random.default_rng(0))
    yield from both(seeded(theirs), torch_layers.LockedDropout(p), layer, h, grad_out, mask)
    if p == 0.2:
        yield from law(theirs, torch_layers.LockedDropout(p), layer, (2, 2))


def queries_keys_values():
    rng = np.random.default_rng(5)
    return [rng.normal(size=shape) for shape in [(2, 3, 4), (2, 5, 4), (2, 5, 6)]], rng.normal(size=(2, 3, 6))


@row(ROWS, "`AttentionDropout`", "`scaled_dot_product_attention`", p=RATES, is_causal=(False, True))
def attention(p, is_causal):
    arrays, grad_out = queries_keys_values()
    options = {"dropout_p": p, "is_causal": is_causal}
    tensors = [torch.from_numpy(array).requires_grad_() for array in arrays]
    eye = torch.eye(5, dtype=torch.float64).expand(2, 5, 5)  # values that show the weights
    mask = seeded(lambda: SDPA(*tensors[:2], eye, **options))() != 0  # weights without later keys are 0 anyway
    out = seeded(lambda: SDPA(*tensors, **options))()
    ours = torch_layers.AttentionDropout(p, is_causal=is_causal)(*tensors, mask)
    array, cache = numpy_layers.attention_forward(*arrays, p, mask=mask.numpy(), is_causal=is_causal)
    yield Pair("torch", "output", ours, out, sums=True)
    yield Pair("NumPy", "output", array, out, sums=True)
    theirs, mine = (torch.autograd.grad(each, tensors, torch.from_numpy(grad_out)) for each in (out, ours))
    for grad, module, layer in zip(theirs, mine, numpy_layers.attention_backward(grad_out, cache), strict=True):
        yield Pair("torch", "gradient", module, grad, sums=True)
        yield Pair("NumPy", "gradient", layer, grad, sums=True)


@row(ROWS, "`AttentionDropout`", "`scaled_dot_product_attention`", p=(0.3,))
def attention_law(p):
    zeros, eye = torch.zeros(DRAWS, 2, 2), torch.eye(2).expand(DRAWS, 2, 2)
    there = at_seed(3, lambda: SDPA(zeros, zeros, eye, dropout_p=p)).flatten(1)
    here = torch_layers.AttentionDropout(p, torch.Generator().manual_seed(1))(zeros, zeros, eye).flatten(1)
    rng = np.random.default_rng(2)
    array, _ = numpy_layers.attention_forward(zeros.numpy(), zeros.numpy(), eye.numpy(), p, rng)
    for name, weights in (("torch", here.numpy()), ("NumPy", array.reshape(DRAWS, 4))):
        yield Law(name, patterns(weights, size=1), patterns(there.numpy(), size=1))


@row(ROWS, "`AttentionDropout`", "`scaled_dot_product_attention`", p=(0.3,))
def attention_in_eval(p):
    tensors = [torch.from_numpy(array) for array in queries_keys_values()[0]]
    theirs, layer = seeded(lambda: SDPA(*tensors, dropout_p=p))(), torch_layers.AttentionDropout(p).eval()
    yield Pair("torch", "eval", layer(*tensors), SDPA(*tensors), sums=True)
    yield Pair("torch", "eval", layer(*tensors), theirs, why="their function knows no eval mode and drops for ever")


@row(ROWS, "`max_norm_`", "`torch.renorm`", c=(0.5, 2.0))
def max_norm(c):
    weight = np.random.default_rng(6).normal(size=(6, 5))
    theirs = torch.renorm(torch.from_numpy(weight), p=2, dim=0, maxnorm=c)
    why = "they divide by ‖w‖ + 10⁻⁷, so long weights end a little below c"
    yield Pair("torch", "output", torch_layers.max_norm_(torch.from_numpy(weight.copy()), c), theirs, why=why)
    yield Pair("NumPy", "output", numpy_layers.max_norm_(weight.copy(), c), theirs, why=why)
