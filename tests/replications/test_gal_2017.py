"""The notebook of concrete dropout: five sites, its number of steps, and where Adam alone would carry p."""

import pytest
import torch

from dropout_lab.replications import gal_2017 as paper


def test_every_site_learns_a_rate_of_its_own_from_the_same_start(monkeypatch):
    monkeypatch.setattr(paper, "UNITS", 8)
    monkeypatch.setattr(paper, "EPOCHS", {10: 30})
    [record] = paper.run({"n": 10, "seed": 0})
    assert record["steps"] == 30
    assert len(set(record["p"])) == 5
    assert all(
        abs(p - paper.START) < 0.1 * 0.9 * 30 * 1.5 * paper.LR for p in record["p"]
    )  # a step moves log-odds by LR


def test_the_steps_are_those_of_the_notebook():
    assert {n: epochs * -(-n // paper.BATCH) for n, epochs in paper.EPOCHS.items()} == {10: 2000, 100: 1000, 1000: 1000}


def test_a_thousand_steps_straight_up_reach_a_log_odds_one_higher():
    records = [{"n": 100, "seed": seed, "p": [0.1, 0.2, 0.2, 0.2, 0.3], "steps": 1000} for seed in (0, 1)]
    *learned, walk = paper.cells(records)
    assert [cell.ours for cell in learned] == pytest.approx([0.1, 0.225])
    expected = torch.sigmoid(torch.logit(torch.tensor(0.1, dtype=torch.float64)) + 1).item()
    assert walk.claim == f"{expected:.3f}"
