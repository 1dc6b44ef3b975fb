"""Exercises of lesson 00."""

from __future__ import annotations

from numbers import Real
from typing import Any

from dropout_lab.checks.exercise import AnswerError, Exercise, Misconception
from dropout_lab.checks.probes_values import ValueAnswer, on, outputs
from dropout_lab.checks.subjects import callable_answer

KEEPERS = ("srivastava 2014", "gal 2016", "cs231n")
SECTION = "lesson 00, One letter, two meanings"


def drop_probability(value: float, source: str) -> float:
    """Return the probability that a unit is dropped, given the number `value` as `source` writes it."""
    keeps = source in ("srivastava 2014", "gal 2016", "cs231n")
    return 1 - value if keeps else value


def units_dropped() -> float:
    """CS231n's p = 0.8 keeps a unit, so 0.2 of 1000 units are dropped on average."""
    return (1 - 0.8) * 1000


def _number(answer: Any) -> ValueAnswer:
    if isinstance(answer, bool) or not isinstance(answer, Real):  # np.int64 is a Real and no int
        raise AnswerError(f"the answer is {answer!r}; I expected a number.")
    return ValueAnswer(lambda: answer)


SOURCES = ("pytorch", "keras", "flax", *KEEPERS)
TRANSLATIONS = tuple(
    on(drop_probability, f"value = {value} and source = {source!r}", value, source)
    for value, source in zip((0.9, 0.3, 0.4, 0.9, 0.3, 0.8), SOURCES, strict=True)
)

EXERCISES = (
    Exercise(
        id="00-a",
        title="What a source's number is as our p",
        section=SECTION,
        solution=drop_probability,
        adapt=callable_answer(ValueAnswer),
        stages=((outputs(TRANSLATIONS),),),
        bank=(
            Misconception(
                "keep-drop-swapped",
                "the two families are exchanged: a keep probability was taken for a drop probability and the other way "
                "round.",
                "PyTorch's p = 0.9 drops nine units of ten. What does Srivastava's p = 0.9 do?",
                (ValueAnswer(lambda value, source: value if source in KEEPERS else 1 - value),),
            ),
            Misconception(
                "never-translated",
                "every source's number was returned as it came. Three of the six call the keep probability p.",
                "In which of the sources does 0.9 mean that nine units of ten stay?",
                (ValueAnswer(lambda value, source: value),),
            ),
            Misconception(
                "always-translated",
                "every number was turned into 1 - value. Three of the six already write the drop probability.",
                "In which of the sources does 0.9 mean that nine units of ten go?",
                (ValueAnswer(lambda value, source: 1 - value),),
            ),
        ),
        hints=(
            "Look the source up in the table: does its number drop a unit or keep it?",
            "If it keeps, the drop probability is 1 - value; if it drops, it is value.",
        ),
    ),
    Exercise(
        id="00-b",
        title="How many units CS231n's p = 0.8 drops",
        section=SECTION,
        solution=units_dropped,
        adapt=_number,
        stages=((outputs((on(units_dropped, ""),)),),),
        bank=(
            Misconception(
                "keep-drop-swapped",
                "0.8 was taken as the probability of dropping. The CS231n notes call the probability of keeping p.",
                "If 0.8 is the probability that a unit stays, how many of 1000 go?",
                (ValueAnswer(lambda: 800), ValueAnswer(lambda: 0.8)),
            ),
            Misconception(
                "share-for-count",
                "that is the share of the units, not their number.",
                "The layer has 1000 units.",
                (ValueAnswer(lambda: 0.2),),
            ),
        ),
        hints=(
            "CS231n's p is the probability that a unit is kept.",
            "The probability of dropping is 1 - 0.8; the layer has 1000 units.",
        ),
    ),
)
