"""Dropout that is declared and does nothing in training."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

P = 0.3


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_recurrent_layer_of_one_level_is_named(layer, sequences, only_finding):
    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            with pytest.warns(UserWarning, match="num_layers"):
                self.read = layer(5, 8, dropout=P, batch_first=True)

        def forward(self, x):
            return self.read(x)[0]

    found = only_finding(Reader(), sequences)
    assert (found.code, found.where) == ("lstm-one-layer", "read")
    assert "drew 0 masks" in found.message


def test_an_identity_that_was_given_a_p_is_named(network, rows, only_finding):
    model = network(nn.Identity())
    model.middle.p = P
    found = only_finding(model, rows)
    assert (found.code, found.where) == ("identity-at-zero", "middle")


@pytest.mark.parametrize("name", ["p", "drop_p", "drop_rate", "p_drop"])
def test_an_identity_beside_a_p_above_zero_is_named(name, rows, only_finding):
    class Scheduled(nn.Sequential):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(5, 5)
            self.drop = nn.Identity()
            setattr(self, name, P)

    found = only_finding(Scheduled(), rows)
    assert (found.code, found.where) == ("identity-at-zero", "drop")
    assert f"{name} = 0.3" in found.message


def test_an_identity_at_zero_that_nobody_schedules_is_sound(rows, codes):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.drop_path, self.drop = nn.Linear(5, 5), nn.Identity(), nn.Dropout(P)
            self.p = P

        def forward(self, x):
            return x + self.drop_path(self.drop(self.first(x)))

    assert codes(Block(), rows) == []


def test_a_dropout_that_forward_never_calls_is_named(rows, only_finding):
    class Forgetful(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.drop = nn.Linear(5, 5), nn.Dropout(P)

        def forward(self, x):
            return self.first(x)

    found = only_finding(Forgetful(), rows)
    assert (found.code, found.where) == ("never-called", "drop")


def test_a_branch_that_did_not_run_is_not_blamed(rows, codes):
    class TwoHeads(nn.Module):
        def __init__(self):
            super().__init__()
            self.heads = nn.ModuleList(nn.Sequential(nn.Linear(5, 8), nn.Dropout(P), nn.Linear(8, 2)) for _ in range(2))

        def forward(self, x, head=0):
            return self.heads[head](x)

    assert codes(TwoHeads(), rows) == []


def test_a_module_that_only_lends_its_p_is_not_blamed(sequences, codes):
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.attn_drop, self.out = nn.Dropout(P), nn.Linear(5, 5)

        def forward(self, h):
            p = self.attn_drop.p if self.training else 0.0
            return self.out(F.scaled_dot_product_attention(h, h, h, dropout_p=p))

    assert codes(Attention(), sequences) == []


def test_a_block_that_leaves_out_what_its_sisters_call_is_not_blamed(rows, codes):
    class Block(nn.Module):
        def __init__(self, shortcut):
            super().__init__()
            self.first, self.drop, self.shortcut = nn.Linear(5, 5), nn.Dropout(P), shortcut

        def forward(self, x):
            return x + self.drop(self.first(x)) if self.shortcut else self.first(x)

    assert codes(nn.Sequential(Block(True), Block(False)), rows) == []


def test_a_dropout_class_that_gives_its_input_back_never_drops(network, rows, only_finding):
    class Forgotten(nn.Dropout):
        def forward(self, h):
            return h

    found = only_finding(network(Forgotten(P)), rows)
    assert (found.code, found.where) == ("never-drops", "middle")


def test_alpha_dropout_whose_mode_was_left_out_never_drops(network, part, rows, only_finding):
    found = only_finding(network(part(lambda module, h: F.alpha_dropout(F.selu(h), P))), rows)
    assert found.code == "never-drops"
    assert "is False, which for this function is the default" in found.message


def test_a_part_frozen_in_eval_mode_is_sound(rows, codes):
    class Frozen(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Sequential(nn.Linear(5, 8), nn.Dropout(P)), nn.Linear(8, 2)

        def train(self, mode=True):
            super().train(mode)
            self.body.eval()
            return self

        def forward(self, x):
            return self.head(self.body(x))

    assert codes(Frozen(), rows) == []


def test_a_dropped_tensor_that_nobody_uses_is_named(network, part, rows, only_finding):
    def ignored(module, h):
        module.function.last = F.dropout(h, P, module.training)
        return h

    found = only_finding(network(part(ignored)), rows)
    assert found.code == "dropped-then-ignored"
    assert "to the last bit" in found.message


def test_a_dropped_branch_with_a_zero_gain_is_used_all_the_same(rows, codes):
    class ReZero(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.drop, self.gain = nn.Linear(5, 5), nn.Dropout(P), nn.Parameter(torch.zeros(()))

        def forward(self, x):
            return x + self.gain * self.drop(self.first(x))

    assert codes(ReZero(), rows) == []


def test_coins_that_leave_the_tensors_are_used_all_the_same(rows, codes):
    class Skips(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(5, 5) for _ in range(3))

        def forward(self, x):
            kept = (torch.rand(3) >= P).tolist() if self.training else [True] * 3
            for layer, keep in zip(self.layers, kept, strict=True):
                x = layer(x) if keep else x
            return x

    assert codes(Skips(), rows) == []


def test_a_dropped_tensor_that_passes_through_numpy_is_used_all_the_same(network, part, rows, codes):
    def detour(module, h):
        return torch.from_numpy(F.dropout(h, P, module.training).numpy().copy())

    assert codes(network(part(detour)), rows) == []
