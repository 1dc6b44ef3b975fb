"""Time of one training step through a dropout layer on the CPU, forward and backward: ours beside nn.Dropout.

    python benchmarks/dropout_layer.py [--units 4000000] [--p 0.1] [--repeats 15] [--threads 1]

The layers take turns in one process, and the minimum of the repeats counts, because whatever else the machine does
only adds. Speed-ups are against `nn.Dropout`. The floor is a multiplication by noise that is already there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from dropout_lab.torch_layers import Dropout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=4_000_000)
    parser.add_argument("--p", type=float, default=0.1)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    noise = (torch.rand(options.units) >= options.p) / (1 - options.p)
    layers: dict[str, Callable[[Tensor], Tensor]] = {
        "nn.Dropout": nn.Dropout(options.p),
        "ours": Dropout(options.p),
        "ours, exact=True": Dropout(options.p, exact=True),
        "floor": lambda h: h * noise,
    }
    print(f"{options.units:,} float32 units, p = {options.p}, {options.threads} thread(s), best of {options.repeats}")
    table = {name: (float("inf"), float("inf")) for name in layers}
    for _ in range(options.repeats):
        for name, layer in layers.items():
            table[name] = tuple(map(min, table[name], step(layer, options.units)))
    reference = sum(table["nn.Dropout"])
    for name, (forward, backward) in table.items():
        total = forward + backward
        milliseconds = f"forward {1e3 * forward:6.1f} ms, backward {1e3 * backward:5.1f} ms, both {1e3 * total:6.1f} ms"
        print(f"{name:18}{milliseconds}, {reference / total:5.1f} times as fast")


def step(layer: Callable[[Tensor], Tensor], units: int) -> tuple[float, float]:
    """Seconds of the forward and of the backward pass."""
    h, grad_out = torch.randn(units, requires_grad=True), torch.ones(units)
    start = time.perf_counter()
    h_dropped = layer(h)
    middle = time.perf_counter()
    h_dropped.backward(grad_out)
    return middle - start, time.perf_counter() - middle


if __name__ == "__main__":
    main()
