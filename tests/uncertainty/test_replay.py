"""A replayed pass gives what the loop gives, operation by operation, and says why where it cannot be replayed."""

import random

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from dropout_lab.torch_layers import LayerDrop
from dropout_lab.uncertainty import mc_predict
from dropout_lab.uncertainty.graph import NotReplayableError
from dropout_lab.uncertainty.recording import record
from dropout_lab.uncertainty.replay import Replay
from dropout_lab.uncertainty.rules import kernel
from dropout_lab.uncertainty.site_noise import SiteNoise, one_pass

N, C, H, D = 3, 4, 6, 5
weight = torch.randn(D, D, generator=torch.Generator().manual_seed(1))
filters = torch.randn(2, C, 3, 3, generator=torch.Generator().manual_seed(2))
square = torch.randn(C, C, 3, 3, generator=torch.Generator().manual_seed(3))
statistics = torch.zeros(C), torch.ones(C)


wide = weight.repeat(1, 4)
safe_softmax = torch.ops.aten._safe_softmax.default


def drop(h):
    return F.dropout(h, 0.3, training=True)


ROWS = {  # of (N, D)
    "linear": lambda h: F.linear(drop(h), weight, weight[0]),
    "weights that differ": lambda h: F.linear(h, drop(weight), weight[0]),
    "many outputs": lambda h: F.linear(drop(h), wide.t(), wide[0]) + drop(h) @ wide,
    "sums of two factors": lambda h: (
        torch.addmm(weight[:1], drop(h), weight, beta=2, alpha=3) + drop(h).addmm(h, weight)
    ),
    "many such sums": lambda h: torch.addmm(wide[:1], drop(h), wide, beta=2, alpha=3),
    "both differ": lambda h: F.linear(drop(h), drop(weight), drop(weight)[0]),
    "matrix product from the left": lambda h: torch.mm(weight[:N, :N], drop(h)),
    "broadcast of fewer axes": lambda h: drop(h)[0] + h,
    "broadcast against more axes": lambda h: drop(h) * h[:, None],
    "number per sample": lambda h: h / drop(h).sum(),
    "promotion": lambda h: drop(h).sum().double() * h,
    "sum over all": lambda h: h + drop(h).mean() + drop(h).max() + drop(h).min(),
    "sum over an axis": lambda h: drop(h).sum(0) + drop(h).amax(-1, keepdim=True) + drop(h).var(dim=1, keepdim=True),
    "negative axes": lambda h: torch.cat([drop(h).transpose(-1, -2), h.t()], -1).unsqueeze(-2).squeeze(-2),
    "stack and unbind": lambda h: torch.stack([*drop(h).unbind(1), h[:, 0]], 1).flip(0).roll(1, 1),
    "split": lambda h: torch.cat(drop(h).split([2, 3], dim=1)[::-1], dim=1),
    "softmax": lambda h: drop(h).softmax(-1) + drop(h).log_softmax(0) + drop(h).logsumexp(1, keepdim=True),
    "index by a list": lambda h: drop(h)[torch.tensor([[0, 1], [2, 2]])],
    "index apart": lambda h: drop(h)[:, None][[0, 1], :, [2, 3]],
    "gather and index": lambda h: drop(h).gather(1, torch.zeros(N, 2, dtype=torch.long)) + drop(h)[:, [1, 0]],
    "index by values": lambda h: h.gather(1, drop(h).argmax(1, keepdim=True)),
    "where": lambda h: torch.where(drop(h) > 0, h, torch.zeros(())),
    "masked fill": lambda h: drop(h).masked_fill(h > 0, -1.0),
    "sort and topk": lambda h: drop(h).sort(dim=1).values + drop(h).topk(D, dim=-1).values,
    "expand and repeat": lambda h: drop(h)[:1].expand(2, N, D).repeat(1, 1, 2),
    "in place": lambda h: drop(h).add_(1).mul_(h).relu_(),
    "in place after it was read": lambda h: (lambda a: drop(h) + a + a.mul_(2))(h.clone()),
    "in place on the input": lambda h: F.dropout(h, 0.3, True, inplace=True) + h,
    "copy into a fresh tensor": lambda h: torch.empty_like(h).copy_(drop(h)[0]),
    "constant": lambda h: drop(h) + torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]),
    "layer norm": lambda h: F.layer_norm(drop(h), (D,)),
    "norm": lambda h: drop(h) / drop(h).norm(dim=1, keepdim=True).clamp(min=1.0),
    "cumulated": lambda h: drop(h).cumsum(1),
    "einsum": lambda h: torch.einsum("nd,de,me->nm", drop(h), weight, h),
    "embedding by values": lambda h: F.embedding((drop(h) > 0).long(), weight),
    "embedding of values": lambda h: F.embedding(torch.tensor([[0, 2], [1, 1]]), drop(weight)),
    "no rule": lambda h: torch.linalg.det(drop(weight)) + torch.kthvalue(drop(h), 2, dim=1).values,
    "other noise": lambda h: drop(h) + torch.randn_like(h) + torch.rand(N, 1) + torch.normal(drop(h), 0.1),
    "coins for probabilities": lambda h: torch.bernoulli(torch.sigmoid(drop(h))),
    "a rate close to 0": lambda h: F.dropout(h, 0.001, True),
    "a rate of 0.25 and of 0.75": lambda h: F.dropout(h, 0.25, True) + F.dropout(h, 0.75, True),
    "bfloat16": lambda h: drop(h.bfloat16()) * 2,
    "unused noise": lambda h: (drop(h), drop(h))[1],
}
MAPS = {  # of (N, C, H, H)
    "convolution": lambda h: F.conv2d(drop(h), filters, padding=1),
    "transposed": lambda h: F.conv_transpose2d(drop(h), filters.transpose(0, 1), stride=2),
    "filters that differ": lambda h: F.conv2d(h, drop(filters)),
    "batch norm": lambda h: F.batch_norm(drop(h), *statistics),
    "batch norm of the batch at hand": lambda h: F.batch_norm(drop(h), None, None, *statistics[::-1], training=True),
    "instance norm": lambda h: F.instance_norm(drop(h), weight=weight[0, :C]) + F.instance_norm(drop(h)),
    "group norm": lambda h: F.group_norm(drop(h), 2),
    "pooling": lambda h: F.max_pool2d(drop(h), 2) + F.avg_pool2d(drop(h), 2) + F.adaptive_avg_pool2d(drop(h), 3),
    "upsampling": lambda h: F.interpolate(drop(h), scale_factor=2) + F.interpolate(h, size=12, mode="bilinear"),
    "upsampling by two factors": lambda h: F.interpolate(drop(h), scale_factor=(4, 1)) + drop(h).repeat(1, 1, 4, 1),
    "upsampling by a third factor": lambda h: F.interpolate(drop(h), size=18) + F.interpolate(drop(h), scale_factor=3),
    "upsampling to what is no multiple": lambda h: F.interpolate(drop(h), size=(2 * H + 1, H)),
    "safe softmax of rows of -inf": lambda h: safe_softmax(drop(h).index_fill(2, torch.tensor([1]), -torch.inf), -1),
    "padding": lambda h: F.pad(drop(h), (1, 1)) + F.pad(drop(h), (1, 1, 0, 0), mode="reflect"),
    "unfolded and folded": lambda h: F.fold(F.unfold(drop(h), 2, stride=2), (H, H), 2, stride=2),
    "adaptive maxima": lambda h: F.adaptive_max_pool2d(drop(h), 3) + F.max_pool2d(drop(h), 3, 2, 1),
    "sampled at a grid": lambda h: F.grid_sample(drop(h), h[:, :2].movedim(1, -1).tanh(), align_corners=False),
    "shuffled": lambda h: F.pixel_shuffle(drop(h), 2),
    "permuted": lambda h: drop(h).permute(0, 2, 3, 1).reshape(N, -1, C).contiguous().view(-1, C),
    "attention": lambda h: F.scaled_dot_product_attention(drop(h), h, drop(h)),
    "attention with coins": lambda h: F.scaled_dot_product_attention(h, h, h, dropout_p=0.3),
    "attention with a mask": lambda h: F.scaled_dot_product_attention(drop(h), h, h, torch.ones(N, 1, H, H).tril() > 0),
    "product with transposed": lambda h: drop(h) @ drop(h).transpose(-1, -2) + drop(h).mT @ drop(h) + drop(h) @ drop(h),
    "batched product": lambda h: drop(h).flatten(1, 2) @ weight.new_ones(H, 2) + drop(h).flatten(0, 1).sum((1, 2))[0],
}
CASES = {name: (function, (N, D)) for name, function in ROWS.items()}
CASES |= {name: (function, (N, C, H, H)) for name, function in MAPS.items()}


def behind(function):
    """The function of maps that came out of a convolution and a dropout, and lie channel beside channel in a replay."""
    return lambda h: function(F.conv2d(drop(F.conv2d(h, square, padding=1)), square, padding=1))


CASES |= {f"{name}, behind a convolution": (behind(function), (N, C, H, H)) for name, function in MAPS.items()}


def numbers(shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", CASES)
def test_chunks_of_any_size_give_what_the_loop_gives(name):
    function, shape = CASES[name]
    h = numbers(shape)

    def run():
        return function(h.clone())

    noise = SiteNoise(5)
    with torch.no_grad():
        looped = torch.stack([one_pass(run, noise)[0] for _ in range(6)])
        recording = record(run, SiteNoise(5))
        assert torch.equal(recording.output, looped[0])
        replay = Replay(recording.graph, SiteNoise(5))
        replayed = torch.cat([replay.run(count) for count in (3, 1, 2)])
    torch.testing.assert_close(replayed, looped)
    assert replayed.dtype == looped.dtype
    assert torch.equal(h, numbers(shape))


def test_the_usual_operations_have_rules_and_others_run_sample_by_sample():
    def slow(function, shape):
        graph = record(lambda: function(numbers(shape)), SiteNoise(5)).graph
        kernels = {node.name: kernel(node).__qualname__ for node in graph.nodes if node.site is None}
        return {name for name, kernel_name in kernels.items() if kernel_name.startswith("one_by_one")}

    names = ("linear", "in place", "softmax", "layer norm", "convolution", "batch norm", "pooling", "attention")
    assert set.union(*(slow(*CASES[name]) for name in names)) == set()
    assert slow(*CASES["no rule"]) >= {"kthvalue.default"}


REFUSED = {
    "reads a number": (lambda h: h * 2 if drop(h).sum() > 0 else h, "reads a value"),
    "reads a list": (lambda h: drop(h) * sum(drop(h).flatten().tolist()), "tolist reads a value"),
    "reads an array": (lambda h: drop(h) + float(drop(h).numpy()[0, 0]), "numpy reads a value"),
    "shape of its own": (lambda h: drop(h).nonzero(), "reads a value"),
    "a part is overwritten": (lambda h: (lambda a: (a[:, 0].copy_(drop(h)[:, 0]), a)[1])(h.clone()), "shares"),
    "a view is overwritten": (lambda h: (lambda a: (a[:, 0].mul_(2), a)[1])(drop(h)), "shares"),
    "no noise in the output": (lambda h: (drop(h), h)[1], "does not depend on the noise"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_replayed_is_refused(name):
    (function, text), h = REFUSED[name], numbers((N, D))
    with torch.no_grad(), pytest.raises(NotReplayableError, match=text):
        Replay(record(lambda: function(h), SiteNoise(5)).graph, SiteNoise(5))


def test_a_model_that_hides_the_refusal_is_refused_as_well():
    def hides(h):
        try:
            return drop(h) * float(drop(h).sum())
        except NotReplayableError:
            return drop(h)

    with torch.no_grad(), pytest.raises(NotReplayableError):
        record(lambda: hides(numbers((N, D))), SiteNoise(5))


class Depth(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.3)

    def forward(self, h):
        return self.drop(h) * (2 if self.training or random.random() < 0.5 else 1)


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop, self.calls = nn.Dropout(0.3), 0

    def forward(self, h):
        self.calls += 1
        return self.drop(h) * float(self.calls)


class Remembers(Counter):
    def forward(self, h):
        self.calls += 1
        return self.drop(h) + torch.tensor(float(self.calls))


NOT_REPLAYED = {
    "noise of Python's": Depth,
    "a number that changes": Counter,
    "a constant that changes": Remembers,
    "layers that are skipped": lambda: nn.Sequential(nn.Dropout(0.2), LayerDrop([nn.Tanh(), nn.Tanh()], 0.3)),
}


@pytest.mark.parametrize("name", NOT_REPLAYED)
def test_what_cannot_be_replayed_is_looped_over_or_an_error_if_asked_for(name):
    build, h = NOT_REPLAYED[name], numbers((N, D))
    options = {"n_samples": 5, "stochastic_depth": True}
    model = build()
    samples = mc_predict(model, h, generator=torch.Generator().manual_seed(0), **options)
    if name not in ("a number that changes", "a constant that changes"):  # a loop would start at another number
        looped = mc_predict(build(), h, generator=torch.Generator().manual_seed(0), method="loop", **options)
        assert torch.equal(samples, looped)
    with pytest.raises(ValueError, match="this model cannot be replayed"):
        mc_predict(build(), h, method="fast", **options)


def test_a_replay_that_differs_from_the_model_is_not_used(monkeypatch):
    model, h = nn.Sequential(nn.Linear(D, D), nn.Dropout(0.3)), numbers((N, D))
    wrong = Replay.run
    monkeypatch.setattr(Replay, "run", lambda replay, count: wrong(replay, count) * 1.01)
    looped, sampled = (
        mc_predict(model, h, n_samples=5, generator=torch.Generator().manual_seed(0), method=method)
        for method in ("loop", "auto")
    )
    assert torch.equal(looped, sampled)
    with pytest.raises(ValueError, match="gave something else"):
        mc_predict(model, h, n_samples=5, method="fast")


@pytest.mark.parametrize("max_memory", [1, 200, 2**28])
def test_the_memory_changes_the_chunks_and_not_the_samples(max_memory):
    model, h = nn.Sequential(nn.Linear(D, D), nn.ReLU(), nn.Dropout(0.3), nn.Linear(D, 2)), numbers((N, D))
    options = {"n_samples": 50, "generator": torch.Generator().manual_seed(0)}
    samples = mc_predict(model, h, method="fast", max_memory=max_memory, **options)
    options["generator"].manual_seed(0)
    torch.testing.assert_close(samples, mc_predict(model, h, method="loop", **options))


class Counting(nn.Module):
    """Every pass works on another row of a table."""

    def __init__(self, rows):
        super().__init__()
        self.drop, self.turn = nn.Dropout(0.5), 0
        self.register_buffer("table", torch.tensor(rows)[:, None].expand(len(rows), 4).clone())

    def forward(self, h):
        self.turn += 1
        return self.drop(h) + self.table[self.turn % len(self.table)]


@pytest.mark.parametrize("rows", [[0.0, 1.0, 2.0], [0.0, 1.0], [1.0, 1.001]])
def test_a_model_that_counts_its_passes_is_looped_over(rows):
    samples = mc_predict(Counting(rows), torch.zeros(5, 4), n_samples=len(rows))
    assert sorted(samples[:, 0, 0].tolist()) == pytest.approx(rows)
    with pytest.raises(ValueError, match="do not do the same"):
        mc_predict(Counting(rows), torch.zeros(5, 4), n_samples=3, method="fast")


class Shifted(nn.Module):
    """Subtracts the mean over the batch before it drops: numbers of two rows are not those of the first two."""

    def forward(self, h):
        return F.dropout(h - h.mean(0), 0.5, self.training)


@pytest.mark.parametrize(("last", "n_more"), [(nn.Dropout(0.3), 0), (Shifted(), 2)])
def test_a_pass_of_two_rows_and_one_of_all_are_compared_and_more_are_where_these_differ(last, n_more):
    model, calls = nn.Sequential(nn.Linear(D, 50), nn.Tanh(), last, nn.Linear(50, 2)), []
    model[0].register_forward_pre_hook(lambda _, args: calls.append(len(args[0])))
    mc_predict(model, numbers((200, D)), n_samples=5, method="fast")
    assert calls[calls.index(200) :] == [200] + [2] * n_more


def test_a_single_pass_is_not_replayed(monkeypatch):
    def no_replay(*_):
        raise AssertionError("replayed")

    model, h = nn.Sequential(nn.Dropout(0.3), nn.Linear(D, 2)), numbers((N, D))
    one, more = (
        mc_predict(model, h, n_samples=n_samples, generator=torch.Generator().manual_seed(0)) for n_samples in (1, 2)
    )
    torch.testing.assert_close(one[0], more[0])
    monkeypatch.setattr("dropout_lab.uncertainty.sampler.Replay", no_replay)
    assert torch.equal(mc_predict(model, h, n_samples=1, generator=torch.Generator().manual_seed(0)), one)
    for options in ({"n_samples": 2}, {"n_samples": 1, "method": "fast"}):
        with pytest.raises(AssertionError, match="replayed"):
            mc_predict(model, h, **options)
