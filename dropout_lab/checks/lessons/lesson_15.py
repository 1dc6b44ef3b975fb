"""Exercises of lesson 15."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dropout_lab.checks.bank.mc_passes import MEAN_ROWS
from dropout_lab.checks.bank.uncertainty import CONFIDENCE_ROWS, INFORMATION_ROWS, PRECISION_ROWS, VARIANCE_ROWS
from dropout_lab.checks.exercise import Exercise
from dropout_lab.checks.probes_mc import MeanAnswer, nothing_disturbed, scripted_mean, sites_reached
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.subjects import callable_answer


def mc_probabilities(model: nn.Module, x: Tensor, n_samples: int) -> Tensor:
    """Return the mean over n_samples passes of softmax(model(x)), (N, K), with every dropout site on."""
    modes = {module: module.training for module in model.modules()}
    try:
        for module in modes:
            module.training = not isinstance(module, nn.modules.batchnorm._BatchNorm)
        with torch.no_grad():
            samples = torch.stack([model(x).softmax(dim=-1) for _ in range(n_samples)])
    finally:
        for module, training in modes.items():
            module.training = training
    return samples.mean(dim=0)


def predictive_variance(samples: Tensor, precision: float) -> Tensor:
    """Return the unbiased variance of the passes plus the variance of an observation, 1/τ: (T, N) → (N,)."""
    return samples.var(dim=0) + 1 / precision


def noise_precision(p: float, length_scale: float, n: int, weight_decay: float) -> float:
    """Return τ for a network trained with mse_loss and PyTorch's weight_decay on n examples."""
    penalty = weight_decay / 4
    return (1 - p) * length_scale**2 / (2 * n * penalty)


def mutual_information(probabilities: Tensor) -> Tensor:
    """Return the entropy of the mean minus the mean of the entropies, in nats: (T, N, K) → (N,)."""
    mean = probabilities.mean(dim=0)
    total = -torch.xlogy(mean, mean).sum(dim=-1)
    expected = -torch.xlogy(probabilities, probabilities).sum(dim=-1).mean(dim=0)
    return total - expected


def confidence(probabilities: Tensor) -> Tensor:
    """Return the probability that the mean prediction gives its favourite class: (T, N, K) → (N,)."""
    return probabilities.mean(dim=0).amax(dim=-1)


PASSES = torch.tensor([[1.0, 2.0], [1.4, 1.0], [0.9, 3.0], [1.2, 2.5], [1.0, 2.0]])
VARIANCES = tuple(
    on(predictive_variance, f"five passes of two points and τ = {tau:g}", PASSES, tau) for tau in (4.0, 0.5)
)
PRECISIONS = tuple(
    on(noise_precision, f"p = {p}, length_scale = {length}, n = {n}, weight_decay = {w}", p, length, n, w)
    for p, length, n, w in ((0.1, 0.7, 370, 1e-4), (0.3, 2.0, 50, 1e-3))
)
DISAGREEING = torch.tensor(
    [
        [[0.9, 0.05, 0.05], [0.5, 0.3, 0.2], [1.0, 0.0, 0.0]],
        [[0.1, 0.8, 0.1], [0.5, 0.3, 0.2], [0.0, 1.0, 0.0]],
        [[0.3, 0.1, 0.6], [0.45, 0.35, 0.2], [0.0, 1.0, 0.0]],
    ]
)
TEXT = "three passes (one point disputed, one agreed on, one of certain passes)"

EXERCISES = (
    Exercise(
        id="15-a",
        title="Mean probability over passes",
        section="lesson 15, Average probabilities, not logits",
        solution=mc_probabilities,
        adapt=callable_answer(MeanAnswer),
        stages=((scripted_mean,), (sites_reached,), (nothing_disturbed,)),
        bank=MEAN_ROWS,
        hints=(
            "Softmax first, mean last: the passes have probabilities, and these are averaged.",
            "model.train() turns every site on. Which layers must go back to .eval() at once?",
            "Remember module.training of every module before, and put it back in a `finally`.",
        ),
    ),
    Exercise(
        id="15-b",
        title="Predictive variance",
        section="lesson 15, Add the noise of an observation",
        solution=predictive_variance,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(VARIANCES),),),
        bank=VARIANCE_ROWS,
        hints=(
            "Two independent sources of variance add up.",
            "samples.var(dim=0) is unbiased; τ is a precision, so the noise has variance 1/τ.",
        ),
    ),
    Exercise(
        id="15-c",
        title="The precision τ from the settings of a training",
        section="lesson 15, Add the noise of an observation",
        solution=noise_precision,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(PRECISIONS),),),
        bank=PRECISION_ROWS,
        hints=(
            "The paper's formula is (1 - p) l² / (2 N λ), with our p, the probability of dropping.",
            "λ is not the weight_decay: the table turns one into the other.",
        ),
    ),
    Exercise(
        id="15-d",
        title="Mutual information",
        section="lesson 15, Split the uncertainty in two",
        solution=mutual_information,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs((on(mutual_information, TEXT, DISAGREEING),)),),),
        bank=INFORMATION_ROWS,
        hints=(
            "It is what the passes disagree about: total entropy minus the mean entropy of a pass.",
            "torch.xlogy(p, p) is p log p, with 0 at p = 0.",
        ),
    ),
    Exercise(
        id="15-e",
        title="Confidence of the mean prediction",
        section="lesson 15, Average probabilities, not logits",
        solution=confidence,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs((on(confidence, TEXT, DISAGREEING),)),),),
        bank=CONFIDENCE_ROWS,
        hints=(
            "First make one prediction out of the passes, then ask how sure it is.",
            "Mean over axis 0, then the largest over the classes.",
        ),
    ),
)
