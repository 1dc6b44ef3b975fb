"""Sequentials of PyTorch's layers need no search for their dropout; whatever could make them do more is looked at."""

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook
from torch.nn.utils import parametrizations, parametrize

from dropout_lab.torch_layers import Dropout
from dropout_lab.uncertainty import mc_predict
from dropout_lab.uncertainty.known import known_sites
from dropout_lab.uncertainty.probe import Probe

x = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


def layers():
    torch.manual_seed(1)
    inner = nn.Sequential(nn.Linear(5, 5), nn.ReLU(), Dropout(0.25))
    return [nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Dropout(0.5), inner, nn.Dropout(0.0), nn.Linear(5, 2)]


class Named(nn.Sequential):
    """Adds names and changes none."""

    def __init__(self, *modules):
        super().__init__(*modules)
        self.note = "a note"

    def width(self):
        return self[0].out_features


class Wrapped(nn.Module):
    """The same model, looked at as any other is."""

    def __init__(self, inside):
        super().__init__()
        self.inside = inside

    def forward(self, h):
        return self.inside(h)


def samples(model, **options):
    return mc_predict(model, x, n_samples=7, generator=torch.Generator().manual_seed(3), **options)


@pytest.fixture
def no_search(monkeypatch):
    def observe(*_, **__):
        raise AssertionError("looked for dropout")

    monkeypatch.setattr(Probe, "observe", observe)


CHOICES = [
    {},
    {"method": "loop"},
    {"consistent": True},
    {"sites": "last"},
    {"sites": lambda _, module: isinstance(module, nn.Dropout)},
    {"max_memory": 1},
]


@pytest.mark.parametrize("options", CHOICES)
@pytest.mark.parametrize("kind", [nn.Sequential, Named])
def test_without_a_search_the_samples_are_the_same(kind, options):
    model = kind(*layers())
    assert known_sites(model, [x]) is not None
    torch.testing.assert_close(samples(model, **options), samples(Wrapped(model), **options), rtol=0, atol=0)


@pytest.mark.usefixtures("no_search")
def test_a_known_model_is_not_searched():
    assert samples(nn.Sequential(*layers())).std(dim=0).min() > 0
    with pytest.raises(AssertionError, match="looked for"):
        samples(Wrapped(nn.Sequential(*layers())))


def test_the_last_site_is_the_last_that_draws():
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 2), nn.Dropout(0.0), nn.Dropout(1.0))
    found = known_sites(model, [x])
    assert (found.active, found.last) == ({model[0], model[3]}, model[0])
    twice = nn.Sequential(model[0], nn.Dropout(0.2), model[0])
    assert known_sites(twice, [x]).last is model[0]
    assert samples(nn.Sequential(model[0], nn.Linear(3, 2), model[0])).std(dim=0).min() > 0


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (nn.Sequential(nn.Linear(3, 2)), "this model has no dropout"),
        (nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.0)), "p = 0 and p = 1 leave nothing to chance"),
        (nn.Sequential(nn.Dropout(1.0)), "p = 0 and p = 1 leave nothing to chance"),
    ],
)
@pytest.mark.parametrize("method", ["auto", "loop"])
def test_a_known_model_without_an_active_site_is_an_error(model, text, method):
    with pytest.raises(ValueError, match=text):
        samples(model, method=method)


class Doubled(nn.Linear):
    def forward(self, h):
        return 2 * super().forward(h)


class Reversed(nn.Sequential):
    def __iter__(self):
        return reversed(list(self._modules.values()))


class Beside:
    """Of what a base like this does, nothing is known."""


class Mixed(nn.Sequential, Beside):
    pass


def unlike(change):
    model = nn.Sequential(*layers())
    changed = change(model)
    return model if changed is None else changed


def forward(model):
    model[6].forward = lambda h: h.sum(1)


def hook(model):
    model[6].register_forward_hook(lambda *_: None)


UNKNOWN = {
    "a module of one's own": Wrapped,
    "a layer of one's own": lambda model: model.__setitem__(6, Doubled(5, 2)),
    "a Sequential in another order": lambda model: Reversed(model[6], *model[:6]),
    "a Sequential with another base": lambda model: Mixed(*model),
    "a method replaced": forward,
    "a hook after a layer": hook,
    "a hook before the model": lambda model: model.register_forward_pre_hook(lambda *_: None) and None,
    "a parametrization": lambda model: parametrizations.weight_norm(model[6]) and None,
    "a layer that is not on the list": lambda model: nn.Sequential(*model[:6], nn.Bilinear(5, 5, 2)),
    "a list": lambda model: nn.ModuleList(model),
    "a compiled model": lambda model: model.compile(backend="eager"),
    "the model that compilation returns": lambda model: torch.compile(model, backend="eager"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_may_do_more_is_not_known(name):
    assert known_sites(unlike(UNKNOWN[name]), [x]) is None


def test_hooks_of_all_modules_and_tensors_of_other_kinds_make_a_model_unknown(monkeypatch):
    class Marked(torch.Tensor):
        pass

    model = nn.Sequential(*layers())
    handle = register_module_forward_hook(lambda *_: None)
    assert known_sites(model, [x]) is None
    handle.remove()
    assert known_sites(model, [x]) is not None
    assert known_sites(model, [x.as_subclass(Marked)]) is None
    monkeypatch.setattr(nn.Linear, "forward", lambda self, h: h @ self.weight.T)
    assert known_sites(model, [x]) is None


def test_a_parametrized_layer_is_of_another_class():
    model = nn.Sequential(*layers())
    parametrizations.orthogonal(model[6])
    assert parametrize.is_parametrized(model[6])
    assert known_sites(model, [x]) is None
    assert samples(model).std(dim=0).min() > 0
