"""Slips about Gaussian noise on units and weights, its price in the loss, and what counts as noise."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.probes_values import ValueAnswer


def multiplied(centre: Callable[[float], float], sd: Callable[[float], float]) -> ValueAnswer:
    """A version of gaussian_noise(p, eps) with another mean or another standard deviation."""
    return ValueAnswer(lambda p, eps: centre(p) + sd(p) * eps)


def one(p: float) -> float:
    return 1.0


NOISE_ROWS = (
    Misconception(
        "variance-for-sd",
        "p / (1 - p) is the variance of the noise. What multiplies a standard normal number is a standard deviation.",
        "Var[c ε] = c². Which c gives the variance that you want?",
        (multiplied(one, lambda p: p / (1 - p)),),
    ),
    Misconception(
        "keep-drop-swapped",
        "p and 1 - p are exchanged: your noise grows as fewer units are dropped.",
        "How noisy is dropout at p = 0?",
        (multiplied(one, lambda p: ((1 - p) / p) ** 0.5), multiplied(one, lambda p: (1 - p) / p)),
    ),
    Misconception(
        "not-scaled",
        "p (1 - p) is the variance of the coin m. That of m / (1 - p) is asked for, and a factor enters it squared.",
        "Var[m / q] = Var[m] / q².",
        (multiplied(one, lambda p: (p * (1 - p)) ** 0.5),),
    ),
    Misconception(
        "scale-not-squared",
        "the variance of a coin, p (1 - p), was divided by 1 - p once. A constant factor enters a variance squared.",
        "Var[m / q] = Var[m] / q².",
        (multiplied(one, lambda p: p**0.5),),
    ),
    Misconception(
        "centred-on-zero",
        "the noise has mean 0: a unit that it multiplies would lose its mean.",
        "What is the mean of m / (1 - p)?",
        (multiplied(lambda p: 0.0, lambda p: (p / (1 - p)) ** 0.5),),
    ),
    Misconception(
        "standard-not-inverted",
        "these are the moments of the bare coin m, mean 1 - p and variance p (1 - p). The scaled one is to be matched.",
        "In training the survivors are divided by 1 - p.",
        (
            multiplied(lambda p: 1 - p, lambda p: (p * (1 - p)) ** 0.5),
            multiplied(lambda p: 1 - p, lambda p: (p / (1 - p)) ** 0.5),
        ),
    ),
)


def drawn(sd: Callable[[Tensor, Tensor], Tensor]) -> ValueAnswer:
    """A version of draw_outputs(h, weight, log_variance, eps) with another standard deviation (N, K)."""
    return ValueAnswer(lambda h, weight, log_variance, eps: h @ weight.T + sd(h, log_variance) * eps)


def right_sd(h: Tensor, log_variance: Tensor) -> Tensor:
    return (h**2 @ log_variance.exp().T).sqrt()


OUTPUT_ROWS = (
    Misconception(
        "sds-added",
        "standard deviations were added up over the inputs. Of independent noises the variances add.",
        "Square, add, and take the root last.",
        (
            drawn(lambda h, v: h.abs() @ (v / 2).exp().T),
            drawn(lambda h, v: h @ (v / 2).exp().T),
        ),
    ),
    Misconception(
        "variance-for-sd",
        "eps was multiplied by the variance of the output; it takes the standard deviation.",
        "Var[c ε] = c². Which c gives the variance that you want?",
        (drawn(lambda h, v: h**2 @ v.exp().T),),
    ),
    Misconception(
        "log-variance-for-log-sd",
        "log_variance was read as the logarithm of σ. It is that of σ²: exp(log_variance) is a variance already.",
        "Which of σ and σ² is exp(log_variance)?",
        (drawn(lambda h, v: (h**2 @ (2 * v).exp().T).sqrt()),),
    ),
    Misconception(
        "input-not-squared",
        "the input is a constant factor of the weight's noise, and a constant factor enters a variance squared.",
        "Var[w h] = h² Var[w].",
        (drawn(lambda h, v: (h.abs() @ v.exp().T).sqrt()), drawn(lambda h, v: (h @ v.exp().T).sqrt())),
    ),
    Misconception(
        "alpha-for-variance",
        "exp(log_variance) was multiplied by the squared weight, as if it were α. It is σ² itself.",
        "α = σ²/θ². Which of the two do you have?",
        (ValueAnswer(lambda h, w, v, eps: h @ w.T + (h**2 @ (v.exp() * w**2).T).sqrt() * eps),),
    ),
    Misconception(
        "centred-on-zero",
        "the noise alone is left: the mean of the output, h Wᵀ, is missing.",
        "Output = mean + standard deviation times eps.",
        (ValueAnswer(lambda h, w, v, eps: right_sd(h, v) * eps),),
    ),
    Misconception(
        "one-mask-for-the-batch",
        "all rows got the noise of one row. Every example has an eps of its own; that is what quiets the gradient.",
        "eps has a row for each example. Use all of them.",
        (ValueAnswer(lambda h, w, v, eps: h @ w.T + right_sd(h, v) * eps[:1]),),
    ),
)


def charged(price: Callable[[Tensor, Tensor, int], Tensor]) -> ValueAnswer:
    """A version of training_loss(losses, kl, n) that adds another price to the mean loss."""
    return ValueAnswer(lambda losses, kl, n: losses.mean() + price(losses, kl, n))


LOSS_ROWS = (
    Misconception(
        "kl-not-divided",
        "the divergence is that of the whole network and is paid once for all n examples; your loss is that of one "
        "example.",
        "Divide the sum over all examples, losses and divergence, by n.",
        (charged(lambda losses, kl, n: kl.sum()),),
    ),
    Misconception(
        "kl-per-batch",
        "the divergence was divided by the size of the minibatch. It is paid once for the n training examples, not "
        "once for every minibatch.",
        "How often would you pay it in one epoch?",
        (charged(lambda losses, kl, n: kl.sum() / len(losses)),),
    ),
    Misconception(
        "kl-averaged",
        "the divergence of an average weight was added. Each weight pays for itself, so divergences add up.",
        "The divergence of independent weights is a sum.",
        (charged(lambda losses, kl, n: kl.mean()), charged(lambda losses, kl, n: kl.mean() / n)),
    ),
    Misconception(
        "kl-subtracted",
        "the divergence was subtracted: training would be rewarded for exact weights.",
        "The bound is likelihood minus divergence; a loss is its negative.",
        (charged(lambda losses, kl, n: -kl.sum() / n),),
    ),
    Misconception(
        "no-kl",
        "that is the loss without a price for exactness: the noise would shrink to 0 and no weight would be pruned.",
        "Where does the divergence come in?",
        (charged(lambda losses, kl, n: 0 * kl.sum()),),
    ),
    Misconception(
        "sum-for-mean",
        "losses were added up where their mean belongs: the loss of one example was asked for.",
        "losses.mean() is the loss of one example.",
        (
            ValueAnswer(lambda losses, kl, n: losses.sum() + kl.sum() / n),
            ValueAnswer(lambda losses, kl, n: losses.sum() + kl.sum()),
            ValueAnswer(lambda losses, kl, n: losses.mean() * n + kl.sum()),
        ),
    ),
)


def cut(kept: Callable[[Tensor, Tensor, float], Tensor]) -> ValueAnswer:
    """A version of prune(weight, log_variance, threshold) with another rule of what is kept."""
    return ValueAnswer(lambda w, v, threshold: torch.where(kept(w, v, threshold), w, 0.0))


def right_log_alpha(w: Tensor, v: Tensor) -> Tensor:
    return v - (w**2).log()


def survivors_scaled(w: Tensor, v: Tensor, threshold: float) -> Tensor:
    kept = right_log_alpha(w, v) < threshold
    return w * kept / kept.double().mean()


PRUNE_ROWS = (
    Misconception(
        "noisy-kept",
        "the noisy weights are kept and the exact ones are 0.",
        "Is a large α much noise or little?",
        (cut(lambda w, v, t: right_log_alpha(w, v) >= t),),
    ),
    Misconception(
        "noise-not-relative",
        "the noise alone was compared with the threshold. The same σ² is much for a small weight, little for a large "
        "one.",
        "α = σ²/θ²: what does its logarithm look like?",
        (cut(lambda w, v, t: v < t),),
    ),
    Misconception(
        "log-forgotten",
        "α was compared with a threshold for log α.",
        "At a threshold of 3 for log α, α is about 20.",
        (cut(lambda w, v, t: v.exp() / w**2 < t),),
    ),
    Misconception(
        "weights-not-squared",
        "log σ² - log|θ| is not log α: a variance is compared with the squared weight.",
        "log θ² = 2 log|θ|.",
        (cut(lambda w, v, t: v - w.abs().log() < t),),
    ),
    Misconception(
        "log-variance-for-log-sd",
        "log_variance was read as the logarithm of σ and doubled. It is that of σ² already.",
        "Which of σ and σ² is exp(log_variance)?",
        (cut(lambda w, v, t: 2 * v - (w**2).log() < t),),
    ),
    Misconception(
        "sign-forgotten",
        "a negative weight has no logarithm: log gives NaN, and every comparison with NaN is False.",
        "Only the size of a weight matters. Square it before you take the logarithm.",
        (cut(lambda w, v, t: v - 2 * w.log() < t), cut(lambda w, v, t: ~(v - 2 * w.log() >= t))),
    ),
    Misconception(
        "scaled-after-pruning",
        "the kept weights were divided by their share, as dropout's survivors are. Here nothing is dropped at random: "
        "the mean of a kept weight is θ.",
        "Which outputs did the noisy weights add on average?",
        (ValueAnswer(survivors_scaled),),
    ),
)
