"""One noise, the same float64 bits in NumPy, in our torch layers and upstream: the variants between plain layers.

As in test_parity.py, exact means 0 ulp, the sign of a zero too. Upstream's noise is read off what it makes of ones.
"""

import numpy as np
import pytest
import torch
from torch import nn

from dropout_lab import masks, numpy_layers, torch_layers
from dropout_lab.moments_blocks import gamma_and_share
from dropout_lab.moments_noise import SELU_FLOOR, alpha_dropout_affine

RATES = (0.0, 0.05, 0.2, 1 / 3, 0.5, 0.9, 1.0)


def assert_same_bits(first, second):
    first, second = (np.asarray(array.detach() if torch.is_tensor(array) else array) for array in (first, second))
    assert (first.dtype, first.shape) == (second.dtype, second.shape)
    assert first.tobytes() == second.tobytes()


def at_seed(seed, function):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return function()


def upstream(function, h, grad_out, seed):
    """What upstream makes of `h` at `seed`, and its gradient."""
    tensor = torch.from_numpy(h).requires_grad_()
    out = at_seed(seed, lambda: function(tensor))
    return out, torch.autograd.grad(out, tensor, torch.from_numpy(grad_out))[0]


def ours(module, h, grad_out, noise):
    tensor = torch.from_numpy(h).requires_grad_()
    out = module(tensor, noise)
    return out, torch.autograd.grad(out, tensor, torch.from_numpy(grad_out))[0]


def assert_parity(theirs, module, layer, h, grad_out, noise):
    """Upstream's pair (output, gradient), our module's and our NumPy layer's hold the same bits."""
    out, grad = ours(module, h, grad_out, noise)
    for pair in [(out, grad), (layer.forward(h, noise.numpy()), layer.backward(grad_out))]:
        for array, expected in zip(pair, theirs, strict=True):
            assert_same_bits(array, expected)


def two_arrays(shape):
    return np.random.default_rng(1).normal(size=(2, *shape))


SPATIAL = [
    (nn.functional.dropout1d, (5, 7, 4)),
    (nn.functional.dropout2d, (5, 7, 4, 3)),
    (nn.functional.dropout3d, (5, 7, 4, 3, 2)),
]


@pytest.mark.parametrize(("function", "shape"), SPATIAL)
@pytest.mark.parametrize("p", RATES)
def test_spatial_dropout_is_dropout1d_2d_and_3d_of_torch(function, shape, p):
    h, grad_out = two_arrays(shape)
    mask = at_seed(3, lambda: function(torch.ones(shape, dtype=torch.float64), p)) != 0
    layer = numpy_layers.SpatialDropout(p, np.random.default_rng(0))
    theirs = upstream(lambda tensor: function(tensor, p), h, grad_out, seed=3)
    assert_parity(theirs, torch_layers.SpatialDropout(p), layer, h, grad_out, mask)


@pytest.mark.parametrize("p", RATES)
def test_dropconnect_is_a_linear_layer_with_masked_weights_for_each_example(p):
    rng = np.random.default_rng(2)
    h, grad_out = rng.normal(size=(6, 5)), rng.normal(size=(6, 4))
    mask = masks.bernoulli_mask((6, 4, 5), p, rng)
    layer = numpy_layers.DropConnectLinear(5, 4, p, rng, dtype=np.float64)
    module = torch_layers.DropConnectLinear(5, 4, p).double()
    module.load_state_dict({"weight": torch.from_numpy(layer.weight), "bias": torch.from_numpy(layer.bias)})

    out, grad_h = ours(module, h, grad_out, torch.from_numpy(mask))
    kept = module.weight * torch.from_numpy(mask) * (1 / (1 - p) if p < 1 else 0.0)
    rows = [nn.functional.linear(torch.from_numpy(h[n]), kept[n], module.bias) for n in range(6)]
    tolerance = {"rtol": 0, "atol": 32 * np.finfo(float).eps}  # sums of products, added up in different orders
    torch.testing.assert_close(out, torch.stack(rows), **tolerance)
    np.testing.assert_allclose(layer.forward(h, mask), out.detach(), **tolerance)
    np.testing.assert_allclose(layer.backward(grad_out), grad_h, **tolerance)
    module(torch.from_numpy(h), torch.from_numpy(mask)).backward(torch.from_numpy(grad_out))
    np.testing.assert_allclose(layer.weight_grad, module.weight.grad, **tolerance)
    np.testing.assert_allclose(layer.bias_grad, module.bias.grad, **tolerance)


@pytest.mark.parametrize("p", RATES[:-1])
def test_moment_matched_inference_agrees_on_the_same_noise(p):
    rng = np.random.default_rng(3)
    h, noise = rng.normal(size=(6, 5)), rng.normal(size=(6, 4))
    layer = numpy_layers.DropConnectLinear(5, 4, p, rng, dtype=np.float64, inference="moments")
    module = torch_layers.DropConnectLinear(5, 4, p, inference="moments").double().eval()
    module.load_state_dict({"weight": torch.from_numpy(layer.weight), "bias": torch.from_numpy(layer.bias)})
    arrays = [layer.forward(h, training=False, noise=noise), *layer.moments(h)]
    tensors = [module(torch.from_numpy(h), noise=torch.from_numpy(noise)), *module.moments(torch.from_numpy(h))]
    for array, tensor in zip(arrays, tensors, strict=True):
        np.testing.assert_allclose(array, tensor.detach(), rtol=1e-14, atol=32 * np.finfo(float).eps)


@pytest.mark.parametrize("p", RATES[:-1])
def test_gaussian_dropout_is_the_formula_of_keras_on_the_same_normal_numbers(p):
    h, grad_out = two_arrays((6, 5))
    epsilon = torch.from_numpy(masks.normal_noise((6, 5), np.random.default_rng(4)))
    noise = 1.0 + (p / (1 - p)) ** 0.5 * epsilon  # Keras: mean 1, stddev √(rate / (1 - rate))
    layer = numpy_layers.GaussianDropout(p, np.random.default_rng(4))
    theirs = upstream(lambda tensor: tensor * noise, h, grad_out, seed=0)
    assert_parity(theirs, torch_layers.GaussianDropout(p), layer, h, grad_out, noise)
    drawn = numpy_layers.GaussianDropout(p, np.random.default_rng(4)).forward(h)
    assert_same_bits(drawn, theirs[0])


@pytest.mark.parametrize("rule", ["solved", "paper"])
@pytest.mark.parametrize("block_size", [1, 3, 4])
@pytest.mark.parametrize("p", RATES)
def test_dropblock_is_a_transposed_convolution_of_the_same_seeds(p, block_size, rule):
    h, grad_out = two_arrays((3, 4, 7, 6))
    gamma, share = gamma_and_share(p, 7, 6, block_size, rule)
    seeds = ~masks.bernoulli_mask((3, 4, 8 - block_size, 7 - block_size), gamma, np.random.default_rng(5))
    block = torch.ones(4, 1, block_size, block_size, dtype=torch.float64)
    hits = nn.functional.conv_transpose2d(torch.from_numpy(seeds).double(), block, groups=4)
    mask = hits == 0
    for drop_blocks, array in [(numpy_layers.drop_blocks, seeds), (torch_layers.drop_blocks, torch.from_numpy(seeds))]:
        assert_same_bits(drop_blocks(array, block_size), mask)
    scale = 1 / (1 - share) if share < 1 else 0.0
    layer = numpy_layers.DropBlock2d(p, block_size, np.random.default_rng(5), gamma=rule)
    theirs = upstream(lambda tensor: tensor * mask * scale, h, grad_out, seed=0)
    assert_parity(theirs, torch_layers.DropBlock2d(p, block_size, gamma=rule), layer, h, grad_out, mask)
    assert_same_bits(layer.forward(h), theirs[0])  # the same generator draws these seeds


ALPHA = [
    (nn.functional.alpha_dropout, "AlphaDropout", (5, 7)),
    (nn.functional.feature_alpha_dropout, "FeatureAlphaDropout", (5, 7, 4)),
    (nn.functional.feature_alpha_dropout, "FeatureAlphaDropout", (5, 7, 4, 3, 2)),
]


@pytest.mark.parametrize(("function", "name", "shape"), ALPHA)
@pytest.mark.parametrize("p", RATES)
def test_alpha_dropout_is_that_of_torch(function, name, shape, p):
    h, grad_out = two_arrays(shape)
    of_ones = at_seed(3, lambda: function(torch.ones(shape, dtype=torch.float64), p, training=True))
    scale, shift = alpha_dropout_affine(p) if p < 1 else (0.0, 0.0)
    mask = of_ones > scale * (1 + SELU_FLOOR) / 2 + shift  # between a kept one and a dropped one
    layer = getattr(numpy_layers, name)(p, np.random.default_rng(0))
    theirs = upstream(lambda tensor: function(tensor, p, training=True), h, grad_out, seed=3)
    assert_parity(theirs, getattr(torch_layers, name)(p), layer, h, grad_out, mask)


@pytest.mark.parametrize("c", [0.5, 2.0, 100.0])
@pytest.mark.parametrize("shape", [(6, 5), (6, 3, 2, 2)])
def test_max_norm_agrees_in_numpy_and_torch(shape, c):
    weight = np.random.default_rng(6).normal(size=shape)
    tensor = torch.from_numpy(weight.copy())
    before = tensor.clone()
    numpy_layers.max_norm_(weight, c)
    torch_layers.max_norm_(tensor, c)
    np.testing.assert_allclose(weight, tensor, rtol=4 * np.finfo(float).eps)
    short = before.flatten(1).norm(dim=1) < c
    assert_same_bits(weight[short.numpy()], before[short])
