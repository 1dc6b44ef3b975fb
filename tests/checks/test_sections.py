import re
from pathlib import Path

import pytest

from dropout_lab.checks.api import exercise_ids, find

LESSONS = Path(__file__).parents[2] / "lessons"


@pytest.mark.parametrize("exercise", exercise_ids())
def test_the_sections_to_reread_are_headings_of_their_lessons(exercise):
    exercise = find(exercise)
    for section in {exercise.section, *(row.reread or exercise.section for row in exercise.bank)}:
        number, heading = re.fullmatch(r"lesson (\d\d), (.+)", section).groups()
        (lesson,) = LESSONS.glob(f"{number}_*.md")
        assert f"\n## {heading}\n" in lesson.read_text(encoding="utf-8")
