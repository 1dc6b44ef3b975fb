import numpy as np
import torch

from dropout_lab import moments_variational
from dropout_lab.torch_layers.local_reparameterisation import log_alpha, variational_kl


def test_the_divergence_of_a_weight_is_that_of_the_closed_forms():
    grid = torch.linspace(-8, 8, 33, dtype=torch.float64)
    np.testing.assert_allclose(variational_kl(grid), moments_variational.variational_kl(grid.numpy()), rtol=1e-12)


def test_log_alpha_is_clipped_and_there_its_derivative_is_zero():
    weight = torch.tensor([0.0, 1e-9, 100.0, 1.0], requires_grad=True)
    log_variance = torch.zeros(4, requires_grad=True)
    values = log_alpha(weight, log_variance)
    values.sum().backward()
    assert values.tolist() == [8, 8, -8, 0]
    assert weight.grad.tolist() == [0, 0, 0, -2]
    assert log_variance.grad.tolist() == [0, 0, 0, 1]
