"""The course's real data, checked against their sha256 whenever they are read, and one toy problem.

The files lie in the folder `data` of the repository; `data/README.md` has their origin, licence and columns.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dropout_lab.arguments import require_count, require_positive, require_rng

FOLDER = Path(__file__).resolve().parent.parent / "data"

CHECKSUMS = {
    "concrete.csv": "431e0b0b8bab99794c905cb45440a089c32c8f6d14bfd2602d1449727db92222",
    "mauna_loa_co2.csv": "16695fa2786e53414e5a6b54767a3fdf5de99cfbc68617f69d1362d92776a92f",
    "mnist_5k.csv.gz": "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d",
    "names_female.txt": "bd2f310fc4e5d5e5ea122c9d4342c9821145823118eb20db1647f305ec77b358",
    "names_male.txt": "0a5078ef6effe3b483d15b0f7f95047662126c9bfb624ecd5e5b978fc0f2470b",
}


class CO2Record(NamedTuple):
    """Weekly CO₂ at Mauna Loa: `year` (N,) in decimal years, `ppm` (N,) by volume, and how many weeks are missing."""

    year: NDArray[np.float64]
    ppm: NDArray[np.float64]
    missing_weeks: int


class Concrete(NamedTuple):
    """Strength of concrete: `x` (1030, 8), `strength` (1030,) in MPa, and the names of the eight inputs."""

    x: NDArray[np.float64]
    strength: NDArray[np.float64]
    inputs: tuple[str, ...]


class Digits(NamedTuple):
    """Handwritten digits: `x_train` (4000, 784), `y_train` (4000,), `x_test` (1000, 784), `y_test` (1000,)."""

    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]


def load_co2() -> CO2Record:
    """The weekly CO₂ record of Mauna Loa, 29 March 1958 to 29 December 2001.

    Returns
    -------
    record : CO2Record
        2225 measured weeks. The 59 weeks without a value are left out and counted in `missing_weeks`. A date becomes
        its year plus the share of the year that has passed when that day begins.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing, or its sha256 is not the expected one.

    Examples
    --------
    >>> record = load_co2()
    >>> len(record.year), record.missing_weeks
    (2225, 59)
    >>> print(f"{record.year[0]:.2f}: {record.ppm[0]} ppm, {record.year[-1]:.2f}: {record.ppm[-1]} ppm")
    1958.24: 316.1 ppm, 2001.99: 371.5 ppm

    References
    ----------
    Keeling and Whorf (2004), Atmospheric CO2 concentrations derived from flask air samples at sites in the SIO network.
    """
    rows = [line.split(",") for line in _read("mauna_loa_co2.csv").decode("ascii").splitlines()[1:]]
    measured = [(_decimal_year(day), float(ppm)) for day, ppm in rows if ppm]
    year, ppm = np.array(measured, dtype=np.float64).T.copy()
    return CO2Record(year, ppm, len(rows) - len(measured))


def load_concrete() -> Concrete:
    """The compressive strength of 1030 samples of concrete, with what they were mixed of and their age.

    Returns
    -------
    concrete : Concrete
        Seven amounts in kg per m³ of mixture and the age in days; the rows in the order of the UCI repository.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing, or its sha256 is not the expected one.

    Examples
    --------
    >>> concrete = load_concrete()
    >>> concrete.x.shape, concrete.inputs[-1], concrete.x[0, -1], concrete.strength[0]
    ((1030, 8), 'age', np.float64(28.0), np.float64(79.99))

    References
    ----------
    Yeh (1998), Modeling of strength of high-performance concrete using artificial neural networks, Cement and Concrete
    Research 28.
    """
    header, *lines = _read("concrete.csv").decode("ascii").splitlines()
    table = np.array([line.split(",") for line in lines], dtype=np.float64)
    return Concrete(table[:, :-1].copy(), table[:, -1].copy(), tuple(header.split(",")[:-1]))


def load_mnist5k() -> Digits:
    """5000 of the 60 000 training digits of MNIST, 500 of each, as 28 × 28 pixels in a row.

    The split is fixed and stratified: of each digit, in the order of the file, the first 400 are for training and the
    last 100 for testing. Rows run 0, 1, …, 9, 0, 1, …, so that the first 10 n rows hold n of each digit.

    Returns
    -------
    digits : Digits
        Pixels as float32 in [0, 1], 0 for the background; labels as int64.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing, or its sha256 is not the expected one.

    Examples
    --------
    >>> digits = load_mnist5k()
    >>> digits.x_train.shape, digits.x_test.shape, digits.y_train[:12].tolist()
    ((4000, 784), (1000, 784), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])

    References
    ----------
    LeCun, Bottou, Bengio, Haffner (1998), Gradient-based learning applied to document recognition, Proc. IEEE 86.
    """
    table = np.loadtxt(io.BytesIO(gzip.decompress(_read("mnist_5k.csv.gz"))), delimiter=",", dtype=np.uint8)
    by_digit = table[np.argsort(table[:, -1], kind="stable")].reshape(10, 500, 785)
    rows = by_digit.transpose(1, 0, 2).reshape(5000, 785)
    x, y = rows[:, :-1].astype(np.float32) / np.float32(255), rows[:, -1].astype(np.int64)
    return Digits(x[:4000], y[:4000], x[4000:], y[4000:])


def load_names() -> list[str]:
    """First names of the 1990 census of the United States, women's and men's together.

    Returns
    -------
    names : list of str
        5163 different names in alphabetical order, in the letters a to z, 2 to 11 of them. How frequent a name is, and
        whose it is, is left out: the list says what a name can look like.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is missing, or its sha256 is not the expected one.

    Examples
    --------
    >>> names = load_names()
    >>> len(names), names[0], names[-1], "mary" in names
    (5163, 'aaron', 'zulma', True)

    References
    ----------
    U.S. Census Bureau (1995), Frequently Occurring Names in the U.S.: 1990 census.
    """
    lines = [line for sex in ("female", "male") for line in _read(f"names_{sex}.txt").decode("ascii").splitlines()]
    return sorted({line.split()[0].lower() for line in lines})


def two_blobs(
    n: int, rng: np.random.Generator, *, distance: float = 4.0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Points of two classes in the plane, each class a round Gaussian cloud of standard deviation 1.

    Parameters
    ----------
    n : int
        Number of points; the classes alternate.
    rng : numpy.random.Generator
    distance : float > 0, default 4
        Between the centres, in standard deviations: the best line leaves Φ(-distance / 2) of the points on the wrong
        side, 2.3 % by default.

    Returns
    -------
    x : float32 array (N, 2)
    y : int64 array (N,), 0 and 1 in turn
    """
    y = np.arange(require_count(n, "n")) % 2
    x = require_rng(rng).standard_normal((n, 2))
    x[:, 0] += (y - 0.5) * require_positive(distance, "distance", "standard deviations")
    return x.astype(np.float32), y.astype(np.int64)


def _decimal_year(yyyymmdd: str) -> float:
    day = date(int(yyyymmdd[:4]), int(yyyymmdd[4:6]), int(yyyymmdd[6:]))
    start, end = date(day.year, 1, 1), date(day.year + 1, 1, 1)
    return day.year + (day - start).days / (end - start).days


def _read(name: str) -> bytes:
    """The bytes of a data file, once they have the sha256 that belongs to it."""
    expected = CHECKSUMS[name]
    restore = f"Restore it with `git checkout -- data/{name}` or `python tools/extract_data.py`."
    if not FOLDER.is_dir():
        raise FileNotFoundError(
            f"there is no folder {FOLDER}: the data come with the repository and not with an installed package. "
            "Clone the repository and install the package from it with `pip install -e .`."
        )
    path = FOLDER / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; expected sha256 {expected}, found no file. {restore}")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ValueError(
            f"{path} is truncated or altered ({len(content)} bytes): "
            f"expected sha256 {expected}, found {found}. {restore}"
        )
    return content
