"""One noise, the same float64 numbers in NumPy and in our torch layers: recurrent nets, words, depth, R-Drop, standout.

Sums of products are added up in different orders, so equal means to a few ulp; where nothing is added up, to the bit.
"""

import numpy as np
import pytest
import torch
from torch import nn

from dropout_lab import numpy_layers, torch_layers
from dropout_lab.masks import bernoulli_mask

N, L, D, H = 3, 5, 2, 4
RATES = (0.0, 0.2, 0.7, 1.0)
TOLERANCE = {"rtol": 1e-11, "atol": 1e-13}
KINDS = {"lstm": nn.LSTMCell, "gru": nn.GRUCell}


def cells(kind):
    """Our cell and PyTorch's with the same weights."""
    cell, theirs = numpy_layers.Cell(kind, D, H, np.random.default_rng(0), dtype=np.float64), KINDS[kind](D, H).double()
    with torch.no_grad():
        for array, parameter in zip(cell.parameters(), theirs.parameters(), strict=True):
            parameter.copy_(torch.from_numpy(array))
    return cell, theirs


def noise(kind, name, p):
    def drawn(*shape):
        return bernoulli_mask(shape, p, np.random.default_rng(1))

    if name == "VariationalRNN":
        return {"input_mask": drawn(N, D), "state_mask": drawn(N, H)}
    both = {"mask": drawn(N, L, H)}
    return both | {"memory_mask": drawn(N, L, H)} if (name, kind) == ("ZoneoutRNN", "lstm") else both


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("p", RATES)
@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("name", ["VariationalRNN", "RecurrentDropoutRNN", "ZoneoutRNN"])
def test_recurrent_nets_agree_in_outputs_state_and_gradients_on_the_same_masks(name, kind, p, training):
    ours, theirs = cells(kind)
    rng, masks = np.random.default_rng(2), noise(kind, name, p)
    h, grad_out = rng.normal(size=(N, L, D)), rng.normal(size=(N, L, H))
    layer = getattr(numpy_layers, name)(ours, p, rng)
    module = getattr(torch_layers, name)(theirs, p).train(training)
    tensor = torch.from_numpy(h).requires_grad_()
    out, state = module(tensor, **{key: torch.from_numpy(mask) for key, mask in masks.items()} if training else {})
    outputs, after = layer.forward(h, training=training, **masks)
    np.testing.assert_allclose(outputs, out.detach(), **TOLERANCE)
    for mine, other in zip(after, state, strict=True):
        np.testing.assert_allclose(mine, other.detach(), **TOLERANCE)
    grads = torch.autograd.grad(out, [tensor, *theirs.parameters()], torch.from_numpy(grad_out), allow_unused=True)
    for mine, other in zip([layer.backward(grad_out), *layer.gradients()], grads, strict=True):
        np.testing.assert_allclose(mine, 0 if other is None else other, **TOLERANCE)


@pytest.mark.parametrize("p", RATES)
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_weight_drop_agrees_with_pytorchs_own_recurrence_on_the_dropped_matrix(kind, p):
    ours, _ = cells(kind)
    net = {"lstm": nn.LSTM, "gru": nn.GRU}[kind](D, H, batch_first=True).double()
    with torch.no_grad():
        for array, parameter in zip(ours.parameters(), net.parameters(), strict=True):
            parameter.copy_(torch.from_numpy(array))
    rng = np.random.default_rng(3)
    h, grad_out, mask = (
        rng.normal(size=(N, L, D)),
        rng.normal(size=(N, L, H)),
        bernoulli_mask((len(ours.bias_hh), H), p, rng),
    )
    out, _ = torch_layers.WeightDropRNN(net, p)(torch.from_numpy(h), masks={"weight_hh_l0": torch.from_numpy(mask)})
    layer = numpy_layers.WeightDropRNN(ours, p, rng)
    np.testing.assert_allclose(layer.forward(h, mask=mask)[0], out.detach(), **TOLERANCE)
    layer.backward(grad_out)
    grads = torch.autograd.grad(out, list(net.parameters()), torch.from_numpy(grad_out))
    for mine, other in zip(layer.gradients(), grads, strict=True):
        np.testing.assert_allclose(mine, other, **TOLERANCE)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("p", RATES)
def test_zoneout_agrees_to_the_bit(p, training):
    rng = np.random.default_rng(4)
    previous, current, grad_out = rng.normal(size=(3, N, H))
    mask = bernoulli_mask((N, H), p, rng)
    tensors = [torch.from_numpy(state).requires_grad_() for state in (previous, current)]
    out = torch_layers.zoneout(*tensors, p, training=training, mask=torch.from_numpy(mask))
    state, cache = numpy_layers.zoneout_forward(previous, current, p, training=training, mask=mask)
    np.testing.assert_array_equal(state, out.detach())
    grads = torch.autograd.grad(out, tensors, torch.from_numpy(grad_out))
    for mine, other in zip(numpy_layers.zoneout_backward(grad_out, cache), grads, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-15)


@pytest.mark.parametrize("p", RATES)
def test_token_dropout_agrees_to_the_bit(p):
    tokens, mask = (
        np.random.default_rng(5).integers(9, size=(4, 7)),
        bernoulli_mask((4, 7), p, np.random.default_rng(6)),
    )
    dropped = torch_layers.token_dropout(torch.from_numpy(tokens), p, 1, protected=[0, 3], mask=torch.from_numpy(mask))
    np.testing.assert_array_equal(numpy_layers.token_dropout(tokens, p, 1, protected=[0, 3], mask=mask), dropped)


@pytest.mark.parametrize("alpha", [0.0, 0.7, 5.0])
def test_r_drop_agrees_in_loss_and_gradients(alpha):
    first, second = np.random.default_rng(7).normal(size=(2, 6, 4))
    labels = np.random.default_rng(8).integers(4, size=6)
    tensors = [torch.from_numpy(z).requires_grad_() for z in (first, second)]
    loss = torch_layers.r_drop_loss(*tensors, torch.from_numpy(labels), alpha=alpha)
    ours, *gradients = numpy_layers.r_drop_loss(first, second, labels, alpha=alpha)
    np.testing.assert_allclose(ours, loss.item(), rtol=1e-12)
    for mine, other in zip(gradients, torch.autograd.grad(loss, tensors), strict=True):
        np.testing.assert_allclose(mine, other, **TOLERANCE)


@pytest.mark.parametrize("training", [True, False])
def test_standout_agrees_in_output_and_gradients_on_the_same_coins(training):
    rng = np.random.default_rng(9)
    linear, theirs = numpy_layers.Linear(4, 6, rng, dtype=np.float64), nn.Linear(4, 6).double()
    with torch.no_grad():
        theirs.weight.copy_(torch.from_numpy(linear.weight))
        theirs.bias.copy_(torch.from_numpy(linear.bias))
    h, grad_out, mask = rng.normal(size=(5, 4)), rng.normal(size=(5, 6)), bernoulli_mask((5, 6), 0.3, rng)
    tensor = torch.from_numpy(h).requires_grad_()
    module = torch_layers.Standout(theirs, alpha=1.5, beta=-0.3).train(training)
    out = module(tensor, torch.from_numpy(mask)) if training else module(tensor)
    layer = numpy_layers.Standout(linear, rng, alpha=1.5, beta=-0.3)
    np.testing.assert_allclose(layer.forward(h, mask, training=training), out.detach(), **TOLERANCE)
    grads = torch.autograd.grad(out, [tensor, *theirs.parameters()], torch.from_numpy(grad_out))
    for mine, other in zip([layer.backward(grad_out), *layer.gradients()], grads, strict=True):
        np.testing.assert_allclose(mine, other, **TOLERANCE)


@pytest.mark.parametrize("kept", [(True, True), (True, False), (False, False)])
def test_layer_drop_skips_the_same_layers(kept):
    h, coins = np.random.default_rng(10).normal(size=(5, 4)), np.array(kept)
    out = torch_layers.LayerDrop([nn.ReLU(), nn.ReLU()], 0.3)(torch.from_numpy(h), torch.from_numpy(coins))
    layers = [numpy_layers.ReLU(), numpy_layers.ReLU()]
    np.testing.assert_array_equal(numpy_layers.LayerDrop(layers, 0.3, np.random.default_rng(0)).forward(h, coins), out)
