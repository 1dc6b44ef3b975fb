"""The coins of a stack: the rate is p itself, the coins are independent, and each network has its own."""

import pytest
import torch

from dropout_lab.training.stack.noise import StackNoise, coin_stream


def streams(count):
    return [coin_stream(torch.Generator().manual_seed(seed)) for seed in range(count)]


def draw(p, units, rows, dtype=torch.float64):
    p = torch.as_tensor(p, dtype=torch.float64)
    return [xi if xi is None else xi.clone() for xi in StackNoise(p, units, streams(len(p)), dtype).draw(rows)]


# .005 and .999 are decided by ties almost alone, 3/256 without any
@pytest.mark.parametrize("p", [0.005, 3 / 256, 0.05, 0.3, 0.999])
def test_a_unit_is_dropped_with_probability_p_and_not_with_p_in_eight_bits(p):
    n = 4_000_000
    [noise] = draw([[p]], [1000], n // 1000)
    dropped = (noise == 0).double().mean()
    assert abs(dropped - p) < 5 * (p * (1 - p) / n) ** 0.5
    torch.testing.assert_close(noise.max().item(), 1 / (1 - p), rtol=1e-12, atol=0)


def test_coins_of_neighbouring_units_and_rows_are_independent():
    n, p = 2_000_000, 0.3
    [noise] = draw([[p]], [500], n // 500)
    centred = (noise[0] == 0).double() - p
    for lag, axis in ((1, 0), (1, 1), (8, 1)):
        size = centred.shape[axis] - lag
        product = centred.narrow(axis, 0, size) * centred.narrow(axis, lag, size)
        assert abs(product.mean()) < 5 * p * (1 - p) / product.numel() ** 0.5


def test_each_network_and_site_has_a_rate_of_its_own_and_none_where_nobody_drops():
    rates = [[0.1, 0.0, 0.0], [0.4, 0.0, 0.2]]
    noise = draw(rates, [100, 7, 50], 2000)
    assert noise[1] is None
    assert bool((noise[2][0] == 1).all())
    for network, site in ((0, 0), (1, 0), (1, 2)):
        p, xi = rates[network][site], noise[site][network]
        assert abs((xi == 0).double().mean() - p) < 5 * (p * (1 - p) / xi.numel()) ** 0.5
        torch.testing.assert_close(xi.max().item(), 1 / (1 - p))


@pytest.mark.parametrize("rows", [1, 5, 64])
def test_a_network_has_the_same_coins_alone_and_beside_others(rows):
    p = [[0.3, 0.2, 0.1], [0.1, 0.0, 0.2], [0.0, 0.3, 0.4]]  # where p is 0, nothing is drawn
    together = draw(p, [7, 3, 5], rows)
    for network in range(3):
        own = coin_stream(torch.Generator().manual_seed(network))
        alone = StackNoise(torch.tensor(p[network : network + 1], dtype=torch.float64), [7, 3, 5], [own], torch.float64)
        for whole, part in zip(together, alone.draw(rows), strict=True):
            if part is not None:
                assert torch.equal(whole[network], part[0])


def test_no_two_draws_and_no_two_networks_have_the_same_coins():
    source = StackNoise(torch.full((2, 1), 0.5, dtype=torch.float64), [200], streams(2), torch.float32)
    first = source.draw(1)[0].clone()
    second = source.draw(1)[0]
    assert not torch.equal(first, second)
    assert not torch.equal(second[0], second[1])
