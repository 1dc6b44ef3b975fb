"""Every committed notebook passes every gate of tools/lesson_gates.py, and every link leads somewhere."""

import re
from pathlib import Path

import pytest

import lesson_gates
from dropout_lab.checks import exercise_ids
from dropout_lab.checks.api import find
from links import broken_links, broken_paths

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted(path.stem for path in (ROOT / "lessons").glob("*.md"))
NUMBERS = {lesson[:2] for lesson in LESSONS}
NOTEBOOKS = [
    folder / f"{lesson}.ipynb" for lesson in LESSONS for folder in (Path("notebooks"), Path("notebooks/solutions"))
]
PAGES = sorted(
    path.relative_to(ROOT) for path in (*ROOT.glob("*.md"), *ROOT.glob("data/*.md"), *ROOT.glob("docs/**/*.md"))
)


def notebook(path):
    return lesson_gates.read(ROOT / path)


def test_there_is_a_first_lesson_and_every_file_in_lessons_is_one():
    assert "00_start_here" in LESSONS
    assert {path.suffix for path in (ROOT / "lessons").iterdir() if path.is_file()} == {".md"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=str)
@pytest.mark.parametrize("gate", lesson_gates.NOTEBOOK_GATES, ids=lambda gate: gate.__name__)
def test_the_outputs_of_every_notebook_pass(gate, path):
    assert gate(notebook(path)) == []


@pytest.mark.parametrize("lesson", LESSONS)
@pytest.mark.parametrize("gate", lesson_gates.LESSON_GATES, ids=lambda gate: gate.__name__)
def test_the_text_and_the_code_of_every_lesson_pass(gate, lesson):
    assert gate(notebook(f"notebooks/solutions/{lesson}.ipynb")) == []


@pytest.mark.parametrize("lesson", LESSONS)
def test_exercises_are_open_for_the_learner_and_passed_when_solved(lesson):
    learners, solved = notebook(f"notebooks/{lesson}.ipynb"), notebook(f"notebooks/solutions/{lesson}.ipynb")
    assert lesson_gates.verdicts(learners, solved, 2 if lesson.startswith("00") else 3) == []


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_asks_every_exercise_that_is_written_for_it(lesson):
    written = [exercise for exercise in exercise_ids() if exercise.startswith(lesson[:2])]
    asked = lesson_gates.exercise_ids(notebook(f"notebooks/{lesson}.ipynb"))
    # lesson 00 shows how an exercise of lesson 01 answers
    assert [exercise for exercise in asked if exercise.startswith(lesson[:2])] == written


@pytest.mark.parametrize("exercise", [exercise for exercise in exercise_ids() if exercise[:2] in NUMBERS])
def test_the_section_that_a_check_sends_the_learner_to_is_a_heading_of_its_lesson(exercise):
    number, _, heading = find(exercise).section.removeprefix("lesson ").partition(", ")
    [lesson] = (ROOT / "lessons").glob(f"{number}_*.md")
    assert re.search(rf"(?m)^#+ {re.escape(heading)}$", lesson.read_text(encoding="utf-8")), f"no heading {heading!r}"


@pytest.mark.parametrize("lesson", [lesson for lesson in LESSONS if lesson < "06"])
def test_lessons_before_the_first_pytorch_one_import_no_torch(lesson):
    assert lesson_gates.torch_imports(notebook(f"notebooks/solutions/{lesson}.ipynb")) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=str)
def test_links_and_paths_of_every_notebook_lead_somewhere(path):
    prose = lesson_gates.prose(notebook(path))
    assert broken_links(prose, (ROOT / path).parent, ROOT) + broken_paths(prose, ROOT) == []


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_links_and_paths_of_every_page_lead_somewhere(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    assert broken_links(text, (ROOT / path).parent, ROOT) + broken_paths(text, ROOT) == []
