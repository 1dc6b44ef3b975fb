"""Probes that hand an answer to the audit: what it finds are the observations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from dropout_lab.audit import AuditError, Report, audit
from dropout_lab.audit.advice import ADVICE
from dropout_lab.checks.exercise import AnswerError, Observation, flag
from dropout_lab.checks.probes_torch import share_of_zeros
from dropout_lab.checks.subjects_torch import ModuleAnswer

SHAPE = (64, 10, 8)


class TaggerAnswer(ModuleAnswer):
    """A class `Tagger(p)`: sequences (N, L, 8) in, scores (N, 3) out; the last layer is linear."""

    def __init__(self, make: Callable[..., Any]) -> None:
        super().__init__(make)

    def seeded(self, p: float, seed: int) -> tuple[nn.Module, Tensor]:
        """A model and a batch."""
        torch.manual_seed(seed)
        return self.new(p), torch.randn(SHAPE)

    @cached_property
    def report(self) -> Report:
        """What the audit says; it seeds its own passes, so that one audit is as good as another."""
        with torch.random.fork_rng(devices=[]):
            model, x = self.seeded(0.3, 0)
            model.eval()(x)  # so that an exception is reported as any other answer's
            try:
                return audit(model, x)
            except AuditError as error:
                raise AnswerError(str(error).rstrip(".")) from error

    def into_last_layer(self, p: float, seed: int) -> Tensor:
        """What goes into the last linear layer in training, (N, D); raises AnswerError for a wrong model."""
        seen: list[Tensor] = []
        with torch.random.fork_rng(devices=[]):
            model, x = self.seeded(p, seed)
            for part in model.modules():
                if isinstance(part, nn.Linear):
                    part.register_forward_pre_hook(lambda part, inputs: seen.append(inputs[0].detach()))
            out = model.train()(x)
        if not isinstance(out, Tensor) or out.shape != (SHAPE[0], 3) or not seen or seen[-1].ndim != 2:
            came = f"shape {tuple(out.shape)}" if isinstance(out, Tensor) else type(out).__name__
            raise AnswerError(f"forward returned {came}; I expected scores (N, 3) = ({SHAPE[0]}, 3) of an nn.Linear.")
        return seen[-1]


def nothing_to_find(subject: TaggerAnswer, seed: int) -> Iterator[Observation]:
    """The audit finds nothing."""
    found = {finding.code: finding.message.partition(". ")[0] for finding in subject.report.findings}
    for code in (*ADVICE, *(code for code in found if code not in ADVICE)):
        yield flag(code, code in found, f"the audit: {found.get(code, '')}", "nothing for the audit to find")


def last_layer_drops(subject: TaggerAnswer, seed: int) -> Iterator[Observation]:
    """In training a share p of what goes into the last layer is zero."""
    for p in (0.2, 0.7):
        h = subject.into_last_layer(p, seed)
        yield share_of_zeros("last layer", float((h == 0).float().mean()), p, h.numel(), "of the last layer's inputs")


def two_sites(subject: TaggerAnswer, seed: int) -> Iterator[Observation]:
    """Two places still drop."""
    count = sum(site.random_in_training for site in subject.report.sites)
    seen = f"{count} place{'' if count == 1 else 's'} of the model still drop{'s' if count == 1 else ''} in training"
    yield flag("site removed", count < 2, seen, "two: the attention weights and the input of the last layer")
