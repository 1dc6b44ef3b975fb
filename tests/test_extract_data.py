"""The script that writes data/: it copies bytes and refuses an archive that is not the pinned one."""

import hashlib
import importlib.util
import lzma
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
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


def test_the_pickled_table_becomes_csv_without_being_run(extract_data):
    source = {source.name: source for source in extract_data.SOURCES}["concrete.csv"]
    floats, whole = np.arange(16.0).reshape(8, 2) / 10, np.array([[1, 2], [28, 365]])
    columns = ["rownames", *"abcdefg", "age", "y"]
    # a list of what the instructions of a pickled DataFrame name, and nothing that could be called
    pickled = pickle.dumps([bytearray(floats.tobytes()), bytearray(b"x"), bytearray(whole.tobytes()), columns], 5)
    expected = "a,b,c,d,e,f,g,age,y\n0.0,0.2,0.4,0.6,0.8,1.0,1.2,28,1.4\n0.1,0.3,0.5,0.7,0.9,1.1,1.3,365,1.5\n"
    assert source.convert(lzma.compress(pickled)) == expected.encode()


def test_the_file_comes_out_of_a_source_archive_unchanged(extract_data, tmp_path):
    (tmp_path / "names.txt").write_bytes(b"MARY 2.629\n")
    with tarfile.open(tmp_path / "package-1.0.tar.gz", "w:gz") as members:
        members.add(tmp_path / "names.txt", "package-1.0/names.txt")
    path = tmp_path / "package-1.0.tar.gz"
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    source = extract_data.Source("names.txt", "package==1.0", sha256, "package-1.0/names.txt")
    assert extract_data.extract(path, source) == b"MARY 2.629\n"


def test_pip_is_told_the_hash_before_it_opens_an_archive(extract_data, tmp_path, monkeypatch):
    commands = []

    def run(command, check):
        commands.append(command)
        (tmp_path / "archives").mkdir()
        (tmp_path / "archives" / "package.whl").touch()

    monkeypatch.setattr(extract_data.subprocess, "run", run)
    assert extract_data.download(extract_data.SOURCES[0], tmp_path).name == "package.whl"
    asked = (tmp_path / "requirements.txt").read_text(encoding="ascii")
    assert asked == f"statsmodels==0.14.6 --hash=sha256:{extract_data.SOURCES[0].archive_sha256}\n"
    assert commands[0][-2:] == ["--requirement", str(tmp_path / "requirements.txt")]


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
