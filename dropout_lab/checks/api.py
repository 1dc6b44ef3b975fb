"""The six calls that lessons use."""

from __future__ import annotations

import html
import importlib
from dataclasses import dataclass
from typing import Any

from dropout_lab.checks import lessons
from dropout_lab.checks.diagnose import examine, explain
from dropout_lab.checks.exercise import AnswerError, Exercise
from dropout_lab.checks.memory import recall, remember
from dropout_lab.checks.quoting import plain_source
from dropout_lab.checks.run import OutOfTimeError, run_guarded, where_it_stopped
from dropout_lab.checks.subjects import named, undisturbed
from dropout_lab.checks.verdict import Verdict, explained, failed, verdict_on


@dataclass(frozen=True)
class Text:
    """A text that displays itself: plain in a terminal, as it stands (code in a box) in a notebook."""

    text: str
    code: bool = False

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text)}</pre>" if self.code else f"<p>{html.escape(self.text)}</p>"


def check(exercise_id: str, answer: Any) -> Verdict:
    """A verdict on an answer: passed, failed with what was seen and which slip that is, or not attempted.

    Parameters
    ----------
    exercise_id : str
        Such as "01-a".
    answer : what the exercise asks for, usually a function or a class

    Returns
    -------
    verdict : Verdict
        With `.status`, `.diagnosis` (a slug of the bank of misconceptions or None) and `.message`.

    Raises
    ------
    ValueError
        If there is no such exercise.

    Examples
    --------
    >>> check("01-a", lambda shape, p, rng: rng.random(shape) >= p)
    01-a  passed
    >>> check("01-a", lambda shape, p, rng: rng.random(shape) < p).diagnosis
    'keep-drop-swapped'
    """
    verdict = judge(exercise_id, answer)
    if verdict.status != "not attempted":
        remember(verdict.exercise, "status", verdict.status)
    return verdict


def judge(exercise_id: str, code: Any) -> Verdict:
    """The verdict of :func:`check` on code that is not the learner's answer: the progress takes no note of it."""
    exercise = find(exercise_id)
    with undisturbed():
        return _judge(exercise, code)


def hint(exercise_id: str) -> Text:
    """The next hint for an exercise, each a little more than the one before; the last one is repeated."""
    exercise = find(exercise_id)
    given = recall().get(exercise.id, {}).get("hints", 0)
    number = min(given if isinstance(given, int) and given >= 0 else 0, len(exercise.hints) - 1)
    remember(exercise.id, "hints", number + 1)
    return Text(f"Hint {number + 1} of {len(exercise.hints)} for {exercise.id}: {exercise.hints[number]}")


def solution(exercise_id: str) -> Text:
    """A right answer to an exercise, quoted from the library; yours may be written in another way."""
    return Text(solution_source(exercise_id), code=True)


def solution_source(exercise_id: str) -> str:
    """The source of :func:`solution`, without its annotations: a lesson's cells have not imported the types."""
    return plain_source(find(exercise_id).solution)


def progress() -> Text:
    """What is passed, failed and open, a line for each lesson."""
    known = recall()
    marks = {"passed": "✓", "failed": "✗"}
    rows: dict[str, list[str]] = {}
    for exercise_id in exercise_ids():
        status = known.get(exercise_id, {}).get("status")
        letter = exercise_id.partition("-")[2]
        rows.setdefault(exercise_id[:2], []).append(f"{letter} {marks.get(status, '·') if status else '·'}")
    lines = [f"{lesson}   {'   '.join(cells)}" for lesson, cells in rows.items()]
    return Text("\n".join([*lines, "", "✓ passed   ✗ failed   · open"]), code=True)


def exercise_ids() -> list[str]:
    """Ids of all exercises, in the order of the lessons."""
    return [f"{lesson}-{letter}" for lesson, letters in sorted(lessons.LETTERS.items()) for letter in letters]


def find(exercise_id: str) -> Exercise:
    """The exercise with this id; its lesson's exercises are loaded now and not before, since some need torch."""
    if exercise_id not in exercise_ids():
        raise ValueError(f"there is no exercise {exercise_id!r}; the exercises are {', '.join(exercise_ids())}.")
    module = importlib.import_module(f"{lessons.__name__}.lesson_{exercise_id[:2]}")
    exercises: tuple[Exercise, ...] = module.EXERCISES
    return next(exercise for exercise in exercises if exercise.id == exercise_id)


def _judge(exercise: Exercise, answer: Any) -> Verdict:
    if answer is None or answer is ...:
        return Verdict(exercise.id, "not attempted")
    try:
        subject = exercise.adapt(answer)
        stages = run_guarded(lambda: examine(exercise, subject))
    except NotImplementedError:
        return Verdict(exercise.id, "not attempted")
    except AnswerError as wrong:
        row = next((row for row in exercise.bank if row.slug == wrong.slug), None)
        return failed(exercise, [f"Seen: {wrong}", *explained(row)], row)
    except OutOfTimeError as late:
        return failed(exercise, [f"Seen: {named(answer)} was {late}.", "Is there a loop that never ends?"])
    except Exception as error:
        return failed(exercise, [_stopped(exercise, answer, error)])
    return verdict_on(exercise, explain(exercise, stages) if stages else None)


def _stopped(exercise: Exercise, answer: Any, error: Exception) -> str:
    place = where_it_stopped(error)
    came = f"{type(error).__name__}: {error}"
    if place:
        return f"Seen: your code stopped in {place}: {came}"
    header = plain_source(exercise.solution).partition("\n")[0]
    return f"Seen: {named(answer)} could not be called: {came}\nExpected: {header.removeprefix('def ').rstrip(':')}."
