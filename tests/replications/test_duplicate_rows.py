"""Twins: test rows that stand in the training part as well."""

import numpy as np
import pytest

from dropout_lab.replications import duplicate_rows
from dropout_lab.replications.paper import Options
from dropout_lab.replications.uci import split_rows


def test_a_twin_has_the_same_inputs_and_the_same_target():
    rows = np.array([[1.0, 2.0, 5.0], [1.0, 2.0, 6.0], [3.0, 2.0, 5.0], [1.0, 2.0, 5.0], [1.0, 2.0, 6.5]])
    assert duplicate_rows.has_twin(rows, np.array([0, 1, 2]), np.array([3, 4])).tolist() == [True, False]


def test_every_row_against_every_row_finds_the_same_twins():
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 3, size=(60, 3)).astype(float)
    for train, test in split_rows(60, 3):
        pairs = (rows[test][:, None] == rows[train][None]).all(axis=2).any(axis=1)
        assert duplicate_rows.has_twin(rows, train, test).tolist() == pairs.tolist()


def test_concrete_has_a_few_and_sets_that_are_not_at_hand_are_skipped(monkeypatch):
    monkeypatch.delenv("DROPOUT_LAB_DATA", raising=False)
    jobs, reasons = duplicate_rows.units(Options())
    assert [job["set"]["name"] for job in jobs] == ["concrete"]
    assert len(reasons) == 6
    [cell] = duplicate_rows.cells(duplicate_rows.run(jobs[0]))
    assert (cell.n, cell.published) == (20, None)
    assert cell.ours == pytest.approx(0.034, abs=0.001)
