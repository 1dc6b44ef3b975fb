"""One mask, the same float64 numbers in NumPy, in our torch layers and in torch.nn.functional.

Exact means that every bit agrees (0 ulp, the sign of a zero too): a mask, a scale and a ReLU round once and in the same
way everywhere. Matrix products add up in another order in NumPy and PyTorch, so a network agrees to a few roundings.
"""

import numpy as np
import pytest
import torch
from torch import nn

from dropout_lab import masks, numpy_layers, torch_layers

RATES = (0.0, 0.05, 0.2, 1 / 3, 0.5, 0.9, 1.0)
N, D, H, K = 12, 7, 9, 4


def assert_same_bits(first, second):
    assert (first.dtype, first.shape) == (second.dtype, second.shape)
    assert first.tobytes() == second.tobytes()


def upstream_mask(shape, p, seed):
    """The mask that torch.nn.functional.dropout draws at `seed`, read off ones."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.functional.dropout(torch.ones(shape, dtype=torch.float64), p) != 0


def upstream_dropout(h, p, seed):
    """torch.nn.functional.dropout at `seed`, and its gradient for ones in the output."""
    h = h.clone().requires_grad_()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        h_dropped = nn.functional.dropout(h, p)
    return h_dropped.detach(), torch.autograd.grad(h_dropped.sum(), h)[0]


def torch_form(form, h, mask, p):
    h = h.clone().requires_grad_()
    h_dropped = {
        "function": lambda: torch_layers.dropout(h, p, mask=mask),
        "module": lambda: torch_layers.Dropout(p)(h, mask),
        "autograd function": lambda: torch_layers.DropoutFunction.apply(h, mask, p),
    }[form]()
    return h_dropped.detach(), torch.autograd.grad(h_dropped.sum(), h)[0]


@pytest.mark.parametrize("form", ["function", "module", "autograd function"])
@pytest.mark.parametrize("p", RATES)
def test_one_mask_gives_the_same_bits_in_numpy_in_our_torch_layers_and_in_torch(p, form):
    h = np.random.default_rng(1).normal(size=(N, D))
    mask = upstream_mask((N, D), p, seed=3)
    expected, expected_grad = upstream_dropout(torch.from_numpy(h), p, seed=3)

    ours, ours_grad = torch_form(form, torch.from_numpy(h), mask, p)
    array, cache = numpy_layers.dropout_forward(h, p, mask=mask.numpy())
    array_grad = numpy_layers.dropout_backward(np.ones_like(h), cache)

    for out, grad in [(ours.numpy(), ours_grad.numpy()), (array, array_grad)]:
        assert_same_bits(out, expected.numpy())
        assert_same_bits(grad, expected_grad.numpy())


@pytest.mark.parametrize("p", RATES)
def test_the_numpy_layer_class_agrees_with_the_torch_module_bit_by_bit(p):
    rng = np.random.default_rng(2)
    h, grad_out = rng.normal(size=(2, N, D))
    mask = masks.bernoulli_mask((N, D), p, rng)
    layer = numpy_layers.Dropout(p, rng)
    tensor = torch.from_numpy(h).requires_grad_()
    h_dropped = torch_layers.Dropout(p)(tensor, torch.from_numpy(mask))
    h_dropped.backward(torch.from_numpy(grad_out))
    assert_same_bits(layer.forward(h, mask), h_dropped.detach().numpy())
    assert_same_bits(layer.backward(grad_out), tensor.grad.numpy())


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_narrow_floats_agree_bit_by_bit_in_numpy_and_torch_where_the_product_rounds_once(dtype):
    h = np.random.default_rng(2).normal(size=(N, D)).astype(dtype)
    mask = masks.bernoulli_mask((N, D), 0.2, np.random.default_rng(3))  # 1/(1-p) = 1.25 is exact in any binary float
    array, _ = numpy_layers.dropout_forward(h, 0.2, mask=mask)
    ours = torch_layers.dropout(torch.from_numpy(h), 0.2, mask=torch.from_numpy(mask))
    assert_same_bits(array, ours.numpy())


def test_out_of_training_all_return_the_input_itself():
    h = np.random.default_rng(4).normal(size=(N, D))
    tensor = torch.from_numpy(h)
    assert numpy_layers.dropout_forward(h, 0.2, training=False)[0] is h
    assert torch_layers.dropout(tensor, 0.2, training=False) is tensor
    assert torch.equal(nn.functional.dropout(tensor, 0.2, training=False), tensor)


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
    tensors = [torch.from_numpy(array.copy()).requires_grad_() for array in [h, *weights]]
    inputs, weight1, bias1, weight2, bias2 = tensors
    hidden = dropped(nn.functional.relu(nn.functional.linear(inputs, weight1, bias1)))
    logits = nn.functional.linear(hidden, weight2, bias2)
    loss = nn.functional.cross_entropy(logits, torch.from_numpy(labels))
    return loss.item(), [grad.numpy() for grad in torch.autograd.grad(loss, tensors)]


@pytest.mark.parametrize("p", RATES)
def test_a_network_has_the_same_loss_and_gradients_in_numpy_in_our_layers_and_in_torch(p):
    rng = np.random.default_rng(6)
    h, labels = rng.normal(size=(N, D)), rng.integers(K, size=N)
    mask = upstream_mask((N, H), p, seed=7)
    loss, grads, weights = numpy_network(h, labels, mask.numpy(), p)

    def upstream(hidden):
        with torch.random.fork_rng():
            torch.manual_seed(7)
            return nn.functional.dropout(hidden, p)

    ours = torch_network(h, labels, weights, lambda hidden: torch_layers.Dropout(p)(hidden, mask))
    by_hand = torch_network(h, labels, weights, lambda hidden: torch_layers.DropoutFunction.apply(hidden, mask, p))
    theirs = torch_network(h, labels, weights, upstream)

    for torch_loss, torch_grads in (ours, by_hand, theirs):
        np.testing.assert_allclose(loss, torch_loss, rtol=1e-14)
        for array, tensor in zip(grads, torch_grads, strict=True):
            np.testing.assert_allclose(array, tensor, rtol=0, atol=32 * np.finfo(float).eps)
    for other in (ours, by_hand):  # among the torch networks only dropout differs, and it differs in no bit
        assert other[0] == theirs[0]
        for array, tensor in zip(other[1], theirs[1], strict=True):
            assert_same_bits(array, tensor)
