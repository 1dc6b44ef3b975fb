import math

import numpy as np
import pytest
import torch

from pairs import Law, Pair, largest_difference, power_of_ten, row

ONES = np.ones(3)


def verdict(here, there, **options):
    return Pair("torch", "output", here, there, **options).verdict()[0]


def test_equal_bits_are_equal_exactly_unless_products_are_added_up():
    assert verdict(ONES, torch.ones(3).double()) == "equal exactly"
    assert verdict(ONES, ONES, sums=True) == "equal up to rounding"
    assert verdict(ONES, ONES + 2e-16) == "equal up to rounding"


@pytest.mark.parametrize(("here", "there"), [(np.array([0.0]), np.array([-0.0])), (ONES, np.nextafter(ONES, 2))])
def test_the_sign_of_a_zero_and_a_last_bit_are_seen(here, there):
    assert verdict(here, there) == "equal up to rounding"


@pytest.mark.parametrize(
    "there",
    [ONES + 1e-8, ONES.astype(np.float32), np.ones(4), np.array([1.0, 1.0, math.nan]), ONES > 0, "ValueError"],
    ids=["numbers", "dtype", "shape", "NaN", "kind", "word"],
)
def test_what_differs_fails_without_a_reason_and_is_on_purpose_with_one(there):
    if getattr(there, "dtype", None) == np.float32:
        there = there * np.float32(1.1)
    with pytest.raises(AssertionError, match=r"output of torch differs by .*, and no reason is given"):
        verdict(ONES, there)
    assert verdict(ONES, there, why="a reason") == "differs on purpose: a reason"


def test_equal_ones_cannot_be_said_to_differ():
    with pytest.raises(AssertionError, match=r"is said to differ \(a reason\), but it is equal"):
        verdict(ONES, ONES + 1e-15, why="a reason")


def test_differences_are_relative_to_the_largest_number_and_written_as_powers_of_ten():
    assert largest_difference(np.array([1e3, 0.0]), np.array([1e3, 1.0])) == pytest.approx(1e-3)
    assert [power_of_ten(value) for value in (0.0, 1e-14, 3e-13, 1e-9)] == ["10⁻¹⁴", "10⁻¹⁴", "10⁻¹²", "10⁻⁹"]


def coins(seed, shape=(20_000, 4)):
    return np.random.default_rng(seed).random(shape) < 0.3


def test_coins_of_one_law_are_equal_in_distribution():
    assert Law("torch", coins(0), coins(1)).verdict()[0].startswith("equal in distribution: χ² of 16 patterns")
    with pytest.raises(AssertionError, match="but χ² = "):
        Law("torch", coins(0), coins(1), "a reason").verdict()


@pytest.mark.parametrize(
    "other",
    [
        np.random.default_rng(1).random((20_000, 4)) < 0.33,
        np.repeat(coins(1, (20_000, 2)), 2, axis=1),
        coins(1)[:, [0, 1, 2, 0]],
    ],
    ids=["another p", "two units share a coin", "the last shares one with the first"],
)
def test_another_law_is_found(other):
    with pytest.raises(AssertionError, match="the law of torch differs"):
        Law("torch", coins(0), other).verdict()
    assert Law("torch", coins(0), other, "a reason").verdict()[0] == "differs on purpose: a reason"


def test_a_row_gives_one_line_for_each_verdict_and_names_the_case_that_fails():
    rows = []

    @row(rows, "`Layer`", "theirs", p=(0.0, 1 / 3))
    def compare(p):
        yield Pair("torch", "output", ONES, ONES)
        yield Pair("NumPy", "output", ONES, ONES)
        yield Pair("torch", "gradient", ONES, ONES + (p > 0) * 3e-13)

    assert list(rows[0].lines()) == [
        "| `Layer` | theirs | NumPy, torch | output, gradient; p = 0, 0.33 | equal exactly |",
        "| `Layer` | theirs | torch | gradient; p = 0.33 | equal up to rounding, 10⁻¹² |",
    ]

    @row(rows, "`Layer`", "theirs", p=(0.2,))
    def wrong(p):
        yield Pair("torch", "output", ONES, ONES + p)

    with pytest.raises(AssertionError, match=r"`Layer` against theirs, \{'p': 0.2\}: output of torch differs by 0"):
        list(rows[1].lines())
