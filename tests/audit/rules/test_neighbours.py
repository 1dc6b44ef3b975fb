"""Dropout next to batch norm, next to the wrong activation, at the ends of the model."""

import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from dropout_lab.audit import audit
from dropout_lab.audit.rules.neighbours import variance_ratio
from dropout_lab.torch_layers import AlphaDropout, Dropout

P = 0.3


def ratios(message):
    """The predicted and the measured ratio in a message."""
    return [float(number) for number in re.findall(r"(?:sees|measured were) (\d+\.\d+)", message)]


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.8])
def test_the_predicted_ratio_is_that_of_dropped_units(p):
    rng = np.random.default_rng(0)
    h = rng.normal(1.0, 1.0, 400_000)
    noise = (rng.random(h.shape) >= p) / (1 - p)
    ratio = (h * noise).var() / h.var()
    fourth = 10 / (1 - p) ** 3  # E[h^4] = 10 for mean 1 and variance 1
    error = np.sqrt((fourth - 1) / h.size)
    assert abs(ratio - variance_ratio(h.var(), (h**2).mean(), p)) < 5 * error


def test_li_and_others_ratio_of_three_is_measured_and_predicted():
    model = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(4), nn.Linear(4, 2))
    findings = audit(model, 1 + torch.randn(50_000, 4)).findings
    assert [(found.code, found.where) for found in findings] == [("before-batch-norm", "0")]
    predicted, measured = ratios(findings[0].message)
    assert abs(predicted - 3) < 0.05
    assert abs(measured - predicted) < 0.1


@pytest.mark.parametrize(
    "between",
    [[], [nn.ReLU()], [nn.Flatten(), nn.Unflatten(1, (8, 7, 7))], [nn.LeakyReLU()]],
    ids=["nothing", "ReLU", "views", "leaky ReLU"],
)
@pytest.mark.parametrize("layer", [nn.Dropout(0.2), nn.Dropout2d(0.2), Dropout(0.2), nn.Dropout(0.2, inplace=True)])
def test_dropout_right_before_batch_norm_is_named(layer, between, images, only_finding):
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), layer, *between, nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 49, 2)
    )
    found = only_finding(model, images)
    assert (found.code, found.where) == ("before-batch-norm", "1")


def test_behind_a_relu_the_ratio_is_that_of_what_the_relu_lets_through(only_finding):
    model = nn.Sequential(nn.Dropout(0.5), nn.ReLU(), nn.BatchNorm1d(4), nn.Linear(4, 2))
    (predicted,) = ratios(only_finding(model, torch.randn(50_000, 4)).message)
    assert predicted == pytest.approx(1 + 0.5 / (0.5 - 1 / (2 * np.pi)), rel=0.05)  # E[h^2] = 1/2, E[h]^2 = 1/(2 pi)


def test_a_mask_of_the_readers_own_before_batch_norm_is_measured(network, part, only_finding):
    def masked(module, h):
        return h * (torch.rand_like(h) >= P) / (1 - P) if module.training else h

    model = network(nn.Sequential(part(masked), nn.BatchNorm1d(32)))
    predicted, measured = ratios(only_finding(model, torch.randn(2000, 5)).message)
    assert abs(measured / predicted - 1) < 0.05


@pytest.mark.parametrize(
    "middle",
    [
        nn.Sequential(nn.Dropout(P), nn.Linear(32, 32), nn.BatchNorm1d(32)),
        nn.Sequential(nn.BatchNorm1d(32), nn.Dropout(P)),
        nn.Sequential(nn.Dropout(P), nn.LayerNorm(32)),
        nn.Sequential(nn.Dropout(0.0), nn.BatchNorm1d(32)),
    ],
    ids=["a layer between", "behind", "layer norm", "p = 0"],
)
def test_dropout_that_batch_norm_does_not_meet_is_sound(middle, network, rows, codes):
    assert codes(network(middle), rows) == []


@pytest.mark.parametrize("layer", [nn.AlphaDropout(P), AlphaDropout(P)])
def test_alpha_dropout_after_relu_is_named_with_its_moments(layer, network, rows, only_finding):
    found = only_finding(network(layer), rows)
    assert (found.code, found.where) == ("alpha-with-relu", "middle")
    assert "of its input is exactly zero" in found.message


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_alpha_dropout_moves_the_moments_of_relu(p, only_finding):
    model = nn.Sequential(nn.ReLU(), nn.AlphaDropout(p), nn.Linear(4, 2))
    message = only_finding(model, torch.randn(50_000, 4)).message
    numbers = re.search(r"mean goes from ([\d.]+) to ([\d.]+), the variance from ([\d.]+) to ([\d.]+)\.", message)
    mean, square, low = (2 * np.pi) ** -0.5, 0.5, -1.7580993408473766  # E[h], E[h^2] of a ReLU; what alpha dropout puts
    a = ((1 - p) * (1 + p * low**2)) ** -0.5
    mean_after = a * (1 - p) * mean  # .177 for p = .5
    variance_after = a**2 * ((1 - p) * square + p * low**2 - ((1 - p) * mean + p * low) ** 2)
    expected = mean, mean_after, square - mean**2, variance_after
    np.testing.assert_allclose([float(number) for number in numbers.groups()], expected, rtol=0.05)  # two digits


@pytest.mark.parametrize("layer", [nn.Dropout(P), nn.Dropout1d(P)])
def test_plain_dropout_after_selu_is_named(layer, images, only_finding):
    model = nn.Sequential(nn.Flatten(2), nn.Conv1d(3, 8, 3), nn.SELU(), layer, nn.Conv1d(8, 2, 3))
    found = only_finding(model, images)
    assert (found.code, found.where) == ("alpha-with-relu", "3")
    assert "Plain dropout after SELU" in found.message


def test_pairs_that_belong_together_are_sound(rows, codes):
    selu = nn.Sequential(nn.Linear(5, 16), nn.SELU(), nn.AlphaDropout(P), nn.Linear(16, 2))
    elu = nn.Sequential(nn.Linear(5, 16), nn.ELU(), nn.Dropout(P), nn.Linear(16, 2))
    assert codes(selu, rows) == codes(elu, rows) == []


def test_pixels_are_no_relu(codes):
    model = nn.Sequential(nn.AlphaDropout(P), nn.Linear(5, 16), nn.SELU(), nn.Linear(16, 2))
    assert codes(model, torch.randn(64, 5).clamp(min=0)) == []


@pytest.mark.parametrize(
    "tail",
    [
        [nn.Dropout(P)],
        [nn.Dropout(P), nn.LogSoftmax(1)],
        [nn.Softmax(1), nn.Dropout(P)],
        [Dropout(P), nn.Sigmoid()],
        [nn.Dropout(P), nn.Unflatten(1, (1, 4))],
    ],
    ids=["last", "before log-softmax", "after softmax", "ours before sigmoid", "before a view"],
)
def test_dropout_on_the_scores_is_named(tail, rows, only_finding):
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 4), *tail)
    found = only_finding(model, rows)
    assert found.code == "dropout-on-output"
    assert "(p = 0.3)" in found.message


def test_a_body_whose_features_are_dropped_is_sound(rows, codes):
    assert codes(nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Dropout(P)), rows) == []
    assert codes(nn.Sequential(nn.Linear(5, 16), nn.LayerNorm(16), nn.Dropout(P)), rows) == []


def test_a_residual_branch_that_ends_in_dropout_is_sound(rows, codes):
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.drop = nn.Linear(5, 5), nn.Dropout(P)

        def forward(self, x):
            h = self.drop(self.first(x))
            h += x
            return h

    assert codes(Residual(), rows) == []


def test_dropping_the_callers_batch_in_place_is_named(rows, only_finding):
    before = rows.clone()
    found = only_finding(nn.Sequential(nn.Dropout(P, inplace=True), nn.Linear(5, 2)), rows)
    assert (found.code, found.where) == ("input-modified", "0")
    torch.testing.assert_close(rows, before, rtol=0, atol=0)


def test_dropping_in_place_inside_the_model_is_sound(network, rows, codes):
    assert codes(network(nn.Dropout(P, inplace=True)), rows) == []


def test_dropping_the_input_is_sound(rows, codes):
    assert codes(nn.Sequential(nn.Dropout(P), nn.Linear(5, 2)), rows) == []


def test_selu_by_function_counts_as_well(network, part, rows, codes):
    layer = part(lambda module, h: F.dropout(F.selu(h), P, module.training))
    assert codes(network(layer), rows) == ["alpha-with-relu"]
