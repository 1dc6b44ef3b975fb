"""The command line: what it lists, skips, refuses, and the report of what is committed."""

import pytest

from dropout_lab.replications import report, store
from dropout_lab.replications.command_line import main
from dropout_lab.replications.papers import NOT_REBUILT, PAPERS


def test_every_replication_is_listed(capsys):
    assert main(["list"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == list(PAPERS)


def test_a_set_that_is_not_at_hand_is_skipped_with_a_message(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("DROPOUT_LAB_DATA", raising=False)
    assert main(["run", "gal-2016-table-1", "--sets", "yacht", "--results", str(tmp_path)]) == 0
    assert "skipped: yacht needs yacht.txt.gz" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "gal-1916"], "names are gal-2016-table-1"),
        (["compare", "gal-1916", "--published", "."], "names are gal-2016-table-1"),
        (["run", "--backend", "dask"], "goes with --scheduler"),
        (["run", "--scheduler", "tcp://host:1"], "goes with --scheduler"),
        (["run", "--splits-a-job", "0"], "at least 1"),
        (["compare", "wager-2013-ridge", "--published", "."], "nothing was published split by split"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_splits_are_paired_with_the_authors_files(tmp_path):
    path, published = tmp_path / "out" / "gal-2016-table-1.jsonl", tmp_path / "yacht" / "net" / "results"
    ours = [{"set": "yacht", "epochs": 400, "split": n, "rmse": 1.0 + n, "log_likelihood": -2.0} for n in (1, 0)]
    store.append(path, {"id": "a", "records": ours, "cpu_seconds": 1.0, "machine": "m"})
    published.mkdir(parents=True)
    (published / "test_MC_rmse.txt").write_text("0.5\n1.3\n7.0\n", encoding="ascii")  # the third split is not ours
    (published / "test_ll.txt").write_text("-2.25\n-2.5\n7.0\n", encoding="ascii")
    arguments = ["gal-2016-table-1", "--published", str(tmp_path), "--results", str(path.parent)]
    assert main(["compare", *arguments]) == 0
    cells, _ = report.results(PAPERS["gal-2016-table-1"], path.parent)
    assert [(c.label, round(c.paired.mean, 6), round(c.paired.se, 6), c.paired.n) for c in cells] == [
        ("yacht, RMSE", 0.6, 0.1, 2),
        ("yacht, log-lik", 0.375, 0.125, 2),
    ]


def test_a_committed_paired_difference_belongs_to_the_committed_results():
    for path in store.FOLDER.glob("*.paired.json"):
        cells = {c.label: c for c in report.results(PAPERS[path.name.removesuffix(".paired.json")], store.FOLDER)[0]}
        for label, pair in store.read_pairs(path).items():
            cell, half_digit = cells[label], 0.5 * 10 ** -cells[label].digits
            assert pair.n == cell.n
            assert abs(pair.mean - (cell.ours - cell.published)) <= half_digit + 1e-4


def test_the_committed_results_are_those_of_replications_that_exist():
    assert {path.stem for path in store.FOLDER.glob("*.jsonl")} <= set(PAPERS)


def test_the_committed_report_is_made_of_the_committed_results():
    committed = (store.FOLDER / "report.md").read_text(encoding="utf-8")
    assert committed == report.markdown(PAPERS.values(), store.FOLDER, NOT_REBUILT)
