import copy
import io
import math
import re

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from dropout_lab.torch_layers import WeightDropRNN, bernoulli_mask

KINDS = [nn.LSTM, nn.GRU, nn.RNN]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sequences(dtype=torch.float64):
    return torch.randn(2, 6, 3, dtype=torch.float64, generator=generator()).to(dtype)


def rnn(kind=nn.LSTM, **options):
    with torch.random.fork_rng():
        torch.manual_seed(6)
        return kind(3, 5, batch_first=True, **options).double()


def masks_for(module, p):
    weights = {name: weight for name, weight in module.named_parameters() if "weight_hh" in name}
    return {name: bernoulli_mask(weight.shape, p, generator(len(name))) for name, weight in weights.items()}


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("p", [0.0, 0.2, 0.7])
def test_training_is_the_recurrence_of_torch_on_masked_and_scaled_weights(kind, options, p):
    module, h = rnn(kind, **options), sequences()
    masks = masks_for(module, p)
    out, _ = WeightDropRNN(copy.deepcopy(module), p)(h, masks=masks)
    with torch.no_grad():
        for name, mask in masks.items():
            module.get_parameter(name).mul_(mask.double() / (1 - p))
    torch.testing.assert_close(out, module(h)[0], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_after_eval_it_is_the_recurrence_of_torch(kind):
    layer, h = WeightDropRNN(rnn(kind), 0.3).eval(), sequences()
    assert torch.equal(layer(h)[0], rnn(kind)(h)[0])
    assert torch.equal(layer(h, masks=masks_for(layer.rnn, 0.3))[0], rnn(kind)(h)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_no_number_of_passes_changes_the_stored_weights(kind):
    layer = WeightDropRNN(rnn(kind), 0.3, generator())
    before, weight = copy.deepcopy(layer.state_dict()), layer.rnn.weight_hh_l0
    for _ in range(20):
        layer(sequences())[0].sum().backward()
    assert layer.rnn.weight_hh_l0 is weight
    assert all(torch.equal(tensor, before[name]) for name, tensor in layer.state_dict().items())
    with pytest.raises(RuntimeError):
        layer(sequences()[..., :2])  # neither does a pass that fails
    assert layer.rnn.weight_hh_l0 is weight


@pytest.mark.parametrize("p", [0.2, 0.7])
def test_gradients_reach_kept_weights_scaled_and_dropped_ones_not_at_all(p):
    layer = WeightDropRNN(rnn(), p)
    masks = masks_for(layer.rnn, p)
    layer(sequences(), masks=masks)[0].sum().backward()
    assert torch.equal(layer.rnn.weight_hh_l0.grad != 0, masks["weight_hh_l0"])
    h = sequences().requires_grad_()
    names = [name for name, _ in layer.named_parameters()]

    def out(h, *weights):
        return torch.func.functional_call(layer, dict(zip(names, weights, strict=True)), (h,), {"masks": masks})[0]

    assert torch.autograd.gradcheck(out, (h, *layer.parameters()), fast_mode=True)  # along a random direction


@pytest.mark.parametrize("p", [0.05, 0.2, 0.9])
def test_the_share_of_weights_without_gradient_is_p(p):
    layer = WeightDropRNN(nn.RNN(1, 200, batch_first=True), p, generator(1))
    layer(torch.ones(1, 3, 1))[0].sum().backward()
    dropped = layer.rnn.weight_hh_l0.grad == 0
    assert abs(dropped.double().mean().item() - p) < 5 * math.sqrt(p * (1 - p) / dropped.numel())


def test_packed_sequences_give_what_padded_ones_give():
    h = [sequences()[0], sequences()[1, :4]]
    layer = WeightDropRNN(rnn(), 0.3)
    masks = masks_for(layer.rnn, 0.3)
    packed, _ = layer(pack_sequence(h), masks=masks)
    unpacked = nn.utils.rnn.unpack_sequence(packed)
    for ours, one in zip(unpacked, h, strict=True):
        torch.testing.assert_close(ours, layer(one[None], masks=masks)[0][0], rtol=1e-12, atol=1e-14)


def test_two_calls_differ_the_same_state_agrees_and_the_default_generator_is_left_alone():
    layer, before = WeightDropRNN(rnn(), 0.3, generator(1)), torch.get_rng_state()
    first = layer(sequences())[0]
    assert not torch.equal(first, layer(sequences())[0])
    assert torch.equal(first, WeightDropRNN(rnn(), 0.3, generator(1))(sequences())[0])
    assert torch.equal(before, torch.get_rng_state())


def test_the_state_is_passed_on():
    layer = WeightDropRNN(rnn(), 0.3).eval()
    first, state = layer(sequences()[:, :2])
    second, _ = layer(sequences()[:, 2:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), layer(sequences())[0])


def test_at_one_only_inputs_and_biases_are_left():
    layer, module = WeightDropRNN(rnn(nn.RNN), 1.0), rnn(nn.RNN)
    with torch.no_grad():
        module.weight_hh_l0.zero_()
    torch.testing.assert_close(layer(sequences())[0], module(sequences())[0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_dtype_is_kept(dtype):
    assert WeightDropRNN(rnn().to(dtype), 0.3)(sequences(dtype))[0].dtype == dtype


def test_copy_state_and_print():
    layer, saved = WeightDropRNN(rnn(), 0.3, generator(1)), io.BytesIO()
    again = copy.deepcopy(layer)
    assert repr(again).splitlines()[1].strip() == "p=0.3"
    assert torch.equal(layer(sequences())[0], again(sequences())[0])
    torch.save(layer.state_dict(), saved)
    saved.seek(0)
    other = WeightDropRNN(nn.LSTM(3, 5, batch_first=True).double(), 0.3).eval()
    other.load_state_dict(torch.load(saved))
    assert torch.equal(other(sequences())[0], layer.eval()(sequences())[0])


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: WeightDropRNN(nn.LSTMCell(3, 5), 0.3), TypeError, "rnn is an nn.LSTM, nn.GRU or nn.RNN; got LSTMCell"),
        (lambda: WeightDropRNN(rnn(), 1.2), ValueError, "pass p = 1 - q"),
        (lambda: WeightDropRNN(rnn(), 0.3, 0), TypeError, "manual_seed(0)"),
        (lambda: WeightDropRNN(rnn(), 0.3)(sequences().long()), TypeError, "real floats"),
        (lambda: WeightDropRNN(rnn(), 0.3)(sequences(), masks={}), ValueError, "each of ['weight_hh_l0']; got []"),
        (
            lambda: WeightDropRNN(rnn(), 0.3)(sequences(), masks={"weight_hh_l0": torch.ones(5, 5).bool()}),
            ValueError,
            "mask must have the shape of h, (20, 5); got (5, 5)",
        ),
    ],
)
def test_bad_input_is_an_error_that_says_what_is_wanted(make, error, words):
    with pytest.raises(error, match=re.escape(words)):
        make()
