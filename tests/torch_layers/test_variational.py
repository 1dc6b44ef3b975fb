import copy
import io
import math
import re

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from dropout_lab import moments_variational
from dropout_lab.torch_layers import VariationalConv2d, VariationalLinear, normal_noise, variational_kl
from dropout_lab.torch_layers.local_reparameterisation import log_alpha
from dropout_lab.uncertainty import mc_predict

# torch.func scripts a helper on first use and Dynamo makes an instance of a Function: both warn of PyTorch code
torch_deprecates_itself = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=generator(seed))


def linear(**options):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return noisy(VariationalLinear(5, 4, **options))


def conv(**options):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return noisy(VariationalConv2d(2, 4, 3, **{"padding": 1, "stride": 2} | options))


def noisy(layer):
    layer = layer.double()
    with torch.no_grad():
        layer.log_variance.copy_(-3 + numbers(*layer.weight.shape, seed=3))
        layer.weight.view(-1)[0] = 0
    return layer


CASES = {"linear": (linear, (6, 5), (6, 4)), "conv": (conv, (6, 2, 7, 5), (6, 4, 4, 3))}
every_layer = pytest.mark.parametrize(("make", "shape", "out_shape"), CASES.values(), ids=CASES)


@every_layer
def test_an_output_is_its_mean_plus_its_standard_deviation_times_the_noise(make, shape, out_shape):
    layer, h, noise = make(), numbers(*shape), numbers(*out_shape, seed=5)
    plain = layer.pruned()
    with torch.no_grad():
        plain.weight.copy_(layer.weight)
        mean = plain(h)
        plain.weight.copy_(layer.log_variance.exp())
        plain.bias.zero_()
        sd = plain(h**2).sqrt()
    torch.testing.assert_close(layer(h, noise), mean + sd * noise, rtol=1e-12, atol=1e-12)
    layer.generator = generator(9)
    drawn = normal_noise(out_shape, generator(9), dtype=torch.float64)
    assert torch.equal(layer(h), layer(h, drawn))


@every_layer
def test_mean_and_variance_are_those_of_sampled_weights_within_five_standard_errors(make, shape, out_shape):
    n, layer, h = 4_000, make(generator=generator(2)), numbers(1, *shape[1:])
    plain = layer.pruned()
    with torch.no_grad():
        units = layer(h.expand(n, *shape[1:]))
        noise = numbers(n, *layer.weight.shape, seed=6)
        weights = layer.weight + (layer.log_variance / 2).exp() * noise
        sampled = torch.func.vmap(lambda w: torch.func.functional_call(plain, {"weight": w}, (h,))[0])(weights)
    mean, sd = (layer(h, torch.full((1, *out_shape[1:]), z).double()).detach()[0] for z in (0.0, 1.0))
    sd = sd - mean
    for draws in (units, sampled):
        assert bool(((draws.mean(dim=0) - mean).abs() < 5 * sd / math.sqrt(n)).all())
        assert bool(((draws.var(dim=0) / sd**2 - 1).abs() < 5 * math.sqrt(2 / (n - 1))).all())


def test_positions_of_a_map_share_weight_noise_when_weights_are_drawn_and_not_here():
    n, layer = 4_000, conv(generator=generator(2), padding=0, stride=1)
    h = torch.ones(1, 2, 4, 4, dtype=torch.float64)
    plain = layer.pruned()
    with torch.no_grad():
        maps = layer(h.expand(n, 2, 4, 4))
        weights = layer.weight + (layer.log_variance / 2).exp() * numbers(n, *layer.weight.shape, seed=6)
        sampled = torch.func.vmap(lambda w: torch.func.functional_call(plain, {"weight": w}, (h,))[0])(weights)
    assert abs(torch.corrcoef(maps[:, 0, 0].T)[0, 1].item()) < 5 / math.sqrt(n)
    assert torch.corrcoef(sampled[:, 0, 0].T)[0, 1].item() == pytest.approx(1)


@every_layer
def test_the_derivatives_agree_with_central_differences(make, shape, out_shape):
    layer, h, noise = make(), numbers(2, *shape[1:]).requires_grad_(), numbers(2, *out_shape[1:], seed=5)
    with torch.no_grad():
        layer.weight.view(-1)[0] = 0.4  # at exactly 0, where log α is clipped, the divergence has a kink
    names = [name for name, _ in layer.named_parameters()]
    parameters = [parameter.detach().requires_grad_() for parameter in layer.parameters()]

    def out(h, *tensors):
        return torch.func.functional_call(layer, dict(zip(names, tensors, strict=True)), (h, noise))

    assert torch.autograd.gradcheck(out, (h, *parameters), fast_mode=True)
    assert torch.autograd.gradgradcheck(out, (h, *parameters), fast_mode=True)
    weight, log_variance = layer.weight.detach().requires_grad_(), layer.log_variance.detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda w, v: variational_kl(log_alpha(w, v)).sum(), (weight, log_variance))


@every_layer
def test_weights_and_inputs_of_zero_have_finite_gradients(make, shape, out_shape):
    layer, h = make(generator=generator()), numbers(*shape)
    h[0] = 0
    with torch.no_grad():
        layer.weight.zero_()
    h.requires_grad_()
    (layer(h).sum() + layer.kl()).backward()
    for tensor in (h, *layer.parameters()):
        assert bool(tensor.grad.isfinite().all())


# The divergence


def test_the_kl_is_a_sum_over_the_weights():
    layer = linear()
    expected = moments_variational.variational_kl(layer.log_alpha().detach().numpy()).sum()
    assert layer.kl().item() == pytest.approx(expected, rel=1e-12)
    assert layer.kl().shape == ()


# After eval


@every_layer
@pytest.mark.parametrize("threshold", [-3.0, 1.0, 3.0])
def test_the_pruned_layer_gives_the_same_outputs_with_the_share_of_zeros_that_is_said(
    make, shape, out_shape, threshold
):
    layer, h = make(threshold=threshold).eval(), numbers(*shape)
    plain = layer.pruned()
    assert torch.equal(plain(h), layer(h))
    assert layer.sparsity() == pytest.approx((plain.weight == 0).double().mean().item(), abs=1e-15)
    assert torch.equal(plain.weight != 0, layer.log_alpha() < threshold)
    assert type(plain) in (nn.Linear, nn.Conv2d)
    assert (plain.weight.dtype, plain.training) == (torch.float64, False)
    with torch.no_grad():
        plain.weight.fill_(7)
        plain.bias.fill_(7)
    assert not bool((layer.weight == 7).any() or (layer.bias == 7).any())


@pytest.mark.parametrize(
    "options",
    [{"groups": 2}, {"dilation": 2}, {"bias": False}, {"padding_mode": "circular"}, {"padding": "same", "stride": 1}],
)
def test_the_pruned_convolution_keeps_every_option(options):
    layer, h = conv(threshold=1.0, **options).eval(), numbers(6, 2, 7, 5)
    assert torch.equal(layer.pruned()(h), layer(h))
    assert (layer.pruned().bias is None) == (options == {"bias": False})
    assert layer.train()(h).shape == layer.eval()(h).shape


def test_eval_draws_nothing_and_kept_weights_alone_have_a_gradient():
    source = generator(4)
    layer, before = linear(threshold=1.0, generator=source).eval(), source.get_state()
    layer(numbers(6, 5)).sum().backward()
    assert torch.equal(before, source.get_state())
    assert torch.equal(layer.weight.grad != 0, layer.kept())
    assert layer.log_variance.grad is None


def test_a_new_threshold_takes_effect_and_is_checked():
    layer = linear()
    layer.threshold = -8.5
    assert layer.sparsity() == 1
    assert torch.equal(layer.eval()(numbers(6, 5)), layer.bias.expand(6, 4))
    with pytest.raises(ValueError, match="threshold is a logarithm, a finite number; got nan"):
        layer.threshold = math.nan
    assert layer.threshold == -8.5


def test_monte_carlo_passes_reach_the_layer():
    net = nn.Sequential(linear(), nn.ReLU()).eval()
    samples = mc_predict(net, numbers(6, 5), n_samples=7, generator=generator())
    assert samples.shape == (7, 6, 4)
    assert bool((samples.var(dim=0) > 0).any())
    assert not net[0].training


# Randomness


@every_layer
def test_two_passes_differ_and_the_same_state_agrees_and_examples_have_noise_of_their_own(make, shape, out_shape):
    layer, h = make(generator=generator(1)), numbers(1, *shape[1:]).expand(shape)
    before = torch.get_rng_state()
    first, second = layer(h), layer(h)
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.equal(first, second)
    assert not torch.equal(first[0], first[1])
    assert torch.equal(first, make(generator=generator(1))(h))


def test_given_noise_draws_nothing_and_without_a_generator_the_default_one_is_used():
    source = generator(1)
    layer, before = linear(generator=source), source.get_state()
    layer(numbers(6, 5), numbers(6, 4))
    assert torch.equal(before, source.get_state())
    layer.generator = None
    with torch.random.fork_rng():
        torch.manual_seed(2)
        first = layer(numbers(6, 5))
        torch.manual_seed(2)
        assert torch.equal(first, layer(numbers(6, 5)))


@every_layer
def test_checkpointing_recomputes_with_the_same_noise(make, shape, out_shape):
    layer, h = make(), numbers(*shape).requires_grad_()
    with torch.random.fork_rng():
        torch.manual_seed(3)
        checkpoint(layer, h, use_reentrant=False).sum().backward()
        torch.manual_seed(3)
        (expected,) = torch.autograd.grad(layer(h).sum(), h)
    assert torch.equal(h.grad, expected)


# The module


@every_layer
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_dtype_is_kept_and_the_values_are_those_of_float64_rounded(make, shape, out_shape, dtype):
    layer, h, noise = make().to(dtype), numbers(*shape).to(dtype), numbers(*out_shape, seed=5).to(dtype)
    out, drawn, kl = layer(h, noise), layer(h), layer.kl()
    pruned = layer.eval()(h)
    exact = copy.deepcopy(layer).train().double()(h.double(), noise.double())
    assert {tensor.dtype for tensor in (out, drawn, kl, pruned)} == {dtype}
    epsilon = torch.finfo(dtype).eps
    torch.testing.assert_close(out.double(), exact, rtol=16 * epsilon, atol=16 * epsilon)


@every_layer
def test_a_copy_and_a_state_dict_carry_the_noise_levels(make, shape, out_shape):
    layer, h, noise = make(threshold=1.0, generator=generator(4)), numbers(*shape), numbers(*out_shape)
    again = copy.deepcopy(layer)
    assert (again.threshold, again.training, repr(again)) == (1.0, True, repr(layer))
    assert torch.equal(again(h), layer(h))
    saved = io.BytesIO()
    torch.save(layer.state_dict(), saved)
    saved.seek(0)
    state = torch.load(saved)
    assert set(state) == {"weight", "bias", "log_variance"}
    other = make(threshold=1.0)
    with torch.no_grad():
        other.log_variance.zero_()
    other.load_state_dict(state, strict=True)
    assert torch.equal(other(h, noise), layer(h, noise))


@torch_deprecates_itself
@every_layer
def test_it_goes_through_vmap_and_compile(make, shape, out_shape):
    layer, h, noise = make(), numbers(*shape), numbers(*out_shape, seed=5)
    different = torch.func.vmap(layer, randomness="different")(h.expand(3, *shape))
    assert not torch.equal(different[0], different[1])
    torch.compiler.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(h, noise), layer(h, noise), rtol=1e-14, atol=1e-14)
    assert not torch.equal(compiled(h), compiled(h))
    layer.eval()
    torch.testing.assert_close(compiled(h), layer(h), rtol=1e-14, atol=1e-14)


def test_the_printed_layer_names_its_threshold():
    assert repr(linear(threshold=2.5)).endswith("bias=True, threshold=2.5)")
    assert "padding=(1, 1), threshold=3)" in repr(conv())


# Bad input


@every_layer
@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda h: h.long(), TypeError, "h.float()"),
        (lambda h: h.tolist(), TypeError, "tensor of floats; got list"),
        (lambda h: h[:0], ValueError, "empty"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_an_input_that_cannot_be_scaled_is_an_error_in_both_modes(
    make, shape, out_shape, change, error, text, training
):
    with pytest.raises(error, match=re.escape(text)):
        make().train(training)(change(numbers(*shape)))


@every_layer
@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda noise: noise.long(), TypeError, "got torch.int64"),
        (lambda noise: noise[:1], ValueError, "must have the shape of"),
        (lambda noise: noise.to("meta"), ValueError, "device of h, cpu; got meta"),
    ],
)
def test_noise_that_does_not_fit_is_an_error(make, shape, out_shape, change, error, text):
    with pytest.raises(error, match=text):
        make()(numbers(*shape), change(numbers(*out_shape)))


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"generator": 3}, TypeError, "torch.Generator().manual_seed(3)"),
        ({"threshold": None}, TypeError, "threshold is a logarithm"),
        ({"log_variance": math.inf}, ValueError, "log_variance is a logarithm"),
    ],
)
def test_a_layer_that_cannot_be_is_refused(options, error, text):
    for make in (linear, conv):
        with pytest.raises(error, match=re.escape(text)):
            make(**options)
