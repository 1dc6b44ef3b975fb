import math

import pytest
import torch
from torch import nn

from dropout_lab.training.torch_loop import fit
from dropout_lab.uncertainty import DeepEnsemble, StackedLinear, train_ensemble


def test_the_outputs_are_those_of_the_members():
    members = [nn.Linear(3, 2) for _ in range(4)]
    x = torch.randn(5, 3)
    torch.testing.assert_close(DeepEnsemble(members)(x), torch.stack([member(x) for member in members]))


def test_members_differ_and_the_same_generator_gives_the_same_ensemble():
    x, y = torch.linspace(-1, 1, 20)[:, None], torch.linspace(-1, 1, 20)[:, None] ** 2

    def train(net, generator):
        fit(net, x, y, loss_fn=nn.functional.mse_loss, epochs=3, batch_size=5, lr=0.01, generator=generator)

    first, second = (
        train_ensemble(lambda: nn.Linear(1, 1), train, 3, torch.Generator().manual_seed(7)) for _ in range(2)
    )
    assert not first.training
    assert not first.members[0].training
    torch.testing.assert_close(first(x), second(x), rtol=0, atol=0)
    assert len({member.weight.item() for member in first.members}) == 3


def test_a_stack_is_its_networks_side_by_side():
    stack, x = StackedLinear(3, 4, 2), torch.randn(3, 5, 4)
    alone = torch.stack([x[m] @ stack.weight[m] + stack.bias[m] for m in range(3)])
    torch.testing.assert_close(stack(x), alone)
    torch.testing.assert_close(stack(x[0]), torch.stack([stack(x[0].expand(3, 5, 4))[m] for m in range(3)]))


def test_a_stack_trained_on_the_sum_of_losses_is_its_networks_trained_alone():
    stack = nn.Sequential(StackedLinear(3, 2, 8), nn.Tanh(), StackedLinear(3, 8, 1)).double()
    alone = []
    for m in range(3):
        net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)).double()
        for mine, theirs in ((net[0], stack[0]), (net[2], stack[2])):
            mine.weight.data.copy_(theirs.weight[m].T)
            mine.bias.data.copy_(theirs.bias[m, 0])
        alone.append(net)
    x, y = torch.randn(20, 2).double(), torch.randn(20, 1).double()
    optimisers = [torch.optim.Adam(net.parameters(), lr=0.01) for net in (stack, *alone)]
    for _ in range(20):
        losses = [((stack(x) - y) ** 2).mean(dim=(1, 2)).sum(), *(nn.functional.mse_loss(net(x), y) for net in alone)]
        for optimiser, loss in zip(optimisers, losses, strict=True):
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    torch.testing.assert_close(stack(x), torch.stack([net(x) for net in alone]))


def test_a_stack_starts_as_linear_layers_do():
    weight = StackedLinear(50, 40, 30, torch.Generator().manual_seed(0)).weight
    assert weight.abs().max() <= 1 / math.sqrt(40)
    assert math.isclose(weight.std().item(), 1 / math.sqrt(3 * 40), rel_tol=0.02)
    twin = StackedLinear(50, 40, 30, torch.Generator().manual_seed(0)).weight
    assert torch.equal(weight, twin)


def test_a_stack_comes_back_from_its_state():
    stack, twin = StackedLinear(3, 4, 2), StackedLinear(3, 4, 2)
    twin.load_state_dict(stack.state_dict())
    x = torch.randn(6, 4)
    assert torch.equal(stack(x), twin(x))
    assert repr(stack) == "StackedLinear(3, 4, 2)"


def test_what_is_no_ensemble_is_an_error():
    net = nn.Linear(3, 2)
    with pytest.raises(ValueError, match="at least two members"):
        DeepEnsemble([net])
    with pytest.raises(ValueError, match="would always agree"):
        DeepEnsemble([net] * 5)
    with pytest.raises(TypeError, match="Call the class"):
        DeepEnsemble([nn.Linear, nn.Linear])
    with pytest.raises(ValueError, match="n_members"):
        train_ensemble(lambda: net, lambda net, generator: None, 1, torch.Generator())
    with pytest.raises(TypeError, match="generator"):
        train_ensemble(lambda: net, lambda net, generator: None, 2, 7)
    with pytest.raises(ValueError, match="members"):
        StackedLinear(0, 3, 2)
    with pytest.raises(ValueError, match=r"\(4, N, 3\); got \(5, 6, 3\)"):
        StackedLinear(4, 3, 2)(torch.ones(5, 6, 3))
