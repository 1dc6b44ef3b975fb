import subprocess
import sys

import torch

from dropout_lab.uncertainty.site_noise import NoNoise, SiteNoise, one_pass


def test_two_seeds_and_two_sites_differ():
    shape, keep = (100,), 0.5
    draws = [SiteNoise(seed).coins(site, 1, shape, keep, torch.float32) for seed in (0, 1) for site in (0, 1)]
    assert len({tuple(draw.flatten().tolist()) for draw in draws}) == 4


def test_a_stream_gives_the_global_generator_back_and_goes_on_where_it_stopped():
    before = torch.get_rng_state()
    noise = SiteNoise(7)
    with noise.stream(3):
        first = torch.rand(4)
    with noise.stream(3):
        second = torch.rand(4)
    with SiteNoise(7).stream(3):
        both = torch.rand(8)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(torch.cat([first, second]), both)


def test_every_draw_of_a_pass_has_its_own_stream_whatever_generator_it_names():
    def run():
        named = torch.rand(50, generator=torch.Generator().manual_seed(0))
        return torch.stack([named, torch.rand(50), torch.empty(50).bernoulli_(0.5), torch.randn(50)])

    noise = SiteNoise(7)
    (first, shapes), (second, _) = one_pass(run, noise), one_pass(run, noise)
    assert shapes == [(50,)] * 4
    assert torch.equal(one_pass(run, SiteNoise(7))[0], first)
    for one, other in zip(first, second, strict=True):
        assert not torch.equal(one, other)
    assert not torch.equal(first[0], first[1])


def test_no_noise_keeps_every_unit_and_its_scale():
    assert torch.equal(NoNoise(7).coins(0, 3, (2, 4), 0.5, torch.float32, 2.0), torch.full((3, 2, 4), 2.0))
    assert torch.equal(one_pass(lambda: torch.empty(5).bernoulli_(0.5), NoNoise(7))[0], torch.ones(5))


def test_a_call_imports_no_compiler():
    # PyTorch wraps the hook of every dispatch mode in something that imports its compiler, which takes seconds
    code = """
import sys, torch
from dropout_lab.uncertainty import mc_predict
mc_predict(torch.nn.Sequential(torch.nn.Dropout(0.2), torch.nn.Linear(3, 1)), torch.ones(4, 3), n_samples=2)
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
