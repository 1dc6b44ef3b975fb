import json
import re
import time

import pytest
import torch

from fast_dropout import NETWORKS, errors, network
from mc_dropout import refused, round_robin, times, with_the_rest
from mc_networks import TASKS, make
from mc_report import END, FLOOR, JSON, OURS, PNG, README, START, STYLES, geometric_mean, readme_section, summary, table
from mc_ways import WAYS, UnfitError, floor, guard

HERE = [way for way in WAYS if "baal" not in way and way != "torch-uncertainty"]  # the others are not installed here


@pytest.fixture(autouse=True)
def _as_in_the_benchmark():
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def small(name):
    """A network on the first two rows of its inputs."""
    net, x = make(name)
    return net, x[:2]


@pytest.mark.parametrize("name", TASKS)
def test_a_network_is_its_prefix_and_its_rest_and_has_no_coin_in_the_prefix(name):
    net, x = small(name)
    plain = net(x)
    torch.testing.assert_close(net.rest(*net.prefix(x)), plain)
    net, x = small(name)
    for first, second in zip(net.train().prefix(x), net.prefix(x), strict=True):
        torch.testing.assert_close(first, second)
    assert net.has_prefix == any(part is not x and not torch.equal(part, x) for part in net.prefix(x))


CANNOT = {
    ("transformer", "torch.vmap"): "inplace randomness",
    ("small regression", "loop, cached prefix"): "nothing lies before",
    ("LSTM", "loop, cached prefix"): "nothing lies before",
}


@pytest.mark.parametrize("way", HERE)
@pytest.mark.parametrize("name", TASKS)
def test_every_way_gives_two_passes_of_every_network_or_says_why_not(name, way):
    net, x = small(name)
    plain = net(x)
    if (name, way) in CANNOT:
        with pytest.raises((UnfitError, RuntimeError), match=CANNOT[name, way]):
            WAYS[way](net, x, 2)()
        return
    samples = WAYS[way](net, x, 2)()
    assert samples.shape == (2, *plain.shape)
    assert (samples[0] != samples[1]).any()


@pytest.mark.parametrize("name", TASKS)
def test_the_floor_is_the_network_without_dropout_whatever_the_chunk(name):
    net, x = small(name)
    for chunk in (1, 2):
        torch.testing.assert_close(floor(net, x, 2, chunk)(), torch.stack([net(x)] * 2), rtol=1e-4, atol=1e-5)


def test_the_guard_passes_what_the_loop_gives_and_refuses_what_is_wrong():
    loop, other = torch.randn(200, 30, 4), torch.randn(200, 30, 4)
    guard(other, loop)
    wrong = {
        "all passes are the same": torch.zeros(200, 30, 4),
        "in some rows": torch.where(torch.arange(30)[:, None] == 3, 0.0, other),
        "times the loop's spread": 0.7 * other,
        "another mean": other + 1,
        "the shape": other[:, :-1],
    }
    for message, samples in wrong.items():
        with pytest.raises(UnfitError, match=message):
            guard(samples, loop)


def test_masks_that_a_way_shares_between_passes_are_noticed():
    missing = refused("LSTM", ["replicated batch", "torch.vmap", "loop, cached prefix"])
    assert "times the loop's spread" in missing["torch.vmap"]
    assert set(missing) == {"torch.vmap", "loop, cached prefix"}


def test_times_take_turns_and_keep_the_least():
    ticks = iter([0.0, 3.0, 3.0, 8.0, 8.0, 9.0, 9.0, 16.0])  # two ways in turn: 3, 5, 1 and 7 seconds
    assert round_robin({"a": lambda: None, "b": lambda: None}, 1, lambda: next(ticks)) == {"a": 1.0, "b": 5.0}
    seconds = times("small regression", ["Python loop", OURS], 2, 1, time.perf_counter, chunk=5)
    assert set(seconds) == {"Python loop", OURS, FLOOR}


RESULT = {
    "machine": {"cpu": "a processor", "threads": 1, "python": "3", "versions": {"torch": "2"}, "clock": "CPU seconds"},
    "n_samples": 100,
    "rounds": 3,
    "counts": [1],
    "notes": {},
    "chunks": {},
    "curves": {},
    "missing": {"B": {"torch.vmap": "has no rule"}},
    "seconds": {
        "A": {OURS: 1.0, "Python loop": 8.0, "torch.vmap": 4.0, FLOOR: 0.5},
        "B": {OURS: 2.0, "Python loop": 2.0, FLOOR: 1.0},
    },
    "memory_mb": {"A": {OURS: 12.5}},
}


def test_ratios_and_geometric_means_are_worked_out_by_hand():
    assert geometric_mean([1, 2, 4]) == pytest.approx(2)
    about = summary(RESULT)
    assert about["fastest_other"] == {"A": 4.0, "B": 1.0}
    assert about["times_fastest_other"] == pytest.approx(2)
    assert about["times_floor"] == pytest.approx(2)
    assert about["geometric_means"] == {"Python loop": pytest.approx(8**0.5), "torch.vmap": pytest.approx(4)}


def test_errors_of_a_mean_are_in_spreads_and_those_of_a_spread_are_relative():
    mean, sd = torch.tensor([1.0, 3.0]), torch.tensor([2.0, 3.0])
    assert errors(mean, sd, torch.tensor([2.0, 3.0]), torch.tensor([4.0, 2.0])) == pytest.approx((0.125, 0.5))
    for sizes, activation, p, everywhere in NETWORKS.values():
        net = network(sizes, activation, p, everywhere=everywhere)
        assert sum(isinstance(layer, torch.nn.Dropout) for layer in net) == (len(sizes) - 1 if everywhere else 1)


def test_the_table_has_a_dash_and_the_reason_where_a_way_is_missing():
    lines = table(RESULT).splitlines()
    assert "| A | 1000 | 500 | 8000 | 4000 |" in lines
    assert "| B | 2000 | 1000 | 2000 | – |" in lines
    assert "| geometric mean | 2.00 | 2.00 |" in lines
    assert "| A | 12.5 |" in lines
    assert "- B, torch.vmap: has no rule" in lines


def test_other_networks_of_the_same_machine_are_kept_and_those_of_another_are_not(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    monkeypatch.setattr("mc_dropout.JSON", path)
    part = {key: {"LeNet": {}} for key in ("notes", "missing", "seconds", "memory_mb", "curves", "chunks")}
    path.write_text(json.dumps(RESULT | part))
    now = RESULT | {key: {"MLP": {}} for key in part}
    assert list(with_the_rest(now)["seconds"]) == ["MLP", "LeNet"]
    path.write_text(json.dumps(RESULT | part | {"rounds": 5}))
    assert list(with_the_rest(now)["seconds"]) == ["MLP"]


def test_the_committed_result_has_ten_networks_and_every_way_or_its_reason():
    result = json.loads(JSON.read_text(encoding="utf-8"))
    assert list(result["seconds"]) == list(TASKS)
    assert set(WAYS) | {FLOOR} == set(STYLES)
    for name, row in result["seconds"].items():
        assert set(row) | set(result["missing"][name]) == set(STYLES)
        assert not set(row) & set(result["missing"][name])
    assert PNG.read_bytes().startswith(b"\x89PNG")
    assert PNG.stat().st_size <= 40_000


def test_what_the_readme_says_about_speed_is_the_committed_result():
    found = re.search(f"{re.escape(START)}(.*?){re.escape(END)}", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    assert found[1] == readme_section(json.loads(JSON.read_text(encoding="utf-8")))
