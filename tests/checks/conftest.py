"""Checks remember progress in a file of the test's own."""

import pytest

from dropout_lab.checks import memory


@pytest.fixture(autouse=True)
def progress_file(tmp_path, monkeypatch):
    monkeypatch.setenv(memory.VARIABLE, str(tmp_path / "progress.json"))
    monkeypatch.setattr(memory, "_session", {})
    return tmp_path / "progress.json"
