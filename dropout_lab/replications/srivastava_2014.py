"""Srivastava et al. 2014, figures 9, 10 and 11: how much to drop, with how many examples, and how many passes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dropout_lab.data import load_mnist5k
from dropout_lab.replications.paper import Cell, Paper, Record, Unit, mean_and_se, seed_units
from dropout_lab.training.stack import StackedAdam, StackedMLP, fit_stack

SIZES = (784, 128, 128, 10)
KEEP = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)  # figure 9
EXAMPLES = (100, 500, 1000, 4000)  # figure 10
STEPS, BATCH, PAPER_RATES = 800, 50, (0.2, 0.5, 0.5)  # dropping an input, a hidden unit
PASSES, GROUPS = (1, 10, 50, 200), 400  # figure 11; passes drawn of each network


def digits(n: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return n training digits of MNIST 5k, drawn by the seed, their labels, and the 1000 test digits and theirs."""
    x, y, x_test, y_test = map(torch.from_numpy, load_mnist5k())
    rows = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))[:n]
    return x[rows], y[rows], x_test, y_test


def trained(rates: Tensor, x: Tensor, y: Tensor, seed: int) -> StackedMLP:
    """Train a stack with these rates (S, 3): all networks of a seed start alike and see the same batches."""
    nets = StackedMLP(SIZES, rates, [torch.Generator().manual_seed(seed) for _ in rates])
    epochs = max(1, STEPS * BATCH // len(x))
    fit_stack(nets, x, y, optimiser=StackedAdam(nets), epochs=epochs, batch_size=BATCH)
    return nets


def errors(logits: Tensor, y: Tensor) -> list[float]:
    """Return the share of wrong answers in percent of logits or probabilities (S, N, K)."""
    return [round(value, 4) for value in (100 * (logits.argmax(dim=-1) != y).double().mean(dim=-1)).tolist()]


def run_rates(unit: Unit) -> list[Record]:
    """Train with 1000 digits at each rate of the hidden units."""
    x, y, x_test, y_test = digits(1000, unit["seed"])
    rates = torch.tensor([[0.0, 1 - keep, 1 - keep] for keep in KEEP])
    found = errors(trained(rates, x, y, unit["seed"]).predict(x_test), y_test)
    return [{"seed": unit["seed"], "keep": keep, "error": error} for keep, error in zip(KEEP, found, strict=True)]


def run_examples(unit: Unit) -> list[Record]:
    """Train with and without dropout on data sets of each size."""
    records: list[Record] = []
    for n in EXAMPLES:
        x, y, x_test, y_test = digits(n, unit["seed"])
        nets = trained(torch.tensor([(0.0, 0.0, 0.0), PAPER_RATES]), x, y, unit["seed"])
        without, dropped = errors(nets.predict(x_test), y_test)
        records.append({"seed": unit["seed"], "n": n, "without": without, "dropout": dropped})
    return records


def run_passes(unit: Unit) -> list[Record]:
    """Train one network; error of k averaged passes, mean over disjoint groups of k, beside that of scaled weights."""
    x, y, x_test, y_test = digits(4000, unit["seed"])
    nets = trained(torch.tensor([PAPER_RATES]), x, y, unit["seed"])
    [scaled] = errors(nets.predict(x_test), y_test)
    passes = torch.cat([piece.softmax(dim=-1) for piece in nets.passes(x_test, 0, n_samples=GROUPS)])
    records: list[Record] = []
    for k in PASSES:
        groups = disjoint_sums(passes, k)
        mean = sum(errors(groups, y_test)) / len(groups)
        records.append({"seed": unit["seed"], "passes": k, "error": round(mean, 4), "scaled": scaled})
    return records


def disjoint_sums(values: Tensor, k: int) -> Tensor:
    """Return the sums of the first k rows, of the next k and so on; a rest of fewer than k is left out."""
    whole = len(values) // k
    return values[: whole * k].view(whole, k, *values.shape[1:]).sum(dim=1)


def rate_cells(records: Sequence[Record]) -> list[Cell]:
    """Return the error at each rate minus that of the same seed at keep probability .6."""
    best = {r["seed"]: r["error"] for r in records if r["keep"] == 0.6}
    claims = {0.1: "much more", 0.2: "more", 0.4: "the same", 0.8: "the same", 1.0: "more"}
    found = []
    for keep, claim in claims.items():
        gaps = [r["error"] - best[r["seed"]] for r in records if r["keep"] == keep]
        label = f"figure 9a: error at keep probability {keep} minus that at 0.6, points"
        found.append(Cell(label, None, None, "", *mean_and_se(gaps), len(gaps), "S", claim=claim))
    return found


def example_cells(records: Sequence[Record]) -> list[Cell]:
    """Return what dropout gains at each size: error without it minus error with it, of the same seed."""
    claims = ("none", "none", "some", "more")
    found = []
    for n, claim in zip(EXAMPLES, claims, strict=True):
        gains = [r["without"] - r["dropout"] for r in records if r["n"] == n]
        label = f"figure 10: gain of dropout with {n} examples, points of error"
        found.append(Cell(label, None, None, "", *mean_and_se(gains), len(gains), "S", claim=claim))
    return found


def pass_cells(records: Sequence[Record]) -> list[Cell]:
    """Return the error of k averaged passes minus that of scaled weights, of the same network."""
    claims = ("more", "more", "the same", "slightly less")
    found = []
    for k, claim in zip(PASSES, claims, strict=True):
        gaps = [r["error"] - r["scaled"] for r in records if r["passes"] == k]
        label = f"figure 11: error of {k} averaged passes minus that of scaled weights, points"
        found.append(Cell(label, None, None, "", *mean_and_se(gaps), len(gaps), "S", claim=claim))
    return found


CITATION = "Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), Dropout, JMLR 15"
DIFFERS = (
    f"Shapes only: {SIZES[0]}-{SIZES[1]}-{SIZES[2]}-{SIZES[3]} ReLU, Adam 1e-3, {STEPS} steps of {BATCH}, 1000 test "
    "digits of MNIST 5k, five seeds, differences between networks of one seed."
)
FIGURE_9 = Paper(
    "srivastava-2014-figure-9",
    f"{CITATION}, figure 9a",
    "MNIST, 784-2048-2048-2048-10, momentum and max-norm; test error against the probability of keeping a hidden unit: "
    "flat from .4 to .8, much higher at .1, and higher without dropout.",
    f"{DIFFERS} 1000 training digits, nothing dropped from the input.",
    lambda options: seed_units("rates"),
    run_rates,
    rate_cells,
)
FIGURE_10 = Paper(
    "srivastava-2014-figure-10",
    f"{CITATION}, figure 10",
    "MNIST, 784-1024-1024-2048-10; test error with and without dropout for 100 to 50 000 training digits: no gain with "
    "100 and 500, then a growing one, and at last a smaller one.",
    f"{DIFFERS} 100 to 4000 digits, so that the gain's decline at 50 000 cannot be seen; .2 of the inputs and .5 of "
    "the hidden units dropped, as in the paper. Steps are equal, ten epochs of 4000 digits, which may be too few "
    "under dropout: the growing gain is **not** found.",
    lambda options: seed_units("examples"),
    run_examples,
    example_cells,
)
FIGURE_11 = Paper(
    "srivastava-2014-figure-11",
    f"{CITATION}, figure 11",
    "MNIST; error of the average of k passes: about 50 of them are as good as one pass with scaled weights.",
    f"{DIFFERS} 4000 training digits; of each network {GROUPS} passes, in as many disjoint groups of k as there are.",
    lambda options: seed_units("passes"),
    run_passes,
    pass_cells,
)
