"""Adam for a stack of networks: one vector of parameters, a penalty for each network."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dropout_lab.arguments import require_decay, require_positive
from dropout_lab.training.stack.network import StackedMLP


class StackedAdam:
    """Adam for all networks of a stack at once, with a penalty of their own on their weights.

    The gradient of network s is that of its mean loss + λ_s Σ W², over weights and not over biases: 2 λ_s W is added.
    With λ = 0 the steps are those of ``torch.optim.Adam``.

    Parameters
    ----------
    nets : StackedMLP
    lr : float > 0, step size
    penalty : float ≥ 0 or float tensor (S,), default 0
        λ of each network. PyTorch's `weight_decay` is 2 λ, and includes the biases.
    betas : two floats in [0, 1), default (0.9, 0.999)
    eps : float > 0, default 1e-8

    References
    ----------
    Kingma and Ba (2015), Adam: A Method for Stochastic Optimization, ICLR, algorithm 1.
    """

    def __init__(
        self,
        nets: StackedMLP,
        *,
        lr: float = 1e-3,
        penalty: float | Tensor = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self.nets, self.lr, self.eps = nets, require_positive(lr, "lr"), require_positive(eps, "eps")
        self.betas = (require_decay(betas[0], "betas[0]"), require_decay(betas[1], "betas[1]"))
        self.steps = 0
        self.mean, self.square = torch.zeros_like(nets.parameters), torch.zeros_like(nets.parameters)
        self._denominator = torch.empty_like(nets.parameters)
        self.penalised = self._penalties(torch.as_tensor(penalty, dtype=nets.parameters.dtype))

    def _penalties(self, penalty: Tensor) -> Tensor | None:
        if penalty.shape not in ((), (len(self.nets),)) or not bool((penalty >= 0).all()):
            raise ValueError(f"penalty is λ ≥ 0 for all networks or for each of the {len(self.nets)}; got {penalty}.")
        if not bool(penalty.any()):
            return None
        # the views of a fresh flat tensor, in the layout of the parameters
        flat = torch.zeros_like(self.nets.parameters)
        for weight in self.nets._views(flat, list(zip(self.nets.sizes[:-1], self.nets.sizes[1:], strict=True)))[0]:
            weight.copy_((2 * penalty).expand(len(self.nets))[:, None, None].expand_as(weight))
        return flat

    def step(self) -> None:
        """Move the parameters by the gradients of the last backward pass."""
        self.steps += 1
        theta, grad, (b1, b2) = self.nets.parameters, self.nets.gradient, self.betas
        if self.penalised is not None:
            grad.addcmul_(self.penalised, theta)
        self.mean.lerp_(grad, 1 - b1)
        self.square.mul_(b2).addcmul_(grad, grad, value=1 - b2)
        bias1, bias2 = 1 - b1**self.steps, math.sqrt(1 - b2**self.steps)
        # m̂ / (√v̂ + ε) with both corrections in the step size and in ε
        torch.sqrt(self.square, out=self._denominator).add_(self.eps * bias2)
        theta.addcdiv_(self.mean, self._denominator, value=-self.lr * bias2 / bias1)
