import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from dropout_lab.uncertainty import (
    average_probabilities,
    expected_entropy,
    model_precision,
    mutual_information,
    predictive_entropy,
    predictive_mean,
    predictive_variance,
)

ENTROPIES = [predictive_entropy, expected_entropy, mutual_information, average_probabilities]


def drawn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def log_or_zero(p: float) -> float:
    return math.log(p) if p > 0 else 0.0


# Moments


def test_mean_and_variance_are_their_formulas():
    samples = drawn(7, 4, 2)
    mean = sum(samples) / 7
    torch.testing.assert_close(predictive_mean(samples), mean)
    torch.testing.assert_close(predictive_variance(samples), sum((s - mean) ** 2 for s in samples) / 6)
    torch.testing.assert_close(
        predictive_variance(samples, precision=2.5), sum((s - mean) ** 2 for s in samples) / 6 + 1 / 2.5
    )


def test_noise_is_added_to_the_variance_and_not_to_the_standard_deviation():
    samples = torch.tensor([[0.8], [1.2]], dtype=torch.float64) * math.sqrt(0.5)  # variance 0.04
    deviation = predictive_variance(samples, precision=4.0).sqrt().item()
    assert math.isclose(deviation, math.sqrt(0.04 + 0.25))


def test_the_variance_of_few_passes_has_no_bias():
    # Over 40 000 batches of T = 5 the mean of S² has standard error √(2/(T-1) / 40 000); dividing by T gives 0.8.
    variance = predictive_variance(drawn(5, 40_000)).mean().item()
    assert abs(variance - 1) < 5 * math.sqrt(2 / 4 / 40_000)


@pytest.mark.parametrize(("p", "length_scale", "n", "weight_decay"), [(0.1, 2.0, 50, 1e-3), (0.8, 0.3, 7, 0.02)])
def test_the_precision_is_its_formula(p, length_scale, n, weight_decay):
    expected = (1 - p) * length_scale**2 / (2 * n * weight_decay)
    assert math.isclose(model_precision(p, length_scale, n, weight_decay), expected)


def test_the_precision_takes_the_drop_probability_and_not_the_keep_probability():
    assert math.isclose(model_precision(0.1, 1.0, 1, 1.0) / model_precision(0.9, 1.0, 1, 1.0), 9)


def test_an_optimiser_with_mse_loss_has_a_quarter_of_its_weight_decay_as_lambda():
    x, y, decay = drawn(9, 3), drawn(9, 1, seed=1), 0.3
    model = nn.Linear(3, 1, bias=False, dtype=torch.float64)
    start = model.weight.detach().clone()
    nn.functional.mse_loss(model(x), y).backward()
    torch.optim.SGD(model.parameters(), lr=1.0, weight_decay=decay).step()
    step = start - model.weight.detach()

    weight = start.clone().requires_grad_()
    loss = (0.5 * (y - x @ weight.T) ** 2).mean() + decay / 4 * (weight**2).sum()
    torch.testing.assert_close(step, 2 * torch.autograd.grad(loss, weight)[0])


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((1.0, 1.0, 10, 0.1), ValueError, "p = 1"),
        ((1.2, 1.0, 10, 0.1), ValueError, "dropped"),
        ((0.1, 0.0, 10, 0.1), ValueError, "length_scale"),
        ((0.1, 1.0, 0, 0.1), ValueError, "n is a whole number"),
        ((0.1, 1.0, 10.5, 0.1), TypeError, "n is a whole number"),
        ((0.1, 1.0, 10, 0.0), ValueError, "weight_decay"),
    ],
)
def test_a_precision_of_nonsense_is_an_error(arguments, error, text):
    with pytest.raises(error, match=text):
        model_precision(*arguments)


# Entropies


@given(passes=st.integers(2, 6), classes=st.integers(2, 5), scale=st.floats(0, 40), seed=st.integers(0, 999))
def test_total_is_aleatoric_plus_epistemic_and_each_is_between_zero_and_log_k(passes, classes, scale, seed):
    probabilities = (scale * drawn(passes, 3, classes, seed=seed)).softmax(dim=-1)
    total, aleatoric = predictive_entropy(probabilities), expected_entropy(probabilities)
    epistemic = mutual_information(probabilities)
    torch.testing.assert_close(total, aleatoric + epistemic, rtol=0, atol=1e-12)
    for share in (total, aleatoric, epistemic):
        assert bool((share >= 0).all())
        assert bool((share <= math.log(classes) + 1e-12).all())


def test_the_entropies_are_their_formulas():
    probabilities = (2 * drawn(4, 1, 3)).softmax(dim=-1)
    passes = [[value.item() for value in row[0]] for row in probabilities]
    average = [sum(column) / 4 for column in zip(*passes, strict=True)]
    total = -sum(p * log_or_zero(p) for p in average)
    aleatoric = sum(-sum(p * log_or_zero(p) for p in row) for row in passes) / 4
    assert math.isclose(predictive_entropy(probabilities).item(), total)
    assert math.isclose(expected_entropy(probabilities).item(), aleatoric)
    assert math.isclose(mutual_information(probabilities).item(), total - aleatoric)


def test_passes_that_contradict_each_other_with_certainty_are_all_epistemic():
    one_hot = torch.tensor([[[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]]])  # 0 log 0 = 0, not NaN
    torch.testing.assert_close(predictive_entropy(one_hot), torch.tensor([math.log(2)]))
    assert expected_entropy(one_hot).item() == 0
    torch.testing.assert_close(mutual_information(one_hot), torch.tensor([math.log(2)]))


def test_passes_that_agree_on_a_coin_toss_are_all_aleatoric():
    same = torch.tensor([[0.3, 0.7]]).expand(9, 4, 2)
    torch.testing.assert_close(expected_entropy(same), predictive_entropy(same))
    torch.testing.assert_close(mutual_information(same), torch.zeros(4), rtol=0, atol=1e-6)
    assert bool((mutual_information(same) >= 0).all())


def test_probabilities_are_averaged_and_not_logits():
    logits = torch.tensor([[[4.0, 0.0]], [[0.0, 1.0]], [[0.0, 1.0]]], dtype=torch.float64)
    q = 1 / (1 + math.exp(-1))
    expected = (1 / (1 + math.exp(-4)) + 2 * (1 - q)) / 3  # 0.507; the softmax of the mean logits is 0.661
    assert math.isclose(average_probabilities(logits.softmax(dim=-1))[0, 0].item(), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_probabilities_of_any_precision_are_taken(dtype):
    probabilities = drawn(6, 50, 10, dtype=torch.float32).softmax(dim=-1).to(dtype)
    assert mutual_information(probabilities).dtype == dtype


def test_the_samples_are_not_modified():
    probabilities = drawn(6, 5, 3).softmax(dim=-1)
    before = probabilities.clone()
    mutual_information(probabilities)
    predictive_variance(probabilities)
    assert torch.equal(probabilities, before)


# Bad input


@pytest.mark.parametrize("function", ENTROPIES)
@pytest.mark.parametrize(
    ("samples", "error", "text"),
    [
        (drawn(4, 5, 3), ValueError, r"logits: pass samples.softmax\(dim=-1\)"),
        (drawn(4, 5, 3).log_softmax(dim=-1), ValueError, r"log-probabilities: pass samples.exp\(\)"),
        (torch.full((4, 5, 3), 0.5), ValueError, "sum to 1; a row is off by 0.5"),
        (torch.full((20, 3), 1 / 3), ValueError, "folded into the batch"),
        (torch.full((4, 5, 3), math.nan), ValueError, "NaN"),
        (torch.ones(4, 5, 1, dtype=torch.int64), TypeError, "Class labels have no mean"),
        ([[0.5, 0.5]], TypeError, "got list"),
        (torch.empty(0, 5, 3), ValueError, "empty"),
    ],
)
def test_what_is_no_probability_of_several_passes_is_an_error(function, samples, error, text):
    with pytest.raises(error, match=text):
        function(samples)


def test_a_single_pass_has_no_spread():
    with pytest.raises(ValueError, match="at least two passes"):
        predictive_variance(drawn(1, 5))
    with pytest.raises(ValueError, match="at least two passes"):
        mutual_information(drawn(1, 5, 3).softmax(dim=-1))


@pytest.mark.parametrize("function", [predictive_mean, predictive_variance])
def test_samples_without_an_axis_for_the_passes_are_an_error(function):
    with pytest.raises(ValueError, match=r"samples.reshape\(T, N, …\)"):
        function(drawn(20))
    with pytest.raises(ValueError, match="NaN"):
        function(torch.full((4, 5), math.nan))


@pytest.mark.parametrize("precision", [0.0, -1.0, math.nan, math.inf])
def test_a_precision_that_is_not_positive_is_an_error(precision):
    with pytest.raises(ValueError, match="precision"):
        predictive_variance(drawn(3, 4), precision=precision)
