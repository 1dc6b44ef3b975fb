"""A product row by row of its dropped units gives what the dense one gives, and is taken where it is faster."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from dropout_lab.uncertainty import few_dropped, mc_predict
from dropout_lab.uncertainty.few_dropped import FewDropped, is_faster
from dropout_lab.uncertainty.recording import record
from dropout_lab.uncertainty.replay import Replay
from dropout_lab.uncertainty.site_noise import SiteNoise, one_pass


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def network(activation=nn.ReLU, p=0.2, bias=True, n_units=256, n_outputs=256):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first = [nn.Linear(6, n_units), activation(), nn.Dropout(p), nn.Linear(n_units, n_outputs, bias=bias)]
        return nn.Sequential(*first, nn.ReLU(), nn.Dropout(p), nn.Linear(n_outputs, 2))


@pytest.fixture
def taken(monkeypatch):
    """The products that were replaced, one entry each."""
    found, build = [], FewDropped.kernel
    monkeypatch.setattr(FewDropped, "kernel", lambda node, noise: found.append(node) or build(node, noise))
    return found


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh])
@pytest.mark.parametrize("p", [0.0625, 0.1, 0.3])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("n_rows", "n_units", "n_outputs"), [(5, 7, 3), (1, 64, 130), (3, 200, 1)])
def test_the_samples_are_those_of_the_loop(monkeypatch, taken, activation, p, bias, n_rows, n_units, n_outputs):
    monkeypatch.setattr(few_dropped, "is_faster", lambda h, weight, p, n_samples: True)
    net, x = network(activation, p, bias, n_units, n_outputs), torch.randn(n_rows, 6, generator=generator(1))
    looped = mc_predict(net, x, n_samples=12, method="loop", generator=generator())
    torch.testing.assert_close(mc_predict(net, x, n_samples=12, method="fast", generator=generator()), looped)
    assert len(taken) == 1


def test_rows_that_share_their_coins_have_those_of_the_loop(monkeypatch, taken):
    monkeypatch.setattr(few_dropped, "is_faster", lambda h, weight, p, n_samples: True)
    x = torch.randn(4, 6, generator=generator(1))
    fast, looped = (
        mc_predict(network(), x, n_samples=8, method=method, generator=generator(), consistent=True)
        for method in ("fast", "loop")
    )
    torch.testing.assert_close(fast, looped)
    assert len(taken) == 1


def test_the_samples_do_not_depend_on_the_chunks(taken):
    x = torch.randn(64, 6, generator=generator(1))
    few, many = (
        mc_predict(network(), x, n_samples=40, max_memory=memory, generator=generator()) for memory in (2**21, 2**30)
    )
    torch.testing.assert_close(few, many)
    assert len(taken) == 2


@pytest.mark.parametrize(
    ("change", "is_taken"),
    [
        ({}, True),
        ({"p": 0.5}, False),
        ({"activation": nn.Tanh}, False),
        ({"activation": nn.Tanh, "p": 0.1}, True),
        ({"n_outputs": 10}, False),
    ],
)
def test_it_is_taken_where_few_units_are_dropped_that_are_not_zero_and_the_product_is_large(taken, change, is_taken):
    x = torch.randn(64, 6, generator=generator(1))
    mc_predict(network(**change), x, n_samples=40, generator=generator())
    assert bool(taken) is is_taken


def test_it_is_not_taken_for_few_samples_or_outputs_other_dtypes_or_weights_beyond_the_cache():
    h, weight = torch.eye(512), torch.ones(512, 128)
    assert is_faster(h, weight, 0.2, 10)
    assert not is_faster(h, weight, 0.2, 9)
    assert not is_faster(h, torch.ones(512, 127), 0.2, 10)
    assert not is_faster(h.double(), weight.double(), 0.2, 10)
    assert not is_faster(h, torch.empty(512, 2**13), 0.2, 10)


h = torch.randn(4, 6, generator=generator(2)).relu()
square = torch.randn(6, 6, generator=generator(3))


def drop(a):
    return F.dropout(a, 0.3, training=True)


LEFT_ALONE = {
    "the dropped units are read twice": lambda: (lambda a: torch.mm(a, square) + a.sum())(drop(h)),
    "the coins are read twice": lambda: (lambda m: torch.mm(h * m, square) + m.sum())(
        torch.empty_like(h).bernoulli_(0.7)
    ),
    "the coins multiply what varies": lambda: torch.mm(torch.empty_like(h).bernoulli_(0.7) * torch.randn(4, 6), square),
    "one row of coins for all": lambda: torch.mm(h * torch.empty(1, 6).bernoulli_(0.7), square),
    "coins of half precision": lambda: torch.mm(
        h * torch.empty(4, 6, dtype=torch.half).bernoulli_(0.7).div_(0.7), square
    ),
    "the weights vary": lambda: torch.mm(drop(h), torch.randn(6, 6)),
    "the bias varies": lambda: torch.addmm(torch.randn(6), drop(h), square),
    "the product is scaled": lambda: torch.addmm(torch.ones(6), drop(h), square, alpha=2.0),
    "the units are on the right": lambda: torch.mm(square, drop(h.t())),
}


@pytest.mark.parametrize("case", LEFT_ALONE)
def test_another_graph_is_left_alone(monkeypatch, taken, case):
    monkeypatch.setattr(few_dropped, "is_faster", lambda h, weight, p, n_samples: True)
    with torch.no_grad():
        looped = torch.stack([one_pass(LEFT_ALONE[case], noise)[0] for noise in [SiteNoise(3)] for _ in range(3)])
        replay = Replay(record(LEFT_ALONE[case], SiteNoise(3)).graph, SiteNoise(3))
        torch.testing.assert_close(replay.run(3), looped)
    assert not taken
