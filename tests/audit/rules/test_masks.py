"""Masks that repeat where they should not, or whose coins lie along the wrong axes."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from dropout_lab.torch_layers import Dropout

P = 0.3


def generator(seed):
    return torch.Generator().manual_seed(seed)


class SeededDropout(nn.Module):
    """Seeds the global generator before it draws."""

    def forward(self, h):
        if not self.training:
            return h
        torch.manual_seed(0)
        return h * (torch.rand_like(h) >= P) / (1 - P)


class SharedByAll(nn.Module):
    """One row of coins for the batch."""

    def __init__(self, repeat=False):
        super().__init__()
        self.repeat = repeat

    def forward(self, h):
        if not self.training:
            return h
        mask = torch.rand(h.shape[1:]) >= P
        return h * (mask.repeat(len(h), *[1] * mask.ndim) if self.repeat else mask) / (1 - P)


class LockedDropout(nn.Module):
    """One mask for all steps of axis 0, which suits (L, N, D)."""

    def forward(self, h):
        if not self.training:
            return h
        return h * h.new_empty(1, *h.shape[1:]).bernoulli_(1 - P).div_(1 - P).expand_as(h)


class Reader(nn.Module):
    def __init__(self, batch_first):
        super().__init__()
        self.drop_in = LockedDropout()
        self.read = nn.LSTM(5, 8, batch_first=batch_first)
        self.drop = LockedDropout()
        self.last = nn.Linear(8, 2)

    def forward(self, x):
        return self.last(self.drop(self.read(self.drop_in(x))[0]))


def test_two_layers_with_generators_of_one_seed_drop_together(network, rows, only_finding):
    layers = nn.Sequential(Dropout(P, generator(0)), nn.Linear(32, 32), Dropout(P, generator(0)))
    found = only_finding(network(layers), rows)
    assert (found.code, found.where) == ("same-mask-everywhere", "middle.0")
    assert "middle.2" in found.message


def test_layers_that_seed_before_they_draw_drop_together(network, rows, only_finding):
    layers = nn.Sequential(SeededDropout(), nn.Linear(32, 32), SeededDropout(), nn.Linear(32, 32), SeededDropout())
    found = only_finding(network(layers), rows)
    assert found.code == "same-mask-everywhere"
    assert "middle.2, middle.4" in found.message


def test_masks_of_different_widths_from_one_seed_agree_as_far_as_they_go(rows, only_finding):
    model = nn.Sequential(nn.Linear(5, 32), SeededDropout(), nn.Linear(32, 16), SeededDropout(), nn.Linear(16, 2))
    assert only_finding(model, rows).code == "same-mask-everywhere"


@pytest.mark.parametrize("shared", [None, generator(0)], ids=["global", "one generator"])
def test_layers_that_draw_one_after_the_other_are_sound(shared, network, rows, codes):
    layers = nn.Sequential(Dropout(P, shared), nn.Linear(32, 32), Dropout(P, shared))
    assert codes(network(layers), rows) == []


def test_a_layer_used_twice_is_sound(rows, codes):
    drop = nn.Dropout(P)
    assert codes(nn.Sequential(nn.Linear(5, 32), drop, nn.Linear(32, 32), drop, nn.Linear(32, 2)), rows) == []


def test_few_coins_that_agree_by_chance_are_no_finding(codes):
    model = nn.Sequential(nn.Linear(5, 2), nn.Dropout(0.01), nn.Linear(2, 2), nn.Dropout(0.01), nn.Linear(2, 1))
    assert codes(model, torch.randn(2, 5)) == []


def test_seeding_inside_forward_freezes_the_masks(network, rows, only_finding):
    class Reseeded(nn.Sequential):
        def forward(self, h):
            torch.manual_seed(0)
            return super().forward(h)

    layers = Reseeded(nn.Dropout(P), nn.Linear(32, 32), nn.Dropout(P))
    found = only_finding(network(layers), rows)
    assert (found.code, found.where) == ("seeded-inside", "middle.0")
    assert "middle.2" in found.message


@pytest.mark.parametrize("layer", [SharedByAll(), SharedByAll(repeat=True)], ids=["broadcast", "repeated"])
def test_one_mask_for_all_rows_is_named(layer, network, rows, only_finding):
    found = only_finding(network(layer), rows)
    assert (found.code, found.where) == ("one-mask-for-the-batch", "middle")
    assert "All 16 examples" in found.message
    assert "32 coins" in found.message


def test_one_mask_for_all_images_is_named_behind_batch_norm(images, only_finding):
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), SharedByAll(), nn.Flatten(), nn.Linear(8 * 49, 2))
    assert only_finding(model, images).code == "one-mask-for-the-batch"


def test_a_lock_over_time_that_met_the_batch_is_named(sequences, codes):
    assert codes(Reader(batch_first=True), sequences) == ["one-mask-for-the-batch"] * 2


def test_a_lock_over_time_is_sound(sequences, codes):
    assert codes(Reader(batch_first=False), sequences) == []


def test_one_coin_for_the_batch_is_stochastic_depth(rows, codes):
    class DropLayer(nn.Module):
        def forward(self, h):
            return h * (torch.rand(()) >= P) / (1 - P) if self.training else h

    assert codes(nn.Sequential(nn.Linear(5, 5), DropLayer(), nn.Linear(5, 2)), rows) == []


def test_masks_on_weights_have_no_batch(rows, codes):
    class DropConnect(nn.Linear):
        def forward(self, x):
            return F.linear(x, F.dropout1d(self.weight[None], P, self.training)[0])

    assert codes(nn.Sequential(DropConnect(5, 8), nn.ReLU(), nn.Linear(8, 2)), rows) == []


@pytest.mark.parametrize("overwrite", ["data", "mul_"])
def test_masks_written_into_the_weights_are_named(overwrite, rows, only_finding):
    class Overwrites(nn.Linear):
        def forward(self, x):
            mask = torch.rand_like(self.weight) >= P
            if self.training and overwrite == "data":
                self.weight.data = self.weight.data * mask
            elif self.training:
                with torch.no_grad():
                    self.weight.mul_(mask)
            return super().forward(x)

    model = nn.Sequential(Overwrites(5, 8), nn.ReLU(), nn.Linear(8, 2))
    before = model[0].weight.detach().clone()
    found = only_finding(model, rows)
    assert found.code == "weights-overwritten"
    assert "0.weight" in found.message
    torch.testing.assert_close(model[0].weight.detach(), before, rtol=0, atol=0)


class Reads(nn.Module):
    """Embeds, drops channels, reads."""

    def __init__(self, layer, transpose):
        super().__init__()
        self.embed, self.drop, self.read = nn.Embedding(9, 12), layer, nn.GRU(12, 8, batch_first=True)
        self.transpose = transpose

    def forward(self, words):
        h = self.embed(words)
        h = self.drop(h.transpose(1, 2)).transpose(1, 2) if self.transpose else self.drop(h)
        return self.read(h)[0][:, -1]


def test_channel_dropout_between_layers_with_features_last_is_named(network, sequences, only_finding):
    found = only_finding(network(nn.Dropout1d(P)), sequences)
    assert (found.code, found.where) == ("wrong-axes", "middle")
    assert "Dropout1d wants (N, C, L) and was given (8, 6, 32)" in found.message
    assert "Whole positions vanish" in found.message


def test_channel_dropout_on_embeddings_is_right_after_a_transpose_and_wrong_without(codes):
    words = torch.randint(0, 9, (8, 7))
    assert codes(Reads(nn.Dropout1d(P), transpose=True), words) == []
    assert codes(Reads(nn.Dropout1d(P), transpose=False), words) == ["wrong-axes"]


def test_map_dropout_on_channels_last_images_is_named(network, codes):
    assert codes(network(nn.Dropout2d(P)), torch.randn(4, 6, 7, 5)) == ["wrong-axes"]


@pytest.mark.parametrize(
    ("layer", "words"),
    [(nn.Dropout1d(P), "whole examples vanish"), (nn.Dropout2d(P), "every unit has a coin of its own")],
)
def test_channel_dropout_on_plain_features_is_named(layer, words, network, rows, only_finding):
    found = only_finding(network(layer), rows)
    assert found.code == "wrong-axes"
    assert words in found.message


def test_volume_dropout_on_images_is_named(images, only_finding):
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Dropout3d(P), nn.Flatten(), nn.Linear(8 * 49, 2))
    found = only_finding(model, images)
    assert (found.code, found.where) == ("wrong-axes", "2")
    assert "whole examples vanish" in found.message


def test_map_dropout_on_sequences_is_named(images, only_finding):
    model = nn.Sequential(nn.Flatten(2), nn.Conv1d(3, 8, 3), nn.Dropout2d(P), nn.Conv1d(8, 2, 3))
    assert "3-D input" in only_finding(model, images).message


@pytest.mark.parametrize(
    ("convolution", "layer", "shape"),
    [
        (nn.Conv1d, nn.Dropout1d, (4, 3, 20)),
        (nn.Conv2d, nn.Dropout2d, (4, 3, 9, 9)),
        (nn.Conv3d, nn.Dropout3d, (4, 3, 6, 6, 6)),
        (nn.Conv1d, nn.Dropout1d, (3, 20)),
        (nn.Conv3d, nn.Dropout3d, (3, 6, 6, 6)),
    ],
)
def test_channel_dropout_on_the_layout_it_wants_is_sound(convolution, layer, shape, codes):
    model = nn.Sequential(convolution(3, 8, 3), nn.ReLU(), layer(P), convolution(8, 2, 3))
    assert codes(model, torch.randn(shape)) == []
