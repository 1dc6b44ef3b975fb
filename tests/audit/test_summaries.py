"""Moments of activations, and masks that repeat for every row."""

import pytest
import torch

from dropout_lab.audit.summaries import is_constant, shared_rows, summarise


def test_a_summary_holds_the_moments_over_all_and_a_channel():
    h = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0)).relu()
    seen = summarise(h)
    values = h.double()
    assert seen.shape == (4, 3, 5)
    assert seen.mean == pytest.approx(values.mean().item())
    assert seen.variance == pytest.approx(values.square().mean().item() - values.mean().item() ** 2)
    assert (seen.least, seen.zeros) == (0.0, (h == 0).double().mean().item())
    torch.testing.assert_close(seen.channel_variance, values.var((0, 2), correction=0))
    torch.testing.assert_close(seen.channel_square, values.square().mean((0, 2)))


def test_one_axis_has_no_channels():
    assert summarise(torch.ones(3)).channel_variance is None


@pytest.mark.parametrize(
    ("values", "constant"), [([2.0, 2.0], True), ([0.0, 0.0], False), ([1.0, 2.0], False), ([float("nan")] * 2, False)]
)
def test_a_frame_of_a_mask_is_constant_and_not_zero(values, constant):
    assert is_constant(torch.tensor(values)) is constant


H = torch.zeros(6, 8, 4, 4)
ROW = torch.tensor([1.0, 0, 1, 1, 0, 1, 1, 1])


@pytest.mark.parametrize(
    ("mask", "structural", "coins"),
    [
        (ROW[:, None, None], True, 8),
        (ROW[None, :, None, None], True, 8),
        (ROW[None, :, None, None].expand(H.shape), True, 8),
        (ROW[None, :, None, None].repeat(6, 1, 4, 4), False, 8),
        ((torch.arange(128.0) % 3 > 0).view(8, 4, 4), True, 128),
    ],
    ids=["fewer axes", "one row", "expanded", "repeated", "every unit"],
)
def test_a_mask_with_one_row_for_all_is_recognised(mask, structural, coins):
    rows = shared_rows(mask, H)
    assert (rows.structural, rows.coins) == (structural, coins)


@pytest.mark.parametrize(
    "mask",
    [
        (torch.arange(48.0).view(6, 8, 1, 1) % 5 > 0).float(),
        torch.ones(6, 1, 1, 1),
        torch.ones(()),
        torch.ones(7),
    ],
    ids=["own rows", "one coin a row, all kept", "one coin", "another shape"],
)
def test_other_masks_are_not(mask):
    assert shared_rows(mask, H) is None


def test_rows_that_could_agree_by_chance_say_so():
    mask = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert shared_rows(mask, torch.zeros(2, 2)).agreement == -2
