"""Gal, Hron and Kendall 2017: the drop probabilities that the authors' notebook of concrete dropout learns."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dropout_lab.replications.paper import Cell, Options, Paper, Record, Unit, mean_and_se
from dropout_lab.torch_layers import ConcreteDropout
from dropout_lab.training.torch_loop import fit, seeded

UNITS, LENGTH, START, BATCH, LR, SEEDS = 512, 1e-4, 0.1, 20, 1e-3, 3
EPOCHS = {10: 2000, 100: 200, 1000: 20}  # by number of examples N: 2000, 1000 and 1000 steps
# learned p of the input, and the mean of the three hidden layers' inputs and outputs: mean of three runs
PUBLISHED = {10: (0.077, 0.404), 100: (0.079, 0.236), 1000: (0.075, 0.228)}
SITES = ("input", "hidden units")


class Net(nn.Module):
    """Three hidden ReLU layers with a head for the mean and one for the log-variance: five sites with a p each."""

    def __init__(self, units: int) -> None:
        super().__init__()
        shapes = ((1, units), (units, units), (units, units), (units, 1), (units, 1))
        self.layers = nn.ModuleList(ConcreteDropout(nn.Linear(*shape), START, length_scale=LENGTH) for shape in shapes)
        for layer in self.sites():
            nn.init.xavier_uniform_(layer.layer.weight)
            nn.init.zeros_(layer.layer.bias)  # type: ignore[arg-type]

    def sites(self) -> list[ConcreteDropout]:
        """Return the five layers."""
        return [layer for layer in self.layers if isinstance(layer, ConcreteDropout)]

    def forward(self, h: Tensor) -> Tensor:
        """Return mean and log-variance, (N, 2), of inputs (N, 1)."""
        *hidden, mean, log_variance = self.sites()
        for layer in hidden:
            h = layer(h).relu()
        return torch.cat([mean(h), log_variance(h)], dim=1)


def run(unit: Unit) -> list[Record]:
    """Learn the rates from N examples of y = 2x + 8 + N(0, 1)."""
    n: int = unit["n"]
    generator = torch.Generator().manual_seed(unit["seed"])
    x = torch.randn(n, 1, generator=generator)
    y = 2 * x + 8 + torch.randn(n, 1, generator=generator)
    with seeded(generator):
        net = Net(UNITS)

    def loss(out: Tensor, target: Tensor) -> Tensor:
        mean, log_variance = out[:, :1], out[:, 1:]
        misfit = 0.5 * ((target - mean).square() * (-log_variance).exp() + log_variance).mean()
        return misfit + torch.stack([site.kl() for site in net.sites()]).sum() / n

    fit(net, x, y, loss_fn=loss, epochs=EPOCHS[n], batch_size=BATCH, lr=LR, generator=generator)
    learned = [round(site.p, 5) for site in net.sites()]
    return [{"n": n, "seed": unit["seed"], "p": learned, "steps": EPOCHS[n] * math.ceil(n / BATCH)}]


def cells(records: Sequence[Record]) -> list[Cell]:
    """Return the learned p beside the printed one, and beside where Adam's step size alone would carry it."""
    found = []
    for n, printed in PUBLISHED.items():
        of_n = [record for record in records if record["n"] == n]
        for place, (site, published) in enumerate(zip(SITES, printed, strict=True)):
            learned = [r["p"][0] if place == 0 else sum(r["p"][1:]) / 4 for r in of_n]
            label = f"N = {n}: learned p of the {site}"
            found += [Cell(label, published, None, "", *mean_and_se(learned), len(of_n), "F", 3)] if of_n else []
    for n in PUBLISHED:
        hidden = [sum(r["p"][1:]) / 4 for r in records if r["n"] == n]
        if hidden:
            steps = next(r["steps"] for r in records if r["n"] == n)
            walk = 1 / (1 + (1 - START) / START * math.exp(-LR * steps))  # from 0.1, one step size a step upwards
            label = f"N = {n}: learned p of the hidden units beside {steps} steps of Adam straight up"
            claim = f"{walk:.3f}"
            found.append(Cell(label, None, None, "", *mean_and_se(hidden), len(hidden), "law", 3, claim=claim))
    return found


def units(options: Options) -> tuple[list[Unit], list[str]]:
    """Return a job for each number of examples and seed."""
    return [{"id": f"N = {n}, seed {seed}", "n": n, "seed": seed} for n in EPOCHS for seed in range(SEEDS)], []


PAPER = Paper(
    "gal-2017-concrete-dropout",
    "Gal, Hron and Kendall (2017), Concrete Dropout, NeurIPS, the authors' notebook",
    "y = 2x + 8 + N(0, 1); 1-1024-1024-1024 ReLU, heads for mean and log-variance, l = 1e-4, Adam 1e-3, batches of 20, "
    "p from .1 on; 2000 epochs with N = 10, 200 with 100, 20 with 1000; mean of three runs.",
    "512 units a layer in place of 1024, and other random numbers. The last rows ask what the learned p owes to the "
    "data: had its log-odds grown by Adam's step size at every step, it would stand where the notebook's does with 100 "
    "and with 1000 examples, which took as many steps. These p had not settled.",
    units,
    run,
    cells,
    "N = 25, 50 and 10 000, which take as long again and show the same.",
)
