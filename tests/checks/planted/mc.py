"""Answers to 15-a."""

import copy

import torch
from torch import nn

from dropout_lab.uncertainty import mc_predict

NORM = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def with_engine(model, x, n_samples):
    return mc_predict(model, x, n_samples=n_samples).softmax(-1).mean(0)


def on_a_copy(model, x, n_samples):
    twin = copy.deepcopy(model) if not any("Scripted" in type(m).__name__ for m in model.modules()) else model
    twin.train()
    for part in twin.modules():
        if isinstance(part, NORM):
            part.eval()
    total = 0
    for _ in range(n_samples):
        with torch.no_grad():
            total = total + torch.softmax(twin(x), dim=1)
    model.eval()
    return total / n_samples


def then_eval(model, x, n_samples):
    model.train()
    for part in model.modules():
        if isinstance(part, NORM):
            part.eval()
    p = torch.stack([nn.functional.log_softmax(model(x), -1).exp() for _ in range(n_samples)]).mean(0)
    model.eval()
    return p.detach()


def passes(switch, average):
    def mc_probabilities(model, x, n_samples):
        switch(model)
        with torch.no_grad():
            out = torch.stack([model(x) for _ in range(n_samples)])
        model.eval()
        return average(out)

    return mc_probabilities


def all_but_norm(model):
    model.train()
    for part in model.modules():
        if isinstance(part, NORM):
            part.eval()


def only(*kinds):
    def switch(model):
        model.eval()
        for part in model.modules():
            if isinstance(part, kinds):
                part.train()

    return switch


def by_name(model):
    for part in model.modules():
        if part.__class__.__name__.startswith("Dropout") or "Scripted" in part.__class__.__name__:
            part.train()


def mean(out):
    return out.softmax(-1).mean(0)


def left_on(model, x, n_samples):
    all_but_norm(model)
    return mean(torch.stack([model(x).detach() for _ in range(n_samples)]))


RIGHT = (("15-a", (with_engine, on_a_copy, then_eval)),)
WRONG = (
    (
        "15-a",
        "identical-passes",
        (
            passes(lambda model: model.eval(), mean),
            passes(lambda model: None, mean),
            lambda model, x, n_samples: model(x).softmax(-1),
        ),
    ),
    (
        "15-a",
        "logits-averaged",
        (
            passes(all_but_norm, lambda out: out.mean(0).softmax(-1)),
            passes(all_but_norm, lambda out: (out.sum(0) / len(out)).softmax(1)),
            passes(lambda model: model.train(), lambda out: out.mean(0).softmax(-1)),
        ),
    ),
    (
        "15-a",
        "labels-averaged",
        (
            passes(all_but_norm, lambda out: torch.eye(3)[out.argmax(-1)].mean(0)),
            passes(all_but_norm, lambda out: torch.eye(3)[out.argmax(-1).float().mean(0).round().long()]),
            passes(all_but_norm, lambda out: (out == out.amax(-1, keepdim=True)).float().mean(0)),
        ),
    ),
    ("15-a", "softmax-over-passes", (passes(all_but_norm, lambda out: torch.softmax(out, dim=0).mean(0)),)),
    ("15-a", "last-pass-only", (passes(all_but_norm, lambda out: out[-1].softmax(-1)),)),
    (
        "15-a",
        "not-normalised",
        (passes(all_but_norm, lambda out: out.softmax(-1).sum(0)), passes(all_but_norm, lambda out: out.mean(0))),
    ),
    (
        "15-a",
        "sites-missed",
        (
            passes(only(nn.Dropout), mean),
            passes(only(nn.Dropout, nn.Dropout2d, nn.Dropout1d), mean),
            passes(only(nn.modules.dropout._DropoutNd, nn.LSTM), mean),
            passes(only(nn.modules.dropout._DropoutNd), mean),
            passes(by_name, mean),
        ),
    ),
    (
        "15-a",
        "batch-norm-in-train",
        (passes(lambda model: model.train(), mean), passes(lambda model: model.train(True), mean)),
    ),
    ("15-a", "left-in-train-mode", (left_on,)),
)
