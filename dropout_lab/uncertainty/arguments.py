"""Checks of what the measures are given: samples, probabilities, labels, observations; each error names the slip."""

from __future__ import annotations

import torch
from torch import Tensor

_INTEGERS = (torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8)


def require_samples(samples: object, axes: str = "(T, N, …)", ndim: int = 2) -> Tensor:
    """Return `samples` if it is a tensor of floats without NaN, the passes on axis 0 and at least `ndim` axes.

    Raises
    ------
    TypeError, ValueError
        For labels, a list, NaN, an empty tensor, or passes that are folded into the batch.
    """
    if not isinstance(samples, Tensor) or not samples.is_floating_point():
        kind = samples.dtype if isinstance(samples, Tensor) else type(samples).__name__
        raise TypeError(
            f"samples are a tensor of floats {axes}; got {kind}. Class labels have no mean: pass probabilities."
        )
    if samples.ndim < ndim:
        raise ValueError(
            f"samples are {axes} with the T passes on axis 0; got {tuple(samples.shape)}. If the passes are folded "
            "into the batch, unfold them with samples.reshape(T, N, …)."
        )
    if samples.numel() == 0:
        raise ValueError(f"samples are empty (shape {tuple(samples.shape)}).")
    if bool(samples.isnan().any()):
        raise ValueError("samples contain NaN: some pass of the model has overflowed or divided zero by zero.")
    return samples


def require_passes(samples: Tensor) -> Tensor:
    """Return `samples` if there are at least two passes: the spread of one is not zero but unknown."""
    if len(samples) < 2:
        raise ValueError(f"a spread needs at least two passes on axis 0; got shape {tuple(samples.shape)}, T = 1.")
    return samples


def require_probabilities(probabilities: object) -> Tensor:
    """Return the probabilities (T, N, K) of T passes if each row of K lies in [0, 1] and sums to 1.

    Raises
    ------
    TypeError, ValueError
        As :func:`require_samples`, and for logits, log-probabilities, or rows that do not sum to 1.
    """
    samples = require_samples(probabilities, "(T, N, K), the probabilities of K classes,", 3)
    return _require_rows(samples, "samples", ", pass by pass")


def require_prediction(probabilities: object) -> Tensor:
    """Return the probabilities (N, K) of one prediction if each row of K lies in [0, 1] and sums to 1.

    Raises
    ------
    TypeError, ValueError
        For probabilities of several passes, logits, labels, NaN, or rows that do not sum to 1.
    """
    prediction = require_floats(probabilities, "probabilities", "(N, K), one row for each prediction", 2)
    return _require_rows(prediction, "probabilities", "")


def require_logits(logits: object) -> Tensor:
    """Return `logits` (N, K) as float64 if they are finite and not probabilities.

    Raises
    ------
    TypeError, ValueError
        As :func:`require_prediction`, and for rows that are probabilities already.
    """
    table = require_floats(logits, "logits", "(N, K), one row for each prediction", 2).double()
    if bool(table.isinf().any()):
        raise ValueError("logits are finite; an infinite one is the log of a probability 0. Clamp before the log.")
    if bool((table >= 0).all()) and bool(((table.sum(dim=-1) - 1).abs() < 1e-3).all()):
        raise ValueError("these rows are probabilities, not logits: pass the layer before the softmax, or their log().")
    return table


def require_floats(values: object, name: str, axes: str, ndim: int) -> Tensor:
    """Return `values` if it is a non-empty tensor of floats without NaN and with exactly `ndim` axes."""
    if not isinstance(values, Tensor) or not values.is_floating_point():
        kind = values.dtype if isinstance(values, Tensor) else type(values).__name__
        raise TypeError(f"{name} is a tensor of floats {axes}; got {kind}.")
    if values.ndim != ndim:
        repair = " Average over the passes first: the prediction is the mean." if values.ndim == ndim + 1 else ""
        raise ValueError(f"{name} is {axes}; got shape {tuple(values.shape)}.{repair}")
    if values.numel() == 0:
        raise ValueError(f"{name} is empty (shape {tuple(values.shape)}).")
    if bool(values.isnan().any()):
        raise ValueError(f"{name} contains NaN.")
    return values


def require_labels(labels: object, n: int, n_classes: int) -> Tensor:
    """Return `labels` as int64 if it holds `n` classes, each from 0 to `n_classes` - 1.

    Raises
    ------
    TypeError, ValueError
        For floats, rows of 0 and 1, another number of labels, or a class that does not exist.
    """
    meaning = f"labels is a tensor of {n} whole numbers from 0 to {n_classes - 1}, the class of each row"
    if not isinstance(labels, Tensor) or labels.dtype not in _INTEGERS:
        kind = labels.dtype if isinstance(labels, Tensor) else type(labels).__name__
        raise TypeError(f"{meaning}; got {kind}.")
    if labels.shape != (n,):
        repair = " If the rows are one-hot, pass labels.argmax(dim=-1)." if labels.shape == (n, n_classes) else ""
        raise ValueError(f"{meaning}; got shape {tuple(labels.shape)}.{repair}")
    if int(labels.min()) < 0 or int(labels.max()) >= n_classes:
        repair = " Classes count from 0." if int(labels.max()) == n_classes else ""
        raise ValueError(f"{meaning}; got one of {int(labels.min())} and one of {int(labels.max())}.{repair}")
    return labels.long()


def require_observations(y: object, shape: torch.Size, of: str = "a prediction", *, name: str = "y") -> Tensor:
    """Return `y` if it is a tensor of floats without NaN and of exactly `shape`: broadcasting would compare all pairs.

    Raises
    ------
    TypeError, ValueError
        For no tensor of floats, NaN, or another shape.
    """
    if not isinstance(y, Tensor) or not y.is_floating_point():
        raise TypeError(f"{name} is a tensor of floats; got {y.dtype if isinstance(y, Tensor) else type(y).__name__}.")
    if y.shape != shape:
        raise ValueError(
            f"{name} has the shape of {of}, {tuple(shape)}; got {tuple(y.shape)}. Broadcasting (N, 1) against (N,) "
            "would compare every row with every other: use squeeze(-1) or [..., 0]."
        )
    if bool(y.isnan().any()):
        raise ValueError(f"{name} contains NaN: leave rows without an observation out.")
    return y


def require_alpha(alpha: object) -> float:
    """Return `alpha` as a float if it lies in (0, 1), the share that may be missed."""
    return _require_share(alpha, "alpha is the share that may be missed, a number between 0 and 1", "alpha=0.1")


def require_level(level: object) -> float:
    """Return `level` as a float if it lies in (0, 1), the share that an interval is to hold."""
    return _require_share(level, "a level is the share that an interval is to hold, a number between 0 and 1", "0.9")


def _require_share(value: object, meaning: str, example: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{meaning}; got {value!r}.")
    if not 0 < value < 1:
        raise ValueError(f"{meaning}; got {value!r}. For 90 % pass {example}.")
    return float(value)


def _require_rows(probabilities: Tensor, name: str, addition: str) -> Tensor:
    tolerance = max(1e-3, 4 * torch.finfo(probabilities.dtype).eps)
    if bool((probabilities < -tolerance).any()) or bool((probabilities > 1 + tolerance).any()):
        logs = bool((probabilities <= 0).all())
        kind, repair = ("log-probabilities", "exp()") if logs else ("logits", "softmax(dim=-1)")
        raise ValueError(f"probabilities lie in [0, 1]; these look like {kind}: pass {name}.{repair}{addition}.")
    worst = (probabilities.sum(dim=-1) - 1).abs().max().item()
    if worst > tolerance:
        raise ValueError(
            f"the probabilities of the K classes, on the last axis, sum to 1; a row is off by {worst:.3g}."
        )
    return probabilities
