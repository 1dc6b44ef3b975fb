"""Mean and variance of a network under dropout without sampling: one deterministic pass (fast dropout)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from dropout_lab.torch_layers import DropConnectLinear, Dropout, GaussianDropout
from dropout_lab.torch_layers.arguments import require_float_tensor

Moments = tuple[Tensor, Tensor]


@torch.no_grad()
def moment_predict(model: nn.Module, inputs: Tensor) -> Moments:
    """Mean and variance over masks of the outputs of a Sequential network, each (N, K), without drawing a mask.

    Every unit is taken for normal and independent of the others (a diagonal covariance): each layer turns means and
    variances into means and variances. Dropout counts as active, whatever the mode. Before the first non-linearity the
    moments of a single linear layer are exact. After it two things are lost: units fed by the same coins are
    correlated, and a sum over few inputs is not normal. Against 100 000 samples of untrained nets of width 50, p = .1
    and .5, the sd was off by at most .3 % with dropout before the last layer only, by 1 % with two or three hidden
    sigmoid layers and by 12 to 23 % with ReLU; the mean by at most .04 sd. Compare with samples before you rely on it.

    Parameters
    ----------
    model : nn.Sequential, or one layer
        Of nn.Linear, DropConnectLinear, nn.ReLU, nn.Sigmoid, nn.Identity, nn.Flatten, nn.Dropout, and `Dropout` and
        `GaussianDropout` of this package, nested Sequentials included. Not of their subclasses.
    inputs : float tensor (N, ...)

    Returns
    -------
    mean, variance : tensors of the shape of the output
        The epistemic part alone: no noise of the observations is in it.

    Raises
    ------
    TypeError
        If a layer is not covered: the message names it. If `inputs` holds no floats.
    ValueError
        If the model has no dropout that is active, or drops everything (p = 1).

    Examples
    --------
    >>> model = nn.Sequential(nn.Dropout(0.2), nn.Linear(2, 1, bias=False))
    >>> model[1].weight = nn.Parameter(torch.tensor([[1.0, -1.0]]))
    >>> moment_predict(model, torch.tensor([[3.0, 4.0]]))
    (tensor([[-1.]]), tensor([[6.2500]]))

    References
    ----------
    Wang, Manning (2013), Fast dropout training, ICML.
    """
    mean = require_float_tensor(inputs, "inputs")
    variance, layers = torch.zeros_like(mean), list(_flattened(model, ""))
    if not any(_p(layer) for _, layer in layers):
        _require_covered(layers)
        raise ValueError("the model has no dropout that is active: its outputs have no variance over masks.")
    _require_covered(layers)
    for _, layer in layers:
        mean, variance = _RULES[type(layer)](layer, mean, variance)
    return mean, variance


def _flattened(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    if type(module) is nn.Sequential:
        for child_name, child in module.named_children():
            yield from _flattened(child, f"{name}.{child_name}".lstrip("."))
    else:
        yield name, module


def _p(layer: nn.Module) -> float:
    p = getattr(layer, "p", 0.0)
    return float(p) if isinstance(p, (int, float)) else 0.0


def _require_covered(layers: list[tuple[str, nn.Module]]) -> None:
    for name, layer in layers:
        where = f"{name or 'the model'} ({type(layer).__name__})"
        if type(layer) not in _RULES:
            covered = ", ".join(sorted(rule.__name__ for rule in set(_RULES)))
            raise TypeError(f"no moments for {where}: covered are Sequential and {covered}. Sample with mc_predict.")
        if _p(layer) == 1:
            raise ValueError(f"{where} drops everything, p = 1: there are no moments to pass on.")


def _dropout(layer: nn.Module, mean: Tensor, variance: Tensor) -> Moments:
    p = _p(layer)
    return mean, variance + p / (1 - p) * (variance + mean**2)  # Var[ξ h] = v + Var[ξ] (v + μ²)


def _linear(layer: Any, mean: Tensor, variance: Tensor) -> Moments:
    return layer(mean), nn.functional.linear(variance, layer.weight**2)


def _dropconnect(layer: Any, mean: Tensor, variance: Tensor) -> Moments:
    # a coin for each weight: between units no covariance arises, each has the variance that dropout gives it
    _, variance = _dropout(layer, mean, variance)
    return nn.functional.linear(mean, layer.weight, layer.bias), nn.functional.linear(variance, layer.weight**2)


def _relu(_: nn.Module, mean: Tensor, variance: Tensor) -> Moments:
    sd = variance.sqrt()
    z = torch.where(sd > 0, mean / torch.where(sd > 0, sd, 1.0), torch.copysign(torch.full_like(mean, math.inf), mean))
    below, density = torch.special.ndtr(z), torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    rectified = mean * below + sd * density
    square = (mean**2 + variance) * below + mean * sd * density
    return rectified, (square - rectified**2).clamp_min(0)


def _sigmoid(_: nn.Module, mean: Tensor, variance: Tensor) -> Moments:
    kappa = (1 + math.pi / 8 * variance).rsqrt()
    s = torch.sigmoid(kappa * mean)
    return s, s * (1 - s) * (1 - kappa)


def _same(layer: nn.Module, mean: Tensor, variance: Tensor) -> Moments:
    return layer(mean), layer(variance)


_RULES: dict[type[nn.Module], Callable[[nn.Module, Tensor, Tensor], Moments]] = {
    nn.Linear: _linear,
    DropConnectLinear: _dropconnect,
    nn.ReLU: _relu,
    nn.Sigmoid: _sigmoid,
    nn.Identity: _same,
    nn.Flatten: _same,
    nn.Dropout: _dropout,
    Dropout: _dropout,
    GaussianDropout: _dropout,
}
