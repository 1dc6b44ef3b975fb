"""Answers to lesson 08: code from the wild, mended and not."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Normal

# ------------------------------------------------------------------------------------------------ 08-a


def saved_and_restored(block, h, state):
    here = torch.get_rng_state()
    torch.set_rng_state(state)
    try:
        return block(h)
    finally:
        torch.set_rng_state(here)


def through_a_generator(block, h, state):
    generator, here = torch.default_generator, torch.default_generator.get_state()
    generator.set_state(state)
    out = block(h)
    generator.set_state(here)
    return out


def forked(block, h, state):
    with torch.random.fork_rng():
        torch.set_rng_state(state.clone())
        return block(h)


def moved_for_good(block, h, state):
    torch.default_generator.set_state(state)
    return block(h)


def rewound_twice(block, h, state):
    out = moved_for_good(block, h, state)
    torch.set_rng_state(state)
    return out


def detached(block, h, state):
    return saved_and_restored(block, h.detach(), state)


def quiet(block, h, state):
    with torch.no_grad():
        return saved_and_restored(block, h, state)


def own_seed(block, h, state):
    torch.manual_seed(42)
    return block(h)


def own_seed_forked(block, h, state):
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return block(h)


def forked_only(block, h, state):
    with torch.random.fork_rng():
        return block(h)


def state_read_off(block, h, state):
    state = torch.get_rng_state()
    return saved_and_restored(block, h, state)


RIGHT = (("08-a", (saved_and_restored, through_a_generator, forked)),)
WRONG = (
    ("08-a", "checkpoint-new-mask", (lambda block, h, state: block(h),)),
    ("08-a", "generator-rewound", (moved_for_good, rewound_twice)),
    ("08-a", "gradient-cut", (detached, quiet)),
    ("08-a", "seeded-inside", (own_seed, own_seed_forked)),
    ("08-a", "dropped-then-ignored", (lambda block, h, state: h, lambda block, h, state: (block(h), h)[1])),
)

# ------------------------------------------------------------------------------------------------ 08-b


def room(shape, block_size):
    return shape[2] - block_size + 1, shape[3] - block_size + 1


def gamma_of(shape, p, block_size):
    rows, columns = room(shape, block_size)
    return p * shape[2] * shape[3] / (block_size**2 * rows * columns)


def cleared(corners, shape, block_size):
    mask = np.ones(shape, dtype=bool)
    for n, c, i, j in zip(*np.nonzero(corners), strict=True):
        mask[n, c, i : i + block_size, j : j + block_size] = False
    return mask


def one_by_one(shape, p, block_size, rng):
    n, c, *_ = shape
    corners = rng.random((n, c, *room(shape, block_size))) < gamma_of(shape, p, block_size)
    return cleared(corners, shape, block_size)


def pooled(shape, p, block_size, rng):
    n, c, *_ = shape
    seeds = rng.binomial(1, gamma_of(shape, p, block_size), (n, c, *room(shape, block_size)))
    padded = F.pad(torch.from_numpy(seeds).float(), [block_size - 1] * 4)
    return (F.max_pool2d(padded, block_size, stride=1) == 0).numpy()


def from_centres(shape, p, block_size, rng):
    *_, height, width = shape
    half = block_size // 2
    centres = np.zeros(shape, dtype=bool)
    inner = (slice(None), slice(None), slice(half, height - half), slice(half, width - half))
    centres[inner] = rng.uniform(size=centres[inner].shape) < gamma_of(shape, p, block_size)
    mask = np.ones(shape, dtype=bool)
    for n_, c_, i, j in np.argwhere(centres):
        mask[n_, c_, i - half : i + half + 1, j - half : j + half + 1] = 0
    return mask


def with_exact_share(shape, p, block_size, rng):
    """γ by bisection, so that the share is p with the overlaps counted once."""
    low, high = 0.0, 1.0
    reach = np.outer(*(np.convolve(np.ones(n), np.ones(block_size)) for n in room(shape, block_size)))
    for _ in range(50):
        gamma = (low + high) / 2
        low, high = (gamma, high) if np.mean(1 - (1 - gamma) ** reach) < p else (low, gamma)
    n, c, *_ = shape
    return cleared(rng.random((n, c, *room(shape, block_size))) < gamma, shape, block_size)


def everywhere(rate):
    """Seeds at all H × W pixels, grown by pooling with padding."""

    def drop_block_mask(shape, p, block_size, rng):
        seeds = torch.from_numpy((rng.random(shape) < rate(shape, p, block_size)).astype(np.float32))
        return (F.max_pool2d(seeds, block_size, stride=1, padding=block_size // 2) == 0).numpy()

    return drop_block_mask


def in_room(rate):
    def drop_block_mask(shape, p, block_size, rng):
        n, c, *_ = shape
        corners = rng.random((n, c, *room(shape, block_size))) < rate(shape, p, block_size)
        return cleared(corners, shape, block_size)

    return drop_block_mask


def with_corners(shape_of, make=lambda rng: rng):
    """Corners drawn for other axes, or from another generator."""

    def drop_block_mask(shape, p, block_size, rng):
        drawn = make(rng).random(shape_of((*shape[:2], *room(shape, block_size))))
        corners = np.broadcast_to(drawn < gamma_of(shape, p, block_size), (*shape[:2], *room(shape, block_size)))
        return cleared(corners, shape, block_size)

    return drop_block_mask


RIGHT += (("08-b", (one_by_one, pooled, from_centres, with_exact_share)),)
WRONG += (
    (
        "08-b",
        "dropblock-rate",
        (
            everywhere(gamma_of),
            everywhere(lambda shape, p, b: p),
            everywhere(lambda shape, p, b: p / b**2),
            in_room(lambda shape, p, b: p),
            in_room(lambda shape, p, b: p / (b * b)),
        ),
    ),
    (
        "08-b",
        "elementwise-on-maps",
        (
            lambda shape, p, block_size, rng: rng.random(shape) >= p,
            lambda shape, p, b, rng: rng.binomial(1, 1 - p, shape) == 1,
        ),
    ),
    (
        "08-b",
        "whole-maps",
        (lambda shape, p, b, rng: (rng.random(shape[:2]) >= p)[:, :, None, None] & np.ones(shape, bool),),
    ),
    (
        "08-b",
        "keep-drop-swapped",
        (lambda shape, p, b, rng: ~one_by_one(shape, p, b, rng), lambda *args: np.logical_not(pooled(*args))),
    ),
    ("08-b", "dropped-then-ignored", (lambda shape, p, b, rng: np.full(shape, True),)),
    ("08-b", "one-mask-for-the-batch", (with_corners(lambda s: (1, *s[1:])), with_corners(lambda s: s[1:]))),
    ("08-b", "one-mask-for-the-channels", (with_corners(lambda s: (s[0], 1, *s[2:])),)),
    ("08-b", "one-mask-for-all", (with_corners(lambda s: s[2:]), with_corners(lambda s: (1, 1, *s[2:])))),
    ("08-b", "seeded-inside", (with_corners(lambda s: s, lambda rng: np.random.default_rng(1)),)),
    ("08-b", "global-generator", (with_corners(lambda s: s, lambda rng: np.random.mtrand),)),
)

# ------------------------------------------------------------------------------------------------ 08-c


def example_by_example(x, weight, p):
    return torch.stack([weight * (torch.rand(weight.shape) >= p) @ row for row in x]) / (1 - p)


def bernoulli_sum(x, weight, p):
    mask = torch.empty(x.shape[0], *weight.shape).bernoulli_(1 - p)
    return (mask * weight[None] * x[:, None, :]).sum(-1) / (1 - p)


def dropped_stack(x, weight, p):
    weights = F.dropout(weight.expand(len(x), *weight.shape), p)
    return torch.bmm(weights, x[..., None])[..., 0]


def stored(x, weight, p):
    weight.data *= torch.rand(weight.shape) >= p
    return x @ weight.T / (1 - p)


def stored_and_scaled(x, weight, p):
    with torch.no_grad():
        weight.copy_(F.dropout(weight, p))
    return F.linear(x, weight)


def products(coins):
    """Masks drawn by `coins(n, k, d)` and spread over (N, K, D), with the right scale."""
    return lambda x, w, p: ((torch.rand(coins(len(x), *w.shape)) >= p) * w * x[:, None, :]).sum(-1) / (1 - p)


def scaled(factor, drop=lambda u, p: u >= p):
    return lambda x, w, p: (drop(torch.rand(len(x), *w.shape), p) * w * x[:, None, :]).sum(-1) * factor(p)


def seeded_weights(x, weight, p):
    torch.manual_seed(3)
    return bernoulli_sum(x, weight, p)


RIGHT += (("08-c", (example_by_example, bernoulli_sum, dropped_stack)),)
WRONG += (
    ("08-c", "weights-overwritten", (stored, stored_and_scaled)),
    (
        "08-c",
        "dropconnect-shared",
        (
            lambda x, w, p: F.linear(x, F.dropout(w, p)),
            lambda x, w, p: x @ (w * (torch.rand(w.shape) >= p)).T / (1 - p),
            lambda x, w, p: x @ F.dropout(w.T, p),
        ),
    ),
    (
        "08-c",
        "dropconnect-as-dropout",
        (lambda x, w, p: F.linear(F.dropout(x, p), w), products(lambda n, k, d: (n, 1, d))),
    ),
    ("08-c", "dropout-on-output", (lambda x, w, p: F.dropout(x @ w.T, p), products(lambda n, k, d: (n, k, 1)))),
    ("08-c", "one-coin-per-example", (products(lambda n, k, d: (n, 1, 1)), products(lambda n, k, d: (k, 1)))),
    ("08-c", "one-coin-for-all", (products(lambda n, k, d: ()),)),
    ("08-c", "not-scaled", (scaled(lambda p: 1), lambda x, w, p: bernoulli_sum(x, w, p) * (1 - p))),
    ("08-c", "divided-by-p", (scaled(lambda p: 1 / p if p > 0 else 1),)),
    ("08-c", "scaled-by-keep", (scaled(lambda p: 1 - p),)),
    (
        "08-c",
        "keep-drop-swapped",
        (lambda x, w, p: dropped_stack(x, w, 1 - p), scaled(lambda p: 1 / max(p, 1e-9), lambda u, p: u < p)),
    ),
    ("08-c", "dropped-then-ignored", (lambda x, w, p: x @ w.T, lambda x, w, p: (F.dropout(w, p), F.linear(x, w))[1])),
    ("08-c", "seeded-inside", (seeded_weights,)),
    (
        "08-c",
        "gradient-cut",
        (lambda x, w, p: bernoulli_sum(x, w.data, p), lambda x, w, p: bernoulli_sum(x, w, p).detach()),
    ),
)

# ------------------------------------------------------------------------------------- 08-d and 08-e


def density(y, means, log_variances):
    return Normal(means, torch.exp(0.5 * log_variances)).log_prob(y)


def from_log_p(score):
    return lambda y, means, log_variances: score(density(y, means, log_variances))


def with_numpy(y, means, log_variances):
    log_p = density(y, means, log_variances).numpy()
    top = log_p.max(axis=0)
    return float(np.mean(top + np.log(np.mean(np.exp(log_p - top), axis=0))))


def point_by_point(y, means, log_variances):
    total = 0.0
    for n in range(len(y)):
        log_p = [float(density(y[n], m, s)) for m, s in zip(means[:, n], log_variances[:, n], strict=True)]
        top = max(log_p)
        total += top + math.log(sum(math.exp(v - top) for v in log_p) / len(log_p))
    return total / len(y)


def mixed(y, means, log_variances):
    mixture = torch.distributions.Categorical(torch.ones(len(y), len(means)))
    parts = Normal(means.T, (log_variances.T / 2).exp())
    return torch.distributions.MixtureSameFamily(mixture, parts).log_prob(y).mean()


RIGHT += (
    (
        "08-d",
        (from_log_p(lambda v: (torch.logsumexp(v, 0) - np.log(len(v))).mean()), with_numpy, point_by_point, mixed),
    ),
    (
        "08-e",
        (
            lambda means, log_variances: torch.exp(log_variances).mean(0) + means.std(0) ** 2,
            lambda means, log_variances: means.numpy().var(0, ddof=1) + np.exp(log_variances.numpy()).mean(0),
        ),
    ),
)
WRONG += (
    (
        "08-d",
        "loglik-order",
        (
            from_log_p(lambda v: v.mean(0).mean()),
            from_log_p(lambda v: (torch.logsumexp(v.sum(-1), 0) - math.log(v.shape[0])) / v.shape[1]),
            from_log_p(
                lambda v: (torch.logsumexp(v.sum(-1).sum(-1, keepdim=True), 0) - math.log(v.shape[0])) / v.shape[1]
            ),
            lambda y, m, s: Normal(m.mean(0), (s.mean(0) / 2).exp()).log_prob(y).mean(),
            lambda y, m, s: Normal(m.mean(0), s.exp().mean(0).sqrt()).log_prob(y).mean(),
            lambda y, m, s: Normal(m.mean(0), (m.var(0) + s.exp().mean(0)).sqrt()).log_prob(y).mean(),
        ),
    ),
    (
        "08-d",
        "log-of-zero",
        (
            from_log_p(lambda v: torch.log(torch.exp(v).mean(0)).mean()),
            from_log_p(lambda v: np.log(np.exp(v.numpy()).mean(0)).mean()),
        ),
    ),
    ("08-d", "passes-added", (from_log_p(lambda v: torch.logsumexp(v, 0).mean()),)),
    ("08-d", "sum-for-mean", (from_log_p(lambda v: (torch.logsumexp(v, 0) - math.log(len(v))).sum()),)),
    (
        "08-d",
        "variance-for-sd",
        (lambda y, m, s: (torch.logsumexp(Normal(m, s.exp()).log_prob(y), 0) - math.log(len(m))).mean(),),
    ),
    (
        "08-d",
        "constant-missing",
        (
            lambda y, m, s: (
                torch.logsumexp(-(((y - m) / (s / 2).exp()) ** 2) / 2 - s / 2, 0) - math.log(len(m))
            ).mean(),
        ),
    ),
    ("08-d", "negative-log-likelihood", (from_log_p(lambda v: (math.log(len(v)) - torch.logsumexp(v, 0)).mean()),)),
    (
        "08-e",
        "aleatoric-exp-mean",
        (
            lambda m, s: m.var(0) + torch.exp(s.mean(0)),
            lambda m, s: m.numpy().var(0) + np.exp(s.numpy().mean(0)),
            lambda m, s: m.var(0) + torch.exp(s).log().mean(0).exp(),
        ),
    ),
    ("08-e", "epistemic-only", (lambda m, s: m.var(0), lambda m, s: m.std(0).square())),
    ("08-e", "aleatoric-only", (lambda m, s: torch.exp(s).mean(0), lambda m, s: torch.exp(s.mean(0)))),
    ("08-e", "biased-variance", (lambda m, s: m.numpy().var(0) + np.exp(s.numpy()).mean(0),)),
    ("08-e", "log-variance-added", (lambda m, s: s.mean(0) + m.var(0),)),
    (
        "08-e",
        "tau-added-to-sd",
        (
            lambda m, s: m.std(0) + torch.exp(s).mean(0),
            lambda m, s: m.std(0) + torch.exp(s / 2).mean(0),
            lambda m, s: (m.std(0) + torch.exp(s).mean(0) ** 0.5).square(),
        ),
    ),
    ("08-e", "sd-for-variance", (lambda m, s: torch.sqrt(torch.exp(s).mean(0) + m.var(0)),)),
)

# ------------------------------------------------------------------------------------------------ 08-f


class Mended(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p = p
        self.lstm = nn.LSTM(8, 16, num_layers=1, batch_first=True)
        self.norm = nn.BatchNorm1d(16)
        self.drop = nn.Dropout(p)
        self.out = nn.Linear(16, 3)

    def weight_p(self):
        return self.p if self.training else 0.0

    def dropped(self, h):
        return self.drop(h)

    def attended(self, x):
        h, _ = self.lstm(x)
        return F.scaled_dot_product_attention(h, h, h, dropout_p=self.weight_p())

    def forward(self, x):
        return self.out(self.dropped(self.norm(self.attended(x).mean(1))))


class Deeper(Mended):
    def __init__(self, p):
        super().__init__(p)
        self.lstm = nn.LSTM(8, 16, num_layers=2, dropout=p, batch_first=True)


class ByHand(Mended):
    def attended(self, x):
        h, _ = self.lstm(x)
        weights = F.dropout(torch.softmax(h @ h.mT / h.shape[-1] ** 0.5, -1), self.p, self.training)
        return weights @ h


class AfterTheLstm(Mended):
    def attended(self, x):
        h = F.dropout(self.lstm(x)[0], self.p, training=self.training)
        return F.scaled_dot_product_attention(h, h, h, dropout_p=self.weight_p())


class OneLayer(Mended):
    def __init__(self, p):
        super().__init__(p)
        self.lstm = nn.LSTM(8, 16, dropout=p, batch_first=True)


class OneLayerGru(Mended):
    def __init__(self, p):
        super().__init__(p)
        self.lstm = nn.GRU(8, 16, dropout=p, batch_first=True)


class NormAfter(Mended):
    def forward(self, x):
        return self.out(self.norm(self.drop(self.attended(x).mean(1))))


class NormAfterFunctional(Mended):
    def forward(self, x):
        return self.out(self.norm(F.dropout(self.attended(x).mean(1), self.p, self.training)))


class StuckWeights(Mended):
    def weight_p(self):
        return self.p


class StuckOn(Mended):
    def dropped(self, h):
        return F.dropout(h, self.p)


class MadeInside(Mended):
    def dropped(self, h):
        return nn.Dropout(self.p)(h)


class ModeAsP(Mended):
    def dropped(self, h):
        return F.dropout(h, self.training)


class Swapped(Mended):
    def __init__(self, p):
        super().__init__(p)
        self.drop = nn.Dropout(1 - p)


class Ignored(Mended):
    def forward(self, x):
        h = self.norm(self.attended(x).mean(1))
        self.drop(h)
        return self.out(h)


class OnScores(Mended):
    def forward(self, x):
        return self.drop(self.out(self.norm(self.attended(x).mean(1))))


class Silenced(Mended):
    def weight_p(self):
        return 0.0


class NothingLeft(Mended):
    def dropped(self, h):
        return h


class AllInOne(NormAfter):
    def __init__(self, p):
        super().__init__(p)
        self.lstm = nn.LSTM(8, 16, dropout=p, batch_first=True)

    def weight_p(self):
        return self.p


RIGHT += (("08-f", (Mended, Deeper, ByHand, AfterTheLstm)),)
WRONG += (
    ("08-f", "lstm-one-layer", (OneLayer, OneLayerGru)),
    ("08-f", "before-batch-norm", (NormAfter, NormAfterFunctional)),
    ("08-f", "sdpa-in-eval", (StuckWeights,)),
    ("08-f", "functional-always-on", (StuckOn, MadeInside)),
    ("08-f", "training-passed-as-p", (ModeAsP,)),
    ("08-f", "dropped-then-ignored", (Ignored,)),
    ("08-f", "dropout-on-output", (OnScores,)),
    (
        "08-f",
        "keep-drop-swapped",
        (Swapped,),
    ),
    ("08-f", "site-removed", (Silenced, NothingLeft)),
)
