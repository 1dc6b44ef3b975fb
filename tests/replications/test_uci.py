"""The sets: splits index by index, and a clear message for a file that is not there or is another."""

import gzip
import hashlib
import json

import numpy as np
import pytest

from dropout_lab.replications.gal_2016_table_1 import jobs
from dropout_lab.replications.paper import Options
from dropout_lab.replications.uci import SETS, UCISet, known_sets, read_rows, split_rows

# sha256 of the training rows as little-endian int64; when they were written down, the rows of all twenty splits were
# equal, index by index, to the files index_train_0.txt … index_test_19.txt of concrete in the authors' repository
FIRST, ALL = (
    "1efd4a2c1263bfa666a77b270d8d99f7839221649a8fea3080e45434d031863b",
    "53e07118dc99dae5a0c6777cb98187d1709d3a52f815116a31dab2aca8fd0d09",
)


def digest(arrays):
    return hashlib.sha256(b"".join(array.astype("<i8").tobytes() for array in arrays)).hexdigest()


def test_the_splits_of_concrete_are_the_published_ones_index_by_index():
    splits = split_rows(1030, 20)
    assert digest([splits[0][0]]) == FIRST
    assert digest([rows for split in splits for rows in split]) == ALL
    assert splits[0][0][:10].tolist() == [339, 244, 882, 567, 923, 358, 576, 27, 994, 563]


@pytest.mark.parametrize("n", [10, 1030])
def test_every_row_is_in_one_part_of_a_split(n):
    for train, test in split_rows(n, 3):
        assert len(train) == round(0.9 * n)
        np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(n))


def test_the_splits_leave_the_global_generator_alone(assert_global_state_untouched):
    assert_global_state_untouched(lambda: split_rows(50, 2))


def test_concrete_needs_no_folder():
    x, y = read_rows(known_sets()["concrete"], None)
    assert (x.shape, y.shape) == ((1030, 8), (1030,))


@pytest.mark.parametrize("uci_set", [s for s in SETS if s.file], ids=lambda s: s.name)
def test_a_set_that_is_not_at_hand_is_named_with_the_ways_to_get_it(uci_set, tmp_path, monkeypatch):
    monkeypatch.delenv("DROPOUT_LAB_DATA", raising=False)
    for folder in (None, tmp_path):
        with pytest.raises(FileNotFoundError, match=uci_set.file) as error:
            read_rows(uci_set, folder)
        assert all(part in str(error.value) for part in ("UCI", "OpenML", "--data", "DROPOUT_LAB_DATA"))


def test_another_file_of_the_same_name_is_refused(tmp_path):
    (tmp_path / "yacht.txt.gz").write_bytes(gzip.compress(b"1 2 3 4 5 6 7\n"))
    with pytest.raises(ValueError, match="is another file"):
        read_rows(known_sets()["yacht"], tmp_path)


def test_a_set_of_the_readers_own_is_named_in_a_json_file(tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text("1 2 3\n4 5 6\n\n", encoding="utf-8")
    fields = {"name": "mine", "file": "mine.txt", "inputs": 2, "target": 2, "p": 0.1, "tau": 1.0, "length": 0.1}
    (tmp_path / "sets.json").write_text(json.dumps([fields]), encoding="utf-8")
    mine = known_sets(tmp_path / "sets.json")["mine"]
    assert mine == UCISet(**fields)
    monkeypatch.setenv("DROPOUT_LAB_DATA", str(tmp_path))
    x, y = read_rows(mine, None)
    np.testing.assert_array_equal(np.column_stack([x, y]), [[1, 2, 3], [4, 5, 6]])


def test_the_penalty_is_that_of_the_prior_length_scale():
    uci_set = UCISet("mine", "mine.txt", 2, 2, p=0.2, tau=0.5, length=0.3)
    assert uci_set.penalty(50) == pytest.approx(0.3**2 * 0.8 / (2 * 50 * 0.5))
    assert uci_set.penalty(50, p=0.6) == pytest.approx(0.3**2 * 0.4 / (2 * 50 * 0.5))


def test_a_job_trains_for_the_epochs_of_its_set_unless_told_otherwise(tmp_path):
    np.savetxt(tmp_path / "mine.txt", np.ones((20, 3)))
    fields = {"name": "mine", "file": "mine.txt", "inputs": 2, "target": 2, "p": 0.2, "tau": 0.5, "length": 0.3}
    (tmp_path / "sets.json").write_text(json.dumps([{**fields, "epochs": 7}]), encoding="utf-8")
    options = Options(folder=tmp_path, sets=("mine",), sets_file=tmp_path / "sets.json")
    assert {tuple(unit["epochs"]) for unit in jobs(options, None, 32, ())[0]} == {(7,)}
    assert {tuple(unit["epochs"]) for unit in jobs(options, (3, 5), 32, ())[0]} == {(3, 5)}
    assert known_sets()["protein"].epochs == 200
