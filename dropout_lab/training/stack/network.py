"""The networks of a stack: forward, backward and predictions of S multilayer perceptrons in batched matrix products."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from dropout_lab.arguments import require_count
from dropout_lab.training.stack.memory import Memory
from dropout_lab.training.stack.noise import coin_stream, require_generators, require_site_probabilities
from dropout_lab.training.stack.passes import stochastic_passes
from dropout_lab.training.stack.products import affine, outer, product

VALUES_AT_ONCE = 2**20  # in a piece of passes: a few MB, which the processor's last cache holds


class StackedMLP:
    """S networks of one shape: dropout, then a linear layer, for each layer; ReLU or tanh between them.

    Network s computes h ← φ(W (ξ ∘ h) + b) with its own W, b and noise ξ ∈ {0, 1/(1-p)}; no φ after the last layer.

    Parameters
    ----------
    sizes : sequence of int
        Units of each layer, inputs and outputs included: (8, 50, 1) has one hidden layer.
    p : float, a float for each site, or float tensor (S, sites)
        Probability that a unit is *dropped*, in [0, 1). Site 0 are the inputs, site i is hidden layer i.
    generators : sequence of S torch.Generator
        One a network: for its weights, the order of its rows and its coins. Two networks must not share one.
    activation : {"relu", "tanh"}, default "relu"
    dtype : float dtype, default float32
    weights : {"glorot", "torch"}, default "glorot"
        How weights start: uniform in ± √(6 / (fan_in + fan_out)) with zero biases, as Keras does, or weights and biases
        uniform in ± 1/√fan_in, as nn.Linear does.

    Attributes
    ----------
    parameters : float tensor, all weights and biases in one piece, which is what an optimiser moves
    weights, biases : lists of views of it, (S, fan_in, fan_out) and (S, 1, fan_out), one a layer
    gradient, weight_gradients, bias_gradients : the same for the gradient of the mean loss of each network

    Raises
    ------
    TypeError, ValueError
        For a p outside [0, 1) or of another shape, a seed in the place of a generator, a shared generator.

    Examples
    --------
    >>> from dropout_lab.training.stack import StackedAdam, fit_stack
    >>> nets = StackedMLP((2, 16, 1), 0.1, [torch.Generator().manual_seed(seed) for seed in range(3)])
    >>> x = torch.rand(100, 2, generator=torch.Generator().manual_seed(3))
    >>> losses = fit_stack(nets, x, x[:, :1] * x[:, 1:], optimiser=StackedAdam(nets, lr=0.01), epochs=50, batch_size=20)
    >>> nets.predict(x).shape, bool((losses[-1] < losses[0]).all())
    (torch.Size([3, 100, 1]), True)

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), Dropout: A Simple Way to Prevent Neural Networks
    from Overfitting, JMLR 15, section 4 (the forward pass; here scaled in training).
    """

    def __init__(
        self,
        sizes: Sequence[int],
        p: float | Sequence[float] | Tensor,
        generators: Sequence[torch.Generator],
        *,
        activation: str = "relu",
        dtype: torch.dtype = torch.float32,
        weights: str = "glorot",
    ) -> None:
        self.sizes = tuple(require_count(size, "every size") for size in sizes)
        if len(self.sizes) < 2:
            raise ValueError(f"sizes has at least the number of inputs and that of outputs; got {sizes!r}.")
        if activation not in ("relu", "tanh") or weights not in ("glorot", "torch"):
            raise ValueError(
                f"activation is 'relu' or 'tanh' and weights 'glorot' or 'torch'; got {activation!r}, {weights!r}."
            )
        self.generators = require_generators(generators)
        self.p = require_site_probabilities(p, len(self.generators), len(self.sizes) - 1)
        self.scales = [(1 / (1 - rates)).to(dtype)[:, None, None] for rates in self.p.T]
        self.activation = activation
        shapes = list(zip(self.sizes[:-1], self.sizes[1:], strict=True))
        count = len(self.generators) * sum((fan_in + 1) * fan_out for fan_in, fan_out in shapes)
        self.parameters, self.gradient = torch.empty(count, dtype=dtype), torch.zeros(count, dtype=dtype)
        self.weights, self.biases = self._views(self.parameters, shapes)
        self.weight_gradients, self.bias_gradients = self._views(self.gradient, shapes)
        self._start(weights)
        self.streams = [coin_stream(generator) for generator in self.generators]

    def _views(self, flat: Tensor, shapes: list[tuple[int, int]]) -> tuple[list[Tensor], list[Tensor]]:
        stack, start = len(self.generators), 0
        weights: list[Tensor] = []
        biases: list[Tensor] = []
        for fan_in, fan_out in shapes:
            for kind, rows in ((weights, fan_in), (biases, 1)):
                kind.append(flat[start : start + stack * rows * fan_out].view(stack, rows, fan_out))
                start += stack * rows * fan_out
        return weights, biases

    def _start(self, rule: str) -> None:
        for network, generator in enumerate(self.generators):
            for weight, bias in zip(self.weights, self.biases, strict=True):
                fan_in, fan_out = weight.shape[1:]
                bound = math.sqrt(6 / (fan_in + fan_out)) if rule == "glorot" else 1 / math.sqrt(fan_in)
                weight[network].uniform_(-bound, bound, generator=generator)
                bias[network].zero_() if rule == "glorot" else bias[network].uniform_(
                    -bound, bound, generator=generator
                )

    def __len__(self) -> int:
        """Return the number of networks, S."""
        return len(self.generators)

    def forward(self, x: Tensor, noise: Sequence[Tensor | None], memory: Memory | None = None) -> list[Tensor]:
        """Return what enters each linear layer, (S, B, fan_in), and last the outputs (S, B, K).

        Parameters
        ----------
        x : float tensor (S, B, D)
        noise : a float tensor (S, B, units) for each site, 0 or 1/(1-p); None where nothing is dropped
        memory : Memory, optional
            Where results are written, over those of the call before; by default each call has its own.
        """
        memory = memory or Memory(x.dtype)
        kept = [x if noise[0] is None else torch.mul(x, noise[0], out=memory("h 0", *x.shape))]
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True), start=1):
            h = affine(kept[-1], weight, bias, memory, f"h {layer}")
            if layer < len(self.weights):
                h = h.relu_() if self.activation == "relu" else h.tanh_()
                xi = noise[layer]
                h = h if xi is None else h.mul_(xi)
            kept.append(h)
        return kept

    def backward(
        self,
        kept: Sequence[Tensor],
        noise: Sequence[Tensor | None],
        grad_out: Tensor,
        memory: Memory | None = None,
    ) -> None:
        """Write the gradient of each network's loss into :attr:`gradient`.

        Parameters
        ----------
        kept : what :meth:`forward` returned
        noise : what it was given
        grad_out : float tensor (S, B, K), gradient of the loss with respect to the outputs
        memory : Memory, optional, as in :meth:`forward`
        """
        grad, memory = grad_out, memory or Memory(grad_out.dtype)
        for layer in reversed(range(len(self.weights))):
            h = kept[layer]
            outer(h, grad, self.weight_gradients[layer])
            torch.sum(grad, dim=1, keepdim=True, out=self.bias_gradients[layer])
            if layer:
                grad = self._through_activation(h, noise[layer], grad, layer, memory)

    def _through_activation(self, h: Tensor, xi: Tensor | None, grad: Tensor, layer: int, memory: Memory) -> Tensor:
        weight = self.weights[layer].transpose(1, 2)
        if self.activation == "relu":
            # ξ φ'(a) is 1/(1-p) where ξ φ(a) > 0 and 0 elsewhere: no need to look at the mask again
            weight = weight if xi is None else weight * self.scales[layer]
            back = product(grad, weight, memory, f"grad {layer}")
            return torch.ops.aten.threshold_backward.grad_input(back, h, 0, grad_input=back)  # type: ignore[no-any-return]
        back = product(grad, weight, memory, f"grad {layer}")
        if xi is None:
            return back.mul_(1 - h * h)
        # h = ξ t with t = tanh(a), so ξ (1 - t²) = ξ - h t, and where ξ = 0 it is 0
        return back.mul_(xi - h * h / xi.clamp(min=1))

    def predict(self, x: Tensor) -> Tensor:
        """Return the outputs with every unit kept: x of shape (N, D) or (S, N, D) → (S, N, K)."""
        x = require_inputs(x, self)
        return self.forward(x.expand(len(self), *x.shape[-2:]), [None] * len(self.weights))[-1]

    def passes(self, x: Tensor, network: int, *, n_samples: int, values: int = VALUES_AT_ONCE) -> Iterator[Tensor]:
        """Yield stochastic passes of one network in pieces of shape (t, N, K); the t add up to `n_samples`.

        A pass is one thinned network, and all rows go through it: the passes of a row are independent, the rows of a
        pass are not. The coins come from the network's own stream.

        Parameters
        ----------
        x : float tensor (N, D)
        network : int, which of the S networks
        n_samples : int, number of passes
        values : int, default 2**20
            About how many numbers a piece holds.
        """
        if not isinstance(x, Tensor) or x.ndim != 2:
            raise ValueError("x has the rows of one network, shape (N, D): passes are made network by network.")
        return stochastic_passes(self, require_inputs(x, self), network, n_samples, values)


def require_inputs(x: object, nets: StackedMLP) -> Tensor:
    """Return `x` if it fits the networks: a float tensor (N, D) for all of them or (S, N, D), of their dtype."""
    meaning = f"x is a {nets.parameters.dtype} tensor (N, {nets.sizes[0]}) or ({len(nets)}, N, {nets.sizes[0]})"
    if not isinstance(x, Tensor) or x.dtype != nets.parameters.dtype:
        raise TypeError(f"{meaning}; got {x.dtype if isinstance(x, Tensor) else type(x).__name__}.")
    if x.ndim not in (2, 3) or x.shape[-1] != nets.sizes[0] or (x.ndim == 3 and len(x) != len(nets)) or not x.numel():
        raise ValueError(f"{meaning}; got shape {tuple(x.shape)}.")
    return x
