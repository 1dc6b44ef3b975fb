"""Models that are right, as people build them: the audit has nothing to say about any, in whichever mode they come."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dropout_lab.audit import audit
from dropout_lab.torch_layers import (
    AlphaDropout,
    DropBlock2d,
    DropConnectLinear,
    Dropout,
    EmbeddingDropout,
    GaussianDropout,
    LockedDropout,
    SpatialDropout,
    TokenDropout,
)
from dropout_lab.uncertainty import mc_predict

P = 0.2


class Classifier(nn.Module):
    """Convolutions, then a head with dropout, as the older image classifiers have it."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(2)
        )
        self.head = nn.Sequential(
            nn.Dropout(0.5), nn.Linear(32, 16), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(16, 4)
        )

    def forward(self, x):
        return self.head(torch.flatten(self.features(x), 1))


def block(inputs, outputs):
    layers = (nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True), nn.Dropout2d(P))
    return nn.Sequential(*layers, nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.bottom, self.up = block(3, 8), block(8, 16), block(16, 8)
        self.widen, self.last = nn.ConvTranspose2d(16, 8, 2, 2), nn.Conv2d(8, 2, 1)

    def forward(self, x):
        skip = self.down(x)
        h = self.widen(self.bottom(F.max_pool2d(skip, 2)))
        return self.last(self.up(torch.cat([h, skip], 1)))


class Encoder(nn.Module):
    """Token and position embeddings, a transformer encoder with its fused path, a padding mask."""

    def __init__(self, norm_first=False):
        super().__init__()
        self.embed, self.drop = nn.Embedding(20, 16), nn.Dropout(P)
        self.positions = nn.Parameter(torch.randn(1, 7, 16))
        layer = nn.TransformerEncoderLayer(16, 4, 32, dropout=P, batch_first=True, norm_first=norm_first)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=not norm_first)
        self.last = nn.Linear(16, 20)

    def forward(self, words):
        h = self.drop(self.embed(words) + self.positions)
        return self.last(self.encoder(h, src_key_padding_mask=words == 0))


class TimeMajorEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, P), 2, enable_nested_tensor=False)

    def forward(self, h):
        return self.encoder(h)


def transformer():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, P), 1, enable_nested_tensor=False)
    return nn.Transformer(16, 4, 1, 1, 32, P, custom_encoder=encoder)


class PackedReader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        self.read = nn.LSTM(8, 12, 2, dropout=P, batch_first=True, bidirectional=True)
        self.last = nn.Linear(24, 3)

    def forward(self, words, lengths):
        packed = pack_padded_sequence(self.embed(words), lengths, batch_first=True)
        return self.last(pad_packed_sequence(self.read(packed)[0], batch_first=True)[0][:, -1])


class LockedReader(nn.Module):
    """Embedding dropout and one mask for all time steps, as in AWD-LSTM."""

    def __init__(self):
        super().__init__()
        self.embed, self.read, self.last = nn.Embedding(20, 8), nn.LSTM(8, 8), nn.Linear(8, 20)

    def locked(self, h):
        if not self.training:
            return h
        return h * h.new_empty(1, *h.shape[1:]).bernoulli_(1 - P).div_(1 - P).expand_as(h)

    def forward(self, words):
        table = self.embed.weight
        if self.training:
            table = table * table.new_empty(len(table), 1).bernoulli_(1 - P).expand_as(table) / (1 - P)
        return self.last(self.locked(self.read(self.locked(F.embedding(words, table)))[0])).view(-1, 20)


class StepReader(nn.Module):
    """A recurrent cell with one mask of ones from F.dropout for all steps."""

    def __init__(self):
        super().__init__()
        self.cell, self.last = nn.GRUCell(5, 7), nn.Linear(7, 2)

    def forward(self, x):
        h = x.new_zeros(len(x), 7)
        mask = F.dropout(torch.ones_like(h), P, self.training)
        for step in x.unbind(1):
            h = self.cell(step, h * mask)
        return self.last(h)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.project, self.attn_drop, self.last, self.drop = (
            nn.Linear(5, 15),
            nn.Dropout(P),
            nn.Linear(5, 5),
            nn.Dropout(P),
        )

    def forward(self, h):
        query, key, value = self.project(h).chunk(3, -1)
        p = self.attn_drop.p if self.training else 0.0
        return h + self.drop(self.last(F.scaled_dot_product_attention(query, key, value, dropout_p=p)))


class DropPath(nn.Module):
    def __init__(self, drop_prob):
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, h):
        if not self.training:
            return h
        keep = 1 - self.drop_prob
        return h * h.new_empty(len(h), *[1] * (h.ndim - 1)).bernoulli_(keep).div_(keep)


class StochasticDepth(nn.Module):
    """Residual blocks with a linear schedule that starts at nn.Identity."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 5)) for _ in range(3))
        self.paths = nn.ModuleList(DropPath(p) if p else nn.Identity() for p in (0, 0.1, 0.2))

    def forward(self, x):
        for inner, drop_path in zip(self.blocks, self.paths, strict=True):
            x = x + drop_path(inner(x))
        return x


class DropBlock(nn.Module):
    def forward(self, h):
        if not self.training:
            return h
        seeds = (torch.rand(len(h), 1, *h.shape[2:]) < 0.02).float()
        kept = 1 - F.max_pool2d(seeds, 3, 1, 1)
        return h * kept * kept.numel() / kept.sum()


class Tied(nn.Module):
    """One dropout module under two names, used twice."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(5, 8), nn.Linear(8, 8), nn.Linear(8, 2)
        self.drop = nn.Dropout(P)
        self.same_drop = self.drop

    def forward(self, x):
        return self.last(self.same_drop(self.second(self.drop(self.first(x).relu())).relu()))


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.drop, self.last = (
            nn.Linear(5, 32),
            nn.BatchNorm1d(32),
            nn.Dropout(P),
            nn.Linear(32, 2),
        )

    def forward(self, x):
        return self.last(self.drop(self.norm(self.first(x)).relu()))


class ByFunction(Perceptron):
    def forward(self, x):
        return self.last(F.dropout(self.first(x).relu(), self.drop.p, self.training))


class SwitchesModules(nn.Module):
    """An MC-dropout wrapper: dropout modules on, batch norm left alone."""

    def __init__(self):
        super().__init__()
        self.inner = Perceptron()

    def forward(self, x):
        for module in self.inner.modules():
            if isinstance(module, nn.Dropout):
                module.train()
        samples = torch.stack([self.inner(x) for _ in range(5)])
        return samples.mean(0), samples.var(0)


class SwitchesAll(nn.Module):
    """An MC-dropout wrapper around a model without batch norm that calls functions."""

    def __init__(self):
        super().__init__()
        self.inner = ByFunction()

    def forward(self, x):
        self.inner.train()
        return torch.stack([self.inner(x) for _ in range(5)]).softmax(-1).mean(0)


class NeverSwitchesOff(nn.Module):
    """An MC-dropout wrapper whose dropout modules do not follow eval()."""

    def __init__(self):
        super().__init__()
        self.inner = Perceptron()

    def train(self, mode=True):
        super().train(mode)
        self.inner.drop.train()
        return self

    @torch.inference_mode()
    def forward(self, x):
        return torch.stack([self.inner(x) for _ in range(5)])


class UsesTheEngine(SwitchesAll):
    def forward(self, x):
        return mc_predict(self.inner, x, n_samples=3)


class Vectorised(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(5, 8), nn.Dropout(P), nn.Linear(8, 2))

    def forward(self, x):
        self.inner[1].train()
        return torch.vmap(lambda _: self.inner(x), randomness="different")(torch.zeros(4)).mean(0)


class Differentiates(nn.Module):
    """A model that needs gradients inside forward, in eval mode too."""

    def __init__(self):
        super().__init__()
        self.energy = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Dropout(P), nn.Linear(8, 1))

    def forward(self, x):
        x = x.requires_grad_(True)
        return torch.autograd.grad(self.energy(x).sum(), x, create_graph=True)[0]


class Keeps(nn.Module):
    """Remembers what it saw last and counts its calls."""

    def __init__(self):
        super().__init__()
        self.first, self.seen, self.last = nn.Linear(5, 5), [], None

    def forward(self, x):
        h = F.dropout(self.first(x), P, self.training).tanh()
        h = h if self.last is None else h + self.last
        self.last = h
        self.seen.append(len(self.seen))
        return {"hidden": h, "distribution": torch.distributions.Normal(h, 1.0)}


def perceptron(layer, activation=nn.ReLU, units=32):
    return nn.Sequential(nn.Linear(5, units), activation(), layer, nn.Linear(units, 2))


def pixels(layer):
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), layer, nn.Conv2d(8, 2, 3))


def rows(seed=0):
    return torch.randn(16, 5, generator=torch.Generator().manual_seed(seed))


def images():
    return torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def words():
    return torch.randint(1, 20, (4, 7), generator=torch.Generator().manual_seed(2))


def features():
    return torch.randn(7, 4, 16, generator=torch.Generator().manual_seed(3))


def sequences():
    return rows().view(4, 4, 5)


SOUND = {
    "image classifier": (Classifier, images()),
    "U-Net": (UNet, images()),
    "transformer encoder": (Encoder, words()),
    "transformer encoder, norm first": (lambda: Encoder(norm_first=True), words()),
    "transformer encoder, time first": (TimeMajorEncoder, features()),
    "transformer": (transformer, (features(), features()[:3].contiguous())),
    "packed LSTM": (PackedReader, (words(), torch.tensor([7, 5, 3, 2]))),
    "locked LSTM": (LockedReader, words().T),
    "cell with one mask": (StepReader, sequences()),
    "attention": (Attention, sequences()),
    "stochastic depth": (StochasticDepth, rows()),
    "DropBlock": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), DropBlock(), nn.Conv2d(8, 2, 3)), images()),
    "tied": (Tied, rows()),
    "perceptron": (Perceptron, rows()),
    "by function": (ByFunction, rows()),
    "without dropout": (lambda: nn.Linear(5, 2), rows()),
    "dropout alone": (lambda: nn.Dropout(P), rows()),
    "MC wrapper, modules": (SwitchesModules, rows()),
    "MC wrapper, functions": (SwitchesAll, rows()),
    "MC wrapper, never off": (NeverSwitchesOff, rows()),
    "MC wrapper, engine": (UsesTheEngine, rows()),
    "MC wrapper, vmap": (Vectorised, rows()),
    "gradient inside": (Differentiates, rows()),
    "state and objects": (Keeps, rows()),
}
SOUND |= {
    "our dropout": (lambda: perceptron(Dropout(P, torch.Generator())), rows()),
    "our Gaussian dropout": (lambda: perceptron(GaussianDropout(P)), rows()),
    "our alpha dropout": (lambda: perceptron(AlphaDropout(P), nn.SELU), rows()),
    "our DropConnect": (lambda: perceptron(DropConnectLinear(32, 32, P)), rows()),
    "our DropConnect, moments": (lambda: perceptron(DropConnectLinear(32, 32, P, inference="moments")), rows()),
    "our locked dropout": (lambda: perceptron(LockedDropout(P)), sequences()),
    "our spatial dropout": (lambda: pixels(SpatialDropout(P)), images()),
    "our DropBlock": (lambda: pixels(DropBlock2d(P, 3)), images()),
    "our token dropout": (lambda: nn.Sequential(TokenDropout(P, 0), nn.Embedding(20, 8), nn.Linear(8, 2)), words()),
    "our embedding dropout": (lambda: nn.Sequential(EmbeddingDropout(20, 8, P), nn.Linear(8, 2)), words()),
}


@pytest.mark.parametrize("training", [True, False], ids=["training", "eval"])
@pytest.mark.parametrize(("build", "inputs"), SOUND.values(), ids=SOUND)
def test_nothing_is_found_in_a_sound_model(build, inputs, training):
    report = audit(build().train(training), *(inputs if isinstance(inputs, tuple) else (inputs,)))
    assert report.ok, str(report)


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_found_by_chance(seed):
    torch.manual_seed(seed)
    assert audit(Perceptron(), rows(seed)).ok
    assert audit(SwitchesAll(), rows(seed)).ok
