import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab.torch_layers import GaussianDropout, gaussian_dropout, normal_noise

RATES = (0.05, 0.2, 0.5, 0.9)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(p=st.floats(0, 0.99), seed=st.integers(0, 999), width=st.integers(1, 40))
def test_each_unit_is_multiplied_by_one_plus_root_alpha_times_a_normal_number(p, seed, width):
    h = torch.randn(3, width, dtype=torch.float64, generator=generator(seed))
    noise = 1 + math.sqrt(p / (1 - p)) * normal_noise(h.shape, generator(seed), dtype=torch.float64)
    h_dropped = gaussian_dropout(h, p, generator=generator(seed))
    torch.testing.assert_close(h_dropped, h * noise, rtol=1e-13, atol=0)


@pytest.mark.parametrize("p", RATES)
def test_mean_and_variance_are_those_of_dropout_within_five_standard_errors(p):
    # E[ξ] = 1, Var[ξ] = p / q; for normal noise the sample variance has the relative standard error √(2/(n-1))
    n, variance = 400_000, p / (1 - p)
    h_dropped = gaussian_dropout(torch.ones(n, dtype=torch.float64), p, generator=generator(1))
    assert abs(h_dropped.mean().item() - 1) < 5 * math.sqrt(variance / n)
    assert abs(h_dropped.var().item() / variance - 1) < 5 * math.sqrt(2 / (n - 1))


@pytest.mark.parametrize("p", RATES)
def test_no_unit_is_zero_and_the_share_of_changed_signs_is_that_of_a_normal_tail(p):
    n = 400_000
    h_dropped = gaussian_dropout(torch.ones(n), p, generator=generator(2))
    tail = math.erfc(math.sqrt((1 - p) / p / 2)) / 2  # P(ξ < 0) = Φ(-1/√α)
    assert bool((h_dropped != 0).all())
    assert abs((h_dropped < 0).double().mean().item() - tail) < 5 * math.sqrt(tail * (1 - tail) / n) + 1 / n


@pytest.mark.parametrize("axis", [0, 1])
def test_rows_and_columns_have_noise_of_their_own(axis):
    h_dropped = gaussian_dropout(torch.ones(300, 400, dtype=torch.float64), 0.2, generator=generator(3))
    centred = (h_dropped - 1).movedim(axis, 0)
    products = centred[1:] * centred[:-1]
    assert abs(products.mean().item()) < 5 * 0.25 / math.sqrt(products.numel())


def test_backward_of_ones_is_the_noise_also_where_the_input_is_zero():
    h, noise = torch.zeros(3, 4, requires_grad=True), normal_noise((3, 4), generator())
    GaussianDropout(0.2)(h, noise).sum().backward()
    assert torch.equal(h.grad, noise)


def test_dropping_nothing_gives_the_bits_of_the_input():
    h = torch.randn(4, 5, generator=generator())
    assert torch.equal(GaussianDropout(0)(h), h)


@pytest.mark.parametrize("training", [True, False])
def test_p_one_is_an_error_that_says_why_whenever_it_is_set(training):
    words = re.escape("p = 1 has no Gaussian noise: its variance p/(1-p) would be infinite. Pass p below 1.")
    layer = GaussianDropout(0.2)
    for set_to_one in (
        lambda: GaussianDropout(1.0),
        lambda: setattr(layer, "p", 1),
        lambda: gaussian_dropout(torch.ones(3), 1.0, training=training),
    ):
        with pytest.raises(ValueError, match=words):
            set_to_one()
    assert layer.p == 0.2


def test_a_mask_in_the_place_of_noise_is_refused():
    with pytest.raises(TypeError, match=r"one real number for each unit; got torch\.bool"):
        gaussian_dropout(torch.ones(3), 0.2, noise=torch.ones(3) > 0)
