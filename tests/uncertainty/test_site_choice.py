import pytest
import torch
from torch import nn

from dropout_lab.torch_layers import DropPath, LayerDrop
from dropout_lab.uncertainty import mc_predict

D = 6
rows = torch.ones(4, D)


def network():
    return nn.Sequential(
        nn.Dropout(0.1), nn.Linear(D, D), nn.Dropout(0.2), nn.Sequential(nn.Linear(D, D), nn.Dropout(0.3))
    )


def active(model, **options):
    """Names of the modules that are in training mode in a pass of mc_predict."""
    seen = []
    hook = model.register_forward_pre_hook(
        lambda module, _: seen.append({name for name, part in module.named_modules() if part.training})
    )
    mc_predict(model, rows, n_samples=4, method="loop", **options)
    hook.remove()
    return seen[-1]


def test_all_sites_are_active_unless_others_are_chosen():
    assert active(network()) == {"0", "2", "3.1"}
    assert active(network(), sites="all") == {"0", "2", "3.1"}


def test_the_last_site_is_the_one_that_draws_last_in_a_pass():
    assert active(network(), sites="last") == {"3.1"}

    class OutOfOrder(nn.Module):
        def __init__(self):
            super().__init__()
            self.late, self.early = nn.Dropout(0.2), nn.Dropout(0.2)

        def forward(self, h):
            return self.late(self.early(h))

    assert active(OutOfOrder(), sites="last") == {"late"}


def test_a_predicate_chooses_by_name_and_module():
    assert active(network(), sites=lambda name, module: name == "2") == {"2"}
    assert active(network(), sites=lambda name, module: module.p > 0.15) == {"2", "3.1"}


def test_the_sites_inside_an_encoder_layer_keep_it_off_its_fused_path():
    layer = nn.TransformerEncoderLayer(D, 2, 8, 0.3, batch_first=True)
    sequences = torch.randn(3, 5, D, generator=torch.Generator().manual_seed(0))
    samples = mc_predict(layer, sequences, n_samples=5, sites=lambda name, module: name == "dropout1")
    assert bool((samples.var(dim=0) > 0).all())


def test_the_other_sites_drop_nothing():
    samples = mc_predict(nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.2)), rows, n_samples=50, sites="last")
    assert samples.unique().tolist() == [0.0, 1.25]


@pytest.mark.parametrize(
    ("sites", "error", "text"),
    [
        ("first", ValueError, "got 'first'. For one module: sites=lambda name, module: name == 'first'"),
        (["2"], TypeError, "function of .name, module."),
        (nn.Dropout, TypeError, "function of .name, module."),
        (lambda name, module: False, ValueError, r"no site was chosen.*0 \(Dropout\(p=0.1.*3.1"),
    ],
)
def test_a_choice_that_chooses_nothing_is_an_error(sites, error, text):
    with pytest.raises(error, match=text):
        mc_predict(network(), rows, n_samples=2, sites=sites)


class Torchvisions(nn.Module):
    """Named as in other libraries."""

    def forward(self, h):
        return h * h.new_empty(len(h), 1).bernoulli_(0.5) if self.training else h


class StochasticDepth(Torchvisions):
    pass


@pytest.mark.parametrize("kind", [lambda: DropPath(0.3), lambda: LayerDrop([nn.Tanh()], 0.3), StochasticDepth])
def test_stochastic_depth_counts_only_if_asked_for(kind):
    model = nn.Sequential(kind(), nn.Dropout(0.2))
    assert active(model) == {"1"}
    assert active(model, stochastic_depth=True) >= {"0", "1"}
    alone = nn.Sequential(kind(), nn.Linear(D, D))
    with pytest.raises(ValueError, match=r"pass\s+stochastic_depth=True for 0"):
        mc_predict(alone, rows, n_samples=2)
    assert mc_predict(alone, rows, n_samples=2, stochastic_depth=True).shape == (2, 4, D)
