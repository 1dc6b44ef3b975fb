"""The regression sets of table 1: where their files are, their columns, their settings, and their splits."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dropout_lab import data

FOLDER_VARIABLE = "DROPOUT_LAB_DATA"


@dataclass(frozen=True)
class UCISet:
    """A regression set: its file, its columns, and p, τ and l of the published network.

    Parameters
    ----------
    name, file : str; a file of rows separated by white space, perhaps gzipped, or "" for the bundled concrete
    inputs : int, the first columns
    target : int, the column to predict, counted from 0
    p : float, probability that a unit is *dropped*
    tau : float, precision of an observation, in 1/(unit of the target)²
    length : float, prior length scale l
    hidden, splits : int
    epochs : int, those of table 1, ten times what the repository's n_epochs.txt of the set says
    sha256 : str, of the file as it was read here; "" is not compared
    """

    name: str
    file: str
    inputs: int
    target: int
    p: float
    tau: float
    length: float
    hidden: int = 50
    splits: int = 20
    epochs: int = 400
    sha256: str = ""

    def penalty(self, n: int, p: float | None = None) -> float:
        """Return λ = l² (1 - p) / (2 n τ), of `n` training rows; with another drop probability if one is given."""
        return self.length**2 * (1 - (self.p if p is None else p)) / (2 * n * self.tau)


SETS = (
    UCISet(
        "boston", "bostonHousing.txt.gz", 13, 13, 0.05, 0.159708, 1e-2,
        sha256="c239ba0faae71c66392596d26178b1de0f49bebd4783a24545e8c3064d02ad87",
    ),
    UCISet("concrete", "", 8, 8, 0.01, 0.055732, 1e-2),
    UCISet(
        "energy", "energy.txt.gz", 8, 8, 0.05, 0.427115, 1e-2,
        sha256="63f356b5e1a0456bcb319376a8b9f28a178a637c39595ee66c6bc4a841da5dbe",
    ),
    UCISet(
        "naval", "naval-propulsion-plant.txt.gz", 16, 16, 0.05, 42173.5, 1.0,
        sha256="bb658a73f005f5c86ba0b6b71c7b9ca1f5e39862e2948b34dbf02e8bea52852d",
    ),
    UCISet(
        "protein", "protein-tertiary-structure.txt.gz", 9, 9, 0.005, 0.0644419, 1e-2, hidden=100, splits=5, epochs=200,
        sha256="2800c60351bc34ad1acb29c5ef6fd8c3e3727c37b80874f1685273b30d5fc35d",
    ),
    UCISet(
        "wine", "wine-quality-red.txt.gz", 11, 11, 0.05, 2.95834, 1e-2,
        sha256="af658e68c49836059d01cf30d747e6a2f5e862bf1393bd0e4413e203867204cb",
    ),
    UCISet(
        "yacht", "yacht.txt.gz", 6, 6, 0.01, 0.54187, 1e-1,
        sha256="43e36755527eecf9234692837b6c48443ba3e70006c4b6c22e108664c97411a9",
    ),
)  # fmt: skip


def read_rows(uci_set: UCISet, folder: Path | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return inputs (N, D) and target (N,) of a set.

    Raises
    ------
    FileNotFoundError
        If its file is not at hand; the message says where it could be.
    ValueError
        If its sha256 is not the expected one.
    """
    if not uci_set.file:
        concrete = data.load_concrete()
        return concrete.x, concrete.strength
    place = folder or (Path(os.environ[FOLDER_VARIABLE]) if FOLDER_VARIABLE in os.environ else None)
    if place is None or not (place / uci_set.file).is_file():
        where = "no folder was named" if place is None else f"{place} does not hold it"
        raise FileNotFoundError(
            f"{uci_set.name} needs {uci_set.file}; {where}. Fetch the set from the UCI repository or OpenML, write its "
            f"{uci_set.inputs} inputs and the target as rows of numbers, and name the folder with --data or "
            f"{FOLDER_VARIABLE}."
        )
    content = (place / uci_set.file).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if uci_set.sha256 and found != uci_set.sha256:
        raise ValueError(f"{place / uci_set.file} is another file: expected sha256 {uci_set.sha256}, found {found}.")
    text = gzip.decompress(content) if uci_set.file.endswith(".gz") else content
    table = np.array([line.split() for line in text.decode("ascii").splitlines() if line.strip()], dtype=np.float64)
    return table[:, : uci_set.inputs].copy(), table[:, uci_set.target].copy()


def split_rows(n: int, splits: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return (training rows, test rows) of each split, as the authors' script drew them.

    NumPy's legacy generator, seeded with 1, draws a permutation a split; the first ``round(0.9 n)`` rows train. The
    global generator is not touched.

    Examples
    --------
    >>> train, test = split_rows(1030, 1)[0]
    >>> len(train), len(test), train[:4].tolist()
    (927, 103, [339, 244, 882, 567])
    """
    legacy = np.random.RandomState(1)  # the published splits come from it
    cut = round(0.9 * n)
    orders = [legacy.choice(np.arange(n), n, replace=False) for _ in range(splits)]
    return [(order[:cut], order[cut:]) for order in orders]


def known_sets(sets_file: Path | None = None) -> dict[str, UCISet]:
    """Return the sets by name: those of the table, and those that a JSON file adds, a list of fields."""
    added: list[dict[str, Any]] = json.loads(sets_file.read_text(encoding="utf-8")) if sets_file else []
    return {uci_set.name: uci_set for uci_set in (*SETS, *(UCISet(**fields) for fields in added))}


def as_fields(uci_set: UCISet) -> dict[str, Any]:
    """Return the fields of a set, to send them to a worker."""
    return asdict(uci_set)
