"""Molchanov, Ashukha and Vetrov 2017: sparse variational dropout, and how few weights of LeNet-300-100 it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from dropout_lab.data import load_mnist5k
from dropout_lab.replications.paper import Cell, Options, Paper, Record, Unit, mean_and_se
from dropout_lab.torch_layers import VariationalLinear
from dropout_lab.training.torch_loop import fit, seeded

SIZES, EPOCHS, BATCH, LR, LOG_VARIANCE, SEEDS = (784, 300, 100, 10), 20, 200, 0.02, -4.0, 5
STRENGTHS = {"as at n = 60 000": 1 / 15, "n = 4000": 1.0}  # what multiplies the divergence over n
PUBLISHED = (0.989, 0.972, 0.620)  # share of zeros in each layer


def network(generator: torch.Generator) -> nn.Sequential:
    """Return LeNet-300-100 with noisy weights."""
    with seeded(generator):
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(SIZES):
            layers += [VariationalLinear(inputs, outputs, log_variance=LOG_VARIANCE), nn.ReLU()]
        return nn.Sequential(*layers[:-1])


def run(unit: Unit) -> list[Record]:
    """Train one network; its error in percent with the noisy weights cut, and the share of zeros in each layer."""
    generator = torch.Generator().manual_seed(unit["seed"])
    x, y, x_test, y_test = map(torch.from_numpy, load_mnist5k())
    net = network(generator)
    noisy = [layer for layer in net if isinstance(layer, VariationalLinear)]

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        price = torch.stack([layer.kl() for layer in noisy]).sum()
        return nn.functional.cross_entropy(logits, labels) + STRENGTHS[unit["strength"]] * price / len(x)

    fit(net, x, y, loss_fn=loss, epochs=EPOCHS, batch_size=BATCH, lr=LR, generator=generator)
    error = 100 * (net(x_test).argmax(dim=1) != y_test).double().mean().item()
    zeros = [round(layer.sparsity(), 5) for layer in noisy]
    kept = sum(int(layer.kept().sum()) for layer in noisy)
    weights = sum(layer.weight.numel() for layer in noisy)
    return [{**unit, "error": round(error, 4), "zeros": zeros, "ratio": round(weights / max(kept, 1), 3)}]


def cells(records: Sequence[Record]) -> list[Cell]:
    """Return the share of zeros by layer, weights over weights left, and the error, for both strengths."""
    found = []
    for strength in STRENGTHS:
        of_it = [record for record in records if record["strength"] == strength]
        if not of_it:
            continue
        for layer, published in enumerate(PUBLISHED):
            shares = [record["zeros"][layer] for record in of_it]
            label = f"zeros in layer {layer + 1}, divergence {strength}"
            found.append(Cell(label, published, None, "", *mean_and_se(shares), len(shares), "F", 3))
        for key, published, what in (("ratio", 68.0, "weights over weights left"), ("error", 1.92, "error, %")):
            values = [record[key] for record in of_it]
            label = f"{what}, divergence {strength}"
            found.append(Cell(label, published, None, "", *mean_and_se(values), len(values), "F", 1))
    return found


def units(options: Options) -> tuple[list[Unit], list[str]]:
    """Return a job for each strength and seed."""
    pairs = [(strength, seed) for strength in STRENGTHS for seed in range(SEEDS)]
    return [{"id": f"{strength}, seed {seed}", "strength": strength, "seed": seed} for strength, seed in pairs], []


PAPER = Paper(
    "molchanov-2017-sparsity",
    "Molchanov, Ashukha and Vetrov (2017), Variational Dropout Sparsifies Deep Neural Networks, ICML, LeNet-300-100",
    "MNIST, 60 000 digits; 98.9, 97.2 and 62.0 % of the weights of the three layers cut, 68 times fewer, error 1.92 %.",
    f"4000 digits of MNIST 5k, {EPOCHS} epochs in batches of {BATCH}, 1000 test digits: an error of its own. The "
    "divergence is paid once for all examples, so with 4000 of them each pays 15 times what it pays with 60 000; both "
    "are shown.",
    units,
    run,
    cells,
    "LeNet-5 (error .75 %, 280 times fewer): convolutions take too long on two cores.",
)
