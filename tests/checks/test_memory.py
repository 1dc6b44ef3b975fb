import json

import pytest

from dropout_lab.checks import check, hint, progress


def test_what_was_remembered_is_recalled(progress_file):
    check("00-b", 200)
    check("01-b", lambda n, p: 0)
    assert {key: entry["status"] for key, entry in json.loads(progress_file.read_text()).items()} == {
        "00-b": "passed",
        "01-b": "failed",
    }
    assert "b ✓" in str(progress())
    assert "b ✗" in str(progress())


def test_an_exercise_that_was_not_attempted_is_not_remembered(progress_file):
    check("00-b", None)
    assert not progress_file.exists()


@pytest.mark.parametrize("damage", ["", "{", "[1, 2]", '{"00-b": 3}', '{"00-b": {"hints": "many"}}', "\x00"])
def test_a_damaged_file_never_stops_a_check(progress_file, damage):
    progress_file.write_text(damage)
    assert check("00-b", 200).status == "passed"
    assert "Hint 1" in str(hint("00-b"))
    assert "00" in str(progress())


def test_a_deleted_file_starts_afresh(progress_file):
    hint("00-b")
    progress_file.unlink()
    assert str(hint("00-b")).startswith("Hint 1")


def test_without_a_folder_to_write_to_the_kernel_remembers(monkeypatch):
    monkeypatch.setenv("DROPOUT_LAB_PROGRESS", "/no/such/folder/progress.json")
    assert str(hint("00-b")).startswith("Hint 1")
    assert str(hint("00-b")).startswith("Hint 2")


def test_nothing_is_written_when_progress_is_off(monkeypatch, tmp_path):
    monkeypatch.setenv("DROPOUT_LAB_PROGRESS", "off")
    monkeypatch.chdir(tmp_path)
    check("00-b", 200)
    assert list(tmp_path.iterdir()) == []
