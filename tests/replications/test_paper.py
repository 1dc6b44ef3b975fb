"""Cells: means, standard errors, and differences in their units."""

import math

import numpy as np
import pytest

from dropout_lab.replications.paper import Cell, mean_and_se, paired_difference


def test_the_standard_error_is_the_unbiased_deviation_over_root_n():
    values = [3.0, 1.0, 4.0, 1.0, 5.0]
    assert mean_and_se(values) == (pytest.approx(2.8), pytest.approx(np.std(values, ddof=1) / math.sqrt(5)))
    assert mean_and_se([2.0]) == (2.0, None)


def test_pairs_take_the_difference_between_splits_out():
    ours, theirs = [1.1, 9.1, 5.2], [1.0, 9.0, 5.0]
    pair = paired_difference(ours, theirs)
    assert pair.mean == pytest.approx(0.4 / 3)
    assert pair.se == pytest.approx(0.1 / 3)
    assert pair.se < mean_and_se(ours)[1] / 10


def test_one_split_has_no_paired_difference():
    with pytest.raises(ValueError, match="at least two splits"):
        paired_difference([1.0], [2.0])


@pytest.mark.parametrize(
    ("published", "error", "kind", "se", "source", "expected"),
    [
        (1.0, 0.3, "SE", 0.4, "F", 2.0),
        (1.0, 0.6, "SD", 0.4, "F", 2.0),  # over four splits: a standard error of .3
        (1.0, None, "", 0.4, "law", 2.5),
        (1.0, None, "", 0.4, "F", None),
        (1.0, None, "", None, "law", None),
        (None, None, "", 0.4, "F", None),
    ],
)
def test_a_deviation_is_not_taken_for_a_standard_error_and_a_single_run_not_for_exact(
    published, error, kind, se, source, expected
):
    found = Cell("cell", published, error, kind, 2.0, se, 4, source).standard_errors
    assert found == (None if expected is None else pytest.approx(expected))
