"""What a stack costs beside other ways to train many small networks: python benchmarks/stacked_training.py

Trains the network of Gal and Ghahramani's table 1 (8 inputs, 50 ReLU units, 1 output, dropout on inputs and units,
Adam, batches of 32 of 928 rows) for one epoch at a time, in one process and on one thread: one nn.Sequential, a loop of
them, torch.func.vmap over them, one autograd graph through bmm, and the stack. The ways take turns, each several times,
and the smallest processor time of each is printed: on a busy machine it is the one that the others disturbed least.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import nn

from dropout_lab.training.stack import StackedAdam, StackedMLP, fit_stack

N, INPUTS, HIDDEN, BATCH, LR = 928, 8, 50, 32, 1e-3


def rows(networks: int) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(0)
    return torch.randn(networks, N, INPUTS, generator=source), torch.randn(networks, N, 1, generator=source)


def sequential(p: float) -> nn.Sequential:
    return nn.Sequential(nn.Dropout(p), nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Dropout(p), nn.Linear(HIDDEN, 1))


def loop(networks: int, p: float) -> Callable[[], None]:
    """A loop over networks, each trained by autograd and torch.optim.Adam in its fastest form."""
    x, y = rows(networks)
    nets = [sequential(p) for _ in range(networks)]
    optimisers = [torch.optim.Adam(net.parameters(), lr=LR, fused=True) for net in nets]

    def epoch() -> None:
        for net, optimiser, inputs, targets in zip(nets, optimisers, x, y, strict=True):
            for batch in torch.randperm(N).split(BATCH):
                loss = nn.functional.mse_loss(net(inputs[batch]), targets[batch])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()

    return epoch


def batches(x: torch.Tensor, y: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    order = torch.stack([torch.randperm(N) for _ in x])
    taken = [torch.stack([rows[index] for rows, index in zip(values, order, strict=True)]) for values in (x, y)]
    return list(zip(taken[0].split(BATCH, dim=1), taken[1].split(BATCH, dim=1), strict=True))


def vmap(networks: int, p: float) -> Callable[[], None]:
    """torch.func: the gradient of a functional call, mapped over stacked parameters, and one Adam for all."""
    x, y = rows(networks)
    net = sequential(p)
    stacked, _ = torch.func.stack_module_state([sequential(p) for _ in range(networks)])
    parameters = {name: value.detach().requires_grad_() for name, value in stacked.items()}
    optimiser = torch.optim.Adam(parameters.values(), lr=LR, fused=True)

    def loss(values: dict[str, torch.Tensor], inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nn.functional.mse_loss(torch.func.functional_call(net, values, (inputs,)), targets)

    gradient = torch.func.vmap(torch.func.grad(loss), randomness="different")

    def epoch() -> None:
        for inputs, targets in batches(x, y):
            for name, value in gradient({k: v.detach() for k, v in parameters.items()}, inputs, targets).items():
                parameters[name].grad = value
            optimiser.step()

    return epoch


def autograd_bmm(networks: int, p: float) -> Callable[[], None]:
    """The same batched products as the stack's, with autograd, F.dropout and torch.optim.Adam around them."""
    x, y = rows(networks)
    shapes = ((INPUTS, HIDDEN), (1, HIDDEN), (HIDDEN, 1), (1, 1))
    parameters = [(0.1 * torch.randn(networks, *shape)).requires_grad_() for shape in shapes]
    optimiser = torch.optim.Adam(parameters, lr=LR, fused=True)

    def epoch() -> None:
        w1, b1, w2, b2 = parameters
        for inputs, targets in batches(x, y):
            h = torch.baddbmm(b1, nn.functional.dropout(inputs, p), w1).relu()
            out = torch.baddbmm(b2, nn.functional.dropout(h, p), w2)
            loss = (out - targets).square().mean(dim=(1, 2)).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    return epoch


def stack(networks: int, p: float) -> Callable[[], None]:
    x, y = rows(networks)
    nets = StackedMLP((INPUTS, HIDDEN, 1), p, [torch.Generator().manual_seed(s) for s in range(networks)])
    adam = StackedAdam(nets, lr=LR, penalty=1e-6)
    return lambda: void(fit_stack(nets, x, y, optimiser=adam, epochs=1, batch_size=BATCH))


def void(_: object) -> None:
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=20)
    parser.add_argument("--p", type=float, default=0.05)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    many = options.networks
    ways = {
        "one nn.Sequential": loop(1, options.p),
        f"stack of {many}": stack(many, options.p),
        f"autograd through bmm, {many}": autograd_bmm(many, options.p),
        f"torch.func.vmap, {many}": vmap(many, options.p),
        f"loop of nn.Sequential, {many}": loop(many, options.p),
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(options.rounds):
        for name, epoch in ways.items():
            start = time.process_time()
            epoch()
            best[name] = min(best[name], time.process_time() - start)
    steps, one = -(-N // BATCH), best["one nn.Sequential"]
    print("| way | µs a step | times one nn.Sequential |\n|---|---|---|")
    for name, seconds in best.items():
        print(f"| {name} | {1e6 * seconds / steps:.0f} | {seconds / one:.2f} |")


if __name__ == "__main__":
    main()
