import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from dropout_lab.torch_layers import DropConnectLinear, bernoulli_mask, dropconnect_linear, dropconnect_moments

RATES = (0.05, 0.2, 0.5, 0.9)
sizes = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))

# torch.func scripts a helper on first use: it warns of PyTorch code
torch_deprecates_itself = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=generator(seed))


def seeded_layer(p, **options):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return DropConnectLinear(5, 4, p, **options).double()


@given(size=sizes, p=st.floats(0, 0.95), seed=st.integers(0, 999))
def test_every_row_goes_through_its_own_masked_weights(size, p, seed):
    n, k, d = size
    h, weight, bias = numbers(n, d, seed=seed), numbers(k, d, seed=seed + 1), numbers(k, seed=seed + 2)
    mask = bernoulli_mask((n, k, d), p, generator(seed))
    out = dropconnect_linear(h, weight, bias, p, generator=generator(seed))
    for row in range(n):
        expected = nn.functional.linear(h[row], weight * mask[row] / (1 - p), bias)
        torch.testing.assert_close(out[row], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("p", RATES)
def test_mean_variance_and_covariance_of_the_units_stay_within_five_standard_errors(p):
    n, h, weight = 40_000, numbers(3), numbers(2, 3, seed=1)
    units = dropconnect_linear(h.expand(n, 3), weight, None, p, generator=generator(2))
    mean, variance = dropconnect_moments(h, weight, None, p)
    assert bool(((units.mean(dim=0) - mean).abs() < 5 * (variance / n).sqrt()).all())
    # the fourth cumulant of a sum of independent terms is the sum of theirs; that of m/q is p q (1 - 6 p q) / q⁴
    fourth = ((weight * h) ** 4).sum(dim=1) * p * (1 - 6 * p * (1 - p)) / (1 - p) ** 3
    error = ((fourth + 2 * variance**2) / n).sqrt()
    bound = 5 * error + 25 * variance / n  # the sample mean costs (5 standard errors)² more
    assert bool(((units.var(dim=0) - variance).abs() < bound).all())
    # Var[u_k u_l] = Var[u_k] Var[u_l] for independent centred units
    assert abs(units.T.cov()[0, 1].item()) < 5 * math.sqrt(variance.prod().item() / n)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.9, 1.0])
def test_the_derivatives_for_weight_and_bias_agree_with_central_differences(p):
    h, weight, bias = (numbers(3, 4, seed=2), numbers(2, 4, seed=3), numbers(2, seed=4))
    mask = bernoulli_mask((3, 2, 4), p, generator())
    arguments = tuple(tensor.requires_grad_() for tensor in (h, weight, bias))
    assert torch.autograd.gradcheck(lambda h, w, b: dropconnect_linear(h, w, b, p, mask=mask), arguments)
    assert torch.autograd.gradgradcheck(lambda h, w, b: dropconnect_linear(h, w, b, p, mask=mask), arguments)


def test_training_passes_leave_the_stored_weight_alone():
    layer = seeded_layer(0.7, generator=generator())
    weight, before = layer.weight, layer.weight.detach().clone()
    for _ in range(20):
        layer(numbers(6, 5)).sum().backward()
    assert layer.weight is weight
    assert torch.equal(layer.weight, before)


def test_the_weight_is_learned_through_the_weights_that_some_row_kept():
    layer, mask = seeded_layer(0.7), bernoulli_mask((6, 4, 5), 0.7, generator())
    layer(numbers(6, 5), mask).sum().backward()
    assert torch.equal(layer.weight.grad != 0, mask.any(dim=0))


@pytest.mark.parametrize("is_first_layer", [True, False])
def test_autograd_keeps_a_byte_for_each_coin_and_a_masked_weight_if_the_input_needs_a_gradient(is_first_layer):
    n, k, d = 50, 60, 70
    h, layer, kept = torch.ones(n, d, requires_grad=not is_first_layer), DropConnectLinear(d, k, 0.2), {}
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.setdefault(t.data_ptr(), t), lambda t: t):
        layer(h)
    large = sorted(t.nbytes for t in kept.values() if t.numel() >= n * k * d)
    assert large == [n * k * d, 4 * n * k * d][: 1 if is_first_layer else 2]


@pytest.mark.parametrize("shape", [(5,), (2, 3, 5)])
def test_any_leading_axes_are_rows_with_masks_of_their_own(shape):
    layer, h = seeded_layer(0.5, generator=generator(3)), numbers(*shape)
    out = layer(h)
    assert out.shape == (*shape[:-1], 4)
    mask = bernoulli_mask((*shape[:-1], 4, 5), 0.5, generator(3))
    assert torch.equal(out.reshape(-1, 4), layer(h.reshape(-1, 5), mask.reshape(-1, 4, 5)))


def test_dropping_everything_leaves_the_bias_in_training_and_the_linear_layer_after_eval():
    layer, h = seeded_layer(1.0), numbers(6, 5)
    out = layer(h)
    out.sum().backward()
    assert torch.equal(out, layer.bias.expand(6, 4))
    assert torch.equal(layer.weight.grad, torch.zeros(4, 5, dtype=torch.float64))
    assert torch.equal(layer.eval()(h), nn.functional.linear(h, layer.weight, layer.bias))


def test_the_state_dict_is_that_of_nn_linear_in_both_directions():
    layer, plain = DropConnectLinear(5, 4, 0.3), nn.Linear(5, 4)
    layer.load_state_dict(plain.state_dict())
    assert torch.equal(layer.weight, plain.weight)
    plain.load_state_dict(DropConnectLinear(5, 4, 0.3).state_dict())
    assert set(layer.state_dict()) == {"weight", "bias"}


def test_without_a_bias_none_is_added():
    layer = DropConnectLinear(5, 4, 0.3, False)
    assert layer.bias is None
    assert torch.equal(layer.eval()(torch.ones(2, 5)), torch.ones(2, 5) @ layer.weight.T)
    assert layer.train()(torch.ones(2, 5)).shape == (2, 4)


# Moments


@pytest.mark.parametrize("p", RATES)
def test_drawn_moments_are_those_of_the_masks_within_five_standard_errors(p):
    n, h = 20_000, numbers(5)
    layer = seeded_layer(p, inference="moments", generator=generator(4)).eval()
    draws = layer(h.expand(n, 5)).detach()
    mean, variance = layer.moments(h)
    assert bool(((draws.mean(dim=0) - mean).abs() < 5 * (variance / n).sqrt()).all())
    assert bool(((draws.var(dim=0) / variance - 1).abs() < 5 * math.sqrt(2 / (n - 1))).all())


@pytest.mark.parametrize("p", [0.0, *RATES])
def test_moment_inference_is_the_mean_plus_the_standard_deviation_times_the_noise(p):
    layer, h, noise = seeded_layer(p, inference="moments").eval(), numbers(6, 5), numbers(6, 4, seed=5)
    sd = (p / (1 - p) * (h**2 @ layer.weight.T**2)).sqrt()
    expected = nn.functional.linear(h, layer.weight, layer.bias) + sd * noise
    torch.testing.assert_close(layer(h, noise=noise), expected, rtol=1e-13, atol=1e-13)


def test_moment_inference_has_a_derivative_also_where_nothing_is_random():
    layer, noise = seeded_layer(0.3, inference="moments").eval(), numbers(6, 4, seed=5)
    h = numbers(6, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda h: layer(h, noise=noise), (h,))
    zeros = torch.zeros(6, 5, dtype=torch.float64, requires_grad=True)
    layer(zeros, noise=noise).sum().backward()
    assert torch.equal(zeros.grad, layer.weight.sum(dim=0).expand(6, 5))


def test_moment_inference_can_be_chosen_after_training_and_changes_nothing_in_training():
    layer, h = seeded_layer(0.3, generator=generator(6)), numbers(6, 5)
    layer.inference = "moments"
    assert torch.equal(layer(h), seeded_layer(0.3, generator=generator(6))(h))
    assert not torch.equal(layer.eval()(h), layer(h))
    layer.inference = "mean"
    assert torch.equal(layer(h), layer(h))


@torch_deprecates_itself
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_moment_inference_keeps_the_dtype_and_goes_through_vmap_and_compile(dtype):
    layer, h = seeded_layer(0.3, inference="moments").eval().to(dtype), numbers(6, 5).to(dtype)
    assert layer(h).dtype == dtype
    rows = torch.func.vmap(layer, randomness="different")(h[:1].expand(6, 5))
    assert not torch.equal(rows[0], rows[1])
    torch.compiler.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    noise = numbers(6, 4, seed=5).to(dtype)
    assert torch.equal(compiled(h, noise=noise), layer(h, noise=noise))
    assert not torch.equal(compiled(h), compiled(h))


# Bad input


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"h": torch.ones(2, 4)}, ValueError, "h (..., D), a row an example; got weight (2, 3) and h (2, 4)"),
        ({"h": torch.tensor(1.0)}, ValueError, "and h ()"),
        ({"weight": torch.ones(3)}, ValueError, "got weight (3,)"),
        ({"weight": torch.ones(2, 3).long()}, TypeError, "use weight.float()"),
        ({"mask": torch.ones(2, 3) > 0}, ValueError, "a weight matrix for each row of h, (4, 2, 3); got (2, 3)"),
        ({"generator": 3}, TypeError, "torch.Generator().manual_seed(3)"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(change, error, words):
    arguments = {"h": torch.ones(4, 3), "weight": torch.ones(2, 3), "bias": None, "p": 0.2}
    with pytest.raises(error, match=re.escape(words)):
        dropconnect_linear(**arguments | change)


@pytest.mark.parametrize(
    ("p", "inference", "words"),
    [
        (0.2, "gaussian", 'inference is "mean" (weight scaling) or "moments" (a Gaussian draw); got \'gaussian\''),
        (1.0, "moments", "p = 1 has no Gaussian noise"),
    ],
)
def test_an_inference_that_there_is_not_is_refused_whenever_it_is_set(p, inference, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        DropConnectLinear(5, 4, p, inference=inference)
    layer = DropConnectLinear(5, 4, p)
    with pytest.raises(ValueError, match=re.escape(words)):
        layer.inference = inference
    assert (layer.p, layer.inference) == (p, "mean")


def test_p_cannot_become_one_while_inference_needs_a_variance():
    layer = DropConnectLinear(5, 4, 0.2, inference="moments")
    with pytest.raises(ValueError, match="p = 1 has no Gaussian noise"):
        layer.p = 1.0
    with pytest.raises(ValueError, match="p = 1 has no Gaussian noise"):
        dropconnect_moments(torch.ones(2, 5), layer.weight, None, 1.0)
    assert layer.p == 0.2


def test_moment_noise_that_does_not_fit_is_refused():
    layer = seeded_layer(0.2, inference="moments").eval()
    with pytest.raises(ValueError, match=re.escape("(6, 4); got (6, 1)")):
        layer(numbers(6, 5), noise=torch.ones(6, 1))
