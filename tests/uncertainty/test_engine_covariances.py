"""The replayed samples and those of PyTorch's own loop have the exact covariances between units and between rows.

Our loop needs no case: its samples are those of the replay.
"""

import itertools

import pytest
import torch
from torch import nn

from dropout_lab.uncertainty import mc_predict

N, D, H, K = 3, 3, 5, 2
T = 4000
x = torch.randn(N, D, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def network(p):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(D, H), nn.Tanh(), nn.Dropout(p), nn.Linear(H, K)).double()


def exact(model, p, *, consistent):
    """Mean (N·K,), covariance and E[(a - E a)² (b - E b)²] of each two outputs over all 2ᴴ masks, (N·K, N·K)."""
    with torch.no_grad():
        masks = torch.tensor(list(itertools.product([0.0, 1.0], repeat=H)), dtype=torch.float64)
        weights = (p ** (1 - masks) * (1 - p) ** masks).prod(dim=1)
        hidden = model[1](model[0](x))
        outputs = torch.stack([model[3](hidden * mask / (1 - p)).flatten() for mask in masks])
    mean = weights @ outputs
    apart = outputs - mean
    covariance = torch.einsum("m,ma,mb->ab", weights, apart, apart)
    squares = torch.einsum("m,ma,mb->ab", weights, apart**2, apart**2)
    if not consistent:  # each row has a mask of its own
        other_row = torch.block_diag(*[torch.ones(K, K)] * N) == 0
        covariance[other_row], squares[other_row] = 0.0, torch.outer(*[covariance.diagonal()] * 2)[other_row]
    return mean, covariance, squares


def loop_of_pytorch(model, seed):
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        return torch.stack([model.train()(x) for _ in range(T)])


WAYS = {
    "replay": lambda model, seed: sampled(model, seed),
    "PyTorch's loop": loop_of_pytorch,
    "replay, one network": lambda model, seed: sampled(model, seed, consistent=True),
}


def sampled(model, seed, **options):
    generator = torch.Generator().manual_seed(seed)
    return mc_predict(model, x, n_samples=T, generator=generator, method="fast", **options)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("p", [0.1, 0.25, 0.7])
@pytest.mark.parametrize("way", WAYS)
def test_units_and_rows_vary_together_as_over_all_masks_within_five_standard_errors(way, p, seed):
    model = network(p)
    samples = WAYS[way](model, seed).flatten(1)
    mean, covariance, squares = exact(model, p, consistent=way == "replay, one network")
    assert bool(((samples.mean(dim=0) - mean).abs() < 5 * (covariance.diagonal() / T).sqrt()).all())
    # Var[S_ab] = (μ₂₂ - σ_ab² (T-2)/(T-1) + σ_aa σ_bb / (T-1)) / T
    variances = torch.outer(covariance.diagonal(), covariance.diagonal())
    error = ((squares - covariance**2 * (T - 2) / (T - 1) + variances / (T - 1)) / T).sqrt()
    assert bool(((samples.T.cov() - covariance).abs() < 5 * error).all())
