import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from torch import nn

from dropout_lab.uncertainty import (
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torchmetrics.functional.classification import multiclass_calibration_error


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def case(n: int, k: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and labels that are drawn from their softmax."""
    logits = 2 * drawn(n, k, seed=seed)
    labels = torch.multinomial(logits.softmax(-1), 1, generator=torch.Generator().manual_seed(seed + 9000))[:, 0]
    return logits, labels


# Reliability


@pytest.mark.parametrize("n_bins", [1, 10, 15])
@pytest.mark.parametrize("classes", [2, 7])
def test_the_calibration_error_is_that_of_torchmetrics(n_bins, classes):
    logits, labels = case(500, classes)
    probabilities = (2 * logits).softmax(-1)
    theirs = multiclass_calibration_error(probabilities, labels, classes, n_bins=n_bins, norm="l1")
    ours = expected_calibration_error(probabilities, labels, n_bins=n_bins)
    assert math.isclose(ours, theirs.item(), rel_tol=2e-5)  # theirs sums in float32


@pytest.mark.parametrize("n_bins", [1, 4, 15])
@pytest.mark.parametrize("classes", [2, 7])
def test_the_adaptive_bins_are_those_of_scikit_learn(n_bins, classes):
    logits, labels = case(60, classes)  # a multiple of each number of bins: there its quantiles split evenly
    confidence, favourite = logits.softmax(-1).max(dim=1)
    accuracy, mean = calibration_curve(favourite == labels, confidence, n_bins=n_bins, strategy="quantile")
    bins = reliability(logits.softmax(-1), labels, n_bins=n_bins, adaptive=True)
    np.testing.assert_allclose(bins.accuracy, accuracy)
    np.testing.assert_allclose(bins.confidence, mean)
    error = expected_calibration_error(logits.softmax(-1), labels, n_bins=n_bins, adaptive=True)
    assert math.isclose(error, np.abs(accuracy - mean).mean())


@pytest.mark.parametrize("adaptive", [False, True])
def test_the_bins_are_those_of_a_loop(adaptive):
    logits, labels = case(60, 4)
    probabilities = logits.softmax(-1)
    confidence, favourite = probabilities.max(dim=1)
    bins = reliability(probabilities, labels, n_bins=6, adaptive=adaptive)
    order = confidence.argsort()
    groups = (
        [order[10 * b : 10 * b + 10] for b in range(6)]
        if adaptive
        else [((confidence > b / 6) & (confidence <= (b + 1) / 6)).nonzero()[:, 0] for b in range(6)]
    )
    groups = [group for group in groups if len(group)]
    assert bins.counts.tolist() == [len(group) for group in groups]
    torch.testing.assert_close(bins.confidence, torch.stack([confidence[group].mean() for group in groups]))
    right = (favourite == labels).double()
    torch.testing.assert_close(bins.accuracy, torch.stack([right[group].mean() for group in groups]))


@given(n=st.integers(1, 40), n_bins=st.integers(1, 20), adaptive=st.booleans(), seed=st.integers(0, 99))
def test_each_row_is_in_one_bin_and_the_order_of_rows_does_not_matter(n, n_bins, adaptive, seed):
    logits, labels = case(n, 3, seed)
    probabilities = (logits.softmax(-1) * 4).round()  # many ties
    probabilities[:, 0] += 1e-3
    probabilities = probabilities / probabilities.sum(dim=1, keepdim=True)
    bins = reliability(probabilities, labels, n_bins=n_bins, adaptive=adaptive)
    assert int(bins.counts.sum()) == n
    assert 0 <= expected_calibration_error(probabilities, labels, n_bins=n_bins, adaptive=adaptive) <= 1
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    for ours, other in zip(
        bins, reliability(probabilities[order], labels[order], n_bins=n_bins, adaptive=adaptive), strict=True
    ):
        torch.testing.assert_close(ours, other)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below_it():
    probabilities = torch.tensor([[0.75, 0.25], [0.875, 0.125], [1.0, 0.0]])
    assert reliability(probabilities, torch.zeros(3).long(), n_bins=4).counts.tolist() == [1, 2]


def test_adaptive_bins_hold_equally_many_rows():
    logits, labels = case(60, 4)
    assert reliability(logits.softmax(-1), labels, n_bins=12, adaptive=True).counts.tolist() == [5] * 12


@pytest.mark.parametrize("adaptive", [False, True])
def test_a_model_that_speaks_the_truth_has_an_error_that_chance_explains(adaptive):
    logits, labels = case(40_000, 3)
    # the gap of a bin has standard deviation at most ½/√n_b, so the sum over 10 bins is below 10 · ½ √(n_b)/N ≤ .008
    truth = expected_calibration_error(logits.softmax(-1), labels, n_bins=10, adaptive=adaptive)
    boast = expected_calibration_error((2 * logits).softmax(-1), labels, n_bins=10, adaptive=adaptive)
    assert truth < 0.008 < 0.05 < boast


def test_certain_and_always_wrong_is_an_error_of_one():
    assert expected_calibration_error(torch.eye(3), torch.tensor([1, 2, 0])) == 1


# Temperature


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_the_temperature_of_logits_that_were_multiplied_is_the_factor(scale):
    logits, labels = case(20_000, 5)
    assert math.isclose(fit_temperature(scale * logits, labels), scale, rel_tol=0.05)
    assert math.isclose(fit_temperature(scale * logits, labels) / fit_temperature(logits, labels), scale, rel_tol=1e-9)


@given(seed=st.integers(0, 200))
def test_no_other_temperature_has_a_smaller_loss(seed):
    logits, labels = case(100, 4, seed)
    best = fit_temperature(logits, labels)
    losses = [nn.functional.cross_entropy(logits / (best * factor), labels).item() for factor in (0.97, 1.0, 1.03)]
    assert losses[1] < min(losses[0], losses[2])


def test_adding_a_number_to_a_row_changes_nothing():
    logits, labels = case(100, 4)
    shifted = fit_temperature(logits + 50 * drawn(100, 1, seed=3), labels)
    assert math.isclose(fit_temperature(logits, labels), shifted, rel_tol=1e-9)


def test_log_probabilities_of_a_mean_are_taken_as_logits():
    logits, labels = case(200, 4)
    mean = (3 * logits).softmax(-1)
    tempered = (mean.log() / fit_temperature(mean.log(), labels)).softmax(-1)
    assert negative_log_likelihood(tempered, labels).mean() < negative_log_likelihood(mean, labels).mean()


# Bad input


@pytest.mark.parametrize(
    ("logits", "labels", "error", "text"),
    [
        (drawn(4, 3).softmax(-1), torch.zeros(4).long(), ValueError, "probabilities, not logits"),
        (torch.tensor([[1.0, 0.0]]).log(), torch.tensor([0]), ValueError, "infinite"),
        (drawn(4, 3) * math.nan, torch.zeros(4).long(), ValueError, "NaN"),
        (drawn(7, 4, 3), torch.zeros(4).long(), ValueError, "Average over the passes first"),
        (drawn(4, 3), torch.eye(3).long()[[0, 1, 2, 0]], ValueError, "one-hot"),
        (5 * torch.eye(3), torch.arange(3), ValueError, "every row is classified right"),
        (5 * torch.eye(3), torch.tensor([1, 2, 0]), ValueError, "no better than chance"),
        (torch.zeros(4, 3), torch.zeros(4).long(), ValueError, "no better than chance"),
    ],
)
def test_logits_without_a_best_temperature_are_an_error(logits, labels, error, text):
    with pytest.raises(error, match=text):
        fit_temperature(logits, labels)


@pytest.mark.parametrize("function", [reliability, expected_calibration_error])
def test_what_is_no_prediction_is_an_error(function):
    labels = torch.zeros(4).long()
    with pytest.raises(ValueError, match="logits"):
        function(drawn(4, 3), labels)
    with pytest.raises(ValueError, match="sum to 1"):
        function(torch.full((4, 3), 0.2), labels)
    with pytest.raises(ValueError, match="NaN"):
        function(torch.full((4, 3), math.nan), labels)
    with pytest.raises(ValueError, match="n_bins"):
        function(torch.full((4, 2), 0.5), labels, n_bins=0)
