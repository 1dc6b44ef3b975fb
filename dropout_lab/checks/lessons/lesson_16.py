"""Exercises of lesson 16."""

from __future__ import annotations

import torch
from torch import Tensor

from dropout_lab.checks.bank.judging import CALIBRATION_ROWS, COVERAGE_ROWS, NLL_ROWS
from dropout_lab.checks.exercise import Exercise
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.subjects import callable_answer


def nll_of_passes(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Return the mean negative log-likelihood, in nats, of the mean prediction: (T, N, K), (N,) → ()."""
    mean = probabilities.mean(dim=0)
    at_label = mean[torch.arange(len(labels)), labels]
    return -at_label.log().mean()


def calibration_error(confidence: Tensor, correct: Tensor, n_bins: int) -> Tensor:
    """Return the expected calibration error over bins ((b - 1)/B, b/B]: (N,), (N,) of 0 and 1 → ()."""
    total = torch.tensor(0.0)
    for b in range(n_bins):
        rows = (confidence > b / n_bins) & (confidence <= (b + 1) / n_bins)
        if rows.any():
            total += rows.sum() * (correct[rows].mean() - confidence[rows].mean()).abs()
    return total / len(confidence)


def interval_share(samples: Tensor, precision: float, y: Tensor) -> Tensor:
    """Return the share of y (N,) inside mean ± 1.96 predictive standard deviations of the passes (T, N)."""
    sd = (samples.var(dim=0) + 1 / precision).sqrt()
    inside = (y - samples.mean(dim=0)).abs() <= 1.96 * sd
    return inside.double().mean()


PASSES = torch.tensor(
    [
        [[0.9, 0.05, 0.05], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.2, 0.6, 0.2]],
        [[0.2, 0.7, 0.1], [0.5, 0.4, 0.1], [0.3, 0.1, 0.6], [0.1, 0.8, 0.1]],
        [[0.4, 0.1, 0.5], [0.6, 0.2, 0.2], [0.6, 0.1, 0.3], [0.7, 0.1, 0.2]],
    ]
)
LABELS = torch.tensor([0, 1, 2, 1])
CONFIDENCE = torch.tensor([0.52, 0.55, 0.58, 0.63, 0.64, 0.71, 0.74, 0.86, 0.87, 0.92, 0.93, 0.96, 0.97, 0.98, 0.99])
CORRECT = torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0])
ON_EDGES = torch.tensor([0.45, 0.5, 0.6, 0.75, 0.75, 0.9]), torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0, 0.0])
BINS = (
    *(on(calibration_error, f"15 predictions in {b} bins", CONFIDENCE, CORRECT, b) for b in (10, 5)),
    on(calibration_error, "six predictions in 4 bins, three of them on an edge", *ON_EDGES, 4),
)

_NOISE = torch.linspace(0.002, 0.998, 400, dtype=torch.float64)
OBSERVED = 0.8 * torch.special.ndtri(_NOISE) + 0.15  # a little beside the mean, so that both sides differ
FIVE = torch.tensor([-1.2, -0.6, 0.1, 0.5, 1.2], dtype=torch.float64)[:, None].expand(5, 400) * 0.45
INTERVALS = tuple(
    on(interval_share, f"five passes of 400 points and τ = {tau:g}", FIVE, tau, OBSERVED) for tau in (4.0, 2.5)
)

EXERCISES = (
    Exercise(
        id="16-a",
        title="The score of a mean of passes",
        section="lesson 16, Ask for a number that rewards honesty",
        solution=nll_of_passes,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs((on(nll_of_passes, "three passes of four rows", PASSES, LABELS),)),),),
        bank=NLL_ROWS,
        hints=(
            "One prediction first: the mean of the passes. Then its probability of what happened.",
            "p[torch.arange(N), labels] picks the probability at the label of each row.",
        ),
    ),
    Exercise(
        id="16-b",
        title="Expected calibration error",
        section="lesson 16, Compare confidence with accuracy",
        solution=calibration_error,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(BINS),),),
        bank=CALIBRATION_ROWS,
        hints=(
            "For each bin: the size of the gap between its accuracy and its mean confidence.",
            "Weight each gap by the rows in the bin, and divide by the rows in all.",
            "An empty bin has no mean: leave it out.",
        ),
    ),
    Exercise(
        id="16-c",
        title="What an interval holds",
        section="lesson 16, Count what an interval holds",
        solution=interval_share,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(INTERVALS),),),
        bank=COVERAGE_ROWS,
        hints=(
            "The half-width is 1.96 predictive standard deviations.",
            "Add variances: samples.var(dim=0) and 1 / precision. The root comes last.",
        ),
    ),
)
