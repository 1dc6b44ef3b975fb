"""Gal and Ghahramani 2016, figure 2: beyond the CO₂ record the spread of the passes opens for ReLU, not for tanh."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from dropout_lab.data import load_co2
from dropout_lab.replications.paper import Cell, Options, Paper, Record, Unit, mean_and_se
from dropout_lab.training.stack import StackedAdam, StackedMLP, fit_stack

SIZES, P, STEPS, LR, PENALTY, PASSES, SEEDS = (1, 50, 50, 50, 1), 0.1, 800, 0.005, 5e-5, 200, 5
CLAIMS = {"relu": "grows", "tanh": "stays"}
BEYOND = 2015.0


def run(unit: Unit) -> list[Record]:
    """Train five networks on the first 65 % of the record; the spread of passes in 2015 over that inside it."""
    record = load_co2()
    inside = int(0.65 * len(record.year))
    year, ppm = record.year[:inside:4], record.ppm[:inside:4]

    def column(values: np.ndarray, reference: np.ndarray) -> torch.Tensor:
        return torch.tensor((values - reference.mean()) / reference.std(), dtype=torch.float32)[:, None]

    generators = [torch.Generator().manual_seed(seed) for seed in range(SEEDS)]
    rates = [0.0, P, P, P]
    nets = StackedMLP(SIZES, rates, generators, activation=unit["activation"], weights="torch")
    adam = StackedAdam(nets, lr=LR, penalty=PENALTY)
    x = column(year, year)
    fit_stack(nets, x, column(ppm, ppm), optimiser=adam, epochs=STEPS, batch_size=len(year))
    at = torch.cat([x, column(np.array([BEYOND]), year)])
    records: list[Record] = []
    for seed in range(SEEDS):
        spread = torch.cat(list(nets.passes(at, seed, n_samples=PASSES)))[..., 0].std(dim=0) * ppm.std()
        found = {"inside": spread[:-1].mean().item(), "beyond": spread[-1].item()}
        records.append({**unit, "seed": seed, **{key: round(value, 4) for key, value in found.items()}})
    return records


def cells(records: Sequence[Record]) -> list[Cell]:
    """Return the ratio of the two spreads for each activation."""
    found = []
    for activation, claim in CLAIMS.items():
        ratios = [r["beyond"] / r["inside"] for r in records if r["activation"] == activation]
        if ratios:
            label = f"{activation}: spread in 2015 over the mean spread inside the record"
            found.append(Cell(label, None, None, "", *mean_and_se(ratios), len(ratios), "F", 1, claim=claim))
    return found


def units(options: Options) -> tuple[list[Unit], list[str]]:
    """Return a job for each activation."""
    return [{"id": activation, "activation": activation} for activation in CLAIMS], []


PAPER = Paper(
    "gal-2016-figure-2",
    "Gal and Ghahramani (2016), Dropout as a Bayesian Approximation, ICML, figure 2",
    "CO₂ at Mauna Loa; dropout networks of several hidden layers, trained on the years to the left of a line: far to "
    "the right of it the spread of the passes grows with ReLU and stays with tanh.",
    f"Three hidden layers of 50 units, p = {P}, {STEPS} steps of Adam on every fourth week of the first 65 % of the "
    f"record (to 1987), {PASSES} passes, five seeds. The figure has no numbers.",
    units,
    run,
    cells,
)
