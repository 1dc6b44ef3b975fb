"""Adam for a stack: a penalty of each network, on its weights alone."""

import pytest
import torch

from dropout_lab.training.stack import StackedAdam, StackedMLP


def stack():
    return StackedMLP((3, 4, 1), 0.1, [torch.Generator().manual_seed(s) for s in range(2)], dtype=torch.float64)


def test_the_penalty_of_a_network_pulls_at_its_weights_and_at_nothing_else():
    nets = stack()
    nets.biases[0].fill_(1.0)
    before = nets.parameters.clone()
    adam = StackedAdam(nets, lr=0.01, penalty=torch.tensor([0.0, 0.5]))
    nets.gradient.zero_()
    adam.step()
    assert torch.equal(nets.biases[0], torch.ones_like(nets.biases[0]))
    for weight, old in zip(nets.weights, nets._views(before, [(3, 4), (4, 1)])[0], strict=True):
        assert torch.equal(weight[0], old[0])
        torch.testing.assert_close(weight[1], old[1] - 0.01 * old[1].sign(), rtol=1e-6, atol=1e-6)


def test_the_gradient_of_the_penalty_is_2_lambda_w():
    nets = stack()
    nets.gradient.zero_()
    StackedAdam(nets, penalty=0.25).step()
    expected = torch.zeros(2, 3, 4, dtype=torch.float64) + nets.weight_gradients[0]
    assert bool((expected != 0).all())
    assert bool((nets.bias_gradients[0] == 0).all())


@pytest.mark.parametrize(
    "options", [{"lr": 0.0}, {"penalty": -1.0}, {"penalty": torch.zeros(3)}, {"betas": (0.9, 1.0)}, {"eps": 0.0}]
)
def test_what_is_no_setting_of_adam_is_refused(options):
    with pytest.raises((ValueError, TypeError)):
        StackedAdam(stack(), **options)
