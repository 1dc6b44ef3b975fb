"""Li, Chen, Hu and Yang 2019: dropout before batch norm shifts the variance between training and test."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from dropout_lab.replications.paper import Cell, Options, Paper, Record, Unit, mean_and_se
from dropout_lab.torch_layers.noise import bernoulli_mask

RATES, SEEDS, ROWS = (0.1, 0.3, 0.5), 20, 20_000


def run(unit: Unit) -> list[Record]:
    """Measure what batch norm stores in training over what reaches it in eval, for units of mean 1 and deviation 1."""
    records: list[Record] = []
    for seed in range(SEEDS):
        generator = torch.Generator().manual_seed(seed)
        h = 1 + torch.randn(ROWS, 8, generator=generator)
        for p in RATES:
            norm = nn.BatchNorm1d(8, momentum=1.0)
            norm(h * bernoulli_mask(h.shape, p, generator) / (1 - p))
            if norm.running_var is None:
                raise RuntimeError("batch norm keeps no statistics")
            ratio = (norm.running_var / h.var(dim=0)).mean().item()
            records.append({"seed": seed, "p": p, "ratio": round(ratio, 6)})
    return records


def cells(records: Sequence[Record]) -> list[Cell]:
    """Return the ratio of training variance to test variance beside the formula, for each p."""
    found = []
    for p in RATES:
        mean, se = mean_and_se([r["ratio"] for r in records if r["p"] == p])
        law = 1 + p / (1 - p) * 2  # (Var + p/(1-p) E[x²]) / Var with E[x²] = 2, Var = 1
        found.append(Cell(f"variance in training over that in test, p = {p}", law, None, "", mean, se, SEEDS, "law", 3))
    return found


def units(options: Options) -> tuple[list[Unit], list[str]]:
    """Return the one job."""
    return [{"id": f"{SEEDS} seeds of {ROWS} rows"}], []


PAPER = Paper(
    "li-2019-variance-shift",
    "Li, Chen, Hu and Yang (2019), Understanding the Disharmony between Dropout and Batch Normalization, CVPR",
    "The variance that batch norm stores behind dropout, over that of eval mode: (Var + p/(1-p) E[x²]) / Var.",
    "Units of mean 1 and deviation 1 in the place of a trained network's; p is the probability of dropping.",
    units,
    run,
    cells,
    "The errors on CIFAR: no data at hand.",
)
