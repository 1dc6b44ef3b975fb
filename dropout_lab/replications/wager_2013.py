"""Wager, Wang and Liang 2013: in linear regression, dropout's expected loss is a ridge penalty on scaled weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dropout_lab.masks import bernoulli_mask
from dropout_lab.replications.paper import Cell, Options, Paper, Record, Unit, mean_and_se

ROWS, INPUTS, RATES, SEEDS, DRAWS = 100, 10, (0.1, 0.3, 0.6), 20, 400


def run(unit: Unit) -> list[Record]:
    """Draw masks for random problems: excess of the squared error over the closed form's penalty, as a ratio."""
    records: list[Record] = []
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((ROWS, INPUTS)) * np.geomspace(0.3, 3, INPUTS)
        y = x @ rng.standard_normal(INPUTS) + rng.standard_normal(ROWS)
        for p in RATES:
            # the minimum of the penalised loss: ridge with diag(XᵀX) p / (1 - p)
            penalty = p / (1 - p) * (x**2).sum(axis=0)
            weight = np.linalg.solve(x.T @ x + np.diag(penalty), x.T @ y)
            noise = bernoulli_mask((DRAWS, ROWS, INPUTS), p, rng) / (1 - p)
            residual = y - (noise * x) @ weight
            excess = (residual**2).sum(axis=1).mean() - ((y - x @ weight) ** 2).sum()
            ratio = float(excess / (penalty @ weight**2))
            records.append({"seed": seed, "p": p, "ratio": round(ratio, 6)})
    return records


def cells(records: Sequence[Record]) -> list[Cell]:
    """Return the measured penalty over that of the closed form, for each p."""
    found = []
    for p in RATES:
        mean, se = mean_and_se([r["ratio"] for r in records if r["p"] == p])
        label = f"penalty of the drawn masks over p/(1-p) Σ w² Σ x², p = {p}"
        found.append(Cell(label, 1.0, None, "", mean, se, SEEDS, "law", 3))
    return found


def units(options: Options) -> tuple[list[Unit], list[str]]:
    """Return the one job."""
    return [{"id": f"{SEEDS} problems of {DRAWS} draws"}], []


PAPER = Paper(
    "wager-2013-ridge",
    "Wager, Wang and Liang (2013), Dropout Training as Adaptive Regularization, NeurIPS, section 2",
    "Linear regression: the expected squared error under dropout is the squared error plus p/(1-p) Σ_d w_d² Σ_n x_nd².",
    "100 rows, 10 inputs of unequal scale, 20 random problems, 400 masks a row, at the weights that minimise the "
    "penalised loss.",
    units,
    run,
    cells,
)
