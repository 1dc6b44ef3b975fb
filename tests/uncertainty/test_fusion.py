import torch
from torch.nn import functional as F  # noqa: N812

from dropout_lab.uncertainty.fusion import overwritten, scaled_coins
from dropout_lab.uncertainty.recording import record
from dropout_lab.uncertainty.replay import Replay
from dropout_lab.uncertainty.site_noise import SiteNoise, one_pass

h = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))


def drop(a):
    return F.dropout(a, 0.3, training=True)


def written_over(function):
    """Names of the operations of a pass that may write over an argument."""
    with torch.no_grad():
        graph = record(lambda: function(h.clone()), SiteNoise(3)).graph
    last = {value.index: place for place, node in enumerate(graph.nodes) for value in (*node.reads, *node.outs)}
    last[graph.output.index] = len(graph.nodes)
    return {graph.nodes[place].name for place in overwritten(graph.nodes, last)}


def test_the_division_by_the_keep_probability_goes_into_the_coins():
    with torch.no_grad():
        nodes = record(lambda: drop(h), SiteNoise(3)).graph.nodes
    assert [node.name for node in nodes] == ["bernoulli_.float", "div.Scalar", "mul.Tensor"]
    kept, scales = scaled_coins(nodes, lambda node: node.name == "bernoulli_.float")
    assert [node.name for node in kept] == ["bernoulli_.float", "mul.Tensor"]
    assert scales == {0: 1 / 0.7}


def test_coins_that_are_read_twice_keep_their_scale():
    def twice(a):
        coins = torch.empty_like(a).bernoulli_(0.7)
        return coins / 0.7 + coins

    with torch.no_grad():
        nodes = record(lambda: twice(h), SiteNoise(3)).graph.nodes
    assert scaled_coins(nodes, lambda node: node.name == "bernoulli_.float")[1] == {}


def test_a_result_is_written_over_an_argument_that_nobody_reads_later():
    assert written_over(lambda a: (drop(a) + 1).relu()) >= {"mul.Tensor", "add.Tensor", "relu.default"}


def test_what_is_read_later_or_through_a_view_is_left_alone():
    def read_later(a):
        first = drop(a)
        return first.tanh() * first

    def read_through_a_view(a):
        first = drop(a)
        row = first[0]
        return first.tanh() + row

    assert "tanh.default" not in written_over(read_later)
    assert "tanh.default" not in written_over(read_through_a_view)
    for function in (read_later, read_through_a_view):
        noise = SiteNoise(3)
        with torch.no_grad():
            looped = torch.stack([one_pass(lambda function=function: function(h), noise)[0] for _ in range(3)])
            graph = record(lambda function=function: function(h), SiteNoise(3)).graph
            torch.testing.assert_close(Replay(graph, SiteNoise(3)).run(3), looped)
