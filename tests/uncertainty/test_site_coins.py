"""The coins of a site are independent, have the asked p, and do not depend on how many are drawn at once."""

import math

import numpy as np
import pytest
import torch

from dropout_lab.uncertainty.site_coins import SiteCoins, _parts

RATES = (1 / 128, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 0.6875, 0.9, 127 / 128)


@pytest.mark.parametrize("p", RATES)
@pytest.mark.parametrize("size", [333, 1, 64, 2**18 + 8])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.bool])
def test_the_coins_of_a_sample_do_not_depend_on_how_many_are_drawn_at_once(p, size, dtype):
    whole = SiteCoins((1, 2)).draw(9, size, p, dtype=dtype)
    coins = SiteCoins((1, 2))
    parts = torch.cat([coins.draw(count, size, p, dtype=dtype) for count in (1, 5, 3)])
    assert whole.dtype == dtype
    assert whole.is_contiguous()
    assert torch.equal(whole, parts)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.half])
def test_the_dtype_and_the_scale_do_not_choose_who_is_dropped(dtype):
    kept = SiteCoins((1, 2)).draw(7, 100, 0.3, dtype=torch.bool)
    assert torch.equal(SiteCoins((1, 2)).draw(7, 100, 0.3, scale=1 / 0.7, dtype=dtype), kept.to(dtype) * (1 / 0.7))


@pytest.mark.parametrize("p", RATES)
def test_a_unit_is_dropped_with_probability_p_and_scaled_otherwise(p):
    n = 8_000_000
    noise = SiteCoins((3,)).draw(4, n // 4, p, scale=3.0)
    assert sorted(noise.unique().tolist()) == [0.0, 3.0]
    share = (noise == 0).double().mean().item()
    assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / n)


@pytest.mark.parametrize("p", RATES)
def test_neighbours_samples_and_sites_are_uncorrelated(p):
    n = 100_000
    first, second = ((SiteCoins((3, site)).draw(2, n, p) - (1 - p)).double() for site in (0, 1))
    bound = 5 * p * (1 - p) / math.sqrt(n)
    for lag in (1, 2, 7, 8, 63, 64):
        assert abs((first[0, lag:] * first[0, :-lag]).mean().item()) < 1.01 * bound
    assert abs((first[0] * first[1]).mean().item()) < bound
    assert abs((first[0] * second[0]).mean().item()) < bound


@pytest.mark.parametrize("p", [*RATES, 1 - 0.8, 1 / 3, math.pi / 4, 0.5 + 2**-52])
def test_the_two_ways_to_be_dropped_make_p(p):
    digits, n_digits, share = _parts(p)
    assert 0 <= share < 1 / 50
    assert digits % 2 == 1
    assert 1 - (1 - digits / 2**n_digits) * (1 - share) == pytest.approx(p, rel=1e-14)


@pytest.mark.parametrize(("digits", "n_digits"), [(1, 1), (1, 7), (5, 4), (51, 8), (179, 8), (255, 8)])
def test_of_all_numbers_of_so_many_digits_those_below_are_dropped(digits, n_digits):
    class Every:
        """Raw words in which unit u has the number u; a raw bit of 1 is a digit 0."""

        def random_raw(self, _):
            numbers = np.arange(256) % 2**n_digits
            return np.packbits([~numbers >> place & 1 for place in range(n_digits)], bitorder="little").view(np.uint64)

    coins = SiteCoins((0,))
    coins._source = Every()
    dropped = np.unpackbits(coins._dropped(1, 256, digits, n_digits), bitorder="little")
    np.testing.assert_array_equal(dropped, np.arange(256) % 2**n_digits < digits)


def test_gaps_are_those_of_independent_coins():
    share, n = 0.3, 1_000_000
    coins, found = SiteCoins((5,)), np.zeros(n)
    found[coins._others(n, share)] = 1
    deviations = found - share
    bound = 5 * share * (1 - share) / math.sqrt(n)
    assert abs(deviations.mean()) < 5 * math.sqrt(share * (1 - share) / n)
    for lag in (1, 2, 3):
        assert abs((deviations[lag:] * deviations[:-lag]).mean()) < bound


def test_the_first_unit_of_a_site_may_be_one_of_the_others():
    share, n = 0.3, 2000
    found = sum(len(SiteCoins((seed,))._others(1, share)) for seed in range(n))
    assert abs(found - n * share) < 5 * math.sqrt(n * share * (1 - share))


def test_a_site_that_changes_its_p_forgets_the_gaps_drawn_ahead():
    coins, share, n = SiteCoins((6,)), 0.3, 10_000
    coins._others(10, 0.001)
    assert abs(len(coins._others(n, share)) - n * share) < 5 * math.sqrt(n * share * (1 - share))


def test_bits_and_gaps_come_from_two_streams():
    coins = SiteCoins((7,))
    assert not set(coins._source.random_raw(8)) & set(coins._gaps.bit_generator.random_raw(8))
