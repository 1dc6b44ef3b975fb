"""What comparisons share: inputs, noise that another layer draws at a seed, both of our layers beside a function."""

import numpy as np
import torch

from dropout_lab.masks import bernoulli_mask
from pairs import Law, Pair

RATES = (0.0, 0.05, 0.2, 1 / 3, 0.5, 0.9, 1.0)
DRAWS = 20_000


def two_arrays(shape, seed=1):
    """Activations and a gradient of the loss for the output, float64."""
    return np.random.default_rng(seed).normal(size=(2, *shape))


def coins(shape, p, seed=4, shared_axes=()):
    """A keep-mask from a seed."""
    return bernoulli_mask(shape, p, np.random.default_rng(seed), shared_axes=shared_axes)


def generator():
    """The generator of a NumPy layer whose mask is given."""
    return np.random.default_rng(0)


def times_coins(h, random, p):
    """Coins as floats, divided by the keep probability unless that is 0: timm and AWD-LSTM make their noise so."""
    return h * (random / (1 - p) if p < 1 else random)


def leaf(values):
    return torch.from_numpy(np.array(values)).requires_grad_()


def at_seed(seed, function):
    """What a function of PyTorch's default generator gives at a seed; the generator is left as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return function()


def seeded(function, seed=3):
    """The function with the default generator set before every call: the same noise for any input of one shape."""
    return lambda *tensors: at_seed(seed, lambda: function(*tensors))


def dropped_of_ones(function, shape, seed=3):
    """What a function makes of ones at the seed: its mask is read off it."""
    return at_seed(seed, lambda: function(torch.ones(shape, dtype=torch.float64)))


def with_gradient(function, h, grad_out):
    """Output of a function of one tensor, and its gradient for the input."""
    tensor = leaf(h)
    out = function(tensor)
    return out, torch.autograd.grad(out, tensor, torch.from_numpy(grad_out))[0]


def beside(theirs, ours, h, grad_out, name="torch", sums=False):
    """Pairs of output and gradient of two functions of a tensor."""
    for what, here, there in zip(
        ("output", "gradient"), with_gradient(ours, h, grad_out), with_gradient(theirs, h, grad_out), strict=True
    ):
        yield Pair(name, what, here, there, sums)


def both(theirs, module, layer, h, grad_out, noise, sums=False):
    """Pairs of output and gradient: our module's and our NumPy layer's on the given noise, beside a function's."""
    yield from beside(theirs, lambda tensor: module(tensor, torch.from_numpy(noise)), h, grad_out, sums=sums)
    out, grad = with_gradient(theirs, h, grad_out)
    yield Pair("NumPy", "output", layer.forward(h, noise), out, sums)
    yield Pair("NumPy", "gradient", layer.backward(grad_out), grad, sums)


def law(theirs, module, layer, shape, why=""):
    """Patterns of zeros of two neighbouring examples: ours, drawn by our generators, beside a function's of ones."""
    ones = np.ones((2 * DRAWS, *shape))
    module.generator = torch.Generator().manual_seed(5)
    there = patterns(at_seed(6, lambda: theirs(torch.from_numpy(ones))))
    yield Law("torch", patterns(module(torch.from_numpy(ones))), there, why)
    yield Law("NumPy", patterns(layer.forward(ones)), there, why)


def patterns(values, size=2):
    """Which of `size` neighbouring examples' units are not kept, (n, …); a kept one has the largest value."""
    values = np.asarray(values)
    return (values < values.max()).reshape(len(values) // size, -1)


def outcome(function):
    """The name of the error that a call raises, or "accepted"."""
    try:
        function()
    except Exception as error:
        return type(error).__name__
    return "accepted"
