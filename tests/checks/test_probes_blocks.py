import numpy as np
import pytest

from dropout_lab.checks.lessons.lesson_08 import drop_block_mask
from dropout_lab.checks.probes_blocks import covered_share


@pytest.mark.parametrize(("height", "width", "block_size", "p"), [(7, 7, 7, 0.1), (9, 12, 3, 0.3), (8, 10, 2, 0.7)])
def test_the_share_that_a_mask_of_blocks_drops_is_the_closed_form(height, width, block_size, p):
    maps = 4000
    mask = drop_block_mask((maps, 1, height, width), p, block_size, np.random.default_rng(3))
    shares = 1 - mask.mean(axis=(1, 2, 3))
    error = 5 * shares.std(ddof=1) / np.sqrt(maps)
    np.testing.assert_allclose(shares.mean(), covered_share(height, width, block_size, p), rtol=0, atol=error)


def test_a_block_as_large_as_the_map_takes_all_of_it_with_probability_p():
    assert covered_share(7, 7, 7, 0.1) == pytest.approx(0.1)


def test_overlaps_take_something_off_the_share():
    assert 0.2 < covered_share(14, 14, 3, 0.3) < 0.3
