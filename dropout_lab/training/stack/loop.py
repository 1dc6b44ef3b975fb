"""The loop that trains a stack: rows, coins, losses and their gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import log_softmax
from tqdm import tqdm

from dropout_lab.arguments import require_count
from dropout_lab.training.stack.adam import StackedAdam
from dropout_lab.training.stack.memory import Memory
from dropout_lab.training.stack.network import StackedMLP, require_inputs
from dropout_lab.training.stack.noise import StackNoise

COINS_AT_ONCE = 2**15  # of one network and site: more leave the processor's cache, fewer are many calls
Batch = tuple[Tensor, Tensor, list[Tensor | None]]
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def fit_stack(
    nets: StackedMLP,
    x: Tensor,
    y: Tensor,
    *,
    optimiser: StackedAdam,
    epochs: int,
    batch_size: int,
    loss: Loss | None = None,
) -> Tensor:
    """Train every network of a stack in place, each on its own rows in its own order.

    A float `y` means regression, by the mean squared error; an integer one classes, by softmax cross-entropy. Called
    again with the same optimiser, training goes on where it stopped.

    Parameters
    ----------
    nets : StackedMLP
    x : float tensor (N, D), the same rows for all networks, or (S, N, D)
    y : float tensor (N, K) or (S, N, K), or integer tensor (N,) or (S, N)
    optimiser : StackedAdam of the same stack
    epochs : int
        How often each row is used.
    batch_size : int
        Rows a step; the last step of an epoch takes what is left.
    loss : function (outputs (S, B, K), targets (S, B, …), total) → gradient (S, B, K), optional
        Another loss: returns the gradient of each network's mean over its B rows with respect to the outputs, and adds
        the loss of row b to total[:, b], (S, B, 1). Autograd is off in it. The targets may then have any shape behind
        their rows.

    Returns
    -------
    losses : float tensor (epochs, S)
        Mean loss of the rows in each epoch, measured on the way: with dropout on and weights that move.

    Raises
    ------
    TypeError, ValueError
        For tensors of other shapes or dtypes, an optimiser of another stack, no epochs.
    """
    x = require_inputs(x, nets)
    y = _require_targets(y, x, nets) if loss is None else _require_rows(y, x)
    if optimiser.nets is not nets:
        raise ValueError("optimiser belongs to another stack: make it with StackedAdam(nets, …) of these networks.")
    batch_size = min(require_count(batch_size, "batch_size"), x.shape[-2])
    memory = Memory(x.dtype)
    noise = StackNoise(nets.p, nets.sizes[:-1], nets.streams, x.dtype)
    losses = torch.zeros(require_count(epochs, "epochs"), len(nets), dtype=x.dtype)
    squared = loss is None and y.is_floating_point()
    add_loss = loss or (_squared if squared else _cross_entropy)
    with torch.inference_mode():  # nothing asks for autograd: a tenth of the time and more of a small stack
        for epoch in tqdm(range(epochs), desc="epochs", leave=False, disable=None):
            total = x.new_zeros(len(nets), batch_size, nets.sizes[-1] if squared else 1)
            for rows, targets, coins in _batches(nets, x, y, batch_size, noise, memory):
                kept = nets.forward(rows, coins, memory)
                nets.backward(kept, coins, add_loss(kept[-1], targets, total), memory)
                optimiser.step()
            losses[epoch] = total.sum(dim=(1, 2)) / (x.shape[-2] * total.shape[2])
    return losses


def _batches(
    nets: StackedMLP, x: Tensor, y: Tensor, batch_size: int, noise: StackNoise, memory: Memory
) -> Iterator[Batch]:
    """Yield the batches of one epoch with their noise: rows (S, B, D), targets (S, B, …)."""
    n = x.shape[-2]
    order = torch.stack([torch.randperm(n, generator=generator) for generator in nets.generators])
    steps = max(1, COINS_AT_ONCE // (batch_size * sum(nets.sizes[:-1])))
    for rows in torch.split(order, steps * batch_size, dim=1):
        coins = noise.draw(rows.shape[1])
        inputs, targets = _take(x, rows, x.ndim == 2, memory, "x"), _take(y, rows, x.ndim == 2, memory, "y")
        for start in range(0, rows.shape[1], batch_size):
            batch = slice(start, start + batch_size)
            yield inputs[:, batch], targets[:, batch], [None if xi is None else xi[:, batch] for xi in coins]


def _take(values: Tensor, rows: Tensor, shared: bool, memory: Memory, name: str) -> Tensor:
    """Return values[s, rows[s, i]] as (S, R, …); `values` has no axis for the networks where it is shared."""
    if not shared:
        rows = rows + torch.arange(len(values))[:, None] * values.shape[1]
        values = values.flatten(0, 1)
    if not values.is_floating_point():
        return values[rows]
    taken = memory(name, *rows.shape, *values.shape[1:])
    torch.index_select(values, 0, rows.reshape(-1), out=taken.flatten(0, 1))
    return taken


def _squared(outputs: Tensor, targets: Tensor, total: Tensor) -> Tensor:
    """Return the gradient of the mean squared error of each network; add the squares of row b to total[:, b]."""
    difference = torch.sub(outputs, targets)
    total[:, : outputs.shape[1]].addcmul_(difference, difference)
    return difference.mul_(2 / (outputs.shape[1] * outputs.shape[2]))


def _cross_entropy(outputs: Tensor, targets: Tensor, total: Tensor) -> Tensor:
    """Return the gradient of the mean softmax cross-entropy of each network; add that of row b, in nats, to total."""
    index = targets[..., None]
    log_p = log_softmax(outputs, dim=2)
    total[:, : outputs.shape[1]].sub_(log_p.gather(2, index))
    grad = log_p.exp_().scatter_add_(2, index, torch.full_like(index, -1, dtype=outputs.dtype))
    return grad.div_(outputs.shape[1])


def _require_rows(y: object, x: Tensor) -> Tensor:
    if not isinstance(y, Tensor):
        raise TypeError(f"y is a tensor with a target for each row of x; got {type(y).__name__}.")
    if y.shape[: x.ndim - 1] != x.shape[:-1]:
        raise ValueError(f"y has a target for each row of x, shape {(*x.shape[:-1],)} and more; got {tuple(y.shape)}.")
    return y


def _require_targets(y: object, x: Tensor, nets: StackedMLP) -> Tensor:
    """Return `y` if it has a target for each row of `x`: floats (…, N, K) or whole classes (…, N)."""
    rows = tuple(x.shape[:-1])
    meaning = f"y is a {x.dtype} tensor {(*rows, nets.sizes[-1])} to regress on, or an int64 tensor {rows} of classes"
    if not isinstance(y, Tensor) or y.dtype not in (x.dtype, torch.int64):
        raise TypeError(f"{meaning}; got {y.dtype if isinstance(y, Tensor) else type(y).__name__}.")
    if tuple(y.shape) != (rows if y.dtype == torch.int64 else (*rows, nets.sizes[-1])):
        raise ValueError(f"{meaning}; got shape {tuple(y.shape)}.")
    if y.dtype == torch.int64 and not 0 <= int(y.min()) <= int(y.max()) < nets.sizes[-1]:
        raise ValueError(f"classes run from 0 to {nets.sizes[-1] - 1}; got {int(y.min())} to {int(y.max())}.")
    return y
