"""Feature maps of a replay lie channel beside channel, and nothing else does."""

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from dropout_lab.uncertainty.graph import Fixed
from dropout_lab.uncertainty.layout import is_channels_last
from dropout_lab.uncertainty.operations import computed
from dropout_lab.uncertainty.recording import record
from dropout_lab.uncertainty.replay import Replay
from dropout_lab.uncertainty.site_noise import SiteNoise

N, C, H = 2, 8, 6
filters = torch.ones(C, C, 3, 3)
POOL = torch.ops.aten.max_pool2d_with_indices.default


def drop(h):
    return F.dropout(h, 0.5, training=True)


def graph_of(function, shape):
    with torch.no_grad():
        graph = record(lambda: function(torch.ones(shape)), SiteNoise(1)).graph
        return graph, Replay(graph, SiteNoise(1))


def test_maps_behind_a_convolution_keep_their_channels_together():
    graph, replay = graph_of(
        lambda h: F.conv2d(drop(F.conv2d(h, filters, padding=1)), filters, padding=1).relu(), (N, C, H, H)
    )
    assert is_channels_last(replay.run(3).flatten(0, 1))
    fixed = {node.name: leaf.tensor for node in graph.nodes for leaf in node.args if isinstance(leaf, Fixed)}
    assert is_channels_last(fixed["convolution.default"])
    assert is_channels_last(fixed["mul.Tensor"])
    assert replay.noise.coins(0, 1, (N, C, H, H), 0.5, torch.float32, channels_last=True)[0].stride(1) == 1


OTHERS = {
    "no convolution": lambda h: drop(h),
    "a convolution of maps of another size": lambda h: drop(F.conv2d(h, filters).sum((2, 3), keepdim=True) + h),
    "a convolution of values of another size": lambda h: F.conv2d(drop(h), filters).sum() * h[..., :5].contiguous(),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_tensors_with_four_axes_lie_as_they_did(name):
    graph, replay = graph_of(OTHERS[name], (N, C, H, H))
    assert not any(node.is_map for node in graph.nodes)
    assert replay.run(3).is_contiguous()


@pytest.mark.parametrize("options", [([2, 2],), ([3, 3], [2, 2], [1, 1]), ([2, 2], [2, 2], [0, 0], [1, 1], True)])
def test_maxima_taken_channel_beside_channel_are_those_of_pytorch(options):
    h = torch.randn(5, 20, 9, 11, generator=torch.Generator().manual_seed(0)).round(decimals=1)  # ties among them
    h[0, 0, 0], h[1, :, 3:5], h[2] = torch.nan, -0.0, -torch.inf
    for found, usual in zip(computed(POOL, (h, *options), {}), POOL(h, *options), strict=True):
        assert torch.equal(found.nan_to_num(7.0), usual.nan_to_num(7.0))
        assert found.is_contiguous()
