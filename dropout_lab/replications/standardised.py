"""The splits of a regression set as tensors, standardised as table 1 has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dropout_lab.replications.uci import UCISet, read_rows, split_rows


@dataclass(frozen=True)
class Standardised:
    """Splits of a set: inputs (S, N, D) and targets (S, N, 1) with the training part's mean 0 and deviation 1.

    `tests` are the inputs of the test rows, `answers` their targets in their own units, `scales` mean and deviation.
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    tests: list[torch.Tensor]
    answers: list[NDArray[np.float64]]
    scales: list[tuple[float, float]]


def standardised(uci_set: UCISet, folder: Path | None, splits: Sequence[int]) -> Standardised:
    """Return the named splits of a set; a column that does not vary in a training part is centred only."""
    x, y = read_rows(uci_set, folder)
    rows = [split_rows(len(x), max(splits) + 1)[split] for split in splits]
    inputs, targets, tests, scales = [], [], [], []
    for train, test in rows:
        centre, scale = x[train].mean(axis=0), x[train].std(axis=0)
        scale[scale == 0] = 1
        inputs.append((x[train] - centre) / scale)
        tests.append(torch.from_numpy((x[test] - centre) / scale).float())
        scales.append((float(y[train].mean()), float(y[train].std())))
        targets.append((y[train] - scales[-1][0]) / scales[-1][1])
    whole = [torch.from_numpy(np.stack(values)).float() for values in (inputs, targets)]
    return Standardised(whole[0], whole[1][..., None], tests, [y[test] for _, test in rows], scales)
