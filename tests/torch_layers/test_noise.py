import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab.torch_layers import bernoulli_mask, normal_noise

RATES = (0.05, 0.2, 0.5, 0.9)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple), p=st.floats(0, 1), seed=st.integers(0, 999)
)
def test_the_mask_has_the_asked_shape_and_holds_bools(shape, p, seed):
    mask = bernoulli_mask(shape, p, generator(seed))
    assert mask.shape == shape
    assert mask.dtype == torch.bool


def test_an_int_is_a_shape_with_one_axis():
    assert bernoulli_mask(7, 0.2, generator()).shape == (7,)


@pytest.mark.parametrize("p", RATES)
def test_the_kept_share_is_one_minus_p_within_five_standard_errors(p):
    n = 400_000
    share = bernoulli_mask(n, p, generator()).double().mean().item()
    assert abs(share - (1 - p)) < 5 * math.sqrt(p * (1 - p) / n)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("p", RATES)
def test_rows_and_columns_flip_their_own_coins(p, axis):
    # The number of zeros in a line of d independent coins has variance d p (1-p); its estimate from n lines has a
    # relative standard error of √((κ + 2n/(n-1)) / n), κ the excess kurtosis of that Binomial.
    n, d = 2_000, 200
    zeros = (~bernoulli_mask((n, d) if axis else (d, n), p, generator(1))).double().sum(dim=axis)
    variance = d * p * (1 - p)
    kurtosis = (1 - 6 * p * (1 - p)) / variance
    assert abs(zeros.var().item() / variance - 1) < 5 * math.sqrt((kurtosis + 2 * n / (n - 1)) / n)


@pytest.mark.parametrize(("p", "kept"), [(0.0, True), (1.0, False)])
def test_the_ends_of_the_range_keep_all_and_none(p, kept):
    assert bool((bernoulli_mask((50, 50), p, generator()) == kept).all())


def test_a_draw_of_exactly_zero_is_kept_at_p_0(monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda *sizes, **options: torch.zeros(*sizes))
    assert bool(bernoulli_mask((2, 3), 0.0).all())


def test_shared_axes_hold_one_coin_and_the_others_do_not():
    mask = bernoulli_mask((6, 5, 4, 3), 0.4, generator(), shared_axes=(2, -1))
    assert bool((mask == mask[:, :, :1, :1]).all())
    assert len(torch.unique(mask[:, :, 0, 0].flatten())) == 2
    mask[0, 0, 0, 0] = ~mask[0, 0, 0, 0]  # a mask of its own, not a view on one coin
    assert mask[0, 0, 0, 0] != mask[0, 0, 0, 1]


def test_the_same_state_gives_the_same_mask_and_the_state_moves_on():
    source = generator(3)
    first, second = bernoulli_mask((40,), 0.3, source), bernoulli_mask((40,), 0.3, source)
    assert torch.equal(first, bernoulli_mask((40,), 0.3, generator(3)))
    assert not torch.equal(first, second)


def test_without_a_generator_the_coins_are_those_of_torch_rand():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        mask = bernoulli_mask((30,), 0.3)
        torch.manual_seed(5)
        assert torch.equal(mask, torch.rand(30) >= 0.3)


def test_an_injected_generator_leaves_the_default_one_alone():
    before = torch.get_rng_state()
    bernoulli_mask((30,), 0.3, generator())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("source", [generator(), torch.default_generator])
def test_the_coins_are_float32_whatever_the_default_dtype(source):
    injected = None if source is torch.default_generator else source
    with torch.random.fork_rng():
        source.manual_seed(0)
        expected = bernoulli_mask((1000,), 0.3, injected)
        source.manual_seed(0)
        torch.set_default_dtype(torch.float64)
        try:
            mask = bernoulli_mask((1000,), 0.3, injected)
        finally:
            torch.set_default_dtype(torch.float32)
    assert torch.equal(mask, expected)


def test_the_mask_is_made_on_the_asked_device():
    assert bernoulli_mask((3,), 0.3, device="meta").device.type == "meta"


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (((2, 3), 1.2), ValueError, "probability that a unit is dropped"),
        (((2, 3), math.nan), ValueError, "nan"),
        (((2, 3), 80), ValueError, "pass 0.8"),
        (((2, 3), "half"), TypeError, "'half'"),
        (((2, 3), True), TypeError, "training"),
        (((2, 0), 0.2), ValueError, "no unit to drop"),
        ((torch.Size([2, 0]), 0.2), ValueError, "no unit to drop"),
        (((2, 1.5), 0.2), TypeError, "h.shape"),
        (((2, 3), 0.2, 7), TypeError, r"torch.Generator\(\).manual_seed\(7\)"),
        (((2, 3), 0.2, True), TypeError, "torch.Generator that flips"),
        (((2, 3), 0.2, "cpu"), TypeError, "torch.Generator"),
    ],
)
def test_bad_input_gets_an_error_that_says_what_was_meant(arguments, error, text):
    with pytest.raises(error, match=text):
        bernoulli_mask(*arguments)


@pytest.mark.parametrize(("axes", "error"), [(2, TypeError), ((2,), ValueError), ((0, -2), ValueError)])
def test_a_wrong_shared_axis_is_an_error(axes, error):
    with pytest.raises(error, match="shared_axes"):
        bernoulli_mask((2, 3), 0.2, shared_axes=axes)


# Noise with real values


@given(
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple),
    dtype=st.sampled_from([torch.float64, torch.float32, torch.float16, torch.bfloat16]),
)
def test_normal_noise_has_the_asked_shape_and_dtype_and_is_finite(shape, dtype):
    noise = normal_noise(shape, generator(), dtype=dtype)
    assert (noise.shape, noise.dtype) == (shape, dtype)
    assert bool(noise.isfinite().all())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_normal_noise_has_the_moments_of_a_standard_normal(dtype):
    # E[ε^k] = 0, 1, 0, 3 and Var[ε^k] = E[ε^2k] - E[ε^k]² = 1, 2, 15, 96
    noise = normal_noise(200_000, generator(1), dtype=dtype).double()
    for power, mean, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        assert abs((noise**power).mean().item() - mean) < 5 * math.sqrt(variance / noise.numel())


@pytest.mark.parametrize("axis", [0, 1])
def test_neighbours_in_normal_noise_are_uncorrelated(axis):
    noise = normal_noise((300, 400), generator(2), dtype=torch.float64).movedim(axis, 0)
    products = noise[1:] * noise[:-1]
    assert abs(products.mean().item()) < 5 / math.sqrt(products.numel())


def test_normal_noise_moves_the_injected_generator_and_no_other():
    source, before = generator(3), torch.get_rng_state()
    first, second = normal_noise(40, source), normal_noise(40, source)
    assert torch.equal(first, normal_noise(40, generator(3)))
    assert not torch.equal(first, second)
    assert torch.equal(before, torch.get_rng_state())


def test_normal_noise_without_a_generator_is_that_of_torch_randn():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        noise = normal_noise((3, 4))
        torch.manual_seed(5)
        assert torch.equal(noise, torch.randn(3, 4))


def test_normal_noise_is_made_on_the_asked_device():
    assert normal_noise((3,), device="meta").device.type == "meta"


@pytest.mark.parametrize(
    ("arguments", "options", "error", "text"),
    [
        (((2, 0),), {}, ValueError, "no unit to drop"),
        ((torch.Size([2, 0]),), {}, ValueError, "no unit to drop"),
        (((2, 3), 7), {}, TypeError, r"torch.Generator\(\).manual_seed\(7\)"),
        (((2, 3),), {"dtype": torch.int64}, TypeError, "such as torch.float32; got torch.int64"),
        (((2, 3),), {"dtype": float}, TypeError, "such as torch.float32; got <class 'float'>"),
        (((2, 3),), {"dtype": torch.complex64}, TypeError, "got torch.complex64"),
    ],
)
def test_normal_noise_refuses_bad_input_with_what_was_meant(arguments, options, error, text):
    with pytest.raises(error, match=text):
        normal_noise(*arguments, **options)


# Masks from raw bits: the laws of bernoulli_mask with p rounded to 2⁻¹⁶
