"""Results: a line a finished job; an interrupt loses no line and swallows none."""

import json

from dropout_lab.replications import store


def test_what_is_appended_is_read_by_its_id(tmp_path):
    path = tmp_path / "folder" / "a.jsonl"
    for number in range(3):
        store.append(path, {"id": f"job {number}", "records": [number]})
    assert {key: line["records"] for key, line in store.read(path).items()} == {f"job {n}": [n] for n in range(3)}
    assert all(json.loads(text) for text in path.read_text(encoding="utf-8").splitlines())


def test_a_half_written_line_is_left_out_and_does_not_swallow_the_next(tmp_path):
    path = tmp_path / "a.jsonl"
    store.append(path, {"id": "first"})
    with path.open("a", encoding="utf-8") as file:
        file.write('{"id": "torn", "rec')
    store.append(path, {"id": "second"})
    assert list(store.read(path)) == ["first", "second"]


def test_of_two_lines_of_one_job_the_first_counts(tmp_path):
    path = tmp_path / "a.jsonl"
    for value in (1, 2):
        store.append(path, {"id": "job", "records": [value]})
    assert store.read(path)["job"]["records"] == [1]


def test_a_file_that_is_not_there_holds_nothing(tmp_path):
    assert store.read(tmp_path / "none.jsonl") == {}
