"""Slips in a dropout module: those of the array functions as they look in PyTorch, and those that only PyTorch has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody uses
from torch import Tensor, nn

from dropout_lab.checks.bank.masks import DRAWN
from dropout_lab.checks.bank.scaling import ROWS as ARRAY_ROWS
from dropout_lab.checks.exercise import Misconception
from dropout_lab.checks.subjects_torch import ModuleAnswer

Compute = Callable[[Tensor, float], Tensor]
WORDS = {row.slug: row for row in ARRAY_ROWS} | {
    slug: Misconception(slug, means, tip, ()) for slug, means, tip, _ in DRAWN
}


def keeps(h: Tensor, p: float) -> Tensor:
    return torch.rand(h.shape) >= p


def factor(p: float) -> float:
    return 1 / (1 - p) if p < 1 else 0.0


def scaled(h: Tensor, mask: Tensor, p: float) -> Tensor:
    return h * mask * factor(p)


def module(train: Compute, evaluate: Compute = lambda h, p: h) -> ModuleAnswer:
    """A version made of what it computes in training and in evaluation."""

    class Version(nn.Module):
        def __init__(self, p: float) -> None:
            super().__init__()
            self.p = p

        def forward(self, h: Tensor) -> Tensor:
            return train(h, self.p) if self.training else evaluate(h, self.p)

    return ModuleAnswer(Version)


def masked_by(draw: Callable[[Tensor, float], Tensor]) -> ModuleAnswer:
    """A version with the right scale and a mask that is drawn wrongly."""
    return module(lambda h, p: scaled(h, draw(h, p), p))


def again(slug: str, *versions: ModuleAnswer, **words: str) -> Misconception:
    """The row of the array functions with versions in PyTorch, and other words where PyTorch needs them."""
    return replace(WORDS[slug], versions=versions, **words)


def fixed_in_all(h: Tensor, p: float) -> Tensor:
    return (torch.randperm(h.numel()) >= round(p * h.numel())).reshape(h.shape)


def fixed_in_row(h: Tensor, p: float) -> Tensor:
    return torch.rand(h.shape).argsort(-1).argsort(-1) >= round(p * h.shape[-1])


def seeded(h: Tensor, p: float) -> Tensor:
    return torch.rand(h.shape, generator=torch.Generator().manual_seed(0)) >= p


def reseeded(h: Tensor, p: float) -> Tensor:
    torch.manual_seed(0)
    return torch.rand(h.shape) >= p


def in_place(h: Tensor, p: float) -> Tensor:
    with torch.no_grad():
        return h.mul_(keeps(h, p)).mul_(factor(p))


class Silent(nn.Module):
    """Chooses at construction whether to drop."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.layer = nn.Dropout(p) if p > 0 else nn.Identity()

    def forward(self, h: Tensor) -> Tensor:
        """The layer that was chosen, at the p of now."""
        if isinstance(self.layer, nn.Dropout):
            self.layer.p = self.p
        out: Tensor = self.layer(h)
        return out


class OwnSeed(nn.Module):
    """Every instance starts a generator at the same seed."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, h: Tensor) -> Tensor:
        """Dropout whose coins are those of every other instance."""
        return scaled(h, torch.rand(h.shape, generator=self.generator) >= self.p, self.p) if self.training else h


class Graded(torch.autograd.Function):
    """Dropout with a backward that is given by a function of (grad, mask, scale, p, out)."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, p: float, backward: Callable[..., Tensor]) -> Tensor:
        """The right forward pass."""
        mask = keeps(h, p)
        ctx.kept = (mask, factor(p), p, scaled(h, mask, p))
        ctx.by = backward
        return ctx.kept[-1].clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        """The wrong backward pass."""
        return ctx.by(grad, *ctx.kept), None, None


def with_backward(backward: Callable[..., Tensor]) -> ModuleAnswer:
    """A version whose forward is right and whose autograd.Function has this backward."""
    return module(lambda h, p: Graded.apply(h, p, backward))  # type: ignore[no-untyped-call]


MODULE_ROWS = (
    Misconception(
        "training-passed-as-p",
        "the second argument of F.dropout is p. `F.dropout(x, self.training)` sets p = True = 1 in training, which "
        "drops everything, and p = False = 0 in evaluation.",
        "Name the argument: F.dropout(x, p=…, training=…).",
        (module(lambda h, p: F.dropout(h, 1.0), lambda h, p: F.dropout(h, 0.0)),),
    ),
    again(
        "dropped-then-ignored",
        module(lambda h, p: h),
        hint="Follow the tensor that holds the dropped activations: is it the one you return?",
    ),
    again("keep-drop-swapped", module(lambda h, p: h * (torch.rand(h.shape) < p) / p)),
    again("mask-inverted", module(lambda h, p: scaled(h, torch.rand(h.shape) < p, p))),
    again("standard-not-inverted", module(lambda h, p: h * keeps(h, p), lambda h, p: h * (1 - p))),
    again("not-scaled", module(lambda h, p: h * keeps(h, p))),
    again("scaled-by-keep", module(lambda h, p: h * keeps(h, p) * (1 - p))),
    again("scaled-by-p", module(lambda h, p: h * keeps(h, p) * p)),
    again("divided-by-p", module(lambda h, p: h * keeps(h, p) / p)),
    again(
        "realised-fraction",
        module(lambda h, p: (m := keeps(h, p)) * h / m.to(h.dtype).mean().clamp(min=1e-12)),
        module(lambda h, p: (m := keeps(h, p)) * h / m.to(h.dtype).mean(-1, keepdim=True).clamp(min=1e-12)),
    ),
    again(
        "gaussian-instead-of-bernoulli",
        module(lambda h, p: h * (1 + torch.randn_like(h) * (p / max(1 - p, 1e-12)) ** 0.5)),
    ),
    again("additive-noise", module(lambda h, p: h + torch.randn_like(h) * (p / max(1 - p, 1e-12)) ** 0.5)),
    again(
        "seeded-inside",
        masked_by(seeded),
        masked_by(reseeded),
        means="a generator is made or seeded inside forward, so that every call starts again at the same coins.",
        hint="torch.rand without a generator takes the next coins of the default one. Leave its seed to the user.",
    ),
    again("fixed-count", masked_by(fixed_in_all), masked_by(fixed_in_row)),
    again("one-mask-for-the-batch", masked_by(lambda h, p: torch.rand(1, *h.shape[1:]) >= p)),
    again("one-coin-per-example", masked_by(lambda h, p: torch.rand(h.shape[0], *[1] * (h.dim() - 1)) >= p)),
    again("one-coin-for-all", masked_by(lambda h, p: torch.rand(()) >= p)),
    again(
        "normal-instead-of-uniform",
        masked_by(lambda h, p: torch.randn(h.shape) < 1 - p),
        masked_by(lambda h, p: torch.randn(h.shape) >= p),
    ),
    again("only-in-evaluation", module(lambda h, p: h, lambda h, p: scaled(h, keeps(h, p), p))),
    Misconception(
        "functional-always-on",
        "dropout stays on after .eval(). F.dropout(x, p) has training=True by default, and a dropout module made "
        "inside forward is always in training mode.",
        "Which line asks for self.training?",
        (module(lambda h, p: scaled(h, keeps(h, p), p), lambda h, p: scaled(h, keeps(h, p), p)),),
    ),
    again("scaled-twice", module(lambda h, p: scaled(h, keeps(h, p), p), lambda h, p: h * (1 - p))),
    again(
        "global-generator",
        masked_by(lambda h, p: torch.from_numpy(__import__("numpy").random.random_sample(tuple(h.shape)) >= p)),
        means="the coins come from NumPy's global generator, which torch.manual_seed does not reach.",
        hint="Draw with torch.rand or torch.bernoulli.",
    ),
    again("divides-by-zero", module(lambda h, p: h * keeps(h, p) / (1 - p))),
    again("input-modified", module(in_place)),
    again(
        "dtype-changed",
        module(lambda h, p: scaled(h.double(), keeps(h, p), p)),
        module(lambda h, p: scaled(h.float(), keeps(h, p), p)),
        module(
            lambda h, p: scaled(h.float(), keeps(h, p), p) if h.dtype is torch.bfloat16 else scaled(h, keeps(h, p), p)
        ),
        means="another dtype comes out than went in: a `.float()`, or a mask or scale of another dtype took part.",
        hint="h * mask with a bool mask keeps the dtype, and so does a plain number as the scale.",
    ),
    Misconception(
        "no-grad-stops-dropout",
        "dropout was tied to gradients. torch.no_grad() does not turn it off: only training mode decides.",
        "Which attribute of the module does .eval() change?",
        (module(lambda h, p: scaled(h, keeps(h, p), p) if torch.is_grad_enabled() else h),),
    ),
    Misconception(
        "identity-at-zero",
        "whether to drop was decided when the module was made. A schedule that starts at p = 0 and raises p later then "
        "never drops anything.",
        "Decide in forward, from self.p as it is at that moment.",
        (ModuleAnswer(Silent),),
    ),
    Misconception(
        "same-mask-everywhere",
        "every instance starts its generator at the same seed, so all layers of a network drop the same units.",
        "torch.rand without a generator takes the next coins of the default generator, which all layers share.",
        (ModuleAnswer(OwnSeed),),
    ),
    Misconception(
        "backward-redraws",
        "backward flips new coins. Units learn that had no part in the output, and on average the penalty that dropout "
        "adds is lost.",
        "Save the mask in forward (ctx.save_for_backward), or let autograd derive the backward.",
        (with_backward(lambda grad, mask, scale, p, out: grad * keeps(grad, p) * scale),),
    ),
    Misconception(
        "backward-from-zeros",
        "the mask is read off the output (out != 0), so kept units that were exactly 0 lose their gradient.",
        "Save the mask itself.",
        (with_backward(lambda grad, mask, scale, p, out: grad * (out != 0) * scale),),
    ),
    Misconception(
        "backward-not-scaled",
        "the mask is applied and the scale is not: gradients come out 1 - p of what they should be.",
        "The output is h times m / (1 - p). What is the derivative of c·h for h?",
        (with_backward(lambda grad, mask, scale, p, out: grad * mask),),
    ),
    Misconception(
        "backward-ignores-mask",
        "the gradient passes through dropped units as if they had been there.",
        "The output is h times m / (1 - p). What is its derivative where m = 0?",
        (
            with_backward(lambda grad, mask, scale, p, out: grad),
            with_backward(lambda grad, mask, scale, p, out: grad * scale),
        ),
    ),
    Misconception(
        "gradient-cut",
        "no gradient comes back: the graph was cut by .detach(), .data, no_grad or a way through NumPy.",
        "Compute the output from h with tensor operations alone.",
        (module(lambda h, p: scaled(h.detach(), keeps(h, p), p)),),
    ),
)
