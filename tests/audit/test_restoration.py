"""After a snapshot's restoration, and so after an audit, a model is what it was to the last bit."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from dropout_lab.audit import AuditError, audit
from dropout_lab.audit.restoration import Snapshot


class Meddler(nn.Module):
    """Changes everything a forward pass can change, then raises if told to."""

    def __init__(self, fails_in=None):
        super().__init__()
        self.first, self.norm, self.drop = nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.3)
        self.last = nn.Linear(8, 2)
        self.register_buffer("signs", torch.tensor([-0.0, float("nan")]))
        self.generator = torch.Generator().manual_seed(3)
        self.rng = np.random.default_rng(3)
        self.cache, self.history, self.table = torch.ones(3), [1, [2]], {"a": 1}
        self.fails_in = fails_in

    def forward(self, x):
        x += 1
        self.cache += 1
        self.cache = self.cache * 2
        self.history.append(torch.rand(1, generator=self.generator))
        self.history[1].clear()
        self.table["b"] = self.rng.random() + random.random() + np.random.rand()  # noqa: NPY002
        self.signs.copy_(torch.tensor([0.0, 1.0]))
        self.first.bias.data = self.first.bias.data * torch.rand(8)
        with torch.no_grad():
            self.last.weight.mul_(2)
        with torch.enable_grad():
            self.norm.weight.square().sum().backward()
        self.first.weight.grad = None
        self.drop.train(not self.drop.training)
        self.new = nn.Linear(2, 2)
        self.register_forward_hook(lambda *_: None)
        h = self.last(self.drop(self.norm(self.first(x))))
        if self.fails_in == ("training" if self.training else "eval"):
            raise KeyError("on purpose")
        return h


def bits(tensor):
    return tensor.detach().reshape(-1).view(torch.uint8).tolist(), tensor.data_ptr(), tensor.requires_grad


def fingerprint(model):
    """Everything an audit must leave alone, as comparable values."""
    tensors = {name: bits(tensor) for name, tensor in (*model.named_parameters(), *model.named_buffers())}
    grads = {name: None if p.grad is None else (id(p.grad), bits(p.grad)) for name, p in model.named_parameters()}
    modules = [(name, id(module), module.training) for name, module in model.named_modules()]
    hooks = [[list(table) for key, table in sorted(vars(m).items()) if key.endswith("_hooks")] for m in model.modules()]
    own = (id(model.cache), bits(model.cache), repr(model.history), dict(model.table), model.rng.bit_generator.state)
    return tensors, grads, modules, hooks, own, model.generator.get_state().tolist(), list(vars(model))


def random_states():
    numpy_state = np.random.get_state()  # noqa: NPY002
    return torch.get_rng_state().tolist(), random.getstate(), [str(part) for part in numpy_state]


def ready(model):
    """Gradients on some parameters, a hook, one part in another mode."""
    model.first.weight.grad = torch.full_like(model.first.weight, 0.1)
    model.norm.eval()
    model.first.register_forward_hook(lambda *_: None)
    model.last.bias.requires_grad_(False)
    return model


@pytest.mark.parametrize("training", [True, False])
def test_an_audit_leaves_a_meddling_model_as_it_was(training, rows):
    model = ready(Meddler().train(training))
    before, states, batch = fingerprint(model), random_states(), rows.clone()
    audit(model, rows)
    assert fingerprint(model) == before
    assert random_states() == states
    torch.testing.assert_close(rows, batch, rtol=0, atol=0)


@pytest.mark.parametrize("fails_in", ["training", "eval"])
def test_an_audit_that_fails_leaves_the_model_as_it_was(fails_in, rows):
    model = ready(Meddler(fails_in))
    before, states = fingerprint(model), random_states()
    with pytest.raises(AuditError, match=f"KeyError in {fails_in} mode"):
        audit(model, rows)
    assert fingerprint(model) == before
    assert random_states() == states


def test_an_interrupt_leaves_the_model_as_it_was(rows):
    class Interrupted(Meddler):
        def forward(self, x):
            super().forward(x)
            raise KeyboardInterrupt

    model = ready(Interrupted())
    before, states = fingerprint(model), random_states()
    with pytest.raises(KeyboardInterrupt):
        audit(model, rows)
    assert fingerprint(model) == before
    assert random_states() == states


@pytest.mark.parametrize("fails_in", [None, "training"])
def test_an_audit_leaves_no_global_hook_behind(fails_in, rows):
    from torch.nn.modules import module as hooks

    model = Meddler(fails_in)
    if fails_in is None:
        audit(model, rows)
    else:
        with pytest.raises(AuditError):
            audit(model, rows)
    assert not hooks._global_forward_hooks
    assert not hooks._global_forward_pre_hooks
    assert torch.overrides._get_current_function_mode_stack() == []


def test_a_generator_that_no_module_holds_is_put_back(rows):
    hidden = torch.Generator().manual_seed(4)

    class Closure(nn.Linear):
        def forward(self, x):
            return super().forward(x) * (torch.rand(2, generator=hidden) + 1)

    before = hidden.get_state()
    audit(Closure(5, 2), rows)
    assert torch.equal(hidden.get_state(), before)


def test_what_did_not_change_is_not_written():
    model = nn.Linear(3, 2)
    version = model.weight._version
    Snapshot(model).restore()
    assert model.weight._version == version


def test_the_names_of_changed_tensors_are_told():
    model = nn.BatchNorm1d(3)
    snapshot = Snapshot(model)
    model.running_mean[0] = -0.0
    assert snapshot.changed(model.named_buffers()) == ["running_mean"]


def test_a_parameter_pointed_elsewhere_points_back():
    model = nn.Linear(3, 2)
    snapshot, address, values = Snapshot(model), model.weight.data_ptr(), model.weight.detach().clone()
    model.weight.data = torch.zeros(4)
    snapshot.restore()
    assert model.weight.data_ptr() == address
    torch.testing.assert_close(model.weight.detach(), values, rtol=0, atol=0)
