"""Laws that hold for every noise layer, whatever it draws; what is special to one layer stands in that layer's file."""

import copy
import io
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from dropout_lab.schedules import Constant
from dropout_lab.torch_layers import (
    AlphaDropout,
    DropBlock2d,
    DropConnectLinear,
    DropPath,
    FeatureAlphaDropout,
    GaussianDropout,
    LockedDropout,
    ScheduledDropout,
    SpatialDropout,
    bernoulli_mask,
    block_mask,
    normal_noise,
)

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
RATES = (0.05, 0.2, 0.5, 0.9)

# torch.func scripts a helper on first use and Dynamo makes an instance of a Function: both warn of PyTorch code
torch_deprecates_itself = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbers(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=dtype, generator=generator(seed))


@dataclass(frozen=True)
class Case:
    """A layer, the shape of an input with enough units for a coincidence to be out of the question, a noise for it."""

    name: str
    make: Callable[[float, torch.Generator | None], nn.Module]
    shape: tuple[int, ...]
    given: Callable[[torch.Size, float], dict[str, torch.Tensor]]
    is_linear_in_eval: bool = False  # the others give their input back

    def layer(self, p: float, source: torch.Generator | None = None) -> nn.Module:
        return self.make(p, source)

    def input(self, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        return numbers(*self.shape, dtype=torch.float32).to(dtype)

    def noise(self, p: float, rows: int | None = None) -> dict[str, torch.Tensor]:
        return self.given(torch.Size((rows or self.shape[0], *self.shape[1:])), p)


def unit_mask(shape, p):
    return {"mask": bernoulli_mask(shape, p, generator(5))}


def map_mask(shape, p):
    return {"mask": bernoulli_mask(shape, p, generator(5), shared_axes=tuple(range(2, len(shape))))}


def blocks(shape, p):
    return {"mask": block_mask(shape, p / 4, 2, generator(5))}


def weight_mask(shape, p):
    return {"mask": bernoulli_mask((shape[0], 40, shape[1]), p, generator(5))}


def gaussian_noise(shape, p):
    return {"noise": 1 + (p / (1 - p)) ** 0.5 * normal_noise(shape, generator(5), dtype=torch.float64)}


def branch_mask(shape, p):
    return {"mask": bernoulli_mask(shape, p, generator(5), shared_axes=tuple(range(1, len(shape))))}


def step_mask(shape, p):
    return {"mask": bernoulli_mask(shape, p, generator(5), shared_axes=(1,))}


def dropconnect(p, source):
    with torch.random.fork_rng():
        torch.manual_seed(6)
        return DropConnectLinear(5, 40, p, generator=source).double()


CASES = [
    Case("SpatialDropout", SpatialDropout, (6, 40, 3, 4), map_mask),
    Case("DropConnectLinear", dropconnect, (6, 5), weight_mask, is_linear_in_eval=True),
    Case("GaussianDropout", GaussianDropout, (6, 5, 8, 4), gaussian_noise),
    Case("DropBlock2d", lambda p, source: DropBlock2d(p, 2, source), (6, 5, 8, 4), blocks),
    Case("AlphaDropout", AlphaDropout, (6, 5, 8, 4), unit_mask),
    Case("FeatureAlphaDropout", FeatureAlphaDropout, (6, 40, 3, 4), map_mask),
    Case("DropPath", DropPath, (40, 5, 3, 4), branch_mask),
    Case("LockedDropout", LockedDropout, (6, 7, 8), step_mask),
    Case("ScheduledDropout", lambda p, source: ScheduledDropout(Constant(p), source), (6, 9), unit_mask),
]
every_layer = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_map_layer = pytest.mark.parametrize("case", [c for c in CASES if len(c.shape) == 4], ids=lambda case: case.name)


# Mode


@every_layer
def test_after_eval_the_input_itself_comes_back_or_what_nn_linear_makes_of_it(case):
    h, layer = case.input(), case.layer(0.3).eval()
    for out in (layer(h), layer(h, **case.noise(0.3))):
        if case.is_linear_in_eval:
            assert torch.equal(out, nn.functional.linear(h, layer.weight, layer.bias))
        else:
            assert out is h


@every_layer
def test_no_grad_does_not_stop_the_noise(case):
    layer = case.layer(0.3, generator())
    with torch.no_grad():
        assert not torch.equal(layer(case.input()), layer(case.input()))


# Gradient through the same noise


@every_layer
@pytest.mark.parametrize("p", [0.0, 0.2, 0.7])
def test_the_derivative_agrees_with_central_differences(case, p):
    layer, h = case.layer(p), case.input()[:2, :5].contiguous().requires_grad_()
    noise = case.given(h.shape, p)
    assert torch.autograd.gradcheck(lambda h: layer(h, **noise), (h,))
    assert torch.autograd.gradgradcheck(lambda h: layer(h, **noise), (h,))


@every_layer
def test_checkpointing_recomputes_with_the_same_noise(case):
    layer, h = case.layer(0.3), case.input().requires_grad_()
    with torch.random.fork_rng():
        torch.manual_seed(3)
        checkpoint(layer, h, use_reentrant=False).sum().backward()
        torch.manual_seed(3)
        (expected,) = torch.autograd.grad(layer(h).sum(), h)
    assert torch.equal(h.grad, expected)


# What a layer must leave alone


@every_layer
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_dtype_is_kept_and_the_values_are_those_of_float64_rounded(case, dtype):
    h, noise = case.input(dtype), case.noise(0.3)
    layer = case.layer(0.3).to(dtype)
    h_dropped = layer(h, **noise)
    exact = layer.double()(h.double(), **noise)
    assert (h_dropped.dtype, layer.to(dtype)(h).dtype) == (dtype, dtype)
    epsilon = torch.finfo(dtype).eps
    torch.testing.assert_close(h_dropped.double(), exact, rtol=4 * epsilon, atol=8 * epsilon)


@every_map_layer
def test_the_memory_layout_is_kept(case):
    h = case.input()
    wide = torch.cat([h, h], dim=3)
    noise = case.noise(0.3)
    for view in (h, h.contiguous(memory_format=torch.channels_last), wide[..., ::2], h[:1].expand(h.shape)):
        h_dropped = case.layer(0.3)(view, **noise)
        assert h_dropped.stride() == nn.functional.dropout(view, 0.3).stride()
        assert torch.equal(h_dropped, case.layer(0.3)(view.contiguous(), **noise))


@every_layer
def test_the_input_and_the_noise_are_never_modified(case):
    h, noise = case.input(), case.noise(0.3)
    h_before, noise_before = h.clone(), copy.deepcopy(noise)
    case.layer(0.3)(h, **noise).add_(1)
    assert torch.equal(h, h_before)
    assert all(torch.equal(noise[name], noise_before[name]) for name in noise)


@every_layer
def test_another_device_is_kept(case):
    h = torch.ones(case.shape, dtype=torch.float64, device="meta")
    assert case.layer(0.3).to("meta")(h).device.type == "meta"


# Randomness


@every_layer
def test_two_calls_differ_and_the_same_state_agrees(case):
    layer, h = case.layer(0.3, generator(1)), case.input()
    first, second = layer(h), layer(h)
    assert not torch.equal(first, second)
    assert torch.equal(first, case.layer(0.3, generator(1))(h))


@every_layer
def test_examples_have_noise_of_their_own(case):
    h = case.input()[:1].expand(case.shape)
    rows = case.layer(0.3, generator(2))(h)
    assert not torch.equal(rows, rows[:1].expand_as(rows))


@every_layer
def test_an_injected_generator_leaves_the_default_one_alone(case):
    before = torch.get_rng_state()
    case.layer(0.3, generator())(case.input())
    assert torch.equal(before, torch.get_rng_state())


@every_layer
def test_without_a_generator_the_default_one_is_used(case):
    layer, h = case.layer(0.3), case.input()
    with torch.random.fork_rng():
        torch.manual_seed(2)
        first = layer(h)
        torch.manual_seed(2)
        assert torch.equal(first, layer(h))


@every_layer
def test_given_noise_draws_nothing(case):
    source = generator(1)
    before = source.get_state()
    case.layer(0.3, source)(case.input(), **case.noise(0.3))
    assert torch.equal(before, source.get_state())


# The module


@every_layer
def test_a_new_p_takes_effect_and_is_checked(case):
    layer, h = case.layer(0.0, generator()), case.input()
    torch.testing.assert_close(layer(h), layer.eval()(h), rtol=1e-14, atol=1e-15)
    layer.train().p = 0.3
    assert not torch.equal(layer(h), layer(h))
    with pytest.raises(ValueError, match="probability that a unit is dropped"):
        layer.p = 1.2
    assert layer.p == 0.3


@every_layer
def test_the_printed_layer_names_its_p(case):
    printed = repr(case.layer(0.2))
    assert printed.startswith(f"{case.name}(")
    assert "p=0.2" in printed


@every_layer
@pytest.mark.parametrize("through", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_has_the_same_p_mode_and_noise(case, through):
    layer = case.layer(0.3, generator(4))
    again = through(layer)
    assert (again.p, again.training, repr(again)) == (0.3, True, repr(layer))
    assert torch.equal(layer(case.input()), again(case.input()))


@every_layer
def test_the_state_dict_survives_a_round_trip(case):
    saved = io.BytesIO()
    torch.save(case.layer(0.3).state_dict(), saved)
    saved.seek(0)
    state, layer = torch.load(saved), case.layer(0.3)
    layer.load_state_dict(state, strict=True)
    assert all(torch.equal(tensor, state[name]) for name, tensor in layer.state_dict().items())


# Function transforms and compilation


@every_layer
def test_vmap_draws_noise_for_every_batch_or_one_for_all(case):
    layer, h = case.layer(0.3), case.input().expand(3, *case.shape)
    different = torch.func.vmap(layer, randomness="different")(h)
    same = torch.func.vmap(layer, randomness="same")(h)
    assert not torch.equal(different[0], different[1])
    assert torch.equal(same, same[:1].expand_as(same))
    assert not torch.equal(same[0], h[0])
    with pytest.raises(RuntimeError, match="randomness"):
        torch.func.vmap(layer)(h)


@torch_deprecates_itself
@every_layer
def test_a_whole_graph_compiles_with_given_noise(case):
    layer, noise = case.layer(0.3), case.noise(0.3)
    h, again = case.input().requires_grad_(), case.input().requires_grad_()
    torch.compiler.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    first, second = compiled(h, **noise), layer(again, **noise)
    first.sum().backward()
    second.sum().backward()
    assert torch.equal(first, second)
    assert torch.equal(h.grad, again.grad)


@torch_deprecates_itself
@every_layer
def test_the_compiled_module_draws_anew_and_notices_mode_and_p(case):
    layer, h = case.layer(0.3), case.input()
    torch.compiler.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    assert not torch.equal(compiled(h), compiled(h))
    layer.p = 0.0
    assert torch.equal(compiled(h), layer(h))
    layer.p = 0.8
    noise = case.noise(0.8)
    assert torch.equal(compiled(h, **noise), layer(h, **noise))
    layer.eval()
    assert torch.equal(compiled(h), layer(h))


@torch_deprecates_itself
@every_layer
def test_the_module_exports_for_a_batch_of_any_size(case):
    rows = {"h": {0: torch.export.Dim("rows")}}
    h = case.input()
    program = torch.export.export(case.layer(0.3), (h,), dynamic_shapes=rows)
    assert program.module()(h[:3]).shape == case.layer(0.3)(h[:3]).shape


# Bad input


@every_layer
@pytest.mark.parametrize(
    ("p", "error", "text"),
    [
        (1.2, ValueError, "If you have a keep probability q, pass p = 1 - q"),
        (-0.1, ValueError, "number in \\[0, 1\\]"),
        (math.nan, ValueError, "nan"),
        (20, ValueError, "pass 0.2"),
        (True, TypeError, "training"),
        ("half", TypeError, "'half'"),
        (None, TypeError, "NoneType"),
    ],
)
def test_a_p_that_is_no_drop_probability_is_an_error(case, p, error, text):
    with pytest.raises(error, match=text):
        case.layer(p)


@every_layer
@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda h: h.long(), TypeError, "h.float()"),
        (lambda h: h > 0, TypeError, "torch.bool"),
        (lambda h: h.to(torch.complex64), TypeError, "real floats"),
        (lambda h: h.tolist(), TypeError, "tensor of floats; got list"),
        (lambda h: h[:0], ValueError, "empty"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_an_input_that_cannot_be_scaled_is_an_error_in_both_modes(case, change, error, text, training):
    with pytest.raises(error, match=text):
        case.layer(0.3).train(training)(change(case.input()))


@every_layer
@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda noise: noise.long(), TypeError, "got torch.int64"),
        (lambda noise: noise.tolist(), TypeError, "got list"),
        (lambda noise: noise[:1], ValueError, r"must have the shape of .*; got \(1, "),
        (lambda noise: noise.to("meta"), ValueError, "device of h, cpu; got meta"),
    ],
)
def test_noise_that_does_not_fit_is_an_error(case, change, error, text):
    noise = {name: change(tensor) for name, tensor in case.noise(0.3).items()}
    with pytest.raises(error, match=text):
        case.layer(0.3)(case.input(), **noise)


@every_layer
def test_a_seed_in_the_place_of_a_generator_is_an_error(case):
    with pytest.raises(TypeError, match=r"torch.Generator\(\).manual_seed\(0\)"):
        case.layer(0.3, 0)
