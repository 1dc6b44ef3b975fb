"""Parity is a list of rows: each gives pairs of arrays, ours beside theirs, and a pair gives its verdict."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

EQUAL = 1e-9  # differences of float64 numbers above it are no rounding
FLOOR = 1e-14  # 45 roundings of 1: smaller bounds would depend on the processor
TAIL = 14  # a χ² of equal laws exceeds its bound with a probability below e⁻¹⁴, one in a million


def array(values):
    return np.asarray(values.detach() if torch.is_tensor(values) else values)


def same_bits(here, there):
    """Whether shape, dtype and every bit agree, the sign of a zero too."""
    return (here.dtype, here.shape) == (there.dtype, there.shape) and here.tobytes() == there.tobytes()


def largest_difference(here, there):
    """Largest difference, relative to the largest number of `there` if that is above 1; infinite for other shapes."""
    if here.shape != there.shape or here.dtype.kind != "f" or there.dtype.kind != "f":
        return math.inf
    differences = np.abs(here - there) / max(1.0, np.abs(there).max(initial=0))
    return math.inf if np.isnan(differences).any() else float(differences.max(initial=0))


@dataclass(frozen=True)
class Pair:
    """One comparison. With `sums`, products are added up, in any order: equal bits are chance and not claimed.

    With `why`, the reason of a difference on purpose, the two must differ.
    """

    ours: str
    what: str
    here: object
    there: object
    sums: bool = False
    why: str = ""

    def verdict(self):
        """What is found, and the largest difference if it is a rounding; AssertionError if it is not what is meant."""
        here, there = array(self.here), array(self.there)
        difference = 0.0 if same_bits(here, there) else largest_difference(here, there)
        if self.why:
            assert difference > EQUAL, f"{self.what} of {self.ours} is said to differ ({self.why}), but it is equal"
            return f"differs on purpose: {self.why}", 0.0
        assert difference <= EQUAL, f"{self.what} of {self.ours} differs by {difference:.2g}, and no reason is given"
        exact = same_bits(here, there) and not self.sums
        return ("equal exactly", 0.0) if exact else ("equal up to rounding", difference)


@dataclass(frozen=True)
class Law:
    """Two samples of patterns of dropped units, bool arrays (n, …), compared by Pearson's χ² of a two-sample table."""

    ours: str
    here: np.ndarray
    there: np.ndarray
    why: str = ""
    what: str = "noise law"

    def statistic(self):
        """χ² and its degrees of freedom: patterns that occur, less one."""
        rows = [np.packbits(sample.reshape(len(sample), -1), axis=1) for sample in (self.here, self.there)]
        _, cells = np.unique(np.concatenate(rows), axis=0, return_inverse=True)
        first, second = (np.bincount(part, minlength=cells.max() + 1) for part in np.split(cells, [len(rows[0])]))
        assert len(rows[0]) == len(rows[1])
        return float(((first - second) ** 2 / (first + second)).sum()), len(first) - 1

    def verdict(self):
        """As for a pair; the bound of χ² is that of Laurent and Massart (2000), lemma 1."""
        statistic, freedom = self.statistic()
        bound = freedom + 2 * math.sqrt(freedom * TAIL) + 2 * TAIL
        if self.why:
            assert statistic > bound, f"the law of {self.ours} is said to differ ({self.why}), but χ² = {statistic:.1f}"
            return f"differs on purpose: {self.why}", 0.0
        assert statistic < bound, f"the law of {self.ours} differs: χ² = {statistic:.1f} above {bound:.1f}"
        found = f"χ² of {freedom + 1} patterns of dropped units in {len(self.here):,} draws < {bound:.0f}"
        return f"equal in distribution: {found}", 0.0


@dataclass(frozen=True)
class Row:
    """A layer against something else: `compare(**case)` gives the pairs of one case."""

    layer: str
    against: str
    cases: tuple[dict[str, object], ...]
    compare: Callable[..., Iterator[Pair | Law]]

    def lines(self):
        """A line of the table for each verdict: layer, against, whose layers, what was compared, verdict."""
        found = {}
        for case in self.cases:
            for pair in self.compare(**case):
                try:
                    verdict, difference = pair.verdict()
                except AssertionError as error:
                    raise AssertionError(f"{self.layer} against {self.against}, {case}: {error}") from None
                line = found.setdefault(verdict, {"ours": set(), "what": {}, "p": {}, "largest": 0.0})
                line["ours"].add(pair.ours)
                line["what"][pair.what] = None
                line["p"] |= {f"{case['p']:.2g}": None} if "p" in case else {}
                line["largest"] = max(line["largest"], difference)
        for verdict, line in found.items():
            bound = f", {power_of_ten(line['largest'])}" if "rounding" in verdict else ""
            rates = f"; p = {', '.join(line['p'])}" if line["p"] else ""
            compared, ours = ", ".join(line["what"]) + rates, ", ".join(sorted(line["ours"]))
            yield f"| {self.layer} | {self.against} | {ours} | {compared} | {verdict}{bound} |"


def power_of_ten(difference):
    """The power of ten at or above a difference and the floor, as Markdown."""
    return (
        f"10{str(math.ceil(math.log10(max(difference, FLOOR)))).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    )


def row(rows, layer, against, **choices):
    """Decorate a comparison: append it to `rows`, to run on every combination of the choices."""

    def add(compare):
        cases = tuple(dict(zip(choices, values, strict=True)) for values in product(*choices.values()))
        rows.append(Row(layer, against, cases, compare))
        return compare

    return add
