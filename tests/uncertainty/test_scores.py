import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss
from torch.distributions import Normal
from torchmetrics.functional.regression import continuous_ranked_probability_score

from dropout_lab.uncertainty import (
    brier_score,
    crps_gaussian,
    crps_samples,
    log_likelihood,
    negative_log_likelihood,
)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def prediction(n: int, k: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed + 1)
    return (2 * drawn(n, k, seed=seed)).softmax(-1), torch.randint(k, (n,), generator=generator)


# Equal to what others compute


@pytest.mark.parametrize("classes", [2, 5])
def test_the_scores_of_a_classifier_are_those_of_scikit_learn(classes):
    probabilities, labels = prediction(60, classes)
    names = list(range(classes))
    ours = negative_log_likelihood(probabilities, labels).mean().item()
    assert math.isclose(ours, log_loss(labels.numpy(), probabilities.numpy(), labels=names), rel_tol=1e-12)
    theirs = brier_score_loss(labels.numpy(), probabilities.numpy(), labels=names, scale_by_half=False)
    assert math.isclose(brier_score(probabilities, labels).mean().item(), theirs, rel_tol=1e-12)


@pytest.mark.parametrize("n_samples", [2, 5, 40])
def test_the_crps_of_samples_is_that_of_torchmetrics(n_samples):
    samples, y = drawn(n_samples, 30), drawn(30, seed=1)
    theirs = continuous_ranked_probability_score(samples.T.contiguous(), y)
    torch.testing.assert_close(crps_samples(samples, y, fair=False).mean(), theirs, rtol=1e-12, atol=1e-12)


def test_the_log_likelihood_is_the_log_of_the_mean_density():
    samples, y, tau = drawn(7, 20), drawn(20, seed=1), 2.5
    density = Normal(samples, tau**-0.5).log_prob(y).exp().mean(dim=0)
    torch.testing.assert_close(log_likelihood(samples, y, precision=tau), density.log())


# Laws


def test_the_log_likelihood_far_away_is_a_number():
    far = log_likelihood(torch.zeros(3, 1), torch.tensor([100.0]), precision=1.0)
    torch.testing.assert_close(far, torch.tensor([-5000 - 0.5 * math.log(2 * math.pi)]))


def test_densities_are_averaged_and_not_their_logarithms():
    samples, y = drawn(9, 50), drawn(50, seed=1)
    mean_of_logs = Normal(samples, 1.0).log_prob(y).mean(dim=0)
    assert bool((log_likelihood(samples, y, precision=1.0) > mean_of_logs).all())


@pytest.mark.parametrize("score", [negative_log_likelihood, brier_score])
@given(seed=st.integers(0, 999))
def test_the_expected_score_is_best_for_the_truth(score, seed):
    (truth, _), (other, _) = prediction(1, 4, seed), prediction(1, 4, seed + 5000)
    labels = torch.arange(4)
    expected = [(truth[0] * score(row.expand(4, 4), labels)).sum() for row in (truth, other)]
    assert expected[0] < expected[1]


def test_the_brier_score_lies_between_zero_and_two():
    corners = torch.eye(3)
    torch.testing.assert_close(brier_score(corners, torch.arange(3)), torch.zeros(3))
    torch.testing.assert_close(brier_score(corners, torch.tensor([1, 2, 0])), torch.full((3,), 2.0))


def test_certainty_of_the_wrong_class_costs_infinitely_much():
    assert negative_log_likelihood(torch.tensor([[1.0, 0.0]]), torch.tensor([1])).item() == math.inf


def test_the_crps_of_samples_is_its_definition_over_all_pairs():
    samples, y = drawn(6, 4), drawn(4, seed=1)
    pairs = (samples[:, None] - samples).abs().sum(dim=(0, 1))
    distance = (samples - y).abs().mean(dim=0)
    torch.testing.assert_close(crps_samples(samples, y, fair=False), distance - pairs / 72)
    torch.testing.assert_close(crps_samples(samples, y), distance - pairs / 60)


def test_the_crps_of_a_gaussian_is_the_integral_over_thresholds():
    mean, sd, y = torch.tensor([0.3]), torch.tensor([1.7]), torch.tensor([2.1])
    z = torch.linspace(-20, 20, 400_001, dtype=torch.float64)
    gap = Normal(0.3, 1.7).cdf(z) - (z >= 2.1).double()
    integral = torch.trapezoid(gap**2, z).item()
    assert math.isclose(crps_gaussian(mean, sd, y).item(), integral, abs_tol=1e-4)


def test_the_fair_crps_of_few_draws_is_that_of_their_law():
    # 20 000 rows of T = 4 draws; the divisor T² gives E|X - X'| / (2 T) = 0.14 more
    samples, y = drawn(4, 20_000), drawn(20_000, seed=1)
    exact = crps_gaussian(torch.zeros_like(y), torch.ones_like(y), y)
    gap = crps_samples(samples, y) - exact
    assert abs(gap.mean()) < 5 * gap.std() / math.sqrt(20_000)
    unfair = (crps_samples(samples, y, fair=False) - exact).mean().item()
    assert math.isclose(unfair, 1 / math.sqrt(math.pi) / 4, rel_tol=0.05)


def test_the_crps_has_the_units_of_y():
    samples, y = drawn(5, 8), drawn(8, seed=1)
    torch.testing.assert_close(crps_samples(10 * samples, 10 * y), 10 * crps_samples(samples, y))
    mean, sd = samples[0], samples[1].exp()
    torch.testing.assert_close(crps_gaussian(10 * mean, 10 * sd, 10 * y), 10 * crps_gaussian(mean, sd, y))


# Bad input


@pytest.mark.parametrize("score", [negative_log_likelihood, brier_score])
@pytest.mark.parametrize(
    ("probabilities", "labels", "error", "text"),
    [
        (drawn(4, 3), torch.zeros(4).long(), ValueError, r"logits: pass probabilities.softmax\(dim=-1\)"),
        (drawn(4, 3).log_softmax(-1), torch.zeros(4).long(), ValueError, "log-probabilities"),
        (torch.full((4, 3), 0.5), torch.zeros(4).long(), ValueError, "sum to 1; a row is off by 0.5"),
        (torch.full((4, 3), math.nan), torch.zeros(4).long(), ValueError, "NaN"),
        (torch.full((9, 4, 2), 0.5), torch.zeros(4).long(), ValueError, "Average over the passes first"),
        (torch.empty(0, 3), torch.zeros(0).long(), ValueError, "empty"),
        (torch.zeros(4).long(), torch.zeros(4).long(), TypeError, "tensor of floats"),
        (torch.full((4, 2), 0.5), torch.eye(2).long()[[0, 1, 0, 1]], ValueError, "one-hot"),
        (torch.full((4, 2), 0.5), torch.tensor([1, 2, 1, 2]), ValueError, "Classes count from 0"),
        (torch.full((4, 2), 0.5), torch.tensor([0, 1, 1, -1]), ValueError, "got one of -1"),
        (torch.full((4, 2), 0.5), torch.zeros(4), TypeError, "whole numbers"),
        (torch.full((4, 2), 0.5), torch.zeros(3).long(), ValueError, r"got shape \(3,\)"),
    ],
)
def test_what_is_no_prediction_or_no_label_is_an_error(score, probabilities, labels, error, text):
    with pytest.raises(error, match=text):
        score(probabilities, labels)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: log_likelihood(drawn(4, 5), drawn(5, 1), precision=1.0), ValueError, "every row with every other"),
        (lambda: log_likelihood(drawn(4, 5, 1), drawn(5), precision=1.0), ValueError, r"samples\[..., 0\]"),
        (lambda: log_likelihood(drawn(4, 5), drawn(5), precision=0.0), ValueError, "precision"),
        (lambda: log_likelihood(drawn(4, 5), drawn(5) * math.nan, precision=1.0), ValueError, "y contains NaN"),
        (lambda: crps_samples(drawn(1, 5), drawn(5)), ValueError, "at least two passes"),
        (lambda: crps_samples(drawn(4, 5) * math.nan, drawn(5)), ValueError, "NaN"),
        (lambda: crps_samples(drawn(4, 5), drawn(4)), ValueError, "shape of one pass"),
        (lambda: crps_gaussian(drawn(5), drawn(5), drawn(5)), ValueError, "above zero"),
        (lambda: crps_gaussian(drawn(5), torch.ones(5, 1), drawn(5)), ValueError, "sd has the shape"),
        (lambda: crps_gaussian([0.0], drawn(5), drawn(5)), TypeError, "got list"),
    ],
)
def test_what_cannot_be_scored_is_an_error(call, error, text):
    with pytest.raises(error, match=text):
        call()
