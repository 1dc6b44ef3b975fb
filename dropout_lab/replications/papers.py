"""The replications by name."""

from __future__ import annotations

from typing import Any

from dropout_lab.replications import (
    baldi_2013,
    duplicate_rows,
    gal_2016_epochs,
    gal_2016_figure_2,
    gal_2016_search,
    gal_2016_table_1,
    gal_2017,
    lakshminarayanan_2017,
    li_2019,
    molchanov_2017,
    osband_2016,
    srivastava_2014,
    wager_2013,
    wang_2013,
)
from dropout_lab.replications.paper import Paper, Unit

PAPERS: dict[str, Paper] = {
    paper.name: paper
    for paper in (
        gal_2016_table_1.TABLE_1,
        gal_2016_epochs.FORENSICS,
        gal_2016_epochs.TEN_TIMES_EPOCHS,
        gal_2016_epochs.AS_CODED,
        gal_2016_search.PAPER,
        duplicate_rows.PAPER,
        baldi_2013.PAPER,
        wager_2013.PAPER,
        li_2019.PAPER,
        osband_2016.PAPER,
        gal_2017.PAPER,
        wang_2013.PAPER,
        molchanov_2017.PAPER,
        gal_2016_figure_2.PAPER,
        lakshminarayanan_2017.PAPER,
        srivastava_2014.FIGURE_9,
        srivastava_2014.FIGURE_10,
        srivastava_2014.FIGURE_11,
    )
}


NOT_REBUILT = (
    (
        "Srivastava et al. (2014), table 2: MNIST errors 1.60, 1.35, 1.25, 1.06, 1.01, .95 % [S]; tables 9, 10",
        "up to a million updates of nets of 1024 to 8192 units on 60 000 digits: days on two cores",
    ),
    ("Hinton et al. (2012), errors of 10 000: 160, ~130, ~110 [S]", "all of MNIST is not at hand"),
    ("Wan et al. (2013), 1.62, 1.28, 1.20 % [M, the last S]", "all of MNIST is not at hand; two values unconfirmed"),
    ("Gal and Ghahramani (2016), recurrent nets, perplexity 73.4 [S]", "Penn Treebank is not at hand"),
    ("Li et al. (2019), errors on CIFAR", "CIFAR is not at hand"),
    ("Liu et al. (2023), ImageNet top-1 73.9, 67.9, 74.3 [F]", "ImageNet is not at hand"),
)


def run_named(unit: Unit) -> list[dict[str, Any]]:
    """Run a job that names its replication under "paper": what is sent to another process or machine."""
    return PAPERS[unit["paper"]].run(unit)
