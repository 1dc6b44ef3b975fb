"""Networks of benchmarks/mc_dropout.py that are no Sequential, and what a network has to offer there."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Net(nn.Module):
    """A network as prefix and rest; what the prefix hands on is a tuple of tensors with the batch on axis 0."""

    has_prefix = True

    def prefix(self, x: Tensor) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def rest(self, *handed: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.rest(*self.prefix(x))

    def without_dropout(self) -> Net:
        """The network that the floor times: this one in eval mode, cut as late as can be."""
        return self.eval()


class Cut(nn.Sequential):
    """A Sequential whose first `at` layers are the prefix."""

    def __init__(self, *layers: nn.Module, at: int) -> None:
        super().__init__(*layers)
        self.halves, self.has_prefix = (nn.Sequential(*layers[:at]), nn.Sequential(*layers[at:])), at > 0

    def prefix(self, x: Tensor) -> tuple[Tensor, ...]:
        return (self.halves[0](x),)

    def rest(self, *handed: Tensor) -> Tensor:
        return self.halves[1](handed[0])

    def without_dropout(self) -> Cut:
        """Itself in eval mode."""
        return self.eval()


AnyNet = Net | Cut


def conv(inputs: int, outputs: int, *more: nn.Module, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.ReLU(), *more]


class Block(nn.Module):
    """Two convolutions with batch norm and a dropout between them, beside a shortcut: a wide residual block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first = [nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1)]
        second = [nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1)]
        self.before, self.after = nn.Sequential(*first), nn.Sequential(nn.Dropout(0.2), *second)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.after(self.before(h))


class Residual(Net):
    """A stem and three residual blocks: the shortcut of the first carries what has no noise past its dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.first, self.blocks = Block(16), nn.Sequential(Block(16), Block(16))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.first(self.stem(x))))

    def prefix(self, x: Tensor) -> tuple[Tensor, ...]:
        h = self.stem(x)
        return h, self.first.before(h)

    def rest(self, *handed: Tensor) -> Tensor:
        h, branch = handed
        return self.head(self.blocks(h + self.first.after(branch)))


class Transformer(Net):
    """An embedding and two encoder layers of PyTorch's own, which drop attention weights, branches and hidden units."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(100, 64), nn.Parameter(0.1 * torch.randn(32, 64))
        layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(64, 10)

    def prefix(self, x: Tensor) -> tuple[Tensor, ...]:
        return (self.embed(x) + self.place,)

    def rest(self, *handed: Tensor) -> Tensor:
        return self.head(self.encoder(handed[0]).mean(dim=1))


class Recurrent(Net):
    """An LSTM of two layers with a dropout between them, which is the LSTM's own, and one before the last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(16, 64, num_layers=2, dropout=0.5, batch_first=True)
        self.drop, self.head = nn.Dropout(0.1), nn.Linear(64, 10)

    has_prefix = False  # the first coin falls inside of the LSTM, where no caller can cut

    def prefix(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x,)

    def rest(self, *handed: Tensor) -> Tensor:
        return self.head(self.drop(self.lstm(handed[0])[0][:, -1]))

    def without_dropout(self) -> Net:
        return TwoLayers(self)


class TwoLayers(Net):
    """The same LSTM as one a layer, which can be cut between them."""

    def __init__(self, net: Recurrent) -> None:
        super().__init__()
        self.layers, self.head = nn.ModuleList(nn.LSTM(n, 64, batch_first=True) for n in (16, 64)), net.head
        for index, layer in enumerate(self.layers):
            weights = net.lstm.state_dict()
            layer.load_state_dict({name: weights[name.replace("_l0", f"_l{index}")] for name in layer.state_dict()})

    def prefix(self, x: Tensor) -> tuple[Tensor, ...]:
        return (self.layers[0](x)[0],)

    def rest(self, *handed: Tensor) -> Tensor:
        return self.head(self.layers[1](handed[0])[0][:, -1])


class UNet(Net):
    """Two levels down and up again, a class for each pixel; channels are dropped at the bottom and on the way up."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2 = nn.Sequential(*conv(1, 16)), nn.Sequential(nn.MaxPool2d(2), *conv(16, 32))
        self.bottom = nn.Sequential(nn.MaxPool2d(2), *conv(32, 64))
        self.up2 = nn.Sequential(*conv(64 + 32, 32), nn.Dropout2d(0.2))
        self.up1 = nn.Sequential(*conv(32 + 16, 16), nn.Dropout2d(0.2), nn.Conv2d(16, 2, 1))
        self.drop, self.grow = nn.Dropout2d(0.2), nn.Upsample(scale_factor=2)

    def prefix(self, x: Tensor) -> tuple[Tensor, ...]:
        fine = self.down1(x)
        middle = self.down2(fine)
        return fine, middle, self.bottom(middle)

    def rest(self, *handed: Tensor) -> Tensor:
        fine, middle, bottom = handed
        h = self.up2(torch.cat([self.grow(self.drop(bottom)), middle], dim=1))
        return self.up1(torch.cat([self.grow(h), fine], dim=1))
