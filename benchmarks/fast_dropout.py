"""Mean and spread from one pass of moments against T = 100 samples: error and time of both.

    python benchmarks/fast_dropout.py [--reference 20000] [--repeats 15] [--threads 1]

The truth is a reference of many samples. Errors are means over rows and outputs: of the mean in units of the true
spread, of the spread relative to it. Those of 100 samples are what one set of them is off by; the reference's own are
√(100 / reference) of these. Times are the minimum of several, in turns: CPU seconds on one thread, else wall-clock.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise

import torch
from torch import Tensor, nn

from dropout_lab.uncertainty import mc_predict, moment_predict

T, N = 100, 16


def network(sizes: tuple[int, ...], activation: type[nn.Module], p: float, *, everywhere: bool) -> nn.Sequential:
    """A network with dropout before each layer, or before the last one only."""
    layers: list[nn.Module] = []
    for number, (inputs, outputs) in enumerate(pairwise(sizes), start=2):
        last = number == len(sizes)
        dropped = [nn.Dropout(p)] if last or everywhere else []
        layers += [*dropped, nn.Linear(inputs, outputs), *([] if last else [activation()])]
    return nn.Sequential(*layers).eval()


NETWORKS = {
    "8-50-1, ReLU, p = .1": ((8, 50, 1), nn.ReLU, 0.1, True),
    "8-50-50-1, ReLU, p = .1": ((8, 50, 50, 1), nn.ReLU, 0.1, True),
    "8-50-50-1, sigmoid, p = .1": ((8, 50, 50, 1), nn.Sigmoid, 0.1, True),
    "8-50-50-1, ReLU, p = .5": ((8, 50, 50, 1), nn.ReLU, 0.5, True),
    "784-512-512-10, ReLU, p = .2": ((784, 512, 512, 10), nn.ReLU, 0.2, True),
    "784-512-512-10, ReLU, p = .2 before the last": ((784, 512, 512, 10), nn.ReLU, 0.2, False),
}


def errors(mean: Tensor, sd: Tensor, true_mean: Tensor, true_sd: Tensor) -> tuple[float, float]:
    """Mean error of the mean in true spreads, and mean relative error of the spread."""
    return ((mean - true_mean).abs() / true_sd).mean().item(), (sd / true_sd - 1).abs().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.threads == 1 else time.perf_counter
    generator = torch.Generator().manual_seed(0)
    columns = "mean off by | spread off by | ms | mean off by, T = 100 | spread off by, T = 100 | ms, T = 100"
    print(f"| network, N = {N} | {columns} |\n" + "|---" * 7 + "|")
    for name, (sizes, activation, p, everywhere) in NETWORKS.items():
        torch.manual_seed(0)
        net, x = network(sizes, activation, p, everywhere=everywhere), torch.randn(N, sizes[0])
        truth = mc_predict(net, x, n_samples=options.reference, generator=generator)
        least, cells = [float("inf"), float("inf")], []
        for _ in range(options.repeats):
            start = clock()
            mean, variance = moment_predict(net, x)
            middle = clock()
            samples = mc_predict(net, x, n_samples=T, generator=generator)
            least = [min(least[0], middle - start), min(least[1], clock() - middle)]
        ways = ((mean, variance.sqrt()), (samples.mean(dim=0), samples.std(dim=0)))
        for (center, spread), seconds in zip(ways, least, strict=True):
            off = errors(center, spread, truth.mean(dim=0), truth.std(dim=0))
            cells.append(f"{off[0]:.3f} sd | {off[1]:.1%} | {1e3 * seconds:.2f}")
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
