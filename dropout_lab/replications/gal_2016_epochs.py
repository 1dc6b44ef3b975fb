"""Gal and Ghahramani 2016: how many epochs the table used, what the code states, and what ten times as many do."""

from __future__ import annotations

from collections.abc import Sequence

from dropout_lab.replications.gal_2016_table_1 import CITATION, PUBLISHED, jobs, pairs, run, table_cells
from dropout_lab.replications.paper import Cell, Paper, Record

# RMSE, its standard error, log-likelihood, its standard error, as the repository prints them
TEN_TIMES = {
    "boston": (2.80, 0.19, -2.39, 0.05),
    "concrete": (4.81, 0.14, -2.94, 0.02),
    "energy": (1.09, 0.05, -1.72, 0.02),
    "yacht": (0.72, 0.06, -1.38, 0.01),
}


def forensic_cells(records: Sequence[Record]) -> list[Cell]:
    """Return RMSE and log-likelihood after 40 and 400 epochs beside table 1, and after 4000 beside 10× epochs."""
    columns = ((40, PUBLISHED, "table 1"), (400, PUBLISHED, "table 1"), (4000, TEN_TIMES, "10× epochs"))
    return [
        cell
        for epochs, printed, name in columns
        for cell in table_cells(records, printed, epochs, f"{epochs} epochs beside {name}")
    ]


FORENSICS = Paper(
    "gal-2016-epochs",
    f"{CITATION}, table 1 and the repository's column 10× epochs",
    "As table 1; 40 epochs is what Lakshminarayanan et al. (2017) say, 400 at batch 128 what the code says.",
    "40, 400 and 4000 epochs of one training run in batches of 32, with the p and τ of table 1: no search. After 4000 "
    "these networks have taken four times the steps of the column that stands beside them.",
    lambda options: jobs(options, (40, 400, 4000), 32, ("energy", "concrete")),
    run,
    forensic_cells,
)
TEN_TIMES_EPOCHS = Paper(
    "gal-2016-10x-epochs",
    f"{CITATION}, the repository's column 10× epochs",
    "As table 1, ten times the epochs of the code: 4000 in batches of 128.",
    "The same, small sets only.",
    lambda options: jobs(options, (4000,), 128, tuple(TEN_TIMES)),
    run,
    lambda records: table_cells(records, TEN_TIMES, 4000, "10× epochs"),
    "naval, wine, protein, kin8nm, power plant: longer than this is meant to take, or no data.",
    pairs("net/results_10x_epochs", 4000, "10× epochs"),
)
AS_CODED = Paper(
    "gal-2016-as-coded",
    f"{CITATION}, table 1",
    "As table 1; 400 epochs in batches of 128 are what the code of the repository states.",
    "The same, to the letter: about a quarter of the steps with which the table is found.",
    lambda options: jobs(options, (400,), 128, tuple(TEN_TIMES)),
    run,
    lambda records: table_cells(records, PUBLISHED, 400),
    "naval, wine, protein: four sets are enough to tell the recipes apart.",
    pairs("net/results", 400),
)
