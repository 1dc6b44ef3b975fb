"""Every code has advice, in the house style, that sends the reader to a lesson there is."""

import re
from pathlib import Path

import pytest

from dropout_lab.audit import rules
from dropout_lab.audit.advice import ADVICE

ROOT = Path(__file__).parents[2]
LESSONS = {
    path.name[:2]: path.read_text(encoding="utf-8").split("\n", 1)[0] for path in (ROOT / "lessons").glob("*.md")
}


def used_codes():
    sources = Path(rules.__file__).parent.glob("*.py")
    return set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', "".join(path.read_text(encoding="utf-8") for path in sources)))


def test_every_code_of_a_rule_has_advice_and_every_advice_a_rule():
    assert used_codes() == set(ADVICE)


@pytest.mark.parametrize("code", ADVICE)
def test_a_fix_is_a_sentence_without_impatient_words(code):
    fix = ADVICE[code].fix
    assert fix[0].isupper()
    assert fix.rstrip()[-1] == "."
    assert not re.search(r"\b(simply|just|obviously)\b", fix, re.IGNORECASE)


@pytest.mark.parametrize("code", ADVICE)
def test_a_lesson_that_is_written_is_called_by_its_title(code):
    lesson = ADVICE[code].lesson
    assert LESSONS.get(lesson[:2], f"# {lesson}") == f"# {lesson}"
