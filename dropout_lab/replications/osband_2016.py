"""Osband 2016: the spread of Monte-Carlo dropout does not shrink as data come in; a posterior's does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dropout_lab import moments
from dropout_lab.replications.paper import Cell, Options, Paper, Record, Unit, mean_and_se

FEW, MANY, INPUTS, SEEDS, RATES = 100, 10_000, 10, 20, (0.1, 0.3)


def run(unit: Unit) -> list[Record]:
    """Fit linear regressions under dropout exactly; the spread at (1, …, 1) with many rows over that with few."""
    records: list[Record] = []
    at = np.ones(INPUTS)
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        spreads: dict[str, list[float]] = {}
        for n in (FEW, MANY):
            h = rng.standard_normal((n, INPUTS))
            gram, moment = h.T @ h, h.T @ (h @ at + rng.standard_normal(n))
            spreads.setdefault("posterior", []).append(float(at @ np.linalg.solve(gram, at)) ** 0.5)
            for p in RATES:
                weight = np.linalg.solve(gram + p / (1 - p) * np.diag(np.diag(gram)), moment)
                spread = float(moments.linear_variance(weight[None], at, p).item()) ** 0.5
                spreads.setdefault(f"passes at p = {p}", []).append(spread)
        records += [
            {"seed": seed, "what": what, "ratio": round(many / few, 6)} for what, (few, many) in spreads.items()
        ]
    return records


def cells(records: Sequence[Record]) -> list[Cell]:
    """Return the spread with 10 000 rows over that with 100: of the exact posterior and of the passes."""
    found = []
    for what in dict.fromkeys(record["what"] for record in records):
        mean, se = mean_and_se([r["ratio"] for r in records if r["what"] == what])
        law = (FEW / MANY) ** 0.5 if what == "posterior" else 1.0
        label = f"spread with {MANY} rows over that with {FEW}, {what}"
        found.append(Cell(label, law, None, "", mean, se, SEEDS, "law", 3))
    return found


def units(options: Options) -> tuple[list[Unit], list[str]]:
    """Return the one job."""
    return [{"id": f"{SEEDS} seeds"}], []


PAPER = Paper(
    "osband-2016-no-shrinking",
    "Osband (2016), Risk versus Uncertainty in Deep Learning: Bayes, Bootstrap and the Dangers of Dropout, NIPS "
    "workshop",
    "The spread of the passes stays when data come in; that of a posterior falls.",
    "Linear regression with ten inputs, unit noise and a flat prior, where both spreads are closed forms; the laws are "
    "those of large n: 1/√n for the posterior, none for the passes, so with 100 rows they hold nearly.",
    units,
    run,
    cells,
)
