import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from dropout_lab.uncertainty import area_under_risk_coverage, auroc, missed_rate, risk_coverage


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def coarse(n: int, seed: int) -> torch.Tensor:
    """Numbers with many ties."""
    return drawn(n, seed=seed).round(decimals=1)


# Risk and coverage


def test_the_curve_is_the_mean_loss_of_the_surest_rows():
    uncertainty, loss = drawn(30), drawn(30, seed=1) ** 2
    curve = risk_coverage(uncertainty, loss)
    for k in (1, 7, 30):
        surest = uncertainty.argsort()[:k]
        torch.testing.assert_close(curve.risk[k - 1], loss[surest].mean())
        assert math.isclose(curve.coverage[k - 1].item(), k / 30)


def test_rows_of_equal_uncertainty_count_as_in_a_random_order():
    uncertainty = torch.tensor([0.5, 0.1, 0.5, 0.5])
    loss = torch.tensor([1.0, 0.0, 0.0, 0.0])
    orders = [[1, *rest] for rest in ([0, 2, 3], [2, 0, 3], [2, 3, 0])]
    mean = sum(loss[order].double().cumsum(0) / torch.arange(1, 5) for order in orders) / 3
    torch.testing.assert_close(risk_coverage(uncertainty, loss).risk, mean)


@given(n=st.integers(1, 30), seed=st.integers(0, 500))
def test_no_order_is_better_than_that_of_the_losses_and_none_worse_than_the_reverse(n, seed):
    uncertainty, loss = coarse(n, seed), coarse(n, seed + 1).abs()
    best, here, worst = (area_under_risk_coverage(u, loss) for u in (loss, uncertainty, -loss))
    assert best - 1e-12 <= here <= worst + 1e-12
    assert math.isclose(area_under_risk_coverage(torch.zeros(n), loss), loss.mean().item(), abs_tol=1e-12)


@given(n=st.integers(1, 6), seed=st.integers(0, 500))
def test_the_area_is_that_of_every_order_that_the_uncertainty_allows(n, seed):
    # neither scikit-learn nor torchmetrics has it: the definition, with a row of every tie in each of its places
    uncertainty, loss = coarse(n, seed).round(), drawn(n, seed=seed + 1)
    orders = [order for order in itertools.permutations(range(n)) if bool((uncertainty[[*order]].diff() >= 0).all())]
    risks = [loss[[*order[:k]]].mean().item() for order in orders for k in range(1, n + 1)]
    area = area_under_risk_coverage(uncertainty, loss)
    assert math.isclose(area, sum(risks) / len(risks), rel_tol=1e-9, abs_tol=1e-12)


def test_only_the_order_counts():
    uncertainty, loss = drawn(30), drawn(30, seed=1).abs()
    assert area_under_risk_coverage(uncertainty, loss) == area_under_risk_coverage(uncertainty.exp(), loss)


# Detection


@given(seed=st.integers(0, 500))
def test_the_area_is_that_of_scikit_learn_with_ties(seed):
    familiar, novel = coarse(20, seed), coarse(15, seed + 1) + 0.5
    labels = [0] * 20 + [1] * 15
    theirs = roc_auc_score(labels, torch.cat([familiar, novel]).numpy())
    assert math.isclose(auroc(familiar, novel), theirs, rel_tol=1e-12)
    assert math.isclose(auroc(familiar, novel) + auroc(novel, familiar), 1, rel_tol=1e-12)


@given(seed=st.integers(0, 500), alpha=st.sampled_from([0.05, 0.1, 0.25]))
def test_the_missed_rate_is_read_off_scikit_learns_curve(seed, alpha):
    familiar, novel = coarse(40, seed), coarse(15, seed + 1) + 0.5
    labels, sureness = [1] * 40 + [0] * 15, -torch.cat([familiar, novel]).numpy()
    false_positive, true_positive, _ = roc_curve(labels, sureness, drop_intermediate=False)
    theirs = false_positive[(true_positive >= 1 - alpha - 1e-9).argmax()]
    assert math.isclose(missed_rate(familiar, novel, alpha=alpha), theirs, abs_tol=1e-12)


def test_the_same_law_on_both_sides_is_a_coin():
    familiar, novel = drawn(20_000), drawn(20_000, seed=1)
    assert abs(auroc(familiar, novel) - 0.5) < 5 * math.sqrt(1 / 6 / 20_000)
    assert abs(missed_rate(familiar, novel) - 0.95) < 5 * math.sqrt(2 * 0.05 * 0.95 / 20_000)


def test_rows_apart_are_detected_without_fail():
    assert auroc(drawn(30).tanh(), drawn(20).tanh() + 2) == 1
    assert missed_rate(drawn(30).tanh(), drawn(20).tanh() + 2) == 0


# Bad input


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: risk_coverage(drawn(4), torch.zeros(4, 1)), ValueError, "loss has the shape of uncertainty"),
        (
            lambda: risk_coverage(drawn(4), torch.zeros(4).bool()),
            TypeError,
            "loss is a tensor of floats; got torch.bool",
        ),
        (lambda: risk_coverage(drawn(4) * math.nan, torch.zeros(4)), ValueError, "uncertainty contains NaN"),
        (lambda: area_under_risk_coverage(torch.zeros(0), torch.zeros(0)), ValueError, "empty"),
        (lambda: auroc(drawn(4, 2), drawn(4)), ValueError, "Average over the passes first"),
        (lambda: auroc(drawn(4), drawn(4) * math.nan), ValueError, "novel contains NaN"),
        (lambda: missed_rate(drawn(4), drawn(4), alpha=5), ValueError, "got 5. For 90 % pass alpha=0.1"),
        (lambda: missed_rate([0.1], drawn(4)), TypeError, "familiar is a tensor"),
    ],
)
def test_what_has_no_order_is_an_error(call, error, text):
    with pytest.raises(error, match=text):
        call()
