"""Laws that hold for every recurrent module; what is special to one of them stands in that module's file."""

import copy
import io
import math
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from dropout_lab.torch_layers import RecurrentDropoutRNN, VariationalRNN, ZoneoutRNN, bernoulli_mask, recurrent_step

N, L, D, H = 4, 6, 3, 5
WHOLE = {nn.LSTMCell: nn.LSTM, nn.GRUCell: nn.GRU}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sequences(dtype: torch.dtype = torch.float64, n: int = N) -> torch.Tensor:
    return torch.randn(n, L, D, dtype=torch.float64, generator=generator(1)).to(dtype)


@dataclass(frozen=True)
class Case:
    kind: type[nn.Module]
    cell: type[nn.Module]
    masks: dict[str, Callable[[int], tuple[int, ...]]]

    def layer(self, p, source=None):
        with torch.random.fork_rng():
            torch.manual_seed(6)
            return self.kind(self.cell(D, H), p, source).double()

    def given(self, p, n: int = N):
        shapes = {name: shape(n) for name, shape in self.masks.items()}
        return {name: bernoulli_mask(shape, p, generator(5)) for name, shape in shapes.items()}


def each_step(n):
    return (n, L, H)


CONSTANT = {"input_mask": lambda n: (n, D), "state_mask": lambda n: (n, H)}
CASES = [
    Case(VariationalRNN, nn.LSTMCell, CONSTANT),
    Case(VariationalRNN, nn.GRUCell, CONSTANT),
    Case(RecurrentDropoutRNN, nn.LSTMCell, {"mask": each_step}),
    Case(RecurrentDropoutRNN, nn.GRUCell, {"mask": each_step}),
    Case(ZoneoutRNN, nn.LSTMCell, {"mask": each_step, "memory_mask": each_step}),
    Case(ZoneoutRNN, nn.GRUCell, {"mask": each_step}),
]
every_module = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind.__name__}-{case.cell.__name__}")


def of_torch(case, layer, h):
    """What nn.LSTM or nn.GRU makes of `h` with the same weights."""
    whole = WHOLE[case.cell](D, H, batch_first=True).to(h.dtype)
    whole.load_state_dict({f"{name}_l0": weight for name, weight in layer.cell.state_dict().items()})
    out, state = whole(h)
    state = state if isinstance(state, tuple) else (state,)
    return out, tuple(part[0] for part in state)


# The step


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell])
def test_a_step_without_noise_is_that_of_the_cell(kind, bias):
    cell, x = kind(D, H, bias=bias).double(), sequences()[:, 0]
    state = tuple(torch.randn(2, N, H, dtype=torch.float64, generator=generator(2)))[: 2 if kind is nn.LSTMCell else 1]
    theirs = cell(x, state if kind is nn.LSTMCell else state[0])
    for part, expected in zip(
        recurrent_step(x, state, cell), theirs if kind is nn.LSTMCell else (theirs,), strict=True
    ):
        torch.testing.assert_close(part, expected, rtol=1e-12, atol=1e-14)


def test_what_is_carried_over_is_the_state_itself_whatever_the_gates_see():
    # z = 1 in a GRU, f = 1 and i = 0 in an LSTM: nothing is forgotten and nothing added
    h = torch.randn(N, H, dtype=torch.float64, generator=generator(3))
    for kind, gates in [(nn.GRUCell, (0, 100, 0)), (nn.LSTMCell, (-100, 100, 0, 0))]:
        cell = kind(D, H).double()
        with torch.no_grad():
            for weight in cell.parameters():
                weight.zero_()
            cell.bias_ih.copy_(torch.tensor(gates).repeat_interleave(H))
        state = (h,) if kind is nn.GRUCell else (torch.zeros_like(h), h)
        for _ in range(50):
            state = recurrent_step(sequences()[:, 0], state, cell, seen=lambda h: 1.25 * h, candidate=torch.zeros_like)
        torch.testing.assert_close(state[-1], h, rtol=1e-12, atol=1e-12)


# Mode and range


@every_module
def test_after_eval_nothing_is_drawn_and_a_given_mask_is_of_no_effect(case):
    layer, h, before = case.layer(0.3).eval(), sequences(), torch.get_rng_state()
    out, _ = layer(h)
    assert torch.equal(out, layer(h, **case.given(0.3))[0])
    assert torch.equal(before, torch.get_rng_state())
    if case.kind is not ZoneoutRNN:
        torch.testing.assert_close(out, of_torch(case, layer, h)[0], rtol=1e-12, atol=1e-14)


@every_module
def test_dropping_everything_is_finite_with_its_gradient(case):
    layer, h = case.layer(1.0), sequences().requires_grad_()
    out, _ = layer(h)
    out.sum().backward()
    assert bool(out.isfinite().all())
    assert bool(h.grad.isfinite().all())


@every_module
def test_a_state_that_is_passed_on_continues_the_sequence(case):
    layer, h = case.layer(0.3).eval(), sequences()
    first, state = layer(h[:, :2])
    second, _ = layer(h[:, 2:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), layer(h)[0])


# Gradient through the same noise


@every_module
@pytest.mark.parametrize("p", [0.2, 0.7])
def test_derivatives_agree_with_central_differences(case, p):
    layer, h, masks = case.layer(p), sequences(n=2).requires_grad_(), case.given(p, 2)
    names = [name for name, _ in layer.named_parameters()]

    def out(h, *weights):
        return torch.func.functional_call(layer, dict(zip(names, weights, strict=True)), (h,), masks)[0].sum(dim=(0, 1))

    assert torch.autograd.gradcheck(out, (h, *layer.parameters()), fast_mode=True)  # along a random direction


# Randomness and what must be left alone


@every_module
def test_two_calls_differ_and_the_same_state_agrees(case):
    layer, h, before = case.layer(0.3, generator(1)), sequences(), torch.get_rng_state()
    with torch.no_grad():
        first = layer(h)[0]
        assert not torch.equal(first, layer(h)[0])
        assert torch.equal(first, case.layer(0.3, generator(1))(h)[0])
    assert torch.equal(before, torch.get_rng_state())


@every_module
def test_sequences_of_a_batch_have_noise_of_their_own(case):
    out, _ = case.layer(0.3, generator(1))(sequences()[:1].expand(N, L, D))
    assert not torch.equal(out, out[:1].expand_as(out))


@every_module
def test_given_masks_draw_nothing_and_nothing_is_modified(case):
    layer, h, masks = case.layer(0.3, generator(1)), sequences(), case.given(0.3)
    state, weights = layer.generator.get_state(), copy.deepcopy(layer.state_dict())
    before = copy.deepcopy(masks)
    layer(h, **masks)
    assert torch.equal(state, layer.generator.get_state())
    assert torch.equal(h, sequences())
    assert all(torch.equal(masks[name], before[name]) for name in masks)
    assert all(torch.equal(weight, weights[name]) for name, weight in layer.state_dict().items())


@every_module
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_dtype_is_kept_and_the_values_are_those_of_float64_rounded(case, dtype):
    layer, masks = case.layer(0.3).to(dtype), case.given(0.3)
    out, state = layer(sequences(dtype), **masks)
    exact, _ = layer.double()(sequences(dtype).double(), **masks)
    assert {out.dtype, *(part.dtype for part in state)} == {dtype}
    tolerance = 32 * torch.finfo(dtype).eps  # six steps of sums over eight products
    torch.testing.assert_close(out.double(), exact, rtol=tolerance, atol=tolerance)


# The module


@every_module
@pytest.mark.parametrize("through", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_draws_and_prints_the_same(case, through):
    layer = case.layer(0.3, generator(4))
    again = through(layer)
    assert repr(again) == repr(layer)
    assert "p=0.3" in repr(layer)
    assert repr(layer).startswith(f"{case.kind.__name__}(")
    assert torch.equal(layer(sequences())[0], again(sequences())[0])


@every_module
def test_the_state_dict_survives_a_round_trip(case):
    layer, again, saved = case.layer(0.3).eval(), case.kind(case.cell(D, H), 0.3).double().eval(), io.BytesIO()
    torch.save(layer.state_dict(), saved)
    saved.seek(0)
    again.load_state_dict(torch.load(saved))
    assert torch.equal(layer(sequences())[0], again(sequences())[0])


@every_module
def test_a_new_p_is_checked(case):
    layer = case.layer(0.0)
    layer.p = 0.3
    for wrong, error in [(1.2, ValueError), (math.nan, ValueError), ("half", TypeError), (True, TypeError)]:
        with pytest.raises(error, match="probability that a unit is dropped"):
            layer.p = wrong
        with pytest.raises(error, match="probability that a unit is dropped"):
            case.layer(wrong)
    assert layer.p == 0.3


# Bad input


@every_module
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda h: nn.utils.rnn.pack_sequence(list(h)), TypeError, "got a PackedSequence. Pad it with"),
        (lambda h: h[0], ValueError, "h must be sequences (N, L, 3); got (6, 3)"),
        (lambda h: h[..., :2], ValueError, "h must be sequences (N, L, 3); got (4, 6, 2)"),
        (lambda h: h[:, :0], ValueError, "empty"),
        (lambda h: h.long(), TypeError, "real floats"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_sequences_that_do_not_fit_are_an_error_in_both_modes(case, change, error, words, training):
    with pytest.raises(error, match=re.escape(words)):
        case.layer(0.3).train(training)(change(sequences()))


@every_module
def test_a_state_that_does_not_fit_is_an_error(case):
    for state in [(torch.zeros(N, H).double(),) * 3, (torch.zeros(N, 2).double(),) * (1 + (case.cell is nn.LSTMCell))]:
        with pytest.raises(ValueError, match="state is a tuple of"):
            case.layer(0.3)(sequences(), state)


@every_module
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda mask: mask.double(), TypeError, "mask is a bool tensor"),
        (lambda mask: mask[:1], ValueError, r"mask must have the shape of .*; got \(1, "),
    ],
)
def test_masks_that_do_not_fit_are_an_error(case, change, error, words):
    for name, mask in case.given(0.3).items():
        with pytest.raises(error, match=words):
            case.layer(0.3)(sequences(), **{name: change(mask)})


@every_module
def test_another_module_in_the_place_of_a_cell_and_a_seed_are_errors(case):
    with pytest.raises(TypeError, match=r"cell is an nn.LSTMCell or nn.GRUCell; got LSTM\."):
        case.kind(nn.LSTM(D, H), 0.3)
    with pytest.raises(TypeError, match=r"torch.Generator\(\).manual_seed\(0\)"):
        case.layer(0.3, 0)
