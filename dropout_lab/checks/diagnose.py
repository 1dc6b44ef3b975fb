"""From observations to a name: which misconception behaves as this answer does?

Every row of the bank carries wrong answers. They go through the same probes as the learner's answer, and the row whose
observations agree with the learner's, within random variation, is the diagnosis. Nothing here knows any slip by name.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from dropout_lab.checks.exercise import Exercise, Misconception, Observation

SEEDS = (20140615, 20160620)  # the first draw, and the one made before anything is blamed
Stage = tuple[Observation, ...]


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with an answer: the observations that failed, the row they fit (or None), and whether more is."""

    failures: tuple[Observation, ...]
    misconception: Misconception | None
    more: bool


@dataclass(frozen=True)
class Fingerprint:
    """How one wrong version of a misconception behaves."""

    row: Misconception
    stages: tuple[Stage, ...]

    @property
    def weight(self) -> int:
        """In how many respects it is wrong: among equals, the lighter slip is the likelier one."""
        return sum(len(failures(stage)) for stage in self.stages)


def diagnose(exercise: Exercise, subject: Any, seeds: Sequence[int] = SEEDS) -> Diagnosis | None:
    """None for a right answer; otherwise what failed in the first stage that failed, and its name."""
    stages = examine(exercise, subject, seeds)
    return explain(exercise, stages) if stages else None


def examine(exercise: Exercise, subject: Any, seeds: Sequence[int] = SEEDS) -> tuple[Stage, ...]:
    """What was observed of a wrong answer; nothing for a right one.

    Random variation has a second chance: an answer is wrong only if it fails with each of `seeds`.
    """
    stages: tuple[Stage, ...] = ()
    for seed in seeds:
        stages = observe(exercise, subject, seed)
        if not any(map(failures, stages)):
            return ()
    return stages


def explain(exercise: Exercise, stages: tuple[Stage, ...]) -> Diagnosis:
    """The row of the bank that behaves as was observed in the first stage that failed.

    Where several do, the one that agrees most in the later stages and is wrong in the fewest respects; where none does,
    the rows that together explain every failure, and of these the one that explains the first.
    """
    level = next(number for number, stage in enumerate(stages) if failures(stage))
    mine, later = stages[level], stages[level + 1 :]
    known = [print_ for print_ in fingerprints(exercise) if _clean_before(print_, level)]
    alike = [print_ for print_ in known if _agree(mine, print_.stages[level])]
    if not alike:
        return Diagnosis(failures(mine), _first_of_several(mine, known, level), more=True)
    best = max(alike, key=lambda print_: (sum(map(_agree, later, print_.stages[level + 1 :])), -print_.weight))
    pairs = zip(later, best.stages[level + 1 :], strict=False)
    return Diagnosis(failures(mine), best.row, any(failures(own) and not _agree(own, its) for own, its in pairs))


def observe(exercise: Exercise, subject: Any, seed: int) -> tuple[Stage, ...]:
    """All observations of an answer, stage by stage.

    An answer that stops with an exception is cut there if it has failed before; if not, the exception is the finding.
    """
    stages: list[Stage] = []
    for probes in exercise.stages:
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():  # what matters of it is an observation
                warnings.simplefilter("ignore")
                stages.append(tuple(observation for probe in probes for observation in probe(subject, seed)))
        except Exception:
            if any(map(failures, stages)):
                break
            raise
    return tuple(stages)


def failures(stage: Stage) -> Stage:
    """The observations that a right answer would not give."""
    return tuple(observation for observation in stage if not observation.ok)


@lru_cache(maxsize=64)
def fingerprints(exercise: Exercise) -> tuple[Fingerprint, ...]:
    """What the wrong versions of the exercise's bank do under its probes."""
    return tuple(
        Fingerprint(row, observe(exercise, version, SEEDS[-1])) for row in exercise.bank for version in row.versions
    )


def _clean_before(fingerprint: Fingerprint, level: int) -> bool:
    return len(fingerprint.stages) > level and not any(map(failures, fingerprint.stages[:level]))


def _agree(mine: Stage, theirs: Stage) -> bool:
    return len(mine) == len(theirs) and all(map(Observation.agrees, mine, theirs))


def _first_of_several(mine: Stage, known: list[Fingerprint], level: int) -> Misconception | None:
    """The row that explains the first failure, if the rows that fit explain all failures together."""
    places = {number for number, observation in enumerate(mine) if not observation.ok}
    fitting = []
    for print_ in known:
        theirs = print_.stages[level]
        wrong = {number for number, observation in enumerate(theirs) if not observation.ok}
        if wrong and wrong <= places and all(mine[number].agrees(theirs[number]) for number in wrong):
            fitting.append((print_, wrong))
    if places - set().union(*(wrong for _, wrong in fitting)):
        return None
    first = [(print_, wrong) for print_, wrong in fitting if min(places) in wrong]
    return max(first, key=lambda pair: (len(pair[1]), -pair[0].weight))[0].row if first else None
