"""Gal and Ghahramani 2016, the repository's later grid search on energy: what is search in it, and what is epochs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch

from dropout_lab.replications.gal_2016_epochs import TEN_TIMES
from dropout_lab.replications.gal_2016_table_1 import CITATION, METRICS, evaluate, jobs
from dropout_lab.replications.paper import Cell, Options, Pairs, Paper, Record, Unit, mean_and_se
from dropout_lab.replications.standardised import Standardised, standardised
from dropout_lab.replications.uci import UCISet, known_sets
from dropout_lab.training.stack import StackedAdam, StackedMLP, fit_stack

EPOCHS, BATCH, PASSES = (400, 4000), 128, 2000
ENERGY = known_sets()["energy"]
RATES, TAUS, WIDER = (0.005, 0.01, 0.05, 0.1), (0.25, 0.5, 0.75), (1.5, 3.0, 6.0)
# what may be chosen in sight of the validation rows: drop probabilities and precisions
GRIDS = {
    "p and τ of the table": ((ENERGY.p,), (ENERGY.tau,)),
    "τ searched": ((ENERGY.p,), TAUS),
    "p and τ searched": (RATES, TAUS),
    "p and τ searched, τ up to 6": (RATES, TAUS + WIDER),
}
ALL_TAUS = (ENERGY.tau, *TAUS, *WIDER)
SEARCHED = (0.54, 0.01, -1.21, 0.01)  # column "grid search (new)": RMSE, its standard error, log-likelihood, its
Candidate = tuple[int, float]  # which of the splits, and the drop probability
Scores = dict[tuple[int, int, float], tuple[float, dict[float, float]]]  # epochs, candidate → RMSE, τ → log-likelihood


def train_and_score(
    candidates: Sequence[Candidate], data: Standardised, held_out: Sequence[tuple[torch.Tensor, np.ndarray]], seed: int
) -> Scores:
    """Train a network for each candidate, all as one stack, and score it on the rows its split holds out."""
    places, rates = (list(column) for column in zip(*candidates, strict=True))
    x, y, n = data.inputs[places], data.targets[places], data.inputs.shape[1]
    generators = [torch.Generator().manual_seed(seed + network) for network in range(len(candidates))]
    nets = StackedMLP((x.shape[2], ENERGY.hidden, 1), torch.tensor(rates)[:, None].expand(-1, 2), generators)
    adam = StackedAdam(nets, penalty=torch.tensor([ENERGY.penalty(n, p) for p in rates]))
    scores: Scores = {}
    for epochs, more in zip(EPOCHS, np.diff(EPOCHS, prepend=0).tolist(), strict=True):
        fit_stack(nets, x, y, optimiser=adam, epochs=more, batch_size=BATCH)
        for network, (place, p) in enumerate(candidates):
            of_split = *held_out[place], *data.scales[place]
            rmse, likelihoods = evaluate(nets, network, *of_split, ALL_TAUS, n_samples=PASSES)
            scores[epochs, place, p] = rmse, dict(zip(ALL_TAUS, likelihoods, strict=True))
    return scores


def run(unit: Unit) -> list[Record]:
    """Choose p and τ of each split by the last fifth of its training rows; train on all of them, score on the test."""
    splits = unit["splits"]
    data = standardised(UCISet(**unit["set"]), Path(unit["folder"]) if unit["folder"] else None, splits)
    inner, validation = last_fifth_held_out(data)
    candidates = list(product(range(len(splits)), RATES))
    seen = train_and_score(candidates, inner, validation, seed=1000 * (splits[0] + 1))
    chosen = {
        (epochs, place, name): max(product(rates, taus), key=lambda pair: seen[epochs, place, pair[0]][1][pair[1]])
        for epochs, place, (name, (rates, taus)) in product(EPOCHS, range(len(splits)), GRIDS.items())
    }
    finalists = sorted({(place, p) for (_, place, _), (p, _) in chosen.items()})
    test = list(zip(data.tests, data.answers, strict=True))
    scores = train_and_score(finalists, data, test, seed=1000 * (splits[0] + 1) + 500)
    records = []
    for (epochs, place, name), (p, tau) in chosen.items():
        rmse, likelihoods = scores[epochs, place, p]
        found = {"rmse": round(rmse, 6), "log_likelihood": round(likelihoods[tau], 6)}
        records.append({"split": splits[place], "epochs": epochs, "grid": name, "p": p, "tau": tau, **found})
    return records


def last_fifth_held_out(data: Standardised) -> tuple[Standardised, list[tuple[torch.Tensor, np.ndarray]]]:
    """Return the first four fifths of the training rows, and inputs and answers of the rest of each split."""
    cut = int(0.8 * data.inputs.shape[1])
    inner = Standardised(data.inputs[:, :cut], data.targets[:, :cut], data.tests, data.answers, data.scales)
    answers = [
        target[cut:, 0].double().numpy() * scale + centre
        for target, (centre, scale) in zip(data.targets, data.scales, strict=True)
    ]
    return inner, list(zip(data.inputs[:, cut:], answers, strict=True))


def cells(records: Sequence[Record]) -> list[Cell]:
    """Return RMSE and log-likelihood of each grid after 400 and 4000 epochs, and how often the grid's largest τ won."""
    found = []
    published = {(4000, "p and τ of the table"): TEN_TIMES["energy"], (4000, "p and τ searched"): SEARCHED}
    for epochs, name in product(EPOCHS, GRIDS):
        of_grid = [record for record in records if record["epochs"] == epochs and record["grid"] == name]
        printed = published.get((epochs, name), (None,) * 4)
        for place, (metric, key) in enumerate(zip(METRICS, ("rmse", "log_likelihood"), strict=True)):
            value, error = printed[2 * place : 2 * place + 2]
            ours = mean_and_se([record[key] for record in of_grid])
            label, n = f"energy, {metric}, {epochs} epochs, {name}", len(of_grid)
            found.append(Cell(label, value, error, "SE" if error else "", *ours, n, "F" if error else ""))
    largest = [r["tau"] == TAUS[-1] for r in records if r["epochs"] == 4000 and r["grid"] == "p and τ searched"]
    share, label = sum(largest) / len(largest), "energy, share of the splits that choose the largest τ of the grid"
    return [*found, Cell(label, 1.0, None, "", share, None, len(largest), "F")]


def pairs(folder: Path, records: Sequence[Record]) -> dict[str, Pairs]:
    """Return our RMSE and log-likelihood beside the authors', split by split, for the search on their grid."""
    ours = {r["split"]: r for r in records if r["epochs"] == 4000 and r["grid"] == "p and τ searched"}
    found = {}
    for metric, key, file in zip(METRICS, ("rmse", "log_likelihood"), ("test_MC_rmse", "test_ll"), strict=True):
        path = folder / "UCI_Datasets" / "energy" / "results" / f"{file}_100_xepochs_1_hidden_layers.txt"
        theirs = [float(line) for line in path.read_text(encoding="ascii").split()]
        both = [(ours[split][key], value) for split, value in enumerate(theirs) if split in ours]
        found[f"energy, {metric}, 4000 epochs, p and τ searched"] = ([a for a, _ in both], [b for _, b in both])
    return found


def units(options: Options) -> tuple[list[Unit], list[str]]:
    """Return the jobs: energy, whose grid it is."""
    if options.sets and ENERGY.name not in options.sets:
        return [], ["skipped: the grid of τ is that of energy"]
    return jobs(Options(options.folder, options.splits_a_job), EPOCHS, BATCH, (ENERGY.name,))


PAPER = Paper(
    "gal-2016-energy-search",
    f"{CITATION}, the repository's column grid search (new), energy",
    "Of p .005, .01, .05, .1 and τ .25, .5, .75 the pair that is best on the last fifth of the training rows, then all "
    "of them; 4000 epochs in batches of 128.",
    "The same grid, split by split, and smaller and larger ones, after 400 epochs too: what changes down a block of "
    f"rows is search, what changes between the blocks is epochs. {PASSES} passes; the penalty, which is next to "
    "nothing, always with the table's τ. The authors' files say that all 20 splits chose τ = .75, the largest.",
    units,
    run,
    cells,
    "The grids of the other sets.",
    pairs,
)
