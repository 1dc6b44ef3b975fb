"""Deep ensembles beside dropout: the mixture's moments, members in their places, and equal training."""

import math

import numpy as np
import pytest
import torch

from dropout_lab.replications import lakshminarayanan_2017 as paper
from dropout_lab.replications.standardised import Standardised
from dropout_lab.training.stack import fit_stack


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 60, 3, generator=generator)
    tests = [torch.randn(7, 3, generator=generator) for _ in range(2)]
    answers = [np.linspace(-1, 1, 7), np.linspace(0, 3, 7)]
    return Standardised(x, x[..., :1] - x[..., 1:2], tests, answers, [(0.5, 2.0), (-1.0, 3.0)])


def test_the_nll_is_that_of_a_normal_with_the_moments_of_the_mixture(data, monkeypatch):
    monkeypatch.setattr(paper, "EPOCHS", 2)
    nets = paper.ensembles(data, 6, seed=1)
    for split, found in enumerate(paper.ensemble_nll(nets, data)):
        own = slice(split * paper.MEMBERS, (split + 1) * paper.MEMBERS)
        centre, scale = data.scales[split]
        outputs = nets.predict(data.tests[split])
        mean, variance = (part[own, :, 0].double().numpy() for part in paper.normal(outputs))
        mean, sd = mean * scale + centre, np.sqrt(variance) * scale
        draws = np.random.default_rng(0).normal(mean, sd, size=(40_000, *mean.shape)).reshape(-1, 7)
        m, v = draws.mean(axis=0), draws.var(axis=0)
        expected = np.mean(0.5 * np.log(2 * math.pi * v) + (data.answers[split] - m) ** 2 / (2 * v))
        assert found == pytest.approx(expected, rel=0.01)


def test_training_brings_the_nll_down_and_members_differ(data, monkeypatch):
    found = {}
    for epochs in (1, 40):
        monkeypatch.setattr(paper, "EPOCHS", epochs)
        nets = paper.ensembles(data, 10, seed=1)
        mean, variance = paper.normal(nets.predict(data.inputs.repeat_interleave(paper.MEMBERS, dim=0)))
        y = data.targets.repeat_interleave(paper.MEMBERS, dim=0)
        found[epochs] = (0.5 * (variance.log() + (y - mean).square() / variance)).mean().item()
    assert found[40] < found[1] - 1
    outputs = nets.predict(data.tests[0])
    assert len({round(value, 6) for value in outputs[:, 0, 0].tolist()}) == 2 * paper.MEMBERS


def test_the_gradient_of_the_loss_is_autograds():
    generator = torch.Generator().manual_seed(2)
    outputs = torch.randn(3, 5, 2, generator=generator, dtype=torch.float64, requires_grad=True)
    y, total = torch.randn(3, 5, 1, generator=generator, dtype=torch.float64), torch.zeros(3, 6, 1, dtype=torch.float64)
    grad = paper.normal_loss(outputs.detach(), y, total)
    mean, variance = paper.normal(outputs)
    rows = -torch.distributions.Normal(mean, variance.sqrt()).log_prob(y) - 0.5 * math.log(2 * math.pi)
    rows.mean(dim=(1, 2)).sum().backward()
    torch.testing.assert_close(grad, outputs.grad)
    torch.testing.assert_close(total[:, :5], rows.detach())
    assert bool((total[:, 5:] == 0).all())


def test_dropout_gets_the_training_of_all_members_and_as_many_passes(data, monkeypatch):
    seen = {}
    monkeypatch.setattr(paper, "standardised", lambda *_: data)
    monkeypatch.setattr(paper, "EPOCHS", 3)

    def spy(*arguments, epochs, **options):
        seen["loss" if "loss" in options else "epochs"] = epochs
        return fit_stack(*arguments, epochs=epochs, **options)

    monkeypatch.setattr(paper, "fit_stack", spy)
    fields = {"name": "mine", "file": "", "inputs": 3, "target": 3, "p": 0.1, "tau": 1.0, "length": 0.1, "hidden": 6}
    records = paper.run({"set": fields, "splits": [0, 1], "folder": None})
    assert seen["epochs"] == paper.MEMBERS * 3
    assert [record["split"] for record in records] == [0, 1]
    found = paper.cells(records)
    assert found[0].published is None
    assert found[1].ours == pytest.approx(np.mean([r["5 passes"] - r["ensemble"] for r in records]))
