import re
from pathlib import Path

import pytest

from dropout_lab.checks.api import exercise_ids, find

LESSONS = Path(__file__).parents[2] / "lessons"


@pytest.mark.parametrize("exercise", exercise_ids())
def test_the_section_to_reread_is_a_heading_of_the_lesson(exercise):
    number, heading = re.fullmatch(r"lesson (\d\d), (.+)", find(exercise).section).groups()
    (lesson,) = LESSONS.glob(f"{number}_*.md")
    assert f"\n## {heading}\n" in lesson.read_text(encoding="utf-8")
