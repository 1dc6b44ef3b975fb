import doctest
from pathlib import Path

from readme_figure import FIGURE, figure

README = Path(__file__).parents[1] / "README.md"


def test_the_examples_of_the_readme_show_what_they_print(monkeypatch):
    monkeypatch.setenv("DROPOUT_LAB_PROGRESS", "off")
    text = README.read_text(encoding="utf-8").replace("```", "")
    examples = doctest.DocTestParser().get_doctest(text, {}, "README", str(README), 0)
    results = doctest.DocTestRunner().run(examples)
    assert results.attempted >= 5
    assert results.failed == 0


def test_the_figure_of_the_readme_is_the_one_of_the_notebook():
    assert FIGURE.read_bytes() == figure()


def test_every_lesson_is_in_the_readme_once_in_both_editions():
    text = README.read_text(encoding="utf-8")
    for lesson in (README.parent / "lessons").glob("*.md"):
        assert text.count(f"(notebooks/{lesson.stem}.ipynb)") == 1
        assert text.count(f"(notebooks/solutions/{lesson.stem}.ipynb)") == 1
