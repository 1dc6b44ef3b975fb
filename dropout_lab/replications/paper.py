"""What a replication is: data that say what was published, and three functions that rebuild it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Unit = dict[str, Any]  # what one job needs, JSON throughout, with an "id" of its own
Record = dict[str, Any]  # what it found, JSON throughout
Pairs = tuple[list[float], list[float]]  # of the same splits: ours, theirs


@dataclass(frozen=True)
class Paired:
    """Mean of the differences ours - theirs, split by split, its standard error, and how many splits."""

    mean: float
    se: float
    n: int


@dataclass(frozen=True)
class Cell:
    """A number that was published beside the one found here.

    Parameters
    ----------
    label : str, which cell of the table
    published : float or None
    error : float or None
        The published ± in the form `error_is` says: "SE" of a mean, "SD" over splits or seeds, "" for none.
    ours, se : float or None
        Mean and its standard error (ddof = 1); `se` None where the number is exact or a single run.
    n : int, how many splits, seeds or draws `ours` averages
    source : {"F", "S", "M", "law", ""}
        Whether the published value was read in the full text or the authors' repository (F), in a third party's
        transcription (S), is from memory and unconfirmed (M), or follows from a formula of the paper (law); ""
        where nothing was published.
    digits : int, digits behind the point that the report prints
    paired : Paired, optional
        The difference split by split, where the authors' results of each split were at hand.
    claim : str, default ""
        What the paper says in words or draws in a figure, where it prints no number.
    """

    label: str
    published: float | None
    error: float | None
    error_is: str
    ours: float | None
    se: float | None
    n: int
    source: str
    digits: int = 2
    paired: Paired | None = None
    claim: str = ""

    @property
    def standard_errors(self) -> float | None:
        """The difference in units of its standard error, unpaired.

        A published deviation is divided by √n, as of the same number of splits. None where nothing was published or
        neither side has an error, and where a published measurement has none: how far it could be off is unknown.
        """
        if self.ours is None or self.published is None or (self.error is None and self.source != "law"):
            return None
        published = (self.error or 0.0) / (self.n**0.5 if self.error_is == "SD" else 1.0)
        total = (published**2 + (self.se or 0.0) ** 2) ** 0.5
        return (self.ours - self.published) / total if total else None


@dataclass(frozen=True)
class Options:
    """What a run may be told: where data lie, and how many splits go into one job."""

    folder: Path | None = None
    splits_a_job: int = 10
    sets: tuple[str, ...] = ()
    sets_file: Path | None = None


@dataclass(frozen=True)
class Paper:
    """A replication.

    Parameters
    ----------
    name : str, what the command line calls it
    citation : str
    protocol : str, what the paper did
    differs : str, what is done otherwise here
    units : callable, options → (jobs, reasons why others cannot be done)
    run : callable, a job → what it found
    cells : callable, all that was found → the cells
    missing : str, what cannot be rebuilt, and why
    pairs : callable, (folder of the authors' results, all that was found) → label of a cell → (ours, theirs) by split
    """

    name: str
    citation: str
    protocol: str
    differs: str
    units: Callable[[Options], tuple[list[Unit], list[str]]]
    run: Callable[[Unit], list[Record]]
    cells: Callable[[Sequence[Record]], list[Cell]]
    missing: str = ""
    pairs: Callable[[Path, Sequence[Record]], dict[str, Pairs]] | None = None


def mean_and_se(values: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean and its standard error, sd / √n with ddof = 1; None for a single value.

    Examples
    --------
    >>> mean_and_se([1.0, 3.0])
    (2.0, 1.0)
    """
    n = len(values)
    mean = sum(values) / n
    if n < 2:
        return mean, None
    return mean, (sum((value - mean) ** 2 for value in values) / (n - 1) / n) ** 0.5


def paired_difference(ours: Sequence[float], theirs: Sequence[float]) -> Paired:
    """Return the mean of the differences split by split and its standard error.

    Raises
    ------
    ValueError
        For fewer than two splits, or another number of ours than of theirs.

    Examples
    --------
    >>> paired_difference([1.1, 5.2, 9.3], [1.0, 5.0, 9.0]).mean.__round__(3)
    0.2
    """
    mean, se = mean_and_se([a - b for a, b in zip(ours, theirs, strict=True)])
    if se is None:
        raise ValueError("a paired difference needs at least two splits; got one.")
    return Paired(mean, se, len(ours))


def seed_units(what: str, seeds: int = 5) -> tuple[list[Unit], list[str]]:
    """Return a job for each seed, and no reason why any could not be done.

    Examples
    --------
    >>> seed_units("rates", 2)[0]
    [{'id': 'rates, seed 0', 'seed': 0}, {'id': 'rates, seed 1', 'seed': 1}]
    """
    return [{"id": f"{what}, seed {seed}", "seed": seed} for seed in range(seeds)], []
