"""Reductions, loaders, shared noise and moments through mc_predict, against what all samples say."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from dropout_lab import uncertainty as unc
from dropout_lab.uncertainty import mc_predict

N, D, K, T = 7, 5, 3, 40
x = torch.randn(N, D, generator=torch.Generator().manual_seed(0))


def generator(seed=3):
    return torch.Generator().manual_seed(seed)


def network():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(D, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, K))


# Reductions


@pytest.mark.parametrize("method", ["auto", "loop"])
def test_a_reduction_gives_what_all_samples_give(method):
    samples = mc_predict(network(), x, n_samples=T, generator=generator(), method=method).double()
    probabilities = samples.softmax(dim=-1)
    options = {"n_samples": T, "generator": generator(), "method": method}
    found = mc_predict(network(), x, reduce="logits", **options)
    assert found.n_samples == T
    torch.testing.assert_close(found.mean, unc.average_probabilities(probabilities))
    torch.testing.assert_close(found.variance, unc.predictive_variance(probabilities))
    torch.testing.assert_close(found.predictive_entropy, unc.predictive_entropy(probabilities))
    torch.testing.assert_close(found.expected_entropy, unc.expected_entropy(probabilities))
    torch.testing.assert_close(found.mutual_information, unc.mutual_information(probabilities))
    moments = mc_predict(network(), x, reduce="moments", n_samples=T, generator=generator(), method=method)
    torch.testing.assert_close(moments.mean, samples.mean(dim=0))
    torch.testing.assert_close(moments.variance, samples.var(dim=0))


def test_logits_given_as_probabilities_are_an_error():
    with pytest.raises(ValueError, match="look like logits"):
        mc_predict(network(), x, n_samples=3, reduce="probabilities")
    with_softmax = nn.Sequential(network(), nn.Softmax(dim=-1))
    assert mc_predict(with_softmax, x, n_samples=3, reduce="probabilities").mean.shape == (N, K)


def test_labels_have_no_moments():
    class Labels(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = network()

        def forward(self, h):
            return self.net(h).argmax(dim=-1)

    with pytest.raises(TypeError, match="Return probabilities, no labels"):
        mc_predict(Labels(), x, n_samples=9, reduce="moments")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"reduce": "mean"}, "reduce is one of None, 'moments', 'probabilities', 'logits'; got 'mean'"),
        ({"method": "vmap"}, "method is one of 'auto', 'fast', 'loop', 'moments'; got 'vmap'"),
        ({"max_memory": 0}, "max_memory is a whole number of at least 1"),
    ],
)
def test_an_unknown_option_is_an_error(options, text):
    with pytest.raises(ValueError, match=text):
        mc_predict(network(), x, n_samples=3, **options)


# Loaders


def test_a_loader_gives_the_rows_of_all_batches_and_moves_no_global_stream():
    loader = DataLoader(TensorDataset(x), batch_size=3, shuffle=False)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    samples = mc_predict(network(), loader, n_samples=T, generator=generator())
    summary = mc_predict(network(), loader, n_samples=T, generator=generator(), reduce="logits")
    after = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert samples.shape == (T, N, K)
    torch.testing.assert_close(summary.mean, samples.double().softmax(dim=-1).mean(dim=0))
    assert summary.mutual_information.shape == (N,)


def test_equal_rows_in_two_batches_have_noise_of_their_own_unless_it_is_consistent():
    loader = DataLoader(TensorDataset(x[:1].expand(4, D)), batch_size=2)
    options = {"n_samples": T, "generator": generator()}
    apart = mc_predict(network(), loader, **options)
    assert not torch.equal(apart[:, 0], apart[:, 2])
    together = mc_predict(network(), loader, consistent=True, **options)
    torch.testing.assert_close(together, together[:, :1].expand_as(together))


def test_a_loader_without_a_batch_is_an_error():
    with pytest.raises(ValueError, match="DataLoader without a batch"):
        mc_predict(network(), DataLoader(TensorDataset(x[:1]), batch_size=2, drop_last=True), n_samples=3)


# Moments


def test_moments_are_those_of_moment_predict_and_near_those_of_samples():
    model = network()
    found = mc_predict(model, x, n_samples=1, method="moments", reduce="moments")
    mean, variance = unc.moment_predict(model, x)
    assert found.n_samples is None
    torch.testing.assert_close(found.mean, mean.double())
    torch.testing.assert_close(found.variance, variance.double())
    sampled = mc_predict(model, x, n_samples=100_000, generator=generator(), reduce="moments")
    # one site before the last layer: exact but for the sampling error, five standard errors of a mean and of a sd
    assert bool(((found.mean - sampled.mean).abs() < 5 * (sampled.variance / 1e5).sqrt()).all())
    torch.testing.assert_close(found.variance.sqrt(), sampled.variance.sqrt(), rtol=5 * 0.5**0.5 / 1e5**0.5, atol=0)


def test_moments_are_no_samples():
    for options in ({"reduce": None}, {"reduce": "logits"}, {"reduce": "moments", "sites": "last"}):
        with pytest.raises(ValueError, match="draws no sample"):
            mc_predict(network(), x, n_samples=3, method="moments", **options)
