"""Fast dropout: the quadrature against draws, and the letter pairs of a word."""

from itertools import pairwise

import pytest
import torch

from dropout_lab.replications import wang_2013 as paper


def test_the_quadrature_is_the_mean_over_normal_scores():
    generator = torch.Generator().manual_seed(0)
    mean, variance = torch.tensor([-1.0, 0.5, 2.0]).double(), torch.tensor([0.5, 4.0, 1.0]).double()
    y = torch.tensor([1.0, -1.0, 1.0]).double()
    draws = mean + variance.sqrt() * torch.randn(200_000, 3, generator=generator, dtype=torch.float64)
    losses = torch.nn.functional.softplus(-y * draws)
    found = paper.expected_loss(mean, variance, y)
    assert ((found - losses.mean(dim=0)).abs() < 5 * losses.std(dim=0) / 200_000**0.5).all()


def test_without_variance_the_expectation_is_the_loss():
    mean, y = torch.linspace(-3, 3, 7).double(), torch.ones(7).double()
    found = paper.expected_loss(mean, torch.zeros(7).double(), y)
    torch.testing.assert_close(found, torch.nn.functional.softplus(-mean))


def test_a_word_has_a_pair_more_than_letters_unless_one_repeats(monkeypatch):
    monkeypatch.setattr(paper, "load_names", lambda: ["ann", "bob", "cy"])
    x, y = paper.spelled(0)
    names = {tuple(row.nonzero()[:, 0].tolist()) for row in x[y == 1]}
    a, n, b, o, c, letter_y = 1, 14, 2, 15, 3, 25
    words = ([0, a, n, n, 0], [0, b, o, b, 0], [0, c, letter_y, 0])
    assert names == {tuple(sorted({27 * i + j for i, j in pairwise(w)})) for w in words}
    assert y.tolist().count(-1.0) == 3


def test_noise_and_its_deterministic_form_pull_the_weights_to_the_same_place(monkeypatch):
    monkeypatch.setattr(paper, "STEPS", 300)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, 3, generator=generator)
    y = torch.sign(x @ torch.tensor([1.0, -2.0, 0.0]) + torch.randn(400, generator=generator))
    plain, noise, deterministic = (paper.weights_of(way, x, y, generator)[0].norm().item() for way in paper.WAYS)
    assert noise < 0.8 * plain
    assert deterministic == pytest.approx(noise, rel=0.1)
