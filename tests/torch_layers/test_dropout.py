import copy
import math
import pickle
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.checkpoint import checkpoint

from dropout_lab.torch_layers import Dropout, DropoutFunction, bernoulli_mask, dropout, fast_bernoulli_mask

RATES = (0.05, 0.2, 0.5, 0.9)
DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbers(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=dtype, generator=generator(seed))


def by_function(h, mask, p):
    return dropout(h, p, mask=mask)


def by_module(h, mask, p):
    return Dropout(p)(h, mask)


def by_autograd_function(h, mask, p):
    return DropoutFunction.apply(h, mask, p)


# torch.func.jvp scripts a helper on first use and Dynamo makes an instance of a Function: both warn of PyTorch code
torch_deprecates_itself = pytest.mark.filterwarnings("ignore::DeprecationWarning")
THREE_FORMS = pytest.mark.parametrize("form", [by_function, by_module, by_autograd_function])


# Laws


@THREE_FORMS
@given(p=st.floats(0, 0.99), seed=st.integers(0, 999), width=st.integers(1, 40))
def test_each_value_is_zero_or_h_over_one_minus_p(form, p, seed, width):
    h = numbers(3, width, seed=seed)
    h_dropped = form(h, bernoulli_mask(h.shape, p, generator(seed)), p)
    scaled = h * (1 / (1 - p))
    assert bool(((h_dropped == 0) | (h_dropped == scaled)).all())


@pytest.mark.parametrize("p", RATES)
def test_mean_and_variance_stay_within_five_standard_errors(p):
    # E[m h / q] = h and Var[m h / q] = h² p / q at h = 1
    n = 400_000
    h_dropped = dropout(torch.ones(n, dtype=torch.float64), p, generator=generator())
    variance = p / (1 - p)
    assert abs(h_dropped.mean().item() - 1) < 5 * math.sqrt(variance / n)
    fourth = (1 - p) * (p / (1 - p)) ** 4 + p  # E(ξ - 1)⁴; the sample mean costs (5 standard errors)² more
    bound = 5 * math.sqrt((fourth - variance**2) / n) + 25 * variance / n
    assert abs(h_dropped.var().item() - variance) < bound


@pytest.mark.parametrize("p", RATES)
def test_the_share_of_zeros_is_p_within_five_standard_errors(p):
    n = 400_000
    zeros = (dropout(torch.ones(n), p, generator=generator(1)) == 0).double().mean().item()
    assert abs(zeros - p) < 5 * math.sqrt(p * (1 - p) / n)


@THREE_FORMS
@pytest.mark.parametrize("p", [0.0, *RATES, 1.0])
def test_the_derivative_agrees_with_central_differences(form, p):
    h = numbers(4, 5).requires_grad_()
    mask = bernoulli_mask(h.shape, p, generator())
    assert torch.autograd.gradcheck(lambda h: form(h, mask, p), (h,))
    assert torch.autograd.gradgradcheck(lambda h: form(h, mask, p), (h,))


@THREE_FORMS
@pytest.mark.parametrize("p", RATES)
def test_backward_of_ones_is_forward_of_ones_even_where_h_is_zero(form, p):
    h = torch.relu(numbers(50, 20)).requires_grad_()  # about half of these are exact zeros
    mask = bernoulli_mask(h.shape, p, generator())
    form(h, mask, p).sum().backward()
    assert torch.equal(h.grad, form(torch.ones_like(h), mask, p))


@THREE_FORMS
def test_dropping_everything_gives_zeros_and_a_zero_gradient(form):
    h = numbers(3, 4).requires_grad_()
    h_dropped = form(h, bernoulli_mask(h.shape, 1.0), 1.0)
    h_dropped.sum().backward()
    assert torch.equal(h_dropped, torch.zeros(3, 4, dtype=torch.float64))
    assert torch.equal(h.grad, torch.zeros(3, 4, dtype=torch.float64))


@THREE_FORMS
def test_dropping_nothing_changes_nothing(form):
    h = numbers(3, 4)
    assert torch.equal(form(h, bernoulli_mask(h.shape, 0.0), 0.0), h)


# What a layer must leave alone


@THREE_FORMS
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_dtype_is_kept_and_the_scale_is_rounded_once(form, dtype):
    h = numbers(200, dtype=torch.float32).to(dtype)
    mask = bernoulli_mask(h.shape, 0.3, generator())
    h_dropped = form(h, mask, 0.3)
    assert h_dropped.dtype == dtype
    exact = h.double() * mask / 0.7
    torch.testing.assert_close(h_dropped.double(), exact, rtol=torch.finfo(dtype).eps, atol=0)


@THREE_FORMS
def test_the_memory_layout_is_kept(form):
    h = numbers(4, 3, 5, 6)
    views = [h, h.to(memory_format=torch.channels_last), h.transpose(0, 3), h[:, :, ::2], h[:1].expand(4, 3, 5, 6)]
    for view in views:
        mask = bernoulli_mask(view.shape, 0.3, generator())
        h_dropped = form(view, mask, 0.3)
        assert h_dropped.stride() == nn.functional.dropout(view, 0.3).stride()
        assert torch.equal(h_dropped, view * mask * (1 / 0.7))


@THREE_FORMS
def test_the_input_and_the_mask_are_never_modified(form):
    h = numbers(6, 7)
    mask = bernoulli_mask(h.shape, 0.3, generator())
    h_before, mask_before = h.clone(), mask.clone()
    form(h, mask, 0.3).add_(1)
    assert torch.equal(h, h_before)
    assert torch.equal(mask, mask_before)


def test_out_of_training_the_input_itself_comes_back():
    h = numbers(4)
    assert dropout(h, 0.3, training=False) is h
    assert Dropout(0.3).eval()(h) is h
    assert Dropout(0.3).eval()(h, bernoulli_mask(4, 0.3)) is h


def test_no_grad_does_not_stop_dropout():
    with torch.no_grad():
        assert bool((dropout(torch.ones(200), 0.3, generator=generator()) == 0).any())


def test_another_device_is_kept():
    assert dropout(torch.ones(3, device="meta"), 0.3).device.type == "meta"


# Masks from raw bits, and the exact path


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_drawn_mask_scales_as_a_given_one_and_keeps_dtype_and_input(dtype, grad):
    h = numbers(500, dtype=torch.float32).to(dtype).requires_grad_(grad)
    before = h.detach().clone()
    h_dropped = dropout(h, 0.3, generator=generator())
    mask = h_dropped != 0
    assert h_dropped.dtype == dtype
    assert h_dropped.requires_grad == grad
    assert torch.equal(h_dropped, dropout(h, 0.3, mask=mask))
    assert torch.equal(h, before)


@pytest.mark.parametrize("p", [0.25, 0.3])
@pytest.mark.parametrize("n", [3, 2**15, 2**15 + 1, 80_000])  # one block of units and several
def test_the_gradient_uses_the_mask_that_was_drawn(n, p):
    h = (1 + numbers(n).abs()).requires_grad_()
    h_dropped = dropout(h, p, generator=generator())
    h_dropped.sum().backward()
    assert torch.equal(h.grad, (h_dropped != 0).double() * (1 / (1 - p)))
    assert torch.equal(h_dropped, dropout(h, p, mask=fast_bernoulli_mask(n, p, generator())))


@torch_deprecates_itself
def test_all_derivatives_of_the_drawn_mask_agree_with_central_differences():
    h = numbers(4, 5).requires_grad_()
    for check in (partial(torch.autograd.gradcheck, check_forward_ad=True), torch.autograd.gradgradcheck):
        assert check(lambda h: dropout(h, 0.3, generator=generator()), (h,))


def test_the_exact_path_takes_the_coins_of_bernoulli_mask():
    h = numbers(500)
    expected = dropout(h, 0.3, mask=bernoulli_mask(h.shape, 0.3, generator()))
    assert torch.equal(dropout(h, 0.3, generator=generator(), exact=True), expected)
    assert torch.equal(Dropout(0.3, generator(), exact=True)(h), expected)
    assert not torch.equal(Dropout(0.3, generator())(h), expected)


def test_any_memory_layout_meets_the_same_coins():
    h = numbers(4, 3, 5, 6)
    expected = dropout(h, 0.3, generator=generator())
    for layout in (h.to(memory_format=torch.channels_last), h.mT.contiguous().mT):
        h_dropped = dropout(layout, 0.3, generator=generator())
        assert torch.equal(h_dropped, expected)
        assert h_dropped.stride() == layout.stride()


def test_autocast_reaches_the_layer_as_it_reaches_nn_dropout():
    linear, h = nn.Linear(4, 4), torch.ones(3, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert Dropout(0.3)(linear(h)).dtype == nn.Dropout(0.3)(linear(h)).dtype == torch.bfloat16


# Randomness


def test_two_calls_differ_and_the_same_state_agrees():
    layer, h = Dropout(0.3, generator(1)), torch.ones(100)
    first, second = layer(h), layer(h)
    assert not torch.equal(first, second)
    assert torch.equal(first, Dropout(0.3, generator(1))(h))


def test_an_injected_generator_leaves_the_default_one_alone():
    before = torch.get_rng_state()
    Dropout(0.3, generator())(torch.ones(100))
    assert torch.equal(before, torch.get_rng_state())


def test_without_a_generator_the_default_one_is_used_as_in_nn_dropout():
    layer, h = Dropout(0.3), torch.ones(100)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        first = layer(h)
        torch.manual_seed(2)
        assert torch.equal(first, layer(h))


def test_a_given_mask_draws_nothing():
    source = generator(1)
    before = source.get_state()
    Dropout(0.3, source)(torch.ones(4), torch.tensor([True, False, True, True]))
    assert torch.equal(before, source.get_state())


# The module


def test_a_new_p_takes_effect_and_is_checked():
    layer, h = Dropout(0.0, generator()), torch.ones(200)
    assert torch.equal(layer(h), h)
    layer.p = 0.3
    assert bool((layer(h) == 0).any())
    with pytest.raises(ValueError, match="probability that a unit is dropped"):
        layer.p = 1.2
    assert layer.p == 0.3


def test_the_printed_layer_names_its_p():
    assert repr(nn.Sequential(Dropout(0.2))[0]) == "Dropout(p=0.2)"


@pytest.mark.parametrize("through", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_has_the_same_p_mode_and_coins(through):
    layer = Dropout(0.3, generator(4))
    again = through(layer)
    assert (again.p, again.training) == (0.3, True)
    assert torch.equal(layer(torch.ones(50)), again(torch.ones(50)))


def test_the_state_dict_is_empty_and_loads_from_nn_dropout():
    layer = Dropout(0.3)
    assert not layer.state_dict()
    layer.load_state_dict(nn.Dropout(0.3).state_dict())


def test_checkpointing_recomputes_with_the_same_mask():
    layer, h = Dropout(0.3), torch.ones(300, requires_grad=True)
    with torch.random.fork_rng():
        h_dropped = checkpoint(layer, h, use_reentrant=False)
        h_dropped.sum().backward()
    assert torch.equal(h.grad, h_dropped.detach())


# Function transforms and compilation, as nn.Dropout


@pytest.mark.parametrize("layer", [Dropout(0.3), partial(dropout, p=0.3)])
def test_vmap_flips_a_coin_for_every_example_or_for_none(layer):
    rows = torch.ones(20, 50)
    different = torch.func.vmap(layer, randomness="different")(rows)
    same = torch.func.vmap(layer, randomness="same")(rows)
    assert not torch.equal(different, different[:1].expand(20, 50))
    assert torch.equal(same, same[:1].expand(20, 50))
    assert bool((same == 0).any())
    with pytest.raises(RuntimeError, match="randomness"):
        torch.func.vmap(layer)(rows)


@THREE_FORMS
def test_grad_under_vmap_is_the_mask_scaled(form):
    h, mask = numbers(6, 5), bernoulli_mask((6, 5), 0.3, generator())
    rows = torch.func.vmap(torch.func.grad(lambda h, mask: form(h, mask, 0.3).sum()))(h, mask)
    assert torch.equal(rows, mask.double() * (1 / 0.7))


@torch_deprecates_itself
@pytest.mark.parametrize("form", [by_function, by_module])
def test_forward_mode_multiplies_the_tangent_by_the_same_constant(form):
    h, mask = numbers(5), bernoulli_mask(5, 0.3, generator())
    _, tangent = torch.func.jvp(lambda h: form(h, mask, 0.3), (h,), (torch.ones_like(h),))
    assert torch.equal(tangent, mask.double() * (1 / 0.7))


@torch_deprecates_itself
@THREE_FORMS
def test_a_whole_graph_compiles_with_a_given_mask(form):
    h, mask = numbers(6, 5).requires_grad_(), bernoulli_mask((6, 5), 0.3, generator())
    torch.compiler.reset()
    h_dropped = torch.compile(lambda h, mask: form(h, mask, 0.3), fullgraph=True, backend="aot_eager")(h, mask)
    h_dropped.sum().backward()
    assert torch.equal(h_dropped, form(h, mask, 0.3))
    assert torch.equal(h.grad, mask.double() * (1 / 0.7))


def test_the_compiled_module_draws_new_masks_and_notices_mode_and_p():
    layer, h = Dropout(0.3), torch.ones(200)
    torch.compiler.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    first, second = compiled(h), compiled(h)
    assert not torch.equal(first, second)
    assert set(first.unique().tolist()) == {0.0, torch.tensor(1 / 0.7).item()}
    layer.p = 0.8
    assert set(compiled(h).unique().tolist()) == {0.0, torch.tensor(1 / (1 - 0.8)).item()}
    layer.eval()
    assert torch.equal(compiled(h), h)


def test_the_module_exports_for_a_batch_of_any_size():
    rows = {"h": {0: torch.export.Dim("rows")}}
    program = torch.export.export(Dropout(0.3), (torch.ones(8, 4),), dynamic_shapes=rows)
    assert program.module()(torch.ones(5, 4)).shape == (5, 4)


# Bad input


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
def test_a_p_that_is_no_drop_probability_is_an_error(p, error, text):
    with pytest.raises(error, match=text):
        dropout(torch.ones(3), p)
    with pytest.raises(error, match=text):
        Dropout(p)


@pytest.mark.parametrize(
    ("h", "error", "text"),
    [
        (torch.arange(3), TypeError, "h.float()"),
        (torch.tensor([True]), TypeError, "torch.bool"),
        (torch.ones(3, dtype=torch.complex64), TypeError, "real floats"),
        ([1.0, 2.0], TypeError, "tensor of floats; got list"),
        (torch.empty(0, 4), ValueError, "empty"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_an_input_that_cannot_be_scaled_is_an_error_in_both_modes(h, error, text, training):
    with pytest.raises(error, match=text):
        dropout(h, 0.3, training=training)


@pytest.mark.parametrize(
    ("mask", "error", "text"),
    [
        (torch.ones(2, 3), TypeError, "bool tensor"),
        ([True, False], TypeError, "got list"),
        (torch.ones(2, 1, dtype=torch.bool), ValueError, r"\(2, 3\); got \(2, 1\)"),
        (torch.ones(2, 3, dtype=torch.bool, device="meta"), ValueError, "device"),
    ],
)
def test_a_mask_that_does_not_fit_is_an_error(mask, error, text):
    with pytest.raises(error, match=text):
        dropout(torch.ones(2, 3), 0.3, mask=mask)


def test_a_seed_in_the_place_of_a_generator_is_an_error():
    with pytest.raises(TypeError, match=r"torch.Generator\(\).manual_seed\(0\)"):
        Dropout(0.3, 0)
    with pytest.raises(TypeError, match=r"torch.Generator\(\).manual_seed\(0\)"):
        dropout(torch.ones(3), 0.3, generator=0)
