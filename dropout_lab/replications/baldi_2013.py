"""Baldi and Sadowski 2013: of all subnetworks of a softmax layer, the geometric mean is the scaled pass."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from dropout_lab.numpy_layers import softmax
from dropout_lab.replications.paper import Cell, Options, Paper, Record, Unit, mean_and_se

INPUTS, CLASSES, RATES, SEEDS = 8, 3, (0.2, 0.5), 20


def run(unit: Unit) -> list[Record]:
    """Enumerate 2⁸ subnetworks of a random layer; the largest difference of either mean from the scaled pass."""
    records: list[Record] = []
    for seed, p in itertools.product(range(SEEDS), RATES):
        rng = np.random.default_rng(seed)
        weight, h = rng.standard_normal((INPUTS, CLASSES)), rng.standard_normal(INPUTS)
        masks = np.array(list(itertools.product((0.0, 1.0), repeat=INPUTS)))
        share = np.prod(np.where(masks == 1, 1 - p, p), axis=1)
        subnetworks = softmax((masks * h) @ weight)
        geometric = np.exp(share @ np.log(subnetworks))
        scaled = softmax((1 - p) * h @ weight)
        means = {"geometric": geometric / geometric.sum(), "arithmetic": share @ subnetworks}
        found = {name: float(np.abs(mean - scaled).max()) for name, mean in means.items()}
        records.append({"seed": seed, "p": p, **{name: round(value, 12) for name, value in found.items()}})
    return records


def cells(records: Sequence[Record]) -> list[Cell]:
    """Return the difference of each mean from the scaled pass, for each p."""
    found = []
    for p in RATES:
        for name, law in (("geometric", 0.0), ("arithmetic", None)):
            mean, se = mean_and_se([r[name] for r in records if r["p"] == p])
            label = f"{name} mean of 256 subnetworks against the scaled pass, p = {p}"
            found.append(Cell(label, law, None, "", mean, se, SEEDS, "law", 3))
    return found


def units(options: Options) -> tuple[list[Unit], list[str]]:
    """Return the one job."""
    return [{"id": f"{SEEDS} layers"}], []


PAPER = Paper(
    "baldi-2013-geometric-mean",
    "Baldi and Sadowski (2013), Understanding Dropout, NeurIPS, section on the normalised geometric mean",
    "A softmax layer: the normalised weighted geometric mean of all subnetworks equals one pass with scaled inputs.",
    "8 inputs, 3 classes, 20 random layers; every one of the 256 subnetworks is enumerated. The arithmetic mean, which "
    "is what an ensemble predicts, stands beside it: it differs.",
    units,
    run,
    cells,
)
