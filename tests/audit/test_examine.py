"""What an audit lists, what it refuses, and that it is one call away."""

import importlib
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import dropout_lab.audit
from dropout_lab.audit import AuditError, audit
from dropout_lab.torch_layers import Dropout

P = 0.3


class Everything(nn.Module):
    """One site of every kind."""

    def __init__(self):
        super().__init__()
        self.first, self.plain, self.ours, self.maps = nn.Linear(5, 8), nn.Dropout(P), Dropout(0.1), nn.Dropout1d(0.2)
        self.read = nn.GRU(8, 8, 2, dropout=0.4, batch_first=True)
        self.attend = nn.MultiheadAttention(8, 2, dropout=0.6, batch_first=True)
        self.last, self.zero, self.unused = nn.Linear(8, 2), nn.Dropout(0.0), nn.ModuleList([nn.Dropout(0.7)])

    def forward(self, x):
        h = self.zero(self.ours(self.plain(self.first(x))))
        h = self.maps(h.transpose(1, 2)).transpose(1, 2)
        h = self.read(h)[0]
        h = self.attend(h, h, h)[0]
        h = F.dropout(h, 0.8, self.training)
        h = F.scaled_dot_product_attention(h, h, h, dropout_p=0.9 if self.training else 0.0)
        if self.training:
            h = h * (torch.rand_like(h) > 0.1)
            h = h + torch.randn_like(h)
        return self.last(h)


def test_every_kind_of_site_is_listed_with_its_place_and_p(sequences):
    report = audit(Everything(), sequences)
    assert report.ok, str(report)
    listed = {(site.where.split(":")[0], site.name, site.kind, site.p) for site in report.sites}
    assert listed == {
        ("plain", "Dropout", "module", 0.3),
        ("ours", "Dropout", "module", 0.1),
        ("maps", "Dropout1d", "module", 0.2),
        ("zero", "Dropout", "module", 0.0),
        ("unused.0", "Dropout", "module", 0.7),
        ("read", "GRU", "recurrent", 0.4),
        ("attend", "MultiheadAttention", "attention", 0.6),
        ("tests/audit/test_examine.py", "F.dropout", "functional", 0.8),
        ("tests/audit/test_examine.py", "scaled_dot_product_attention", "sdpa", 0.9),
        ("tests/audit/test_examine.py", "own mask", "own mask", None),
        ("tests/audit/test_examine.py", "noise", "noise", None),
    }


def test_a_site_says_when_it_is_random(sequences):
    sites = {site.where: site for site in audit(Everything(), sequences).sites}
    assert (sites["plain"].random_in_training, sites["plain"].random_in_eval) == (True, False)
    assert (sites["zero"].random_in_training, sites["zero"].calls) == (False, 1)
    assert (sites["unused.0"].random_in_training, sites["unused.0"].calls) == (False, 0)


def test_layers_that_could_drop_and_are_not_asked_to_are_no_sites(sequences):
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.read, self.attend = nn.LSTM(5, 6, 2), nn.MultiheadAttention(6, 2)

        def forward(self, x):
            h = self.read(x)[0]
            return F.scaled_dot_product_attention(*[self.attend(h, h, h)[0]] * 3)

    report = audit(Plain(), sequences)
    assert report.sites == ()
    assert "no stochastic site" in str(report)


def test_the_path_of_a_site_is_the_one_of_named_modules(rows):
    inner = nn.Sequential(nn.Linear(5, 5), nn.Dropout(P))
    model = nn.ModuleDict({"blocks": nn.ModuleList([inner])})
    model.forward = lambda x: inner(x).tanh()
    assert [site.where for site in audit(model, rows).sites] == ["blocks.0.1"]


def test_torch_compile_does_not_change_what_is_found(network, part, rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parts of PyTorch that torch.compile imports
        model = torch.compile(network(part(lambda module, h: F.dropout(h, P))))
    report = audit(model, rows)
    assert report.name == "Network"
    assert [finding.where.split(" (")[0] for finding in report.findings] == ["middle"]


def test_no_path_of_this_machine_is_shown(network, part, rows, tmp_path, monkeypatch):
    model = network(part(lambda module, h: F.dropout(h, P)))
    monkeypatch.chdir(tmp_path)
    assert audit(model, rows).findings[0].where.startswith("middle (test_examine.py:")


def test_a_class_in_the_place_of_an_instance_is_refused(rows):
    with pytest.raises(TypeError, match=r"got type\. An instance is wanted"):
        audit(nn.Dropout, rows)


def test_a_forward_that_raises_is_told_with_mode_and_line(network, part, rows):
    def raises(module, h):
        raise ValueError("five\n is right out")

    message = r"forward raised ValueError in eval mode at tests/audit/test_examine.py:\d+: five is right out"
    with pytest.raises(AuditError, match=message) as caught:
        audit(network(part(raises)), rows)
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_forward_that_raises_in_training_only_is_told(rows):
    with pytest.raises(AuditError, match="ValueError in training mode: Expected more than 1 value per channel"):
        audit(nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3)), rows[:1])


@pytest.mark.parametrize(
    ("model", "inputs", "words"),
    [
        (nn.LazyLinear(3), lambda rows: (rows,), "run the model once"),
        (nn.Linear(5, 3), lambda rows: (rows[:0],), "an input is empty"),
        (nn.Linear(5, 3), lambda rows: (), "missing 1 required positional argument"),
    ],
)
def test_what_cannot_be_audited_is_said(model, inputs, words, rows):
    with pytest.raises(AuditError, match=words):
        audit(model, *inputs(rows))


def test_a_forward_without_tensors_is_refused(rows):
    class Speaks(nn.Module):
        def forward(self, x):
            return "hello"

    with pytest.raises(AuditError, match="returned no tensor"):
        audit(Speaks(), rows)


def test_two_audits_say_the_same(network, part, rows):
    model = network(part(lambda module, h: F.dropout(h, P)))
    assert str(audit(model, rows)) == str(audit(model, rows))


def test_the_package_can_be_called_by_its_own_name(rows):
    package = importlib.import_module("dropout_lab.audit")
    assert package is dropout_lab.audit
    assert package(nn.Sequential(nn.Linear(5, 4), nn.Dropout(P), nn.Linear(4, 2)), rows).ok
