"""Every kind of dropout site is found; what cannot be reached or separated is an error that names it.

For a model whose mode switches dropout and nothing else, ``model.train()`` at the same seed is an oracle: the samples
must agree with it bit by bit.
"""

import copy
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from dropout_lab.torch_layers import Dropout
from dropout_lab.uncertainty import mc_predict
from dropout_lab.uncertainty.site_noise import SiteNoise, one_pass
from dropout_lab.uncertainty.streams import draw_seed, lent, random_streams, reseed

N, L, D = 3, 5, 8
rows = torch.randn(N, D, generator=torch.Generator().manual_seed(0))
sequences = torch.randn(N, L, D, generator=torch.Generator().manual_seed(1))
images = torch.randn(N, 2, 6, 6, generator=torch.Generator().manual_seed(2))


class FirstOf(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, *args):
        return self.inner(*args)[0]


class Functional(nn.Module):
    def __init__(self, p=0.3):
        super().__init__()
        self.p = p
        self.linear = nn.Linear(D, D)

    def forward(self, h):
        return self.linear(nn.functional.dropout(h, self.p, self.training))


class NumPyNoise(nn.Module):
    """Draws one normal number of NumPy's global stream: every second one was put aside by the draw before."""

    def forward(self, h):
        return h * (1 + 0.3 * np.random.randn()) if self.training else h  # noqa: NPY002


class Attention(nn.Module):
    """The usual idiom: the mode gates dropout_p, which is read off a module that is never called."""

    def __init__(self, p=0.2):
        super().__init__()
        self.project = nn.Linear(D, 3 * D)
        self.drop = nn.Dropout(p)
        self.register_buffer("causal", torch.ones(L, L, dtype=torch.bool).tril())

    def forward(self, h):
        query, key, value = self.project(h).chunk(3, dim=-1)
        dropout_p = self.drop.p if self.training else 0.0
        return nn.functional.scaled_dot_product_attention(query, key, value, self.causal, dropout_p)


class DropPath(nn.Module):
    def forward(self, h):
        if not self.training:
            return h
        return h * h.new_empty(len(h), 1).bernoulli_(0.7) / 0.7


class OwnDropout(nn.modules.dropout._DropoutNd):
    def forward(self, h):
        return h * (torch.rand_like(h) >= self.p) / (1 - self.p) if self.training else h


class RandomDepth(nn.Module):
    """Skips a block by Python's own random stream, so that a single pass may not show what is inside."""

    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(Functional(), nn.Dropout(0.2))

    def forward(self, h):
        return h if self.training and random.random() < 0.9 else h + self.block(h)


def helper(module, h):
    return nn.functional.dropout(h, 0.3, module.training)


class ByHelper(nn.Module):
    def forward(self, h):
        return helper(self, h)


class OwnLSTM(nn.LSTM):
    pass


ACTIVE = {
    "Dropout": (lambda: nn.Sequential(nn.Linear(D, D), nn.Dropout(0.3)), rows),
    "Dropout, in place on the input": (lambda: nn.Sequential(nn.Dropout(0.3, inplace=True), nn.Linear(D, D)), rows),
    "Dropout1d": (lambda: nn.Dropout1d(0.3), sequences),
    "Dropout2d": (lambda: nn.Sequential(nn.Conv2d(2, 6, 3), nn.Dropout2d(0.3)), images),
    "Dropout3d": (lambda: nn.Dropout3d(0.3), images[:, :, None]),
    "AlphaDropout": (lambda: nn.AlphaDropout(0.3), rows),
    "FeatureAlphaDropout": (lambda: nn.FeatureAlphaDropout(0.3), images),
    "ours": (lambda: Dropout(0.3), rows),
    "ours, with a generator of its own": (lambda: Dropout(0.3, torch.Generator().manual_seed(4)), rows),
    "a subclass of _DropoutNd": (lambda: OwnDropout(0.3), rows),
    "LSTM": (lambda: FirstOf(nn.LSTM(D, D, 2, dropout=0.3)), sequences),
    "GRU": (lambda: FirstOf(nn.GRU(D, D, 2, dropout=0.3, batch_first=True)), sequences),
    "RNN": (lambda: FirstOf(nn.RNN(D, D, 3, dropout=0.3, bidirectional=True)), sequences),
    "a subclass of LSTM": (lambda: FirstOf(OwnLSTM(D, D, 2, dropout=0.3)), sequences),
    "MultiheadAttention": (lambda: FirstOf(nn.MultiheadAttention(D, 2, dropout=0.3)), (sequences,) * 3),
    "TransformerEncoder": (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(D, 2, 16, 0.3, batch_first=True), 2),
        sequences,
    ),
    "TransformerDecoderLayer": (lambda: nn.TransformerDecoderLayer(D, 2, 16, 0.3), (sequences, sequences)),
    "Transformer": (lambda: nn.Transformer(D, 2, 1, 1, 16, 0.3, batch_first=True), (sequences, sequences)),
    "F.dropout": (Functional, rows),
    "F.dropout in a helper": (ByHelper, rows),
    "attention kernel": (Attention, sequences),
    "stochastic depth": (lambda: nn.Sequential(nn.Linear(D, D), DropPath()), rows),
    "randomly skipped block": (RandomDepth, rows),
    "always on": (lambda: nn.Sequential(nn.Linear(D, D), AlwaysOn()), rows),
    "shared by two places": (lambda: nn.Sequential(*[nn.Sequential(nn.Linear(D, D), shared)] * 2), rows),
    "parametrised": (lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(D, D)), Functional()), rows),
}


class AlwaysOn(nn.Module):
    def forward(self, h):
        return nn.functional.dropout(h, 0.3)


shared = nn.Dropout(0.3)


def in_train_mode(model, inputs, n_samples, seed):
    """Passes after model.train() with the noise that mc_predict takes from a generator with this seed."""
    args = inputs if isinstance(inputs, tuple) else (inputs,)
    streams = random_streams(model, args)
    with torch.no_grad(), lent(streams):
        number = draw_seed(torch.Generator().manual_seed(seed))
        noise = SiteNoise(number)
        reseed(streams, number)
        model.train()
        return torch.stack([one_pass(lambda: model(*copy.deepcopy(args)), noise)[0] for _ in range(n_samples)])


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True, but self.use_nested_tensor is False")
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", ACTIVE)
def test_every_kind_of_site_is_active_exactly_as_in_train_mode(kind, training):
    build, inputs = ACTIVE[kind]
    model = build().train(training)
    options = {"n_samples": 30, "stochastic_depth": kind == "stochastic depth"}
    looped, sampled = (
        mc_predict(model, inputs, generator=torch.Generator().manual_seed(7), method=method, **options)
        for method in ("loop", "auto")
    )
    assert all(module.training == training for module in model.modules())
    assert bool((looped.var(dim=0) > 0).any())
    assert torch.equal(looped, in_train_mode(model, inputs, 30, seed=7))
    torch.testing.assert_close(sampled, looped)


# What must stay in eval mode


class BatchStatistics(nn.Module):
    """A batch norm written by hand."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(D))

    def forward(self, h):
        if self.training:
            self.mean.mul_(0.9).add_(0.1 * h.mean(dim=0))
            return h - h.mean(dim=0)
        return h - self.mean


class OwnBatchNorm(nn.BatchNorm1d):
    pass


class OwnRReLU(nn.RReLU):
    pass


QUIET = {
    "BatchNorm1d": lambda: nn.BatchNorm1d(D),
    "InstanceNorm1d": lambda: nn.InstanceNorm1d(N, track_running_stats=True),
    "a subclass of BatchNorm1d": lambda: OwnBatchNorm(D),
    "batch norm by hand": BatchStatistics,
    "RReLU": nn.RReLU,
    "a subclass of RReLU": OwnRReLU,
    "spectral norm": lambda: parametrizations.spectral_norm(nn.Linear(D, D)),
    "Dropout with p = 0": lambda: nn.Dropout(0.0),
}


@pytest.mark.parametrize("kind", QUIET)
def test_modules_that_do_not_drop_stay_in_eval_mode(kind):
    quiet = QUIET[kind]()
    model = nn.Sequential(quiet, nn.Dropout(0.3)).train()
    samples = mc_predict(model, rows, n_samples=40, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        h = quiet.eval()(rows)
    kept = samples != 0
    torch.testing.assert_close(samples[kept], (h / 0.7).expand_as(samples)[kept])


def test_attention_that_drops_nothing_stays_in_eval_mode():
    attention, modes = nn.MultiheadAttention(D, 2, dropout=0.0), []
    attention.register_forward_pre_hook(lambda module, args: modes.append(module.training))
    mc_predict(nn.Sequential(nn.Dropout(0.3), SelfAttention(attention)), sequences, n_samples=3)
    assert modes
    assert not any(modes)


def test_one_row_is_enough_beside_any_batch_norm():
    for norm in (nn.BatchNorm1d(D), OwnBatchNorm(D)):
        model = nn.Sequential(norm, nn.Dropout(0.3))
        assert mc_predict(model, rows[:1], n_samples=3).shape == (3, 1, D)


class WithAuxiliaryHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop, self.head = nn.Dropout(0.3), nn.Linear(D, 2)
        self.auxiliary = nn.Sequential(nn.Dropout(0.5), nn.Linear(D, 2))

    def forward(self, h):
        out = self.head(self.drop(h))
        return (out, self.auxiliary(h)) if self.training else out


def test_an_auxiliary_head_is_not_part_of_the_prediction():
    samples = mc_predict(WithAuxiliaryHead(), rows, n_samples=5)
    assert samples.shape == (5, N, 2)
    assert bool((samples.var(dim=0) > 0).any())


class SelfAttention(nn.Module):
    def __init__(self, attention):
        super().__init__()
        self.attention = attention

    def forward(self, h):
        return self.attention(h, h, h)[0]


class EvalBranch(nn.Module):
    """Runs another submodule in eval mode than in training."""

    def __init__(self):
        super().__init__()
        self.in_training, self.in_eval = nn.Linear(D, D), Functional()

    def forward(self, h):
        return self.in_training(h) if self.training else self.in_eval(h)


def test_a_site_that_only_eval_mode_runs_is_found():
    assert bool((mc_predict(EvalBranch(), rows, n_samples=9).var(dim=0) > 0).any())


def test_noise_of_numpy_is_charged_to_each_module_that_draws():
    found = []
    model = nn.Sequential(NumPyNoise(), nn.Linear(D, D), NumPyNoise())
    mc_predict(model, rows, n_samples=2, sites=lambda name, _: found.append(name) is None)
    assert set(found) == {"0", "2"}


def test_a_compiled_model_is_seen_through():
    torch.compiler.reset()
    model = torch.compile(nn.Sequential(nn.BatchNorm1d(D), Functional()), backend="eager")
    samples = mc_predict(model, rows, n_samples=9, generator=torch.Generator().manual_seed(0))
    assert bool((samples.var(dim=0) > 0).any())
    assert model.training
    assert model.get_buffer("_orig_mod.0.num_batches_tracked") == 0


# Dropout that cannot be reached


class NeverCalled(nn.Module):
    def __init__(self, kind=nn.Dropout):
        super().__init__()
        self.drop, self.unused = kind(0.1), kind(0.4)

    def forward(self, h):
        return self.drop(h)


class NeverCalledBesideFunctional(NeverCalled):
    def forward(self, h):
        return nn.functional.dropout(self.drop(h), 0.4, self.training)


class LiterallyOff(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop, self.inner = nn.Dropout(0.1), Off()

    def forward(self, h):
        return self.inner(self.drop(h))


class Off(nn.Module):
    def forward(self, h):
        return nn.functional.dropout(h, p=0.3, training=False)


class InAList(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop, self.hidden = nn.Dropout(0.1), [nn.Dropout(0.3).eval()]

    def forward(self, h):
        return self.hidden[0](self.drop(h))


class DroppingBatchNorm(nn.BatchNorm1d):
    def forward(self, h):
        return nn.functional.dropout(super().forward(h), 0.3, self.training)


def single_layer(kind):
    with pytest.warns(UserWarning, match="expects num_layers greater than 1"):
        return nn.Sequential(FirstOf(kind(D, D, 1, dropout=0.5)), nn.Dropout(0.1))


@pytest.mark.parametrize(
    ("build", "inputs", "name"),
    [
        (NeverCalled, rows, r"unused \(Dropout\(p=0.4"),
        (lambda: NeverCalled(Dropout), rows, r"unused \(Dropout\(p=0.4"),
        (NeverCalledBesideFunctional, rows, r"unused \(Dropout\(p=0.4"),
        (lambda: single_layer(nn.LSTM), sequences, r"0.inner \(LSTM\(8, 8, dropout=0.5\)\)"),
        (lambda: single_layer(nn.GRU), sequences, r"0.inner \(GRU"),
        (LiterallyOff, rows, r"inner \(Off\(\)\)"),
        (InAList, rows, "Dropout.p=0.3, inplace=False., which is no registered submodule"),
        (lambda: DroppingBatchNorm(D), rows, "the model itself .DroppingBatchNorm"),
    ],
)
def test_a_site_that_cannot_be_reached_is_an_error_that_names_it(build, inputs, name):
    with pytest.raises(ValueError, match=f"cannot be reached: {name}"):
        mc_predict(build(), inputs, n_samples=2)


def test_several_unreached_sites_are_all_named():
    model = nn.Sequential(NeverCalled(), NeverCalled())
    with pytest.raises(ValueError, match=r"0.unused .*; 1.unused"):
        mc_predict(model, rows, n_samples=2)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_scripted_dropout_is_an_error_and_other_scripted_code_is_not():
    scripted = torch.jit.script(nn.Sequential(nn.Linear(D, D), nn.Dropout(0.3)))
    with pytest.raises(ValueError, match=r"dropout in 0 .*TorchScript"):
        mc_predict(nn.Sequential(scripted), rows, n_samples=2)
    sound = nn.Sequential(torch.jit.script(nn.Linear(D, D)), nn.Dropout(0.3))
    assert mc_predict(sound, rows, n_samples=2).shape == (2, N, D)


def test_an_exported_program_has_its_dropout_fixed():
    program = torch.export.export(nn.Dropout(0.3).eval(), (rows,)).module()
    with pytest.raises(ValueError, match="cannot be reached"):
        mc_predict(program, rows, n_samples=2)


# Dropout that cannot be separated


class FunctionalWithAuxiliaryOutput(Functional):
    def forward(self, h):
        out = super().forward(h)
        return (out, h) if self.training else out


class SoftmaxInEval(Functional):
    def forward(self, h):
        out = super().forward(h)
        return out if self.training else out.softmax(dim=-1)


class StatisticsAndDropout(BatchStatistics):
    def forward(self, h):
        return nn.functional.dropout(super().forward(h), 0.3, self.training)


@pytest.mark.parametrize("kind", [FunctionalWithAuxiliaryOutput, SoftmaxInEval, StatisticsAndDropout])
def test_a_module_whose_mode_does_more_than_dropout_is_an_error_that_names_it(kind):
    model = nn.Sequential(nn.Dropout(0.1), kind())
    with pytest.raises(ValueError, match=f"cannot be separated from the rest: 1 .{kind.__name__}"):
        mc_predict(model, rows, n_samples=2)


# Nothing to sample


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (nn.Linear(D, D), "this model has no dropout"),
        (nn.Sequential(nn.Linear(D, D), nn.Dropout(0.0)), r"found 1 \(Dropout\(p=0.0.*leave nothing to chance"),
        (nn.Dropout(1.0), "leave nothing to chance"),
        (Functional(0.0), "no dropout"),
        (FirstOf(nn.LSTM(D, D)), "no dropout is active"),
    ],
)
def test_a_model_without_active_dropout_is_an_error_that_says_so(model, text):
    with pytest.raises(ValueError, match=text):
        mc_predict(model, rows, n_samples=2)
