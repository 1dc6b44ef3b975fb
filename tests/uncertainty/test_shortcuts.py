"""Convolutions of joined and of doubled maps give by their shorter way what they give as they are written."""

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from dropout_lab.uncertainty.doubled import doubled, of_doubled, scratch
from dropout_lab.uncertainty.graph import Value, needed
from dropout_lab.uncertainty.recording import record
from dropout_lab.uncertainty.replay import Replay
from dropout_lab.uncertainty.site_noise import SiteNoise, one_pass

N, C, H, W = 3, 2, 4, 6


def numbers(*shape):
    """Numbers without order; a random tensor would be a draw of the pass."""
    size = torch.Size(shape).numel()
    return torch.arange(1, size + 1, dtype=torch.float64).square().sin().view(shape)


def drop(h):
    return F.dropout(h, 0.3, training=True)


def grow(h, factor=2):
    return F.interpolate(h, scale_factor=factor)


def conv(h, n_maps=5, **options):
    given = {"padding": 1, "bias": numbers(n_maps)} | options
    return F.conv2d(h, numbers(n_maps, h.shape[1] // given.get("groups", 1), 3, 3), **given)


def cat(*parts, axis=1):
    return torch.cat(parts, axis)


def twice(h):
    return conv(h) + h.sum()


CASES = {  # a function of maps, and which of cat, upsample, add and doubled convolution the replay has left of it
    "values beside fixed maps": (lambda h: conv(cat(drop(h), h)), ["add"]),
    "no bias": (lambda h: conv(cat(drop(h), h), bias=None), ["add"]),
    "fixed maps first": (lambda h: conv(cat(h[:, :1], drop(h), axis=-3)), ["add"]),
    "two of each": (lambda h: conv(cat(drop(h), h, drop(h[:, :1]), h), stride=2), ["cat", "add"]),
    "values only": (lambda h: conv(cat(drop(h), h * drop(h))), ["cat"]),
    "joined below each other": (lambda h: conv(cat(drop(h), h, axis=2)), ["cat"]),
    "joined maps that are read twice": (lambda h: twice(cat(drop(h), h)), ["cat", "add"]),
    "groups": (lambda h: conv(cat(drop(h), h), 6, groups=2), ["cat"]),
    "filters that differ": (lambda h: F.conv2d(cat(drop(h), h), drop(numbers(5, 2 * C, 3, 3))), ["cat"]),
    "doubled": (lambda h: conv(grow(drop(h))), ["doubled"]),
    "doubled by size, no bias": (lambda h: conv(F.interpolate(drop(h), (2 * H, 2 * W)), bias=None), ["doubled"]),
    "doubled twice": (lambda h: conv(grow(conv(grow(drop(h))))), ["doubled", "doubled"]),
    "four times": (lambda h: conv(grow(drop(h), 4)), ["upsample"]),
    "doubled across": (lambda h: conv(grow(drop(h), (1, 2))), ["upsample"]),
    "doubled by another rule": (lambda h: conv(grow(drop(h), (2.0, 2.1))), ["upsample"]),
    "doubled maps that are read twice": (lambda h: twice(grow(drop(h))), ["upsample", "add"]),
    "no padding": (lambda h: conv(grow(drop(h)), padding=0), ["upsample"]),
    "every other pixel": (lambda h: conv(grow(drop(h)), stride=2), ["upsample"]),
    "wider": (lambda h: conv(grow(drop(h)), dilation=2, padding=2), ["upsample"]),
    "transposed": (lambda h: F.conv_transpose2d(grow(drop(h)), numbers(C, 5, 3, 3), padding=1), ["upsample"]),
    "a level of a U-Net": (lambda h: conv(cat(grow(drop(h)), grow(h))).relu(), ["doubled", "add"]),
}


def left(nodes):
    kinds = ["doubled" if node.is_doubled else node.name.split("_")[0].split(".")[0] for node in nodes]
    return [kind for kind in kinds if kind in ("cat", "upsample", "add", "doubled")]


@pytest.mark.parametrize("name", CASES)
def test_the_shorter_way_gives_the_same(name):
    (function, expected), h, noise = CASES[name], numbers(N, C, H, W), SiteNoise(5)
    with torch.no_grad():
        looped = torch.stack([one_pass(lambda: function(h), noise)[0] for _ in range(5)])
        graph = record(lambda: function(h), SiteNoise(5)).graph
        replay = Replay(graph, SiteNoise(5))
        replayed = torch.cat([replay.run(count) for count in (2, 3)])
    torch.testing.assert_close(replayed, looped)
    assert left(needed(graph)) == expected


def test_weights_of_doubled_maps_meet_each_pixel_once():
    h, weight = numbers(N, C, H, W), numbers(5, C, 3, 3)
    folded = F.conv2d(h, of_doubled(weight), padding=1)
    torch.testing.assert_close(doubled(folded, 5), F.conv2d(grow(h), weight, padding=1))
    assert scratch(Value(0, (N, 5, 2 * H, 2 * W), h.dtype)) == folded.numel() * folded.itemsize
