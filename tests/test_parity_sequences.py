"""One noise, the same float64 bits in NumPy, in our torch layers and in the formulas of others: depth and sequences.

As in test_parity.py, exact means 0 ulp, the sign of a zero too.
"""

import numpy as np
import pytest
import torch

from dropout_lab import masks, numpy_layers, torch_layers

RATES = (0.0, 0.05, 0.2, 1 / 3, 0.5, 0.9, 1.0)


def assert_same_bits(first, second):
    first, second = (np.asarray(array.detach() if torch.is_tensor(array) else array) for array in (first, second))
    assert (first.dtype, first.shape) == (second.dtype, second.shape)
    assert first.tobytes() == second.tobytes()


def assert_parity(function, module, layer, shape, mask):
    """Another library's function of a tensor, our module and our NumPy layer agree in output and gradient."""
    h, grad_out = np.random.default_rng(1).normal(size=(2, *shape))
    tensors = [torch.from_numpy(h).requires_grad_() for _ in range(2)]
    outs = function(tensors[0]), module(tensors[1], torch.from_numpy(mask))
    grads = [torch.autograd.grad(out, t, torch.from_numpy(grad_out))[0] for out, t in zip(outs, tensors, strict=True)]
    for out, grad in [(outs[1], grads[1]), (layer.forward(h, mask), layer.backward(grad_out))]:
        assert_same_bits(out, outs[0])
        assert_same_bits(grad, grads[0])


@pytest.mark.parametrize("p", RATES)
def test_drop_path_is_the_formula_of_timm_on_the_same_coins(p):
    mask = masks.bernoulli_mask((9, 4, 3), p, np.random.default_rng(2), shared_axes=(1, 2))
    noise = torch.from_numpy(mask[:, :1, :1]).double()  # timm: a (N, 1, 1) tensor of coins, divided by keep_prob
    if p < 1:
        noise.div_(1 - p)
    layer = numpy_layers.DropPath(p, np.random.default_rng(2))
    assert_parity(lambda h: h * noise, torch_layers.DropPath(p), layer, (9, 4, 3), mask)


@pytest.mark.parametrize("p", RATES)
def test_locked_dropout_is_the_formula_of_awd_lstm_on_the_same_coins(p):
    mask = masks.bernoulli_mask((7, 4, 3), p, np.random.default_rng(3), shared_axes=(0,))
    noise = torch.from_numpy(mask[:1]).double()  # time first, a (1, N, D) tensor of coins divided by 1 - p
    if p < 1:
        noise.div_(1 - p)
    layer = numpy_layers.LockedDropout(p, np.random.default_rng(3), time_axis=0)
    assert_parity(lambda h: h * noise, torch_layers.LockedDropout(p, time_axis=0), layer, (7, 4, 3), mask)


@pytest.mark.parametrize("p", RATES)
def test_locked_dropout_is_dropout1d_of_torch_with_time_last(p):
    with torch.random.fork_rng():
        torch.manual_seed(4)
        mask = torch.nn.functional.dropout1d(torch.ones(7, 3, 4, dtype=torch.float64), p).transpose(1, 2) != 0

    def upstream(h):
        with torch.random.fork_rng():
            torch.manual_seed(4)
            return torch.nn.functional.dropout1d(h.transpose(1, 2), p).transpose(1, 2)

    layer = numpy_layers.LockedDropout(p, np.random.default_rng(3))
    assert_parity(upstream, torch_layers.LockedDropout(p), layer, (7, 4, 3), mask.contiguous().numpy())


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("p", RATES)
def test_attention_agrees_in_output_and_gradients_on_the_same_mask(p, is_causal):
    rng = np.random.default_rng(5)
    arrays = [rng.normal(size=shape) for shape in [(2, 3, 4), (2, 5, 4), (2, 5, 6)]]
    mask, grad_out = masks.bernoulli_mask((2, 3, 5), p, rng), rng.normal(size=(2, 3, 6))
    tensors = [torch.from_numpy(array).requires_grad_() for array in arrays]
    out = torch_layers.AttentionDropout(p, is_causal=is_causal)(*tensors, torch.from_numpy(mask))
    grads = torch.autograd.grad(out, tensors, torch.from_numpy(grad_out))
    array, cache = numpy_layers.attention_forward(*arrays, p, mask=mask, is_causal=is_causal)
    tolerance = {"rtol": 1e-12, "atol": 64 * np.finfo(float).eps}  # sums of products, added up in different orders
    np.testing.assert_allclose(array, out.detach(), **tolerance)
    for ours, theirs in zip(numpy_layers.attention_backward(grad_out, cache), grads, strict=True):
        np.testing.assert_allclose(ours, theirs, **tolerance)


@pytest.mark.parametrize("p", RATES)
def test_embedding_dropout_agrees_in_output_and_gradient_on_the_same_mask(p):
    rng = np.random.default_rng(6)
    tokens, weight, grad_out = rng.integers(9, size=(4, 7)), rng.normal(size=(9, 3)), rng.normal(size=(4, 7, 3))
    mask, tensor = masks.bernoulli_mask((4, 9), p, rng), torch.from_numpy(weight).requires_grad_()
    out = torch_layers.embedding_dropout(torch.from_numpy(tokens), tensor, p, mask=torch.from_numpy(mask))
    array, cache = numpy_layers.embedding_dropout_forward(tokens, weight, p, mask=mask)
    assert_same_bits(array, out)
    (grad,) = torch.autograd.grad(out, tensor, torch.from_numpy(grad_out))
    ours = numpy_layers.embedding_dropout_backward(grad_out, cache)
    np.testing.assert_allclose(ours, grad, rtol=1e-13, atol=1e-14)  # sums, added up in different orders
