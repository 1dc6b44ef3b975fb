"""The replications by name."""

from __future__ import annotations

from typing import Any

from dropout_lab.replications import gal_2016_table_1
from dropout_lab.replications.paper import Paper, Unit

PAPERS: dict[str, Paper] = {
    paper.name: paper
    for paper in (gal_2016_table_1.TABLE_1, gal_2016_table_1.FORENSICS, gal_2016_table_1.TEN_TIMES_EPOCHS)
}


def run_named(unit: Unit) -> list[dict[str, Any]]:
    """Run a job that names its replication under "paper": what is sent to another process or machine."""
    return PAPERS[unit["paper"]].run(unit)
