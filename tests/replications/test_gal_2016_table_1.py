"""Table 1: the likelihood against its definition, and a small set from its file to the cells of the report."""

import json
import math

import numpy as np
import pytest
import torch

from dropout_lab.replications import gal_2016_table_1 as table
from dropout_lab.replications.command_line import main
from dropout_lab.training.stack import StackedMLP


def test_rmse_and_likelihood_are_those_of_the_definition(monkeypatch):
    monkeypatch.setattr(table, "PASSES", 40)
    generator = torch.Generator().manual_seed(0)
    x, y, tau = torch.randn(5, 3, generator=generator), np.linspace(-1, 1, 5), 2.0
    nets, twins = (StackedMLP((3, 8, 1), 0.2, [torch.Generator().manual_seed(7)]) for _ in range(2))
    rmse, likelihoods = table.evaluate(nets, 0, x, y, 0.5, 3.0, [tau, 0.5])
    samples = torch.cat(list(twins.passes(x, 0, n_samples=40)))[..., 0].double().numpy() * 3.0 + 0.5
    assert rmse == pytest.approx(math.sqrt(((samples.mean(axis=0) - y) ** 2).mean()))
    for tau, likelihood in zip([2.0, 0.5], likelihoods, strict=True):
        density = np.sqrt(tau / (2 * np.pi)) * np.exp(-tau / 2 * (y - samples) ** 2)  # no logs: the definition itself
        assert likelihood == pytest.approx(np.log(density.mean(axis=0)).mean())


def test_the_likelihood_does_not_underflow_where_every_pass_is_far_away():
    assert table.log_likelihood(torch.full((10, 1), 100.0), 4.0).item() == pytest.approx(
        -20000 + math.log(10), rel=1e-6
    )


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A set of 60 rows whose target is a line, with few passes: options of the command line for it."""
    monkeypatch.setattr(table, "PASSES", 20)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 2))
    np.savetxt(tmp_path / "line.txt", np.column_stack([x, x @ [1.0, 2.0]]))
    fields = {"name": "line", "file": "line.txt", "inputs": 2, "target": 2, "p": 0.02, "tau": 10.0, "length": 0.01}
    (tmp_path / "sets.json").write_text(
        json.dumps([{**fields, "splits": 4, "hidden": 10, "epochs": 200}]), encoding="utf-8"
    )
    files = ["--data", str(tmp_path), "--sets-file", str(tmp_path / "sets.json"), "--results", str(tmp_path / "out")]
    return ["run", "gal-2016-table-1", "--sets", "line", *files], tmp_path


def test_a_set_of_the_readers_own_goes_from_its_file_to_the_report(small):
    arguments, folder = small
    assert main([*arguments, "--splits-a-job", "2"]) == 0
    records = [
        record
        for line in (folder / "out" / "gal-2016-table-1.jsonl").read_text(encoding="utf-8").splitlines()
        for record in json.loads(line)["records"]
    ]
    assert [record["split"] for record in records] == [0, 1, 2, 3]
    assert max(record["rmse"] for record in records) < 1.5  # the target's standard deviation is 2.2
    assert main(["report", "--results", str(folder / "out")]) == 0
    assert "| line, RMSE | – |" in (folder / "out" / "report.md").read_text(encoding="utf-8")


def test_a_split_is_the_same_in_a_job_of_its_own(small):
    arguments, folder = small
    found = []
    for splits_a_job in ("1", "4"):
        out = ["--results", str(folder / splits_a_job), "--splits-a-job", splits_a_job]
        assert main([*arguments, *out]) == 0
        lines = (folder / splits_a_job / "gal-2016-table-1.jsonl").read_text(encoding="utf-8").splitlines()
        found.append({r["split"]: r["rmse"] for line in lines for r in json.loads(line)["records"]})
    assert found[0] == pytest.approx(found[1], rel=1e-3)
