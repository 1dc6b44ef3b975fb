import math

import pytest
import torch

from dropout_lab.uncertainty import gaussian_coverage, interval_coverage


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_ends_belong_to_the_interval():
    zeros, ones = torch.zeros(4), torch.ones(4)
    assert interval_coverage(zeros, ones, torch.tensor([0.0, 1.0, -1e-6, 1.001])) == 0.5


def test_intervals_of_the_truth_hold_what_they_promise():
    mean, sd = drawn(40_000), drawn(40_000, seed=1).exp()
    y = mean + sd * drawn(40_000, seed=2)
    levels = [0.1, 0.5, 0.8, 0.95]
    for level, share in zip(levels, gaussian_coverage(mean, sd, y, levels).tolist(), strict=True):
        assert abs(share - level) < 5 * math.sqrt(level * (1 - level) / 40_000)


def test_a_level_is_the_interval_of_its_quantiles():
    mean, sd, y = drawn(300), drawn(300, seed=1).exp(), drawn(300, seed=2)
    k = 1.959964
    by_hand = interval_coverage(mean - k * sd, mean + k * sd, y)
    assert gaussian_coverage(mean, sd, y, [0.95]).item() == by_hand


def test_twice_the_width_holds_more():
    mean, sd, y = drawn(300), torch.ones(300, dtype=torch.float64), 2 * drawn(300, seed=2)
    levels = [0.2, 0.5, 0.9]
    assert bool((gaussian_coverage(mean, 2 * sd, y, levels) >= gaussian_coverage(mean, sd, y, levels)).all())


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: interval_coverage(torch.ones(3), torch.zeros(3), torch.zeros(3)), ValueError, "swapped"),
        (lambda: interval_coverage(torch.zeros(3), torch.ones(3), torch.zeros(3, 1)), ValueError, "with every other"),
        (lambda: interval_coverage(torch.zeros(3), torch.ones(2), torch.zeros(3)), ValueError, "upper has the shape"),
        (lambda: interval_coverage(torch.zeros(3), torch.ones(3), [0.0]), TypeError, "got list"),
        (lambda: gaussian_coverage(drawn(3), torch.zeros(3), drawn(3), [0.9]), ValueError, "above zero"),
        (lambda: gaussian_coverage(drawn(3), torch.ones(3), drawn(3), [90]), ValueError, "got 90. For 90 % pass 0.9"),
        (lambda: gaussian_coverage(drawn(3), torch.ones(3), drawn(3) * math.nan, [0.9]), ValueError, "NaN"),
    ],
)
def test_what_is_no_interval_is_an_error(call, error, text):
    with pytest.raises(error, match=text):
        call()
