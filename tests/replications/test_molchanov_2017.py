"""Sparse variational dropout: zeros by layer and in all, and a divergence that counts as often as it should."""

import pytest

from dropout_lab.replications import molchanov_2017 as paper


def test_the_ratio_is_that_of_the_zeros_and_a_stronger_divergence_cuts_more(monkeypatch):
    for name, value in {"SIZES": (784, 6, 5, 10), "EPOCHS": 3, "LOG_VARIANCE": -2.0}.items():
        monkeypatch.setattr(paper, name, value)
    [weak], [strong] = (paper.run({"strength": strength, "seed": 0}) for strength in paper.STRENGTHS)
    sizes = (784 * 6, 6 * 5, 5 * 10)
    for record in (weak, strong):
        kept = sum(size * (1 - zeros) for size, zeros in zip(sizes, record["zeros"], strict=True))
        assert record["ratio"] == pytest.approx(sum(sizes) / kept, rel=0.01)
    assert strong["ratio"] > weak["ratio"]


def test_as_at_60000_is_a_fifteenth():
    assert paper.STRENGTHS["as at n = 60 000"] * 60_000 == pytest.approx(4000)


def test_the_cells_stand_beside_the_numbers_of_the_table():
    found = paper.cells([{"strength": "n = 4000", "seed": 0, "zeros": [0.9, 0.8, 0.7], "ratio": 9.0, "error": 5.0}])
    assert [(cell.ours, cell.published) for cell in found] == [
        (0.9, 0.989), (0.8, 0.972), (0.7, 0.62), (9.0, 68.0), (5.0, 1.92),
    ]  # fmt: skip
