"""The data: what the files hold, and a message that helps when one is missing, truncated or altered."""

import hashlib
import math
import shutil
import subprocess
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from dropout_lab import data

LOADERS = {
    "concrete.csv": data.load_concrete,
    "mauna_loa_co2.csv": data.load_co2,
    "mnist_5k.csv.gz": data.load_mnist5k,
    "names_female.txt": data.load_names,
    "names_male.txt": data.load_names,
}
EACH_FILE = pytest.mark.parametrize("name", list(LOADERS))


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A copy of the data folder, which the loaders read."""
    shutil.copytree(data.FOLDER, tmp_path / "data")
    monkeypatch.setattr(data, "FOLDER", tmp_path / "data")
    return tmp_path / "data"


def test_every_data_file_has_a_checksum_and_a_loader():
    files = {path.name for path in data.FOLDER.iterdir()} - {"README.md"}
    assert files == set(data.CHECKSUMS) == set(LOADERS)


@EACH_FILE
def test_the_readme_states_name_size_and_sha256_of_the_file(name):
    readme = (data.FOLDER / "README.md").read_text(encoding="utf-8")
    size = f"{(data.FOLDER / name).stat().st_size:,}".replace(",", " ")
    for stated in (f"`{name}`", f"{size} bytes", data.CHECKSUMS[name]):
        assert stated in readme


@pytest.mark.skipif(shutil.which("git") is None or not (data.FOLDER.parent / ".git").exists(), reason="not a checkout")
@EACH_FILE
def test_git_converts_no_line_endings_of_the_file_on_any_system(name):
    command = ["git", "check-attr", "text", "--", f"data/{name}"]
    run = subprocess.run(command, cwd=data.FOLDER.parent, check=True, capture_output=True, text=True)
    assert run.stdout.strip() == f"data/{name}: text: unset"


@EACH_FILE
def test_a_missing_file_is_named_with_its_sha256_and_the_way_to_restore_it(name, folder):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError) as error:
        LOADERS[name]()
    for part in (name, "missing", data.CHECKSUMS[name], f"git checkout -- data/{name}", "tools/extract_data.py"):
        assert part in str(error.value)


def _truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _one_bit_flipped(content: bytes) -> bytes:
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


def _windows_line_endings(content: bytes) -> bytes:
    return content.replace(b"\n", b"\r\n")


@EACH_FILE
@pytest.mark.parametrize("change", [_truncated, _one_bit_flipped, _windows_line_endings, lambda content: b""])
def test_a_changed_file_is_named_with_both_hashes_and_the_way_to_restore_it(name, change, folder):
    changed = change((folder / name).read_bytes())
    (folder / name).write_bytes(changed)
    with pytest.raises(ValueError, match="truncated or altered") as error:
        LOADERS[name]()
    found = hashlib.sha256(changed).hexdigest()
    for part in (name, data.CHECKSUMS[name], found, f"git checkout -- data/{name}", "tools/extract_data.py"):
        assert part in str(error.value)


@EACH_FILE
def test_a_package_installed_without_the_data_says_where_they_are(name, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "FOLDER", tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="come with the repository and not with an installed package"):
        LOADERS[name]()


def test_the_record_counts_the_weeks_it_leaves_out():
    record = data.load_co2()
    lines = (data.FOLDER / "mauna_loa_co2.csv").read_text(encoding="ascii").splitlines()[1:]
    assert len(lines) == len(record.year) + record.missing_weeks
    assert record.missing_weeks == sum(line.endswith(",") for line in lines)


def test_the_record_is_finite_float64_in_order_of_time():
    year, ppm, _ = data.load_co2()
    assert year.dtype == ppm.dtype == np.float64
    assert year.shape == ppm.shape
    assert np.isfinite(ppm).all()
    assert (np.diff(year) > 0).all()
    assert 310 < ppm.min() < ppm.max() < 375


def test_weeks_of_the_record_are_a_week_apart_also_across_the_turn_of_a_year():
    year = data.load_co2().year
    np.testing.assert_allclose(np.diff(year).min(), 7 / 366, rtol=1e-3)


@pytest.mark.parametrize(("day", "passed"), [("19580101", 0), ("19581231", 364 / 365), ("20000301", 60 / 366)])
def test_a_date_is_its_year_and_the_share_of_it_that_has_passed(day, passed):
    assert data._decimal_year(day) == int(day[:4]) + passed


def test_the_ends_of_the_record_are_the_dates_that_the_loader_states():
    year = data.load_co2().year
    for index, day in ((0, date(1958, 3, 29)), (-1, date(2001, 12, 29))):
        passed = (day - date(day.year, 1, 1)).days / 365
        np.testing.assert_allclose(year[index], day.year + passed, rtol=1e-12)


def test_the_samples_of_concrete_are_the_columns_of_the_file_and_the_last_is_the_target():
    concrete = data.load_concrete()
    table = np.loadtxt(data.FOLDER / "concrete.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(np.column_stack([concrete.x, concrete.strength]), table)
    assert concrete.inputs[0] == "cement"
    assert len(concrete.inputs) == 8
    assert len(np.unique(table, axis=0)) == 1005


def test_the_digits_are_float32_in_0_to_1_and_the_labels_int64():
    digits = data.load_mnist5k()
    for x, n in ((digits.x_train, 4000), (digits.x_test, 1000)):
        assert (x.shape, x.dtype) == ((n, 784), np.float32)
        assert (x.min(), x.max()) == (0, 1)
    assert digits.y_train.dtype == digits.y_test.dtype == np.int64


def test_the_split_is_stratified_and_any_first_rows_are_balanced():
    digits = data.load_mnist5k()
    np.testing.assert_array_equal(digits.y_train, np.arange(4000) % 10)
    np.testing.assert_array_equal(digits.y_test, np.arange(1000) % 10)


def test_no_image_is_in_both_parts_of_the_split():
    digits = data.load_mnist5k()
    assert len({row.tobytes() for row in np.concatenate([digits.x_train, digits.x_test])}) == 5000


def test_the_test_set_is_the_last_hundred_of_each_digit_in_the_file():
    digits = data.load_mnist5k()
    table = np.loadtxt(data.FOLDER / "mnist_5k.csv.gz", delimiter=",", dtype=np.float32)
    for digit in (0, 3, 9):
        images = table[table[:, -1] == digit, :-1] / np.float32(255)
        np.testing.assert_array_equal(digits.x_test[digits.y_test == digit], images[400:])
        np.testing.assert_array_equal(digits.x_train[digits.y_train == digit], images[:400])


def test_the_images_are_upright_and_their_labels_belong_to_them():
    digits = data.load_mnist5k()
    zero, one = (digits.x_train[digits.y_train == digit].mean(axis=0).reshape(28, 28) for digit in (0, 1))
    assert zero[14, 14] < 0.1 < 0.5 < one[14, 14]
    assert one[:, 14].sum() > 2 * one[14, :].sum()


def test_every_name_of_both_files_is_there_once_in_small_letters_and_in_order():
    names = data.load_names()
    tables = [np.loadtxt(data.FOLDER / f"names_{sex}.txt", dtype=str)[:, 0] for sex in ("female", "male")]
    assert [len(table) for table in tables] == [4275, 1219]
    assert len(set(tables[0]) & set(tables[1])) == 331
    assert {name.upper() for name in names} == set(tables[0]) | set(tables[1])
    assert names == sorted(set(names))
    assert len(names) == 4275 + 1219 - 331


def test_names_are_2_to_11_letters_of_the_english_alphabet():
    names = data.load_names()
    assert set("".join(names)) == set("abcdefghijklmnopqrstuvwxyz")
    assert {len(name) for name in names} == set(range(2, 12))


def test_the_best_line_between_two_blobs_errs_as_often_as_the_normal_distribution_says():
    x, y = data.two_blobs(40_000, np.random.default_rng(0), distance=3.0)
    share = math.erfc(1.5 / math.sqrt(2)) / 2  # Φ(-distance / 2)
    errors = ((x[:, 0] > 0) != (y == 1)).mean()
    assert abs(errors - share) < 5 * math.sqrt(share * (1 - share) / 40_000)


def test_two_blobs_have_as_many_points_of_each_class_and_come_from_the_generator_alone():
    x, y = data.two_blobs(7, np.random.default_rng(3))
    again, _ = data.two_blobs(7, np.random.default_rng(3))
    assert (x.dtype, y.dtype, x.shape) == (np.float32, np.int64, (7, 2))
    assert np.bincount(y).tolist() == [4, 3]
    np.testing.assert_array_equal(x, again)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [((0, np.random.default_rng(0)), ValueError), ((4.0, np.random.default_rng(0)), TypeError), ((4, 0), TypeError)],
)
def test_two_blobs_refuse_bad_input(arguments, error):
    with pytest.raises(error):
        data.two_blobs(*arguments)


def test_two_blobs_at_no_distance_are_refused():
    with pytest.raises(ValueError, match="distance is a positive finite number"):
        data.two_blobs(4, np.random.default_rng(0), distance=0.0)
