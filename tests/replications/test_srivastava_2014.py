"""Srivastava's figures: what is compared with what, and averages over disjoint groups of passes."""

import pytest
import torch

from dropout_lab.replications import srivastava_2014 as paper


@pytest.fixture
def tiny(monkeypatch):
    for name, value in {"SIZES": (784, 12, 12, 10), "STEPS": 20, "GROUPS": 40, "PASSES": (1, 40)}.items():
        monkeypatch.setattr(paper, name, value)


def test_a_seed_draws_the_same_digits_for_every_network_and_no_digit_twice():
    x, y, x_test, _ = paper.digits(500, 3)
    assert (x.shape, y.shape, x_test.shape) == ((500, 784), (500,), (1000, 784))
    assert x.equal(paper.digits(500, 3)[0])
    assert not x.equal(paper.digits(500, 4)[0])
    assert len(paper.digits(4000, 0)[0].unique(dim=0)) == 4000


def test_single_passes_are_averaged_as_errors_and_all_passes_as_probabilities(tiny):
    one, everything = paper.run_passes({"seed": 0})
    assert (one["passes"], everything["passes"]) == (1, 40)
    assert one["scaled"] == everything["scaled"]
    assert everything["error"] < one["error"]
    assert everything["error"] * 10 == pytest.approx(round(everything["error"] * 10))  # one group of 1000 digits


def test_differences_are_between_networks_of_one_seed_and_have_the_sign_that_the_label_says():
    rates = [{"seed": s, "keep": k, "error": 10 * s + (5.0 if k == 0.1 else 2.0)} for s in (0, 1) for k in paper.KEEP]
    cell = paper.rate_cells(rates)[0]
    assert (cell.ours, cell.se, cell.n) == (3.0, 0.0, 2)
    sizes = [{"seed": 0, "n": n, "without": 9.0, "dropout": 7.5} for n in paper.EXAMPLES]
    assert [cell.ours for cell in paper.example_cells(sizes)] == [1.5] * len(paper.EXAMPLES)
    passes = [{"seed": 0, "passes": k, "error": 6.0, "scaled": 5.75} for k in paper.PASSES]
    assert [cell.ours for cell in paper.pass_cells(passes)] == [0.25] * len(paper.PASSES)


def test_groups_of_passes_share_none_and_a_rest_is_left_out():
    values = torch.arange(14.0).view(7, 2)
    assert torch.equal(paper.disjoint_sums(values, 3), torch.stack([values[:3].sum(dim=0), values[3:6].sum(dim=0)]))
