"""The networks of benchmarks/mc_dropout.py: untrained, since time does not depend on the weights.

Each is cut by hand where its first dropout stands: `prefix` has no coin in it, `rest` begins with one, and the forward
pass is the one after the other. The ways that compute the prefix once are told so; the others call the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mc_modules import AnyNet, Cut, Recurrent, Residual, Transformer, UNet, conv


def mlp() -> AnyNet:
    hidden = [nn.Linear(1024, 1024), nn.ReLU(), nn.Dropout(0.2)]
    return Cut(nn.Linear(784, 1024), nn.ReLU(), nn.Dropout(0.2), *hidden, nn.Linear(1024, 10), at=2)


def regression() -> AnyNet:
    return Cut(nn.Dropout(0.1), nn.Linear(8, 50), nn.ReLU(), nn.Dropout(0.1), nn.Linear(50, 1), at=0)


def lenet() -> AnyNet:
    maps = [nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.ReLU()]
    head = [nn.Linear(800, 500), nn.ReLU(), nn.Dropout(0.2), nn.Linear(500, 10)]
    return Cut(*maps, nn.Flatten(), *head, at=9)


def last_layer() -> AnyNet:
    first = [nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU()]
    return Cut(*first, nn.Dropout(0.2), nn.Linear(512, 10), at=6)


def three_depths() -> AnyNet:
    blocks = [*conv(3, 16), *conv(16, 32, nn.MaxPool2d(2), nn.Dropout(0.2))]
    blocks += conv(32, 64, nn.MaxPool2d(2), nn.Dropout(0.2))
    head = [nn.Flatten(), nn.Linear(4096, 256), nn.ReLU(), nn.Dropout(0.2), nn.Linear(256, 10)]
    return Cut(*blocks, *head, at=5)


def all_layers() -> AnyNet:
    blocks = [*conv(3, 16, nn.Dropout(0.1)), *conv(16, 32, nn.Dropout(0.1), stride=2)]
    blocks += [*conv(32, 32, nn.Dropout(0.1)), *conv(32, 64, nn.Dropout(0.1), stride=2)]
    return Cut(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10), at=2)


class Task(NamedTuple):
    """How to make a network and its inputs."""

    build: Callable[[], AnyNet]
    inputs: Callable[[], Tensor]
    note: str


def normal(*shape: int) -> Callable[[], Tensor]:
    return lambda: torch.randn(shape)


TASKS = {
    "MLP": Task(mlp, normal(64, 784), "784-1024-1024-10, p = .2 after each hidden layer, N = 64"),
    "small regression": Task(regression, normal(100, 8), "8-50-1, p = .1 before each layer, N = 100"),
    "LeNet": Task(lenet, normal(64, 1, 28, 28), "p = .2 in the head only, N = 64"),
    "last layer": Task(last_layer, normal(256, 784), "784-512-512-512-10, p = .2 before the last layer, N = 256"),
    "conv, 3 depths": Task(three_depths, normal(32, 3, 32, 32), "three convolutions, p = .2 at three depths, N = 32"),
    "conv, all layers": Task(all_layers, normal(16, 3, 32, 32), "p = .1 after each of four convolutions, N = 16"),
    "residual": Task(
        Residual, normal(16, 3, 32, 32), "three blocks of 16 channels with batch norm, p = .2 in each, N = 16"
    ),
    "transformer": Task(
        Transformer, lambda: torch.randint(100, (16, 32)), "two encoder layers of 64 units, 32 words, p = .1, N = 16"
    ),
    "LSTM": Task(Recurrent, normal(32, 24, 16), "two layers of 64 units, 24 steps, p = .5 between, .1 behind, N = 32"),
    "U-Net": Task(UNet, normal(4, 1, 32, 32), "two levels, 32 × 32 pixels, p = .2 of the channels, N = 4"),
}


def make(name: str) -> tuple[AnyNet, Tensor]:
    """The network in eval mode and its inputs, the same at each call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return TASKS[name].build().eval(), TASKS[name].inputs()
