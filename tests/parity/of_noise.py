"""Rows against papers whose noise is not a scaled coin: blocks, learned rates, Gaussian weights, two passes."""

import numpy as np
import torch
from torch import nn

from dropout_lab import masks, moments_variational, numpy_layers, torch_layers
from dropout_lab.moments_blocks import gamma_and_share
from pairs import Pair, row
from sides import RATES, both, leaf, two_arrays

ROWS = []
CHOSEN = (0.05, 0.2, 0.5, 0.9)


OF_BLOCKS = "Ghiasi 2018: blocks that begin at seeds, as a transposed convolution"


@row(ROWS, "`DropBlock2d`", OF_BLOCKS, p=RATES, block_size=(1, 3, 4), rule=("solved", "paper"))
def blocks(p, block_size, rule):
    h, grad_out = two_arrays((3, 4, 7, 6))
    gamma, share = gamma_and_share(p, 7, 6, block_size, rule)
    seeds = ~masks.bernoulli_mask((3, 4, 8 - block_size, 7 - block_size), gamma, np.random.default_rng(5))
    block = torch.ones(4, 1, block_size, block_size, dtype=torch.float64)
    mask = (nn.functional.conv_transpose2d(torch.from_numpy(seeds).double(), block, groups=4) == 0).numpy()
    yield Pair("NumPy", "mask", numpy_layers.drop_blocks(seeds, block_size), mask)
    yield Pair("torch", "mask", torch_layers.drop_blocks(torch.from_numpy(seeds), block_size), mask)
    scale = 1 / (1 - share) if share < 1 else 0.0
    layer = numpy_layers.DropBlock2d(p, block_size, np.random.default_rng(5), gamma=rule)
    module = torch_layers.DropBlock2d(p, block_size, gamma=rule)
    yield from both(lambda tensor: tensor * torch.from_numpy(mask) * scale, module, layer, h, grad_out, mask)
    drawn = layer.forward(h)  # the same generator draws these seeds
    yield Pair("NumPy", "noise of one generator", drawn, torch.from_numpy(h) * torch.from_numpy(mask) * scale)


@row(ROWS, "γ of `DropBlock2d`", "Ghiasi 2018, equation 1", p=(0.1, 0.3), size=((7, 7), (14, 9)))
def gamma(p, size):
    (height, width), block = size, 3
    of_paper = p / block**2 * height * width / ((height - block + 1) * (width - block + 1))
    yield Pair("both", '`gamma="paper"`', gamma_and_share(p, height, width, block, "paper")[0], of_paper, sums=True)
    why = "the paper's γ ignores overlaps and drops less than p; the default solves for the γ that drops p"
    yield Pair("both", '`gamma="solved"`', gamma_and_share(p, height, width, block, "solved")[0], of_paper, why=why)


@row(ROWS, "`ConcreteDropout`", "Gal 2017: h (1 − z̃) / (1 − p)", p=CHOSEN)
def concrete_dropout(p):
    h, grad_out = two_arrays((6, 5))
    uniform = np.random.default_rng(3).uniform(0.01, 0.99, size=h.shape)
    noise, temperature, linear = np.log(uniform / (1 - uniform)), 0.1, nn.Linear(5, 5, bias=False).double()
    nn.init.eye_(linear.weight)
    odds = (np.log(p) - np.log(1 - p) + np.log(uniform) - np.log(1 - uniform)) / temperature
    soft = torch.from_numpy(1 / (1 + np.exp(-odds)))

    def theirs(tensor):
        return tensor * (1 - soft) / (1 - p)

    module = torch_layers.ConcreteDropout(linear, p, temperature=temperature).double()
    module.p_logit.data.fill_(np.log(p / (1 - p)))
    tensors = leaf(h), leaf(h)
    outs = theirs(tensors[0]), module(tensors[1], torch.from_numpy(noise))
    grads = [torch.autograd.grad(o, t, torch.from_numpy(grad_out))[0] for o, t in zip(outs, tensors, strict=True)]
    array, cache = numpy_layers.concrete_dropout_forward(h, np.log(p / (1 - p)), temperature=temperature, noise=noise)
    for name, out, grad in (
        ("torch", outs[1], grads[1]),
        ("NumPy", array, numpy_layers.concrete_dropout_backward(grad_out, cache)[0]),
    ):
        yield Pair(name, "output", out, outs[0], sums=True)
        yield Pair(name, "gradient", grad, grads[0], sums=True)


@row(ROWS, "`ConcreteDropout.kl`", "Gal 2017: l² (1 − p) ‖M‖² / 2 − K H(p) with M = W / (1 − p)", p=CHOSEN)
def concrete_kl(p):
    weight, length = np.random.default_rng(4).normal(size=(3, 5)), 0.1
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    there = length**2 * (1 - p) / 2 * ((weight / (1 - p)) ** 2).sum() - 5 * entropy
    module = torch_layers.ConcreteDropout(nn.Linear(5, 3), p, length_scale=length).double()
    module.layer.weight.data = torch.from_numpy(weight)
    module.p_logit.data.fill_(np.log(p / (1 - p)))
    yield Pair("torch", "regulariser", module.kl(), there, sums=True)
    here = numpy_layers.concrete_kl(weight, np.log(p / (1 - p)), length)[0]
    yield Pair("NumPy", "regulariser", here, there, sums=True)


def variational_layers():
    rng = np.random.default_rng(7)
    layer = numpy_layers.VariationalLinear(5, 4, rng, dtype=np.float64)
    layer.log_variance[:] = rng.normal(-3, 1, size=(4, 5))
    module = torch_layers.VariationalLinear(5, 4).double()
    parameters = zip(("weight", "bias", "log_variance"), layer.parameters(), strict=True)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in parameters})
    return layer, module, np.random.default_rng(8).normal(size=(6, 5)), np.random.default_rng(9).normal(size=(6, 4))


@row(ROWS, "`VariationalLinear`", "Kingma 2015: outputs N(Σ θ h, Σ σ² h²) in the place of weights")
def local_reparameterisation():
    layer, module, h, noise = variational_layers()
    grad_out = np.random.default_rng(10).normal(size=noise.shape)
    weight, bias, log_variance = (torch.from_numpy(array) for array in layer.parameters())

    def theirs(tensor):
        variance = torch.einsum("kd,nd->nk", log_variance.exp(), tensor**2)
        return torch.einsum("kd,nd->nk", weight, tensor) + bias + variance.sqrt() * torch.from_numpy(noise)

    yield from both(theirs, module, layer, h, grad_out, noise, sums=True)


@row(ROWS, "`variational_kl`", "Molchanov 2017, equation 14")
def kl_of_molchanov():
    log_alpha = np.linspace(-7.5, 7.5, 31)
    sigmoid = 1 / (1 + np.exp(-(1.87320 + 1.48695 * log_alpha)))
    there = 0.63576 - 0.63576 * sigmoid + 0.5 * np.log1p(np.exp(-log_alpha))  # minus the paper's -KL, whose C is -k₁
    yield Pair("torch", "divergence", torch_layers.variational_kl(torch.from_numpy(log_alpha)), there, sums=True)
    yield Pair("NumPy", "divergence", moments_variational.variational_kl(log_alpha), there, sums=True)


@row(ROWS, "`r_drop_loss`", "Liang 2021: two likelihoods, α / 2 times two divergences", alpha=(0.0, 0.7, 5.0))
def r_drop(alpha):
    first, second = np.random.default_rng(7).normal(size=(2, 6, 4))
    labels = np.random.default_rng(8).integers(4, size=6)
    tensors, target = [leaf(first), leaf(second)], torch.from_numpy(labels)
    p, q = (tensor.log_softmax(dim=1) for tensor in tensors)
    divergence = nn.functional.kl_div(p, q, log_target=True, reduction="batchmean")
    divergence = divergence + nn.functional.kl_div(q, p, log_target=True, reduction="batchmean")
    there = sum(nn.functional.cross_entropy(tensor, target) for tensor in tensors) + alpha / 2 * divergence
    grads = torch.autograd.grad(there, tensors)
    loss = torch_layers.r_drop_loss(*tensors, target, alpha=alpha)
    array, *gradients = numpy_layers.r_drop_loss(first, second, labels, alpha=alpha)
    for name, here, mine in (("torch", loss, torch.autograd.grad(loss, tensors)), ("NumPy", array, gradients)):
        yield Pair(name, "loss", here, there, sums=True)
        for gradient, other in zip(mine, grads, strict=True):
            yield Pair(name, "gradient", gradient, other, sums=True)


@row(ROWS, "`Standout`", "Ba 2013: m g(u) with P(m = 1) = σ(α u + β); the mean in eval", training=(True, False))
def standout(training):
    rng = np.random.default_rng(9)
    linear, module = numpy_layers.Linear(4, 6, rng, dtype=np.float64), nn.Linear(4, 6).double()
    module.load_state_dict({"weight": torch.from_numpy(linear.weight), "bias": torch.from_numpy(linear.bias)})
    h, grad_out, mask = rng.normal(size=(5, 4)), rng.normal(size=(5, 6)), masks.bernoulli_mask((5, 6), 0.3, rng)
    belief = {"alpha": 1.5, "beta": -0.3}
    layer, ours = numpy_layers.Standout(linear, rng, **belief), torch_layers.Standout(module, **belief)
    tensors = [leaf(h), leaf(h)]
    u = nn.functional.linear(tensors[0], module.weight, module.bias)
    factor = torch.from_numpy(mask) if training else (1.5 * u - 0.3).sigmoid()
    outs = u.clamp(min=0) * factor, ours.train(training)(tensors[1], *([torch.from_numpy(mask)] if training else []))
    grads = [
        torch.autograd.grad(out, [tensor, *module.parameters()], torch.from_numpy(grad_out))
        for out, tensor in zip(outs, tensors, strict=True)
    ]
    what = "output" if training else "eval"
    yield Pair("torch", what, outs[1], outs[0], sums=True)
    yield Pair("NumPy", what, layer.forward(h, mask, training=training), outs[0], sums=True)
    for there, here, array in zip(*grads, [layer.backward(grad_out), *layer.gradients()], strict=True):
        yield Pair("torch", "gradient", here, there, sums=True)
        yield Pair("NumPy", "gradient", array, there, sums=True)
