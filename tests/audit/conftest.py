"""Models that are the same at every run, and a network with a place for the part under test."""

import pytest
import torch
from torch import nn

from dropout_lab.audit import audit


class Network(nn.Module):
    """A linear layer, a ReLU, the part under test, a linear layer."""

    def __init__(self, middle, inputs=5, units=32, outputs=3):
        super().__init__()
        self.first = nn.Linear(inputs, units)
        self.middle = middle
        self.last = nn.Linear(units, outputs)

    def forward(self, x):
        return self.last(self.middle(self.first(x).relu()))


class Part(nn.Module):
    """A function of (module, h) as a module, with a Linear so that it is no bare dropout layer."""

    def __init__(self, function, units=32):
        super().__init__()
        self.function, self.linear = function, nn.Linear(units, units)

    def forward(self, h):
        return self.function(self, self.linear(h))


@pytest.fixture(autouse=True)
def same_weights():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def rows():
    return torch.randn(16, 5)


@pytest.fixture
def sequences():
    return torch.randn(8, 6, 5)


@pytest.fixture
def images():
    return torch.randn(8, 3, 9, 9)


@pytest.fixture
def network():
    return Network


@pytest.fixture
def part():
    return Part


@pytest.fixture
def codes():
    """The codes of what an audit finds, in order."""

    def found(model, *inputs, **options):
        return [finding.code for finding in audit(model, *inputs, **options).findings]

    return found


@pytest.fixture
def only_finding():
    """The one finding of an audit; fails if there are others or none."""

    def found(model, *inputs, **options):
        findings = audit(model, *inputs, **options).findings
        assert len(findings) == 1, [(finding.code, finding.where) for finding in findings]
        return findings[0]

    return found
