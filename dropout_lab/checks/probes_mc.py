"""Probes for functions that average the predictions of a model over passes with dropout on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody uses
from torch import Tensor, nn

from dropout_lab.checks.exercise import AnswerError, Observation, flag
from dropout_lab.checks.subjects import undisturbed

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [1.0, 0.5, 0.0], [-1.0, 0.0, 1.5]])  # of three passes, votes for 0, 0 and 2


class Scripted(nn.Dropout):
    """A dropout layer whose passes are written down, so that the right mean is known exactly."""

    def __init__(self) -> None:
        super().__init__(0.5)
        self.turn = 0

    def forward(self, h: Tensor) -> Tensor:
        """In training the next of LOGITS for every row, and their mean in evaluation."""
        self.turn += self.training
        logits = LOGITS[(self.turn - 1) % len(LOGITS)] if self.training else LOGITS.mean(0)
        return logits.expand(len(h), 3) + 0 * super().forward(h).sum()


class Functional(nn.Module):
    """Dropout by a function that looks at self.training."""

    def forward(self, h: Tensor) -> Tensor:
        """The dropped activations."""
        return F.dropout(h, 0.4, training=self.training)


class Recurrent(nn.Module):
    """Dropout between the layers of an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 6, num_layers=2, dropout=0.4, batch_first=True)

    def forward(self, h: Tensor) -> Tensor:
        """The last output of a sequence of three equal steps."""
        out: Tensor = self.lstm(h[:, None].expand(-1, 3, -1))[0][:, -1]
        return out


class MeanAnswer:
    """A function (model, x, n_samples) → probabilities (N, K)."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def probabilities(self, model: nn.Module, n_samples: int, rows: int = 7) -> Tensor:
        """The answer's result in float64; raises AnswerError for a wrong type or shape."""
        x = torch.linspace(-1, 1, rows * 6).reshape(rows, 6).sin()
        result = self.call(model, x, n_samples)
        if not isinstance(result, Tensor) or result.shape != (rows, 3):
            came = f"shape {tuple(result.shape)}" if isinstance(result, Tensor) else type(result).__name__
            raise AnswerError(f"the result is of {came}; I expected a tensor of shape (N, K) = ({rows}, 3).")
        return result.detach().double()


def scripted_mean(subject: MeanAnswer, seed: int) -> Iterator[Observation]:
    """Three passes with known logits: the mean of their probabilities, for each class."""
    with undisturbed():
        came = subject.probabilities(Scripted().eval(), 3)[0]
    for k, right in enumerate(LOGITS.double().softmax(-1).mean(0).tolist()):
        value = float(came[k])
        seen = f"three passes with known logits give class {k} a probability of {value:.3f}"
        yield Observation(f"class {k}", value, abs(value - right) < 1e-4, seen, f"{right:.3f}", 1e-4)


def sites_reached(subject: MeanAnswer, seed: int) -> Iterator[Observation]:
    """Two estimates differ, for models that each have one kind of dropout site."""
    silent = []
    kinds: dict[str, Callable[[], nn.Module]] = {
        "nn.Dropout": lambda: nn.Dropout(0.4),
        "nn.Dropout1d": lambda: nn.Sequential(nn.Unflatten(1, (6, 1)), nn.Dropout1d(0.4), nn.Flatten()),
        "nn.AlphaDropout": lambda: nn.AlphaDropout(0.4),
        "F.dropout with self.training": Functional,
        "nn.LSTM": Recurrent,
    }
    for kind, make in kinds.items():
        with undisturbed():
            torch.manual_seed(seed)
            model = nn.Sequential(make(), nn.Linear(6, 3)).eval()
            first, second = (subject.probabilities(model, 2) for _ in range(2))
        silent += [kind] if torch.equal(first, second) else []
    seen = f"two estimates agree, so nothing was dropped, for a model with {', or '.join(silent)}"
    yield flag("sites missed", bool(silent), seen, "dropout at every site")


def nothing_disturbed(subject: MeanAnswer, seed: int) -> Iterator[Observation]:
    """Batch norm uses and keeps its running statistics, and the model comes back in the mode it was in."""
    with undisturbed():
        torch.manual_seed(seed)
        norm = nn.BatchNorm1d(6)
        model = nn.Sequential(norm, nn.Dropout(0.4), nn.Linear(6, 3)).eval()
        before = [buffer.clone() for buffer in norm.buffers()]
        subject.probabilities(model, 4)
        moved = not all(map(torch.equal, before, norm.buffers()))
        modes = any(part.training for part in model.modules())
    yield flag(
        "batch norm moved", moved, "the running statistics of batch norm have moved", "the model's own, untouched"
    )
    yield flag("modes changed", modes, "the model was left in training mode", "the mode it was in")
