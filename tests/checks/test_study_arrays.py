"""The mutation study for the lessons on arrays, 00 to 05."""

import pytest

from planted import RIGHT, WRONG
from study import false_alarms, label, names_given

WRONG = [case for case in WRONG if case[0] < "06"]
RIGHT = [(exercise, answer) for exercise, answers in RIGHT for answer in answers if exercise < "06"]


@pytest.mark.parametrize(("exercise", "slug", "answers"), WRONG, ids=map(label, WRONG))
def test_every_planted_wrong_answer_is_named(exercise, slug, answers):
    assert names_given(exercise, answers) == [slug] * len(answers)


@pytest.mark.parametrize(("exercise", "answer"), RIGHT, ids=map(label, RIGHT))
def test_a_right_answer_passes_on_every_seed(exercise, answer):
    assert false_alarms(exercise, answer) == []
