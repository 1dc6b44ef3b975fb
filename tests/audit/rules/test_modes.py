"""Who is random after eval(): buggy models are named with their place, deliberate noise is left alone."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from dropout_lab.torch_layers import dropout

P = 0.3


class OwnLayer(nn.Module):
    """A dropout layer written by hand that never asks for the mode."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, h):
        return h * (torch.rand(h.shape) >= self.p) / (1 - self.p)


class StubbornDropout(nn.Dropout):
    def forward(self, h):
        return F.dropout(h, self.p)


class GaussianDropout(nn.Module):
    def forward(self, h):
        return h * (1 + 0.5 * torch.randn_like(h))


def helper_dropout(h, p):
    return h * (torch.rand_like(h) > p) / (1 - p)


def from_a_list(module, h):
    return module.function.kept_in_a_list[0](h)


from_a_list.kept_in_a_list = [nn.Dropout(P)]

ALWAYS_ON = {
    "function without training": lambda module, h: F.dropout(h, P),
    "function with training=True": lambda module, h: F.dropout(h, P, training=True),
    "torch.dropout": lambda module, h: torch.dropout(h, P, True),
    "channels": lambda module, h: F.dropout1d(h[..., None], P)[..., 0],
    "our function": lambda module, h: dropout(h, P),
    "a helper of the reader's": lambda module, h: helper_dropout(h, P),
    "a module made inside forward": lambda module, h: nn.Dropout(P)(h),
    "a module kept in a plain list": from_a_list,
}
OWN_MASKS = {
    "bernoulli": lambda module, h: h * torch.bernoulli(torch.full_like(h, 1 - P)) / (1 - P),
    "where": lambda module, h: torch.where(torch.rand_like(h) < P, 0.0, h),
    "masked_fill": lambda module, h: h.masked_fill(torch.rand_like(h) < P, 0.0),
    "a whole layer skipped": lambda module, h: h if torch.rand(()) < P else h + 1,
}


def index_put(module, h):
    h = h.clone()
    h[torch.rand_like(h) < P] = 0
    return h


OWN_MASKS["index"] = index_put


@pytest.mark.parametrize("function", ALWAYS_ON.values(), ids=ALWAYS_ON)
def test_a_call_that_eval_does_not_reach_is_functional_always_on(function, network, part, rows, only_finding):
    found = only_finding(network(part(function)), rows)
    assert found.code == "functional-always-on"
    assert found.where.startswith("middle (")
    assert "test_modes.py:" in found.where


@pytest.mark.parametrize("function", OWN_MASKS.values(), ids=OWN_MASKS)
def test_a_mask_of_the_readers_own_in_eval_is_active_in_eval(function, network, part, rows, only_finding):
    found = only_finding(network(part(function)), rows)
    assert found.code == "active-in-eval"
    assert "test_modes.py:" in found.where


@pytest.mark.parametrize(
    ("layer", "code"),
    [
        (OwnLayer(P), "active-in-eval"),
        (GaussianDropout(), "active-in-eval"),
        (StubbornDropout(P), "functional-always-on"),
    ],
)
def test_a_layer_that_ignores_the_mode_is_named_by_its_path(layer, code, network, rows, only_finding):
    found = only_finding(network(layer), rows)
    assert found.code == code
    assert found.where.split(" (")[0] == "middle"


def test_attention_that_ignores_the_mode_is_sdpa_in_eval(network, part, sequences, only_finding):
    attention = part(lambda module, h: F.scaled_dot_product_attention(h, h, h, dropout_p=P))
    assert only_finding(network(attention), sequences).code == "sdpa-in-eval"


def test_one_line_used_in_many_blocks_is_one_finding(network, part, sequences, only_finding):
    def attend(module, h):
        return F.scaled_dot_product_attention(h, h, h, dropout_p=P)

    blocks = nn.Sequential(*(part(attend) for _ in range(5)))
    found = only_finding(network(blocks), sequences)
    assert found.where.count("middle.") == 3
    assert found.where.endswith("and 2 more")


def test_the_message_says_what_was_measured(network, part, only_finding):
    model = network(part(lambda module, h: F.dropout(h, P)), units=32)
    message = only_finding(model, torch.randn(1000, 5)).message
    assert "(p = 0.3)" in message
    share = int(message.split("set ")[1].split(" %")[0])
    assert abs(share - 30) <= 1 + 5 * 100 * (P * (1 - P) / 32_000) ** 0.5  # rounded to whole per cent
    assert "`model = network(part(lambda module, h: F.dropout(h, P)), units=32)`" in message


def test_a_flag_the_wrong_way_round_is_suspected(network, part, rows, only_finding):
    inverted = part(lambda module, h: F.dropout(h, P, not module.training))
    assert "wrong way round" in only_finding(network(inverted), rows).message


def test_a_module_out_of_reach_is_explained(network, part, rows, only_finding):
    assert "plain list" in only_finding(network(part(from_a_list)), rows).message


@pytest.mark.parametrize(
    "noise",
    [
        lambda module, h: h * torch.from_numpy(np.random.rand(*h.shape) > P),  # noqa: NPY002
        lambda module, h: h if random.random() < 0.5 else h + 1,
    ],
    ids=["NumPy", "Python"],
)
def test_noise_from_outside_pytorch_is_found_by_the_outputs(noise, network, part, rows, only_finding):
    found = only_finding(network(part(noise)), rows)
    assert found.code == "active-in-eval"
    assert "PyTorch drew no random number" in found.message


def test_noise_behind_a_zero_weight_is_found_too(network, part, rows, only_finding):
    model = network(part(lambda module, h: F.dropout(h, P)))
    nn.init.zeros_(model.last.weight)
    assert "because a weight is zero" in only_finding(model, rows).message


def test_noise_whose_result_nobody_uses_is_not_random_in_eval(network, part, rows, codes):
    def ignored(module, h):
        F.dropout(h, P)
        return h

    assert codes(network(part(ignored)), rows) == ["dropped-then-ignored"]


def test_meant_noise_is_accepted_when_told(network, part, rows, codes):
    assert codes(network(part(lambda module, h: F.dropout(h, P))), rows, random_in_eval=True) == []


class MCDropout(StubbornDropout):
    pass


class AlwaysOnDropout(StubbornDropout):
    pass


@pytest.mark.parametrize("layer", [MCDropout(P), AlwaysOnDropout(P)])
def test_a_class_that_says_it_stays_on_is_believed(layer, network, rows, codes):
    assert codes(network(layer), rows) == []


def test_a_switch_that_says_mc_is_believed(network, part, rows, codes):
    layer = part(lambda module, h: F.dropout(h, P, module.training or module.mc_dropout))
    layer.mc_dropout = True
    assert codes(network(layer), rows) == []


def test_rounding_is_no_randomness(network, part, rows, codes):
    sign = [1]

    def jitter(module, h):
        sign[0] = -sign[0]
        return h * (1 + 1e-7 * sign[0])

    assert codes(network(part(jitter)), rows) == []


def test_sampling_that_masks_nothing_is_no_dropout(network, part, rows, codes):
    def sampled(module, h):
        return torch.bernoulli(torch.sigmoid(h)) @ module.linear.weight

    def reparameterised(module, h):
        return h + torch.randn_like(h)

    assert codes(network(part(sampled)), rows) == []
    assert codes(network(part(reparameterised)), rows) == []


def test_a_wrapper_that_puts_batch_norm_in_training_mode_is_found(only_finding, rows):
    class Wrapper(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(P), nn.Linear(8, 2))

        def forward(self, x):
            self.inner.train()
            return torch.stack([self.inner(x) for _ in range(3)])

    found = only_finding(Wrapper(), rows)
    assert found.code == "batch-norm-in-train"
    assert found.where == "inner.1"
    assert only_finding(Wrapper(), rows, random_in_eval=True).code == "batch-norm-in-train"
