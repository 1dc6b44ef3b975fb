"""Exercises of lesson 08."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody uses
from numpy.typing import NDArray
from torch import Tensor, nn

from dropout_lab.checks.bank.blocks import BLOCK_ROWS
from dropout_lab.checks.bank.likelihood import LIKELIHOOD_ROWS, TOTAL_VARIANCE_ROWS
from dropout_lab.checks.bank.rerun import RERUN_ROWS
from dropout_lab.checks.bank.taggers import TAGGER_ROWS
from dropout_lab.checks.bank.weights import WEIGHT_ROWS
from dropout_lab.checks.exercise import Exercise
from dropout_lab.checks.probes_audit import TaggerAnswer, last_layer_drops, nothing_to_find, two_sites
from dropout_lab.checks.probes_blocks import BlockMaskAnswer, dropped_share, own_coins, whole_blocks
from dropout_lab.checks.probes_dropout import repeatability
from dropout_lab.checks.probes_rerun import RerunAnswer, graph_kept, nothing_moved, same_coins
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.probes_weights import WeightAnswer, a_product, weight_gradient, weight_kept, weight_law
from dropout_lab.checks.subjects import callable_answer
from dropout_lab.checks.subjects_torch import module_class


def rerun(block: Callable[[Tensor], Tensor], h: Tensor, state: Tensor) -> Tensor:
    """Return block(h) with the coins that fall at `state`; leave torch's default generator where it stands."""
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(state)
        return block(h)


def drop_block_mask(
    shape: tuple[int, int, int, int], p: float, block_size: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return a keep-mask (N, C, H, W) that is False on whole squares, on about a share p of the pixels."""
    n, c, height, width = shape
    rows, columns = height - block_size + 1, width - block_size + 1
    gamma = p * height * width / (rows * columns * block_size**2)
    corners = rng.random((n, c, rows, columns)) < gamma
    mask = np.ones(shape, dtype=bool)
    for i in range(block_size):
        for j in range(block_size):
            mask[:, :, i : i + rows, j : j + columns] &= ~corners
    return mask


def drop_connect(x: Tensor, weight: Tensor, p: float) -> Tensor:
    """Return x weightᵀ, (N, D) and (K, D) → (N, K), where each example drops weights of its own."""
    mask = torch.rand(len(x), *weight.shape) >= p
    return (mask * weight * x[:, None, :]).sum(dim=2) / (1 - p)


def log_likelihood(y: Tensor, means: Tensor, log_variances: Tensor) -> Tensor:
    """Return the mean over points of log p(y), p(y) the mean over passes: y (N,), the passes (T, N)."""
    log_p = -0.5 * (log_variances + (y - means) ** 2 / log_variances.exp() + math.log(2 * math.pi))
    per_point = log_p.logsumexp(dim=0) - math.log(len(means))
    return per_point.mean()


def total_variance(means: Tensor, log_variances: Tensor) -> Tensor:
    """Return the unbiased variance of the passes' means plus the mean of their variances: (T, N) → (N,)."""
    return means.var(dim=0) + log_variances.exp().mean(dim=0)


class Tagger(nn.Module):
    """Sequences (N, L, 8) in, scores (N, 3) out; drops attention weights and the input of the last layer."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.lstm = nn.LSTM(8, 16, batch_first=True)
        self.norm, self.out = nn.BatchNorm1d(16), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the three classes, (N, 3)."""
        h, _ = self.lstm(x)
        h = F.scaled_dot_product_attention(h, h, h, dropout_p=self.p if self.training else 0.0).mean(dim=1)
        scores: Tensor = self.out(F.dropout(self.norm(h), self.p, training=self.training))
        return scores


Y = torch.tensor([0.3, -1.1, 2.0, 0.4], dtype=torch.float64)
FAR = torch.tensor([0.3, -1.1, 75.0, 0.4], dtype=torch.float64)
MEANS = torch.tensor([[0.1, -0.6, 1.2, 0.9], [0.6, -1.5, 2.3, 0.2], [-0.2, -0.9, 0.4, -0.3]], dtype=torch.float64)
LOG_VARIANCES = torch.tensor(
    [[-0.5, 0.2, -1.0, 0.4], [0.3, -0.8, 0.6, -0.2], [-1.2, 0.1, 0.5, 0.8]], dtype=torch.float64
)
SCORES = (
    on(log_likelihood, "three passes over four points", Y, MEANS, LOG_VARIANCES),
    on(log_likelihood, "four points of which one is far out", FAR, MEANS, LOG_VARIANCES),
)
SPREADS = (on(total_variance, "three passes over four points", MEANS, LOG_VARIANCES),)

EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        id="08-a",
        title="Run a block again with the same coins",
        section="lesson 08, Seeds and dtypes",
        solution=rerun,
        adapt=callable_answer(RerunAnswer),
        stages=((same_coins,), (nothing_moved,), (graph_kept,)),
        bank=RERUN_ROWS,
        hints=(
            "The state of a generator says which numbers come next. Put it back, and the same numbers come.",
            "torch.set_rng_state(state) does it for the default generator. What stands there afterwards?",
            "Inside `with torch.random.fork_rng(devices=[]):` you may move the default generator as you like.",
        ),
    ),
    Exercise(
        id="08-b",
        title="Drop blocks at the right rate",
        section="lesson 08, Structure",
        solution=drop_block_mask,
        adapt=callable_answer(BlockMaskAnswer),
        stages=((dropped_share,), (whole_blocks,), (own_coins,), (repeatability,)),
        bank=BLOCK_ROWS,
        hints=(
            "A block has a place for each position of its upper left corner: (H - b + 1) × (W - b + 1) of them.",
            "γ × places × b² = p · H · W. Flip a coin with γ for each example, channel and place.",
            "Start from ones, loop over i and j below b, and clear mask[:, :, i : i + rows, j : j + columns] where a "
            "corner fell.",
        ),
    ),
    Exercise(
        id="08-c",
        title="DropConnect with a mask for each example",
        section="lesson 08, Structure",
        solution=drop_connect,
        adapt=callable_answer(WeightAnswer),
        stages=((weight_kept,), (weight_law,), (a_product,), (weight_gradient,)),
        bank=WEIGHT_ROWS,
        hints=(
            "How many coins: one for each example and each weight, (N, K, D).",
            "mask * weight broadcasts to (N, K, D): a weight matrix for each example.",
            "(mask * weight * x[:, None, :]).sum(dim=2) multiplies each with its example. What is the scale?",
        ),
    ),
    Exercise(
        id="08-d",
        title="Log-likelihood of many passes",
        section="lesson 08, What is averaged",
        solution=log_likelihood,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(SCORES),),),
        bank=LIKELIHOOD_ROWS,
        hints=(
            "The passes are averaged as densities, point by point. Then comes the logarithm, and last the mean.",
            "log of a mean of T densities = logsumexp over the passes, minus log T.",
        ),
    ),
    Exercise(
        id="08-e",
        title="Total variance of many passes",
        section="lesson 08, What is averaged",
        solution=total_variance,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(SPREADS),),),
        bank=TOTAL_VARIANCE_ROWS,
        hints=(
            "The variance of a mixture: variance of the means, plus mean of the variances.",
            "A network that predicts s means the variance exp(s), one for each pass.",
        ),
    ),
    Exercise(
        id="08-f",
        title="Mend a model until the audit is silent",
        section="lesson 08, Audit a model",
        solution=Tagger,
        adapt=lambda answer: TaggerAnswer(module_class(answer)),
        stages=((nothing_to_find,), (last_layer_drops,), (two_sites,)),
        bank=TAGGER_ROWS,
        hints=(
            "Run audit(Tagger(0.3), torch.randn(16, 10, 8)) on your class and read what it finds.",
            "The argument of a one-layer LSTM goes. dropout_p is p in training only.",
            "Batch norm comes first and dropout after it, right before the last layer.",
        ),
    ),
)
