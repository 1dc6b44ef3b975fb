"""The same classifier at several drop probabilities, from several seeds: all of them trained at once, as one stack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from tqdm import tqdm

from dropout_lab.arguments import require_count, require_positive, require_probability
from dropout_lab.torch_layers import max_norm_
from dropout_lab.torch_layers.arguments import require_generator
from dropout_lab.training.stack.noise import StackNoise, coin_stream


class Trials(nn.Module):
    """S × R networks of the same shape, two ReLU layers with dropout behind each: one for each p and each seed.

    The networks of a seed start from the same weights, whatever their p, so that they can be compared in pairs. This is
    a module for autograd, with max-norm and a look after each epoch; :mod:`dropout_lab.training.stack` trains several
    times as fast, with gradients written out.

    Parameters
    ----------
    sizes : four ints, (D, H, H', K)
        Features, units of the two hidden layers, classes.
    p : sequence of S floats in [0, 1)
        Probability that a *hidden unit* is dropped; the first axis of all results.
    n_seeds : int
        R, the second axis of all results.
    p_input : float in [0, 1), default 0
        Probability that a *feature* is dropped.
    generator : torch.Generator
        Draws the starting weights, and then the masks.

    Raises
    ------
    TypeError, ValueError
        For a p outside [0, 1), sizes that are no whole numbers above zero, a seed in the place of `generator`.

    Examples
    --------
    >>> trials = Trials((40, 32, 32, 10), [0.0, 0.2], 5, generator=torch.Generator().manual_seed(0))
    >>> trials(torch.zeros(100, 40)).shape
    torch.Size([2, 5, 100, 10])
    """

    def __init__(
        self,
        sizes: tuple[int, int, int, int],
        p: Sequence[float],
        n_seeds: int,
        *,
        p_input: float = 0.0,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        for size in sizes:
            require_count(size, "a size")
        self.p, self.p_input = [_require_below_one(rate) for rate in p], _require_below_one(p_input)
        self.n_seeds, self.generator = require_count(n_seeds, "n_seeds"), _require_given(generator)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for inputs, units in pairwise(sizes):
            start = torch.randn(n_seeds, units, inputs, generator=generator) * (2 / inputs) ** 0.5
            self.weights.append(nn.Parameter(start.repeat(len(self.p), 1, 1)))  # (S R, K, D)
            self.biases.append(nn.Parameter(torch.zeros(len(self.p) * n_seeds, 1, units)))
        p_of_sites = torch.tensor([[self.p_input, rate, rate] for rate in self.p], dtype=torch.float64)
        self.coins = StackNoise(p_of_sites, sizes[:-1], [coin_stream(generator)] * len(self.p), torch.float32)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (S, R, N, K) of examples (N, D), or of examples (R, N, D) that each seed has of its own."""
        h = x.expand(self.n_seeds, *x.shape[-2:]).repeat(len(self.p), 1, 1)
        noise = self._noise(h.shape[1]) if self.training else [None] * len(self.weights)
        for layer, (weight, bias, xi) in enumerate(zip(self.weights, self.biases, noise, strict=True)):
            if layer:
                h = _relu_times(h, xi)
            elif xi is not None:
                h = h * xi
            h = torch.baddbmm(bias, h, weight.transpose(1, 2))
        return h.view(len(self.p), self.n_seeds, *h.shape[1:])

    def _noise(self, rows: int) -> list[Tensor | None]:
        """Noise of the features and of each hidden layer, (S R, rows, units); None where no network drops."""
        sites = self.coins.draw(self.n_seeds * rows)
        return [None if xi is None else xi.reshape(-1, rows, xi.shape[-1]) for xi in sites]


def fit_trials(
    trials: Trials,
    x: Tensor,
    y: Tensor,
    *,
    epochs: int,
    batch_size: int,
    lr: float,
    max_norm: float | None = None,
    after_epoch: Callable[[Trials], object] | None = None,
) -> Tensor:
    """Train all networks in place with Adam on cross-entropy; each seed has a training set of its own.

    Parameters
    ----------
    trials : Trials
        Left in eval mode.
    x, y : tensors (R, N, D) and (R, N)
        The training set of each seed; networks of one seed see the same batches.
    epochs : int
        How often each row is used.
    batch_size : int
        Rows a step.
    lr : float > 0
        Adam's step size.
    max_norm : float > 0, optional
        Longest incoming weight vector that a hidden unit may have after a step.
    after_epoch : function of the networks, optional
        Called after every epoch, with the networks in eval mode.

    Returns
    -------
    losses : tensor (epochs, S, R)
        Mean loss of the rows in each epoch, measured on the way: with dropout on and weights that move.

    Raises
    ------
    TypeError, ValueError
        For an `x` without an axis of seeds, a `y` of another shape, no epochs, a step size that is not positive.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> trials = Trials((2, 16, 16, 2), [0.0, 0.2], 3, generator=generator)
    >>> x = torch.randn(3, 100, 2, generator=generator)
    >>> losses = fit_trials(trials, x, (x[..., 0] > 0).long(), epochs=10, batch_size=20, lr=0.01)
    >>> losses.shape, bool((losses[-1] < losses[0]).all())
    (torch.Size([10, 2, 3]), True)
    """
    _require_a_set_for_each_seed(trials, x, y)
    optimiser = torch.optim.Adam(trials.parameters(), lr=require_positive(lr, "lr"), fused=True)
    losses = torch.zeros(require_count(epochs, "epochs"), len(trials.p), trials.n_seeds)
    for epoch in tqdm(range(epochs), desc="epochs", leave=False, disable=None):
        trials.train()
        order = torch.rand(y.shape, generator=trials.generator).argsort(dim=1)
        for rows in torch.split(order, require_count(batch_size, "batch_size"), dim=1):
            each = cross_entropies(trials, x.gather(1, rows[..., None].expand(-1, -1, x.shape[2])), y.gather(1, rows))
            optimiser.zero_grad()
            total = each.mean(dim=-1).sum()  # the networks share no parameter, so their gradients do not mix
            total.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses[epoch] += each.detach().sum(dim=-1) / y.shape[1]
            if max_norm is not None:
                for weight in trials.weights[:-1]:
                    max_norm_(weight.flatten(0, 1), max_norm)
        trials.eval()
        if after_epoch is not None:
            after_epoch(trials)
    return losses


def cross_entropies(trials: Trials, x: Tensor, y: Tensor) -> Tensor:
    """Loss of each example in nats, (S, R, N); dropout is on if the networks are in training mode."""
    return _losses(trials(x), y)


@torch.no_grad()
def evaluate(trials: Trials, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Error rate and mean loss in nats of every network, each (S, R), with dropout off.

    Parameters
    ----------
    trials : Trials
        Put into eval mode, and left in it.
    x, y : tensors (N, D) and (N,), or (R, N, D) and (R, N) for a set of each seed

    Examples
    --------
    >>> trials = Trials((2, 4, 4, 10), [0.2], 3, generator=torch.Generator().manual_seed(0))
    >>> error, loss = evaluate(trials, torch.zeros(5, 2), torch.full((5,), 9))
    >>> error.shape, [round(value, 3) for value in loss[0].tolist()]  # all biases are 0 at the start: log 10
    (torch.Size([1, 3]), [2.303, 2.303, 2.303])
    """
    trials.eval()
    logits = trials(x)
    wrong = logits.argmax(dim=-1) != y
    return wrong.float().mean(dim=-1), _losses(logits, y).mean(dim=-1)


def _relu_times(h: Tensor, xi: Tensor | None) -> Tensor:
    """Return ξ relu(h), as ξ [h > 0] h: relu's own backward branches at every unit, slow without vector units."""
    return h.relu() if xi is None else h * (xi * (h.detach() > 0).to(h.dtype))


def _losses(logits: Tensor, y: Tensor) -> Tensor:
    classes = y.expand(logits.shape[:-1])
    return nn.functional.cross_entropy(logits.flatten(0, -2), classes.flatten(), reduction="none").view(classes.shape)


def _require_below_one(p: float) -> float:
    if require_probability(p) == 1:
        raise ValueError("p is the probability of dropping a unit, below 1 in training; got 1, where nothing is left.")
    return p


def _require_given(generator: torch.Generator) -> torch.Generator:
    if require_generator(generator) is None:
        raise TypeError("generator is a torch.Generator, such as torch.Generator().manual_seed(0); got None.")
    return generator


def _require_a_set_for_each_seed(trials: Trials, x: Tensor, y: Tensor) -> None:
    if x.dim() != 3 or len(x) != trials.n_seeds or y.shape != x.shape[:2]:
        meaning = f"x is (R, N, D) and y (R, N), a training set for each of R = {trials.n_seeds} seeds"
        raise ValueError(f"{meaning}; got {tuple(x.shape)} and {tuple(y.shape)}.")
