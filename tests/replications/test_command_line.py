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
    "arguments", [["run", "gal-1916"], ["run", "--backend", "dask"], ["run", "--scheduler", "tcp://host:1"]]
)
def test_what_makes_no_sense_is_refused(arguments, capsys):
    assert main(arguments) == 2
    assert "names are" in capsys.readouterr().err


def test_the_committed_results_are_those_of_replications_that_exist():
    assert {path.stem for path in store.FOLDER.glob("*.jsonl")} <= set(PAPERS)


def test_the_committed_report_is_made_of_the_committed_results():
    committed = (store.FOLDER / "report.md").read_text(encoding="utf-8")
    assert committed == report.markdown(PAPERS.values(), store.FOLDER, NOT_REBUILT)
