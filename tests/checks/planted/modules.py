"""Answers to 06-a: classes of modules."""

import math

import torch
import torch.nn.functional as F
from torch import nn


def scale_of(p):
    return 1 / (1 - p) if p < 1 else 0.0


def made_of(train, evaluate=lambda h, p: h):
    class Dropout(nn.Module):
        def __init__(self, p):
            super().__init__()
            self.p = p

        def forward(self, h):
            return train(h, self.p) if self.training else evaluate(h, self.p)

    return Dropout


def drawn(draw):
    return made_of(lambda h, p: torch.where(draw(h, p), h * scale_of(p), torch.zeros_like(h)))


def kept(h, p):
    return torch.rand(h.shape) >= p


class Wrapper(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.p = p
        self.inner = nn.Dropout(p)

    def forward(self, h):
        return self.inner(h)


class Inherited(nn.Dropout):
    pass


class Renamed(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.keep = 1 - p

    def forward(self, h):
        if not self.training:
            return h
        mask = torch.bernoulli(torch.full(h.shape, self.keep)).bool()
        return h * mask / self.keep if self.keep else torch.zeros_like(h)


class ByFunction(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, h):
        return F.dropout(h, self.p, self.training)


class Custom(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h, p):
        mask = kept(h, p)
        ctx.save_for_backward(mask)
        ctx.scale = scale_of(p)
        return h * mask * ctx.scale

    @staticmethod
    def backward(ctx, grad):
        (mask,) = ctx.saved_tensors
        return grad * mask * ctx.scale, None


def looped(h, p):
    flat = h.reshape(-1)
    coins = torch.rand(math.prod(h.shape)).tolist()
    return torch.stack([x * scale_of(p) if u >= p else x * 0 for x, u in zip(flat, coins, strict=True)]).reshape(
        h.shape
    )


RIGHT = (
    (
        "06-a",
        (
            Wrapper,
            Inherited,
            Renamed,
            ByFunction,
            made_of(lambda h, p: Custom.apply(h, p)),
            made_of(lambda h, p: h.masked_fill(torch.rand_like(h.float()) < p, 0) * scale_of(p)),
            made_of(lambda h, p: h * torch.empty(h.shape).bernoulli_(1 - p).to(h.dtype) * scale_of(p)),
            made_of(lambda h, p: torch.where(kept(h, p), h, 0) * scale_of(p)),
            lambda p: nn.Dropout(p),
        ),
    ),
)


def styles(compute):
    return (
        made_of(lambda h, p: compute(h, kept(h, p), p)),
        made_of(lambda h, p: compute(h, ~(torch.rand_like(h, dtype=torch.float32) < p), p)),
        made_of(lambda h, p: compute(h, torch.bernoulli(torch.full(h.shape, 1 - p)).bool(), p)),
        made_of(lambda h, p: compute(h, torch.empty(h.shape).uniform_() >= p, p)),
        made_of(lambda h, p: compute(h, torch.empty(h.shape).bernoulli_(p) == 0, p)),
    )


class OwnMode(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, h):
        return nn.Dropout(self.p)(h)


class IdentityAtZero(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p = p
        self.act = (lambda h: h) if p == 0 else (lambda h: F.dropout(h, self.p, self.training))

    def forward(self, h):
        return self.act(h)


class Decided(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p = p
        self.drops = p > 0

    def forward(self, h):
        return F.dropout(h, self.p, self.training) if self.drops else h


class SameSeed(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p = p
        self.rng = torch.Generator()
        self.rng.manual_seed(1234)

    def forward(self, h):
        if not self.training:
            return h
        return h * (torch.rand(h.shape, generator=self.rng) >= self.p) * scale_of(self.p)


shared = torch.Generator().manual_seed(3)


def graded(backward):
    class Slip(torch.autograd.Function):
        @staticmethod
        def forward(ctx, h, p):
            mask = kept(h, p)
            out = h * mask * scale_of(p)
            ctx.save_for_backward(mask, out)
            ctx.p = p
            return out

        @staticmethod
        def backward(ctx, grad):
            return backward(grad, ctx.p, *ctx.saved_tensors), None

    return made_of(lambda h, p: Slip.apply(h, p))


def fixed(h, p):
    flat = torch.ones(h.numel(), dtype=torch.bool)
    flat[torch.randperm(h.numel())[: int(p * h.numel())]] = False
    return flat.view(h.shape)


def reseeding(h, p):
    torch.manual_seed(99)
    return h * kept(h, p) * scale_of(p)


def in_place(h, p):
    h.data.mul_(kept(h, p) * scale_of(p))
    return h


WRONG = tuple(
    ("06-a", slug, answers)
    for slug, answers in (
        (
            "training-passed-as-p",
            (
                made_of(lambda h, p: F.dropout(h, True), lambda h, p: F.dropout(h, False)),
                made_of(lambda h, p: h * 0),
                made_of(lambda h, p: F.dropout(h, p=1.0)),
            ),
        ),
        (
            "functional-always-on",
            (
                OwnMode,
                made_of(F.dropout, F.dropout),
                made_of(lambda h, p: F.dropout(h, p), lambda h, p: F.dropout(h, p, training=True)),
                *(made_of(train, train) for train in (lambda h, p: h * kept(h, p) * scale_of(p),)),
            ),
        ),
        ("keep-drop-swapped", (made_of(lambda h, p: F.dropout(h, 1 - p)), *styles(lambda h, m, p: h * ~m / p)[:4])),
        ("mask-inverted", styles(lambda h, m, p: h * ~m * scale_of(p))),
        ("not-scaled", styles(lambda h, m, p: h * m)),
        ("scaled-by-keep", styles(lambda h, m, p: h * m * (1 - p))),
        ("scaled-by-p", styles(lambda h, m, p: h * m * p)),
        ("divided-by-p", styles(lambda h, m, p: h * m / p)),
        ("realised-fraction", styles(lambda h, m, p: (h * m * (m.numel() / max(int(m.sum()), 1))).to(h.dtype))),
        ("divides-by-zero", styles(lambda h, m, p: h * m / (1 - p))),
        ("dtype-changed", styles(lambda h, m, p: h.float() * m * scale_of(p))),
        (
            "fixed-count",
            (drawn(fixed), drawn(lambda h, p: torch.randperm(h.numel()).view(h.shape) >= int(p * h.numel()))),
        ),
        (
            "one-mask-for-the-batch",
            (
                drawn(lambda h, p: (torch.rand(h.shape[-1]) >= p).expand_as(h)),
                drawn(lambda h, p: (torch.rand(h.shape[1:]) >= p).repeat(h.shape[0], 1)),
            ),
        ),
        ("one-coin-per-example", (drawn(lambda h, p: (torch.rand(h.shape[0], 1) >= p).expand_as(h)),)),
        (
            "normal-instead-of-uniform",
            (drawn(lambda h, p: torch.randn(h.shape) < 1 - p), drawn(lambda h, p: torch.randn(h.shape) > p)),
        ),
        (
            "seeded-inside",
            (
                made_of(reseeding),
                drawn(lambda h, p: torch.rand(h.shape, generator=torch.Generator().manual_seed(8)) >= p),
            ),
        ),
        ("scaled-twice", (made_of(lambda h, p: h * kept(h, p) * scale_of(p), lambda h, p: h * (1 - p)),)),
        ("standard-not-inverted", (made_of(lambda h, p: h * kept(h, p), lambda h, p: (1 - p) * h),)),
        ("only-in-evaluation", (made_of(lambda h, p: h, lambda h, p: F.dropout(h, p)),)),
        ("dropped-then-ignored", (made_of(lambda h, p: (F.dropout(h, p), h)[1]), nn.Identity)),
        ("input-modified", (made_of(in_place),)),
        ("no-grad-stops-dropout", (made_of(lambda h, p: F.dropout(h, p, torch.is_grad_enabled())),)),
        ("identity-at-zero", (IdentityAtZero, Decided)),
        ("same-mask-everywhere", (SameSeed,)),
        (
            "gaussian-instead-of-bernoulli",
            (made_of(lambda h, p: h * torch.normal(1.0, scale_of(p) ** 0.5 * p**0.5, h.shape)),),
        ),
        ("additive-noise", (made_of(lambda h, p: h + scale_of(p) ** 0.5 * p**0.5 * torch.randn(h.shape)),)),
        (
            "backward-redraws",
            (
                graded(lambda g, p, mask, out: g * kept(g, p) * scale_of(p)),
                graded(lambda g, p, mask, out: F.dropout(g, p)),
            ),
        ),
        (
            "backward-not-scaled",
            (graded(lambda g, p, mask, out: g * mask), graded(lambda g, p, mask, out: g.masked_fill(~mask, 0))),
        ),
        ("backward-ignores-mask", (graded(lambda g, p, mask, out: g), graded(lambda g, p, mask, out: g / (1 - p)))),
        ("backward-from-zeros", (graded(lambda g, p, mask, out: g * (out != 0) * scale_of(p)),)),
        ("gradient-cut", (made_of(lambda h, p: F.dropout(h.detach(), p)), made_of(lambda h, p: F.dropout(h.data, p)))),
    )
)
