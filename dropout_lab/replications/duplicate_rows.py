"""Rows of the UCI sets that stand in the training part and in the test part of the same split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dropout_lab.replications.gal_2016_table_1 import CITATION
from dropout_lab.replications.paper import Cell, Options, Paper, Record, Unit, mean_and_se
from dropout_lab.replications.uci import UCISet, as_fields, known_sets, read_rows, split_rows


def has_twin(rows: NDArray[np.float64], train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which test rows stand in the training part as well, value for value.

    Parameters
    ----------
    rows : float array (N, D), inputs and target
    train, test : int arrays (n,) and (m,), numbers of rows

    Returns
    -------
    twin : bool array (m,)

    Examples
    --------
    >>> rows = np.array([[1.0, 2.0], [1.0, 3.0], [1.0, 2.0], [4.0, 2.0]])
    >>> has_twin(rows, np.array([0, 1]), np.array([2, 3])).tolist()
    [True, False]
    """
    kind = np.unique(rows, axis=0, return_inverse=True)[1].ravel()
    return np.isin(kind[test], kind[train])


def run(unit: Unit) -> list[Record]:
    """Return the share of the test rows of each split that have a twin in its training part."""
    uci_set = UCISet(**unit["set"])
    rows = np.column_stack(read_rows(uci_set, Path(unit["folder"]) if unit["folder"] else None))
    shares = [has_twin(rows, train, test).mean() for train, test in split_rows(len(rows), uci_set.splits)]
    return [{"set": uci_set.name, "split": split, "share": round(share, 6)} for split, share in enumerate(shares)]


def units(options: Options) -> tuple[list[Unit], list[str]]:
    """Return a job for each set that is at hand, and why others are not done."""
    found: list[Unit] = []
    reasons: list[str] = []
    known = known_sets(options.sets_file)
    for uci_set in (known[name] for name in options.sets or known):
        try:
            read_rows(uci_set, options.folder)
        except FileNotFoundError as absent:
            reasons.append(f"skipped: {absent}")
            continue
        folder = str(options.folder) if options.folder else None
        found.append({"id": f"{uci_set.name}, all splits", "set": as_fields(uci_set), "folder": folder})
    return found, reasons


def cells(records: Sequence[Record]) -> list[Cell]:
    """Return the mean share of each set; nobody published one."""
    found = []
    for name in dict.fromkeys(record["set"] for record in records):
        shares = [record["share"] for record in records if record["set"] == name]
        mean, se = mean_and_se(shares)
        label = f"{name}, share of test rows that stand in training too"
        found.append(Cell(label, None, None, "", mean, se, len(shares), "", 3))
    return found


PAPER = Paper(
    "gal-2016-duplicate-rows",
    f"{CITATION}, the splits of table 1",
    "20 random 90/10 splits of each set (protein 5), rows taken as they come.",
    "The same splits; a test row counts if one with the same inputs and the same target trains. Nothing was published "
    "to stand beside it.",
    units,
    run,
    cells,
)
