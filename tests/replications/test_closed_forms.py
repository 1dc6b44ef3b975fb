"""The replications of formulas: what is drawn or enumerated agrees with the formula, and a broken one would be seen."""

import pytest

from dropout_lab.replications import baldi_2013, li_2019, osband_2016, wager_2013


def found(module, monkeypatch, **smaller):
    for name, value in smaller.items():
        monkeypatch.setattr(module, name, value)
    return module.cells(module.run({"id": "test"}))


def test_the_geometric_mean_is_the_scaled_pass_and_the_arithmetic_is_not(monkeypatch):
    geometric, arithmetic = found(baldi_2013, monkeypatch, SEEDS=5, RATES=(0.2,))
    assert geometric.ours < 1e-11
    assert arithmetic.ours > 0.01


@pytest.mark.parametrize(
    ("module", "smaller"), [(wager_2013, {"SEEDS": 8, "DRAWS": 200}), (li_2019, {"SEEDS": 8, "ROWS": 4000})]
)
def test_what_is_drawn_agrees_with_the_formula_within_five_standard_errors(module, smaller, monkeypatch):
    for cell in found(module, monkeypatch, **smaller):
        assert abs(cell.standard_errors) < 5
        assert cell.se < 0.05 * cell.published


def test_the_posterior_shrinks_and_the_passes_do_not(monkeypatch):
    posterior, *passes = found(osband_2016, monkeypatch, SEEDS=8, MANY=2500)
    assert posterior.ours == pytest.approx(0.2, abs=0.02)
    assert all(abs(cell.ours - 1) < 0.15 for cell in passes)
