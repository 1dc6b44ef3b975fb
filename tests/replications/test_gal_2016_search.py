"""The search on energy: it sees the validation rows and no test row, and its choice is the best of the grid there."""

import dataclasses
import math
from itertools import product

import numpy as np
import pytest
import torch

from dropout_lab.replications import gal_2016_search as search
from dropout_lab.replications.paper import Options
from dropout_lab.replications.standardised import Standardised
from dropout_lab.replications.uci import UCISet, as_fields

UNIT = {"set": as_fields(UCISet("line", "line.txt", 2, 2, 0.05, 0.4, 0.01)), "splits": [0, 1], "folder": None}


def data(noise=0.3):
    """Two splits of 50 and 9 rows whose target is a line of deviation 3 around 5, with noise."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.standard_normal((2, 59, 2))).float()
    y = x.sum(dim=2, keepdim=True) / 2**0.5 + noise * torch.from_numpy(rng.standard_normal((2, 59, 1))).float()
    answers = [(5 + 3 * target[50:, 0]).double().numpy() for target in y]
    return Standardised(x[:, :50], y[:, :50], list(x[:, 50:]), answers, [(5.0, 3.0)] * 2)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(search, "EPOCHS", (3, 40))
    monkeypatch.setattr(search, "PASSES", 50)

    def found(of):
        monkeypatch.setattr(search, "standardised", lambda *_: of)
        return search.run(UNIT)

    return found


def test_no_test_row_has_a_say_in_the_choice(small):
    clean = data()
    answers = [1000.0 - answer for answer in clean.answers]
    chosen, other = small(clean), small(dataclasses.replace(clean, answers=answers))
    assert [(r["p"], r["tau"]) for r in chosen] == [(r["p"], r["tau"]) for r in other]
    assert all(a["log_likelihood"] > b["log_likelihood"] for a, b in zip(chosen, other, strict=True))


def test_the_choice_is_the_best_of_its_grid_on_the_validation_rows(small, monkeypatch):
    calls, inner = [], search.train_and_score
    monkeypatch.setattr(
        search, "train_and_score", lambda *args, **kwargs: calls.append(inner(*args, **kwargs)) or calls[-1]
    )
    records = small(data())
    assert len(records) == len(search.EPOCHS) * 2 * len(search.GRIDS)
    for record in records:
        rates, taus = search.GRIDS[record["grid"]]
        seen = {(p, tau): calls[0][record["epochs"], record["split"], p][1][tau] for p, tau in product(rates, taus)}
        assert seen[record["p"], record["tau"]] == max(seen.values())


def test_the_last_fifth_of_the_training_rows_is_held_out_in_its_own_unit():
    of = data()
    inner, validation = search.last_fifth_held_out(of)
    assert inner.inputs.shape == (2, 40, 2)
    x, y = validation[1]
    torch.testing.assert_close(torch.cat([inner.inputs[1], x]), of.inputs[1])
    np.testing.assert_allclose(y, 5 + 3 * of.targets[1, 40:, 0].double().numpy())


def test_less_noise_is_given_a_larger_precision(small):
    tau = {}
    for noise in (0.02, 0.7):  # of the target: 0.06 and 2.1, so τ is best at 6 and at about 0.23
        records = [r for r in small(data(noise)) if r["epochs"] == 40 and r["grid"].endswith("6")]
        tau[noise] = max(r["tau"] for r in records)
    assert tau[0.7] < tau[0.02]


def test_the_cells_are_both_metrics_of_every_grid_after_both_numbers_of_epochs():
    records = [
        {"split": s, "epochs": e, "grid": g, "p": 0.005, "tau": 0.75, "rmse": 0.5 + s, "log_likelihood": -1.0 - s}
        for s, e, g in product((0, 1), search.EPOCHS, search.GRIDS)
    ]
    cells = {cell.label: cell for cell in search.cells(records)}
    searched = cells["energy, RMSE, 4000 epochs, p and τ searched"]
    assert (searched.published, searched.ours, searched.se, searched.n) == (0.54, 1.0, 0.5, 2)
    assert cells["energy, log-lik, 4000 epochs, p and τ of the table"].published == -1.72
    assert math.isclose(cells["energy, share of the splits that choose the largest τ of the grid"].ours, 1.0)
    assert len(cells) == 2 * 2 * len(search.GRIDS) + 1


def test_other_sets_than_energy_are_refused_with_the_reason():
    assert search.units(Options(sets=("boston",))) == ([], ["skipped: the grid of τ is that of energy"])
