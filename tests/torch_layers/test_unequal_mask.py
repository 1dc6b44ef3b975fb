import pytest
import torch

from dropout_lab.torch_layers import bernoulli_mask, unequal_mask


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.7, 1.0])
def test_with_one_p_for_all_it_is_the_bernoulli_mask_of_the_same_generator(p):
    rates = torch.full((40, 50), p, dtype=torch.float64)
    assert torch.equal(unequal_mask(rates, generator(1)), bernoulli_mask((40, 50), p, generator(1)))


def test_each_unit_is_dropped_with_its_own_probability():
    n, rates = 20_000, torch.tensor([0.0, 0.05, 0.3, 0.9, 1.0], dtype=torch.float64)
    share = (~unequal_mask(rates.expand(n, 5), generator(2))).double().mean(dim=0)
    assert bool(((share - rates).abs() <= 5 * (rates * (1 - rates) / n).sqrt()).all())


def test_without_a_generator_the_default_one_flips_the_coins_of_bernoulli_mask():
    with torch.random.fork_rng():
        torch.manual_seed(2)
        first = unequal_mask(torch.full((9, 9), 0.3))
        torch.manual_seed(2)
        assert torch.equal(first, bernoulli_mask((9, 9), 0.3))


def test_a_seed_in_the_place_of_a_generator_is_an_error():
    with pytest.raises(TypeError, match=r"torch.Generator\(\).manual_seed\(0\)"):
        unequal_mask(torch.zeros(3), 0)
