"""The builder: the same bytes every time, both editions or none, and errors that say where."""

import json
import re
import shutil

import nbformat
import pytest

import build_notebooks
import lesson_editions

LESSON = """# Flip a coin

You need [the data](../data/README.md).

```python
import warnings
import ipywidgets
```

Two lines, two results.

```python
warnings.warn("a path with a process id")
ipywidgets.FloatSlider(0.2)
```

```text
this is shown, not run
```

```python exercise="01-a"
def keep_mask():
    raise NotImplementedError
```

```python solution
print(keep_mask())
```
"""


def quoted(exercise):
    if exercise != "01-a":
        raise KeyError(exercise)
    return "def keep_mask():\n    return 'kept'\n"


@pytest.fixture
def course(tmp_path, monkeypatch):
    monkeypatch.setattr(lesson_editions, "solution_source", quoted)
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons/01_flip.md").write_text(LESSON, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A course built once; tests that change it take a copy."""
    root = tmp_path_factory.mktemp("built")
    (root / "lessons").mkdir()
    (root / "lessons/01_flip.md").write_text(LESSON, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lesson_editions, "solution_source", quoted)
        assert build_notebooks.main([], root) == 0
    return root


@pytest.fixture
def copy(built, course):
    shutil.copytree(built / "notebooks", course / "notebooks")
    return course


def editions(root):
    return [root / "notebooks/01_flip.ipynb", root / "notebooks/solutions/01_flip.ipynb"]


def change(root, old, new):
    path = root / "lessons/01_flip.md"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def printed(notebook):
    cells = (cell for cell in notebook.cells if cell.cell_type == "code")
    return "".join(output.get("text", "") for cell in cells for output in cell.outputs)


# ---- what is built


def test_a_second_build_elsewhere_gives_the_same_bytes(built, course):
    assert build_notebooks.main([], course) == 0
    for first, second in zip(editions(built), editions(course), strict=True):
        assert first.read_bytes() == second.read_bytes()
    assert not list(course.rglob("*.tmp"))


def test_nothing_in_a_notebook_differs_from_run_to_run_or_between_pythons(built):
    for path in editions(built):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"ipykernel_\d|widget-view|model_id|iopub|\d+\.\d+\.\d+", text)
        assert text.endswith("}\n")
        nbformat.validate(json.loads(text))


def test_the_learners_edition_keeps_the_stub_and_hides_the_solution_cells(built):
    notebook = nbformat.read(editions(built)[0], as_version=4)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "markdown", "code", "markdown", "code"]
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"] == [1, 2, 3]
    assert notebook.cells[-1].metadata == {"tags": ["exercise"]}
    assert "NotImplementedError" in notebook.cells[-1].source
    assert "kept" not in printed(notebook)


def test_the_solved_edition_quotes_the_answer_runs_it_and_says_what_it_is(built):
    notebook = nbformat.read(editions(built)[1], as_version=4)
    assert notebook.cells[1].source.startswith("This is the **solved edition**")
    assert "](../01_flip.ipynb)" in notebook.cells[1].source
    assert [cell.metadata.get("tags") for cell in notebook.cells[-2:]] == [["solution"], ["solution"]]
    assert notebook.cells[-2].source == quoted("01-a").strip()
    assert printed(notebook).endswith("kept\n")


def test_links_out_of_the_folder_go_one_further_up_in_the_solved_edition(built):
    for path, link in zip(editions(built), ["](../data/README.md)", "](../../data/README.md)"], strict=True):
        assert link in nbformat.read(path, as_version=4).cells[0].source


def test_cells_with_the_same_source_have_different_ids(course):
    change(course, "Two lines", "```python\nimport warnings\nimport ipywidgets\n```\n\nTwo lines")
    notebook = lesson_editions.make_edition(course / "lessons/01_flip.md", course, solved=False).notebook
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


# ---- --check


def test_a_fresh_build_passes_the_check_which_writes_nothing(copy, capsys):
    before = [path.read_bytes() for path in editions(copy)]
    assert build_notebooks.main(["--check"], copy) == 0
    assert capsys.readouterr().err == ""
    assert [path.read_bytes() for path in editions(copy)] == before


@pytest.mark.parametrize(
    ("old", "new", "stale"),
    [
        ("Two lines", "Three lines", [0, 1]),
        ("FloatSlider(0.2)", "FloatSlider(0.3)", [0, 1]),
        ("print(keep_mask())", "print(keep_mask(), 1)", [1]),
        ("```python solution", "```python", [0, 1]),
        ("raise NotImplementedError", "raise NotImplementedError  # yours", [0]),
    ],
)
def test_the_check_finds_an_edited_lesson(copy, capsys, old, new, stale):
    change(copy, old, new)
    assert build_notebooks.main(["--check"], copy) == 1
    reported = capsys.readouterr().err.splitlines()
    names = ["notebooks/01_flip.ipynb", "notebooks/solutions/01_flip.ipynb"]
    assert reported == [f"{names[index]}: stale; run: python lab.py build 01" for index in stale]


def test_the_check_finds_a_changed_library_answer(copy, capsys, monkeypatch):
    monkeypatch.setattr(lesson_editions, "solution_source", lambda exercise: "def keep_mask(): ...")
    assert build_notebooks.main(["--check"], copy) == 1
    assert capsys.readouterr().err.startswith("notebooks/solutions/01_flip.ipynb: stale")


@pytest.mark.parametrize(
    ("key", "value"),
    [("source", ["other"]), ("id", "other"), ("metadata", {"tags": ["x"]}), ("cell_type", "raw")],
)
def test_the_check_finds_a_notebook_edited_by_hand(copy, capsys, key, value):
    path = editions(copy)[0]
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"][2][key] = value
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert build_notebooks.main(["--check"], copy) == 1
    assert "01_flip.ipynb: stale" in capsys.readouterr().err


def test_the_check_finds_missing_and_orphaned_notebooks(copy, capsys):
    editions(copy)[0].rename(copy / "notebooks/solutions/09_gone.ipynb")
    assert build_notebooks.main(["--check"], copy) == 1
    assert capsys.readouterr().err.splitlines() == [
        "notebooks/01_flip.ipynb: missing; run: python lab.py build 01",
        "notebooks/solutions/09_gone.ipynb: orphaned, no lesson makes it",
    ]


def test_a_number_without_a_lesson_is_an_error(copy, capsys):
    assert build_notebooks.main(["07", "--check"], copy) == 1
    assert capsys.readouterr().err == "no lesson 07\n"


def test_only_the_lessons_that_were_named_are_looked_at(copy):
    (copy / "lessons/02_next.md").write_text("# Next\n", encoding="utf-8")
    assert build_notebooks.main(["01", "--check"], copy) == 0
    assert build_notebooks.main(["--check"], copy) == 1


# ---- errors


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("x = 1\n\n1 / 0", "code cell 2, line 3 of the cell: ZeroDivisionError: division by zero"),
        ("x = 1\nraise ValueError('first\\nsecond')", "code cell 2, line 2 of the cell: ValueError: first"),
        ("def f():\n    return 1 / 0\n\nf()", "code cell 2, line 4 of the cell: ZeroDivisionError: division by zero"),
        ("x = 1\ny = = 2", "code cell 2, line 2 of the cell: SyntaxError: invalid syntax"),
        ("import os\nos._exit(1)", "code cell 2, line 1 of the cell: its kernel died (out of memory?)"),
    ],
)
def test_a_failing_cell_is_named_with_its_line_in_the_cell_and_in_the_lesson(copy, capsys, cell, says):
    before = [path.read_bytes() for path in editions(copy)]
    change(copy, 'warnings.warn("a path with a process id")\nipywidgets.FloatSlider(0.2)', cell)
    assert build_notebooks.main([], copy) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    line = 12 + int(re.search(r"line (\d)", says)[1])
    assert error.startswith(f"lessons/01_flip.md:{line}: {says}")
    assert [path.read_bytes() for path in editions(copy)] == before


def test_a_cell_that_never_ends_is_named(copy, capsys, monkeypatch):
    monkeypatch.setattr(build_notebooks, "CELL_SECONDS", 1)
    change(copy, "ipywidgets.FloatSlider(0.2)", "while True: pass")
    assert build_notebooks.main([], copy) == 1
    assert "lessons/01_flip.md:13: code cell 2, line 1 of the cell: it ran for more than 1 s" in capsys.readouterr().err


def test_when_the_solved_edition_fails_the_learners_is_not_written_either(course, capsys):
    change(course, "print(keep_mask())", "print(1)\nprint(answer)")
    assert build_notebooks.main([], course) == 1
    assert "lessons/01_flip.md:28: code cell 4, line 2 of the cell: NameError" in capsys.readouterr().err
    assert not [path for path in course.rglob("*") if path.is_file() and path.suffix != ".md"]


def test_a_quoted_answer_that_fails_is_said_to_be_quoted(course, capsys, monkeypatch):
    monkeypatch.setattr(lesson_editions, "solution_source", lambda exercise: "x = 1\nfrom math import nothing")
    assert build_notebooks.main([], course) == 1
    place = "lessons/01_flip.md:21: code cell 3, line 2 in the quoted solution of 01-a: ImportError"
    assert place in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("01-a", "01-z", "lessons/01_flip.md:21: dropout_lab.checks has no solution of exercise 01-z"),
        ("```python solution", "```python answer", "lessons/01_flip.md:26: unknown fence '```python answer'"),
        ("```python solution", '```python solution="01-a"', "lessons/01_flip.md:26: unknown fence"),
        ('```python exercise="01-a"', "```python exercise", "lessons/01_flip.md:21: unknown fence"),
        ("```text", "```bash", "lessons/01_flip.md:17: unknown fence '```bash'"),
        ("print(keep_mask())\n```", "print(keep_mask())\n", "lessons/01_flip.md:26: this fence is never closed"),
        ("```text\nthis", "````text\n```python\n````\nthis", "lessons/01_flip.md"),
        ("# Flip a coin", "Flip a coin", "lessons/01_flip.md:1: a lesson starts with its title"),
    ],
)
def test_a_mistake_in_a_lesson_is_named_with_its_line(course, capsys, old, new, says):
    change(course, old, new)
    assert build_notebooks.main(["--check"], course) == 1
    assert capsys.readouterr().err.startswith(says)


@pytest.mark.parametrize("name", ["1_flip.md", "01-flip.md", "01_Flip.md", "01_.md"])
def test_a_lesson_with_a_malformed_name_is_refused(course, capsys, name):
    (course / "lessons/01_flip.md").rename(course / "lessons" / name)
    assert build_notebooks.main(["--check"], course) == 1
    assert capsys.readouterr().err.startswith(f"lessons/{name}: a lesson is named NN_slug.md")
