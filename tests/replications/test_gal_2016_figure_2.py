"""Figure 2 on CO₂: spreads are those of passes, in ppm, and only their ratio is compared."""

import pytest

from dropout_lab.replications import gal_2016_figure_2 as paper


def test_there_is_a_spread_for_each_seed_and_the_cell_is_the_mean_ratio(monkeypatch):
    for name, value in {"SIZES": (1, 8, 8, 8, 1), "STEPS": 30, "PASSES": 30, "SEEDS": 2}.items():
        monkeypatch.setattr(paper, name, value)
    jobs, reasons = paper.units(None)
    assert [job["activation"] for job in jobs] == ["relu", "tanh"]
    assert not reasons
    records = paper.run(jobs[0])
    assert [record["seed"] for record in records] == [0, 1]
    assert all(0.01 < record["inside"] < 30 for record in records)  # the record spans 55 ppm
    [cell] = paper.cells(records)
    assert cell.ours == pytest.approx(sum(r["beyond"] / r["inside"] for r in records) / 2)
    assert (cell.n, cell.claim) == (2, "grows")
