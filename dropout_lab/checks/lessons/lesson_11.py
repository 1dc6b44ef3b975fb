"""Exercises of lesson 11."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dropout_lab.checks.bank.variational import LOSS_ROWS, NOISE_ROWS, OUTPUT_ROWS, PRUNE_ROWS
from dropout_lab.checks.exercise import Exercise
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.subjects import callable_answer


def gaussian_noise(p: float, eps: Tensor) -> Any:
    """Return noise with the mean and variance of dropout's m / (1 - p), from standard normal numbers eps."""
    alpha = p / (1 - p)
    return 1 + alpha**0.5 * eps


def draw_outputs(h: Tensor, weight: Tensor, log_variance: Tensor, eps: Tensor) -> Tensor:
    """Return outputs (N, K) of a layer with weights N(weight, exp(log_variance)), (K, D), on h (N, D)."""
    mean = h @ weight.T
    variance = h**2 @ log_variance.exp().T
    return mean + variance.sqrt() * eps


def training_loss(losses: Tensor, kl: Tensor, n: int) -> Tensor:
    """Return the loss of one example, from the losses (B,) of a minibatch and the divergence of every weight."""
    return losses.mean() + kl.sum() / n


def prune(weight: Tensor, log_variance: Tensor, threshold: float) -> Tensor:
    """Return the weights with 0 for those whose log α is at or above the threshold."""
    log_alpha = log_variance - (weight**2).log()
    return weight * (log_alpha < threshold)


EPS = torch.tensor([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]], dtype=torch.float64)
H = torch.tensor([[1.0, -2.0, 0.5], [0.5, 1.0, -1.0], [2.0, 0.25, 1.5]], dtype=torch.float64)
WEIGHT = torch.tensor([[0.5, -1.5, 2.0], [-0.25, 0.75, -3.0]], dtype=torch.float64)
LOG_VARIANCE = torch.tensor([[-1.0, 0.5, -2.0], [0.25, -0.5, 1.0]], dtype=torch.float64)
LOSSES = torch.tensor([0.5, 2.0, 0.25, 1.25], dtype=torch.float64)
KL = torch.tensor([[2.5, 0.5, 3.0], [0.25, 1.5, 0.75]], dtype=torch.float64)
SIZES = torch.tensor([[2.0, -2.0, 0.3], [-0.3, 0.6, -0.6], [0.1, -3.0, 1.2]], dtype=torch.float64)
NOISES = torch.tensor([[-1.5, 4.5, -2.5], [1.5, 1.0, 0.25], [-2.0, 2.5, 3.2]], dtype=torch.float64)

EXERCISES = (
    Exercise(
        id="11-a",
        title="Gaussian noise with the moments of a coin",
        section="lesson 11, Trade the coin for Gaussian noise",
        solution=gaussian_noise,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(tuple(on(gaussian_noise, f"p = {p} and six numbers eps", p, EPS) for p in (0.2, 0.9))),),),
        bank=NOISE_ROWS,
        hints=(
            "m / (1 - p) has mean 1 and variance p / (1 - p).",
            "Mean + standard deviation times eps: the standard deviation is the root of the variance.",
        ),
    ),
    Exercise(
        id="11-b",
        title="Outputs of noisy weights",
        section="lesson 11, Draw the outputs, not the weights",
        solution=draw_outputs,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs((on(draw_outputs, "three examples and two units", H, WEIGHT, LOG_VARIANCE, EPS),)),),),
        bank=OUTPUT_ROWS,
        hints=(
            "Mean + standard deviation times eps, for each example and unit.",
            "The variance is the sum over the inputs of h² σ²: a matrix product of h**2 and log_variance.exp().T.",
        ),
    ),
    Exercise(
        id="11-c",
        title="The loss with the price of exactness",
        section="lesson 11, Charge for exactness",
        solution=training_loss,
        adapt=callable_answer(ValueAnswer),
        stages=(
            (outputs(tuple(on(training_loss, f"n = {n} and a minibatch of 4", LOSSES, KL, n) for n in (20, 100))),),
        ),
        bank=LOSS_ROWS,
        hints=(
            "Over the whole training set: n times the mean loss, plus the divergences of all weights. Divide by n.",
            "The mean of a minibatch estimates the mean over the training set; its size is not in the answer.",
        ),
    ),
    Exercise(
        id="11-d",
        title="Cut the noisy weights",
        section="lesson 11, Let a network choose its weights",
        solution=prune,
        adapt=callable_answer(ValueAnswer),
        stages=(
            (outputs(tuple(on(prune, f"nine weights and threshold {t:g}", SIZES, NOISES, t) for t in (3.0, 0.5))),),
        ),
        bank=PRUNE_ROWS,
        hints=(
            "log α = log σ² - log θ², and θ may be negative.",
            "Keep a weight where log α < threshold, as it is; torch.where or a product with the comparison will do.",
        ),
    ),
)
