import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab.uncertainty import conformal_half_width, conformal_sets, conformal_threshold, coverage_law


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(n=st.integers(1, 60), alpha=st.sampled_from([0.05, 0.1, 0.2, 0.25, 0.5]), seed=st.integers(0, 99))
def test_the_threshold_has_the_promised_rank(n, alpha, seed):
    scores = drawn(n, seed=seed)
    threshold = conformal_threshold(scores, alpha=alpha)
    rank = next(k for k in range(1, n + 2) if k / (n + 1) >= 1 - alpha - 1e-12)
    assert threshold == (math.inf if rank > n else sorted(scores.tolist())[rank - 1])


def p_value(scores, score):
    """Vovk's: the share of the rows, the new one among them, that are at least as strange as the new one."""
    return Fraction(1 + sum(other >= score for other in scores), 1 + len(scores))


@given(n=st.integers(1, 25), alpha=st.sampled_from(["0.05", "0.1", "0.2", "0.25", "0.5"]), seed=st.integers(0, 99))
def test_a_set_holds_the_classes_whose_p_value_is_above_alpha(n, alpha, seed):
    probabilities = (2 * drawn(n + 4, 3, seed=seed)).round().softmax(-1)  # many ties
    labels = torch.randint(3, (n,), generator=torch.Generator().manual_seed(seed))
    sets = conformal_sets(probabilities[n:], probabilities[:n], labels, alpha=float(alpha))
    strange = [-row[label].item() for row, label in zip(probabilities[:n], labels, strict=True)]
    wanted = [[p_value(strange, -p) > Fraction(alpha) for p in row] for row in probabilities[n:].tolist()]
    assert sets.tolist() == wanted


@given(n=st.integers(1, 25), alpha=st.sampled_from(["0.05", "0.1", "0.2", "0.25", "0.5"]), seed=st.integers(0, 99))
def test_an_interval_holds_the_values_whose_p_value_is_above_alpha(n, alpha, seed):
    y = drawn(n, seed=seed).round(decimals=1)
    k = conformal_half_width(torch.zeros(n).double(), torch.ones(n).double(), y, alpha=float(alpha))
    for value in [*y.abs().tolist(), 0.05, 0.75, 4.0]:
        assert (value <= k) == (p_value(y.abs().tolist(), value) > Fraction(alpha))


@pytest.mark.parametrize(("n", "alpha"), [(19, 0.1), (50, 0.1), (200, 0.05), (9, 0.3)])
def test_the_coverage_follows_the_beta_law(n, alpha):
    rng = np.random.default_rng(0)
    splits = 4000
    thresholds = [conformal_threshold(torch.from_numpy(rng.random(n)), alpha=alpha) for _ in range(splits)]
    law = coverage_law(n, alpha=alpha)  # scores are uniform, so a threshold is its own coverage
    assert 1 - alpha <= law.mean < 1 - alpha + 1 / (n + 1)
    assert abs(np.mean(thresholds) - law.mean) < 5 * law.sd / math.sqrt(splits)
    assert abs(np.std(thresholds) / law.sd - 1) < 5 * 2 / math.sqrt(2 * splits)


def test_measured_coverage_adds_the_chance_of_the_test_rows():
    rng = np.random.default_rng(1)
    thresholds = np.array([conformal_threshold(torch.from_numpy(rng.random(50)), alpha=0.1) for _ in range(4000)])
    measured = rng.binomial(40, thresholds) / 40
    law = coverage_law(50, alpha=0.1, n_test=40)
    assert abs(measured.mean() - law.mean) < 5 * law.sd / math.sqrt(4000)
    assert abs(measured.std() / law.sd - 1) < 5 * 1.5 / math.sqrt(2 * 4000)


def test_sets_hold_the_right_class_as_often_as_the_law_says_for_a_bad_model_too():
    shares = []
    for split in range(200):
        labels = torch.randint(4, (150,), generator=torch.Generator().manual_seed(split))
        logits = drawn(150, 4, seed=split) + torch.nn.functional.one_hot(labels, 4)
        probabilities = (5 * logits).softmax(-1)  # far too sure
        sets = conformal_sets(probabilities[50:], probabilities[:50], labels[:50], alpha=0.2)
        shares.append(sets.gather(1, labels[50:, None]).double().mean().item())
    law = coverage_law(50, alpha=0.2, n_test=100)
    assert abs(np.mean(shares) - law.mean) < 5 * law.sd / math.sqrt(200)


def test_a_class_is_in_the_set_if_it_is_as_probable_as_right_ones_are():
    calibration = torch.tensor([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6]])
    sets = conformal_sets(torch.tensor([[0.4, 0.6], [0.39, 0.61]]), calibration, torch.tensor([0, 0, 0]), alpha=0.25)
    assert sets.tolist() == [[True, True], [False, True]]


def test_probabilities_too_small_for_one_minus_p_are_told_apart():
    calibration = torch.tensor([[2e-9, 1.0]]).repeat(9, 1)
    sets = conformal_sets(torch.tensor([[1e-9, 1.0], [2e-9, 1.0]]), calibration, torch.zeros(9).long(), alpha=0.1)
    assert sets[:, 0].tolist() == [False, True]


def test_too_few_rows_promise_the_whole_set_and_the_whole_line():
    half = torch.full((5, 2), 0.5)
    assert bool(conformal_sets(half, half, torch.zeros(5).long(), alpha=0.1).all())
    assert conformal_half_width(drawn(5), torch.ones(5), drawn(5), alpha=0.1) == math.inf
    assert coverage_law(5, alpha=0.1) == (1.0, 0.0)


def test_intervals_of_the_wrong_width_hold_what_is_promised():
    shares = []
    for split in range(200):
        y, sd = drawn(150, seed=split), drawn(150, seed=split + 1000).exp()
        k = conformal_half_width(torch.zeros_like(y[:50]), sd[:50], y[:50], alpha=0.1)
        shares.append((y[50:].abs() <= k * sd[50:]).double().mean().item())
    law = coverage_law(50, alpha=0.1, n_test=100)
    assert abs(np.mean(shares) - law.mean) < 5 * law.sd / math.sqrt(200)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: conformal_threshold(drawn(5), alpha=0), ValueError, "share that may be missed"),
        (lambda: conformal_threshold(drawn(5), alpha=10), ValueError, "For 90 % pass alpha=0.1"),
        (lambda: conformal_threshold(drawn(5), alpha=True), TypeError, "alpha"),
        (lambda: conformal_threshold(drawn(5) * math.nan, alpha=0.1), ValueError, "NaN"),
        (lambda: conformal_threshold(torch.zeros(0), alpha=0.1), ValueError, "empty"),
        (
            lambda: conformal_sets(drawn(5, 2), torch.full((5, 2), 0.5), torch.zeros(5).long(), alpha=0.1),
            ValueError,
            "logits",
        ),
        (
            lambda: conformal_sets(torch.full((5, 2), 0.5), torch.full((5, 4), 0.25), torch.zeros(5).long(), alpha=0.1),
            ValueError,
            "calibration has 4 classes",
        ),
        (lambda: conformal_half_width(drawn(5), -torch.ones(5), drawn(5), alpha=0.1), ValueError, "above zero"),
        (lambda: conformal_half_width(drawn(5), torch.ones(5), drawn(5, 1), alpha=0.1), ValueError, "every other"),
        (lambda: coverage_law(0, alpha=0.1), ValueError, "n is a whole number"),
        (lambda: coverage_law(5, alpha=0.1, n_test=0), ValueError, "n_test"),
    ],
)
def test_what_promises_nothing_is_an_error(call, error, text):
    with pytest.raises(error, match=text):
        call()
