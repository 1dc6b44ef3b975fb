"""Train a PyTorch module, reproducibly and without leaving a trace in PyTorch's global random state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from tqdm import tqdm

from dropout_lab.arguments import require_count, require_positive
from dropout_lab.torch_layers.arguments import require_generator


@contextmanager
def seeded(generator: torch.Generator) -> Iterator[None]:
    """Let what draws from PyTorch's global generator draw from a stream that `generator` starts, for a while.

    Modules have no generator argument: their starting weights and nn.Dropout's masks come from the global generator.
    Inside this context that generator (the CPU's) runs on a seed drawn from `generator`, which moves on; afterwards its
    state is what it was before, also after an exception.

    Raises
    ------
    TypeError
        If `generator` is not a torch.Generator.

    Examples
    --------
    >>> with seeded(torch.Generator().manual_seed(0)):
    ...     net = nn.Linear(3, 2)
    >>> with seeded(torch.Generator().manual_seed(0)):
    ...     twin = nn.Linear(3, 2)
    >>> torch.equal(net.weight, twin.weight)
    True
    """
    _require_given(generator)
    seed = int(torch.randint(2**63 - 1, (), generator=generator, device=generator.device))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def fit(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    epochs: int,
    batch_size: int | None,
    lr: float,
    weight_decay: float = 0.0,
    generator: torch.Generator,
) -> list[float]:
    """Train a module in place with Adam; a bar shows the progress in a terminal, not in a notebook.

    The module is in training mode meanwhile and in eval mode afterwards, ready to predict, also when interrupted.
    Ask for dropout at test time with :mod:`dropout_lab.uncertainty`.

    Parameters
    ----------
    model : nn.Module
    x, y : tensors (N, …)
        What the module takes and what the loss compares its output with.
    loss_fn : callable
        ``loss_fn(model(x), y)`` is the mean loss of these rows, a scalar: ``nn.functional.mse_loss`` for instance.
    epochs : int
        How often each row is used.
    batch_size : int or None
        Rows a step; None takes all of them, in their order.
    lr : float > 0, step size
    weight_decay : float ≥ 0, default 0
        λ of the penalty λ/2 ‖θ‖², whose gradient λ θ Adam adds to that of the loss.
    generator : torch.Generator
        Orders the rows anew in every epoch and starts the stream of the masks that have no generator of their own.

    Returns
    -------
    losses : list of `epochs` floats
        Mean loss of the rows in each epoch, measured on the way: with dropout on and weights that move.

    Raises
    ------
    TypeError, ValueError
        For an `x` or `y` that is no tensor or of another length, no epochs, a seed in the place of `generator`.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> x = torch.linspace(-1, 1, 50)[:, None]
    >>> with seeded(generator):
    ...     net = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1))
    >>> options = {"epochs": 100, "batch_size": None, "lr": 0.01, "generator": generator}
    >>> losses = fit(net, x, x**2, loss_fn=nn.functional.mse_loss, **options)
    >>> losses[-1] < losses[0] / 2, net.training
    (True, False)
    """
    _require_pairs(x, y)
    _require_given(generator)
    require_positive(lr, "lr")
    # without `fused`, Adam is a quarter of a small network's step
    optimiser = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=weight_decay, fused=True)
    losses = []
    model.train()
    try:
        with seeded(generator):
            for _ in tqdm(range(require_count(epochs, "epochs")), desc="epochs", leave=False, disable=None):
                batches = _batches(len(x), batch_size, generator)
                losses.append(sum(_step(model, optimiser, loss_fn, x[rows], y[rows]) for rows in batches) / len(x))
    finally:
        model.eval()
    return losses


def _batches(n: int, batch_size: int | None, generator: torch.Generator) -> Sequence[Tensor | slice]:
    if batch_size is None:
        return [slice(None)]
    order = torch.randperm(n, generator=generator, device=generator.device)
    return torch.split(order, require_count(batch_size, "batch_size"))


def _step(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    y: Tensor,
) -> float:
    """One step on these rows; the sum of their losses before it."""
    loss = loss_fn(model(x), y)
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return loss.item() * len(x)


def _require_pairs(x: Tensor, y: Tensor) -> None:
    rows: object
    for name, rows in (("x", x), ("y", y)):
        if not isinstance(rows, Tensor):
            raise TypeError(f"{name} is a tensor; got {type(rows).__name__}. Wrap an array in torch.from_numpy(...).")
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y) or len(x) == 0:
        raise ValueError(f"x and y have one row for each example; got {tuple(x.shape)} and {tuple(y.shape)}.")


def _require_given(generator: torch.Generator) -> None:
    if require_generator(generator) is None:
        raise TypeError("generator is the torch.Generator to draw from; got None. Make one with torch.Generator().")
