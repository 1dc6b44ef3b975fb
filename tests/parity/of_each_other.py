"""Rows of our NumPy layers against our torch layers, on one noise, where nothing outside is there to compare with."""

import numpy as np
import torch
from torch import nn

from dropout_lab import numpy_layers, torch_layers
from dropout_lab.masks import bernoulli_mask
from of_noise import variational_layers
from pairs import Pair, row
from sides import RATES, at_seed, dropped_of_ones, leaf, seeded

ROWS = []
N, D, H, K = 12, 7, 9, 4


@row(ROWS, "`Dropout`, float32 and float16", "NumPy", p=(0.2,), dtype=(np.float32, np.float16))
def narrow_floats(p, dtype):
    h = np.random.default_rng(2).normal(size=(N, D)).astype(dtype)
    mask = bernoulli_mask((N, D), p, np.random.default_rng(3))  # 1/(1-p) = 1.25 is exact in any binary float
    ours = torch_layers.dropout(torch.from_numpy(h), p, mask=torch.from_numpy(mask))
    yield Pair("torch", "output", ours, numpy_layers.dropout_forward(h, p, mask=mask)[0])


def numpy_network(h, labels, mask, p):
    """Loss and gradients of Linear, ReLU, Dropout, Linear on arrays, and the weights it started from."""
    rng = np.random.default_rng(5)
    first = numpy_layers.Linear(D, H, rng, dtype=np.float64)
    second = numpy_layers.Linear(H, K, rng, dtype=np.float64)
    relu, drop = numpy_layers.ReLU(), numpy_layers.Dropout(p, rng)
    hidden = drop.forward(relu.forward(first.forward(h)), mask)
    loss, grad = numpy_layers.softmax_cross_entropy(second.forward(hidden), labels)
    grad_h = first.backward(relu.backward(drop.backward(second.backward(grad))))
    weights = first.parameters() + second.parameters()
    return loss, [grad_h, *first.gradients(), *second.gradients()], weights


def torch_network(h, labels, weights, dropped):
    """Loss and gradients of the same network composed of torch.nn.functional, `dropped` being its dropout."""
    tensors = [leaf(array) for array in [h, *weights]]
    inputs, weight1, bias1, weight2, bias2 = tensors
    hidden = dropped(nn.functional.relu(nn.functional.linear(inputs, weight1, bias1)))
    loss = nn.functional.cross_entropy(nn.functional.linear(hidden, weight2, bias2), torch.from_numpy(labels))
    return loss, torch.autograd.grad(loss, tensors)


@row(ROWS, "a network with `Dropout`", "the same network with `torch.nn.Dropout`", p=RATES)
def network(p):
    rng = np.random.default_rng(6)
    h, labels = rng.normal(size=(N, D)), rng.integers(K, size=N)
    mask = dropped_of_ones(nn.Dropout(p), (N, H)) != 0
    loss, grads, weights = numpy_network(h, labels, mask.numpy(), p)
    theirs = torch_network(h, labels, weights, seeded(nn.Dropout(p)))
    ours = torch_network(h, labels, weights, lambda hidden: torch_layers.Dropout(p)(hidden, mask))
    yield Pair("torch", "loss", ours[0], theirs[0])  # only dropout differs, and it differs in no bit
    yield Pair("NumPy", "loss", loss, theirs[0], sums=True)
    for array, here, there in zip(grads, ours[1], theirs[1], strict=True):
        yield Pair("torch", "gradient", here, there)
        yield Pair("NumPy", "gradient", array, there, sums=True)


@row(ROWS, "`zoneout`", "NumPy", p=RATES, training=(True, False))
def zoneout(p, training):
    rng = np.random.default_rng(4)
    previous, current, grad_out = rng.normal(size=(3, N, H))
    mask = bernoulli_mask((N, H), p, rng)
    tensors = [leaf(state) for state in (previous, current)]
    out = torch_layers.zoneout(*tensors, p, training=training, mask=torch.from_numpy(mask))
    state, cache = numpy_layers.zoneout_forward(previous, current, p, training=training, mask=mask)
    yield Pair("torch", "output" if training else "eval", out, state)
    grads = torch.autograd.grad(out, tensors, torch.from_numpy(grad_out))
    for here, there in zip(grads, numpy_layers.zoneout_backward(grad_out, cache), strict=True):
        yield Pair("torch", "gradient", here, there, sums=True)


@row(ROWS, "`token_dropout`", "NumPy", p=RATES)
def token_dropout(p):
    tokens = np.random.default_rng(5).integers(9, size=(4, 7))
    mask = bernoulli_mask((4, 7), p, np.random.default_rng(6))
    here = torch_layers.token_dropout(torch.from_numpy(tokens), p, 1, protected=[0, 3], mask=torch.from_numpy(mask))
    yield Pair("torch", "tokens", here, numpy_layers.token_dropout(tokens, p, 1, protected=[0, 3], mask=mask))


@row(ROWS, "`LayerDrop`", "NumPy", kept=((True, True), (True, False), (False, False)))
def layer_drop(kept):
    h, coins = np.random.default_rng(10).normal(size=(5, 4)), np.array(kept)
    here = torch_layers.LayerDrop([nn.ReLU(), nn.ReLU()], 0.3)(torch.from_numpy(h), torch.from_numpy(coins))
    layers = [numpy_layers.ReLU(), numpy_layers.ReLU()]
    yield Pair("torch", "output", here, numpy_layers.LayerDrop(layers, 0.3, np.random.default_rng(0)).forward(h, coins))


@row(ROWS, "`max_norm_`", "NumPy", c=(0.5, 2.0, 100.0), shape=((6, 5), (6, 3, 2, 2)))
def max_norm(c, shape):
    weight = np.random.default_rng(6).normal(size=shape)
    here, there = torch.from_numpy(weight.copy()), numpy_layers.max_norm_(weight.copy(), c)
    yield Pair("torch", "output", torch_layers.max_norm_(here, c), there, sums=True)


@row(ROWS, "`DropConnectLinear`", "NumPy", p=RATES)
def dropconnect_weights(p):
    rng = np.random.default_rng(2)
    h, grad_out = rng.normal(size=(6, 5)), rng.normal(size=(6, 4))
    mask = bernoulli_mask((6, 4, 5), p, rng)
    layer = numpy_layers.DropConnectLinear(5, 4, p, rng, dtype=np.float64)
    module = torch_layers.DropConnectLinear(5, 4, p).double()
    module.load_state_dict({"weight": torch.from_numpy(layer.weight), "bias": torch.from_numpy(layer.bias)})
    layer.forward(h, mask)
    layer.backward(grad_out)
    module(torch.from_numpy(h), torch.from_numpy(mask)).backward(torch.from_numpy(grad_out))
    yield Pair("torch", "gradient of weights", module.weight.grad, layer.weight_grad, sums=True)
    yield Pair("torch", "gradient of biases", module.bias.grad, layer.bias_grad, sums=True)


@row(ROWS, "`ConcreteDropout`", "NumPy", p=(0.05, 0.3))
def concrete_dropout(p):
    rng, odds = np.random.default_rng(3), np.log(p / (1 - p))
    h, noise, grad_out = rng.normal(size=(5, 4)), rng.logistic(size=(5, 4)), rng.normal(size=(5, 3))
    module = torch_layers.ConcreteDropout(at_seed(1, lambda: nn.Linear(4, 3)).double(), p, length_scale=0.7)
    tensor, weight = leaf(h), module.layer.weight
    out = module(tensor, torch.from_numpy(noise))
    grad_h, grad_odds = torch.autograd.grad(out, [tensor, module.p_logit], torch.from_numpy(grad_out))
    dropped, cache = numpy_layers.concrete_dropout_forward(h, odds, noise=noise)
    array, kept = weight.detach().numpy(), dropped @ weight.detach().numpy().T + module.layer.bias.detach().numpy()
    gradients = numpy_layers.concrete_dropout_backward(grad_out @ array, cache)
    yield Pair("torch", "output", out, kept, sums=True)
    yield Pair("torch", "gradient", grad_h, gradients[0], sums=True)
    yield Pair("torch", "gradient of the log-odds", grad_odds, gradients[1], sums=True)
    of_kl = torch.autograd.grad(module.kl(), [weight, module.p_logit])
    for here, there in zip((module.kl(), *of_kl), numpy_layers.concrete_kl(array, odds, 0.7), strict=True):
        yield Pair("torch", "regulariser and its gradients", here, there, sums=True)


@row(ROWS, "`VariationalLinear`", "NumPy", training=(True, False))
def variational_linear(training):
    layer, module, h, noise = variational_layers()
    layer.threshold = module.threshold = 1.0
    grad_out, tensor = np.random.default_rng(10).normal(size=noise.shape), leaf(h)
    out = module.train(training)(tensor, torch.from_numpy(noise))
    yield Pair("torch", "output" if training else "eval", out, layer.forward(h, noise, training=training), sums=True)
    leaves = [tensor, *(module.get_parameter(name) for name in ("weight", "bias", "log_variance"))]
    grads = torch.autograd.grad(out, leaves, torch.from_numpy(grad_out), allow_unused=True, materialize_grads=True)
    for here, there in zip(grads, [layer.backward(grad_out), *layer.gradients()], strict=True):
        yield Pair("torch", "gradient", here, there, sums=True)
    yield Pair("torch", "share of weights cut", np.array(module.sparsity()), np.array(layer.sparsity()), sums=True)
    of_kl = torch.autograd.grad(module.kl(), leaves[1:], allow_unused=True, materialize_grads=True)
    for here, there in zip((module.kl(), *of_kl), (np.array(layer.kl()), *layer.kl_gradients()), strict=True):
        yield Pair("torch", "divergence and its gradients", here, there, sums=True)
