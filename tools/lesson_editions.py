"""Turn a lesson of lessons/ into its two editions, the learner's and the solved one, not yet executed."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
FENCE = re.compile(r"^(?P<ticks>`{3,})\s*(?P<language>[^\s`]*)\s*(?P<tag>[^`]*?)\s*$")
TAG = re.compile(r'(?P<kind>solution|exercise)(?:="(?P<exercise>\d\d-[a-z])")?')
KNOWN_FENCES = '```python, ```python solution, ```python exercise="01-a" and, for what is not run, ```text'
SOLVED = "This is the **solved edition**. Try [the lesson with open exercises](../{}.ipynb) first."


class LessonError(Exception):
    """What is wrong with a lesson, and where."""


@dataclass(frozen=True)
class Fence:
    """A code cell of a lesson: the line of its opening fence and what its tag says."""

    line: int
    kind: str = ""  # "", "exercise" or "solution"
    exercise: str | None = None


@dataclass(frozen=True)
class Edition:
    """One edition: the notebook, where it is written, and the fence behind each of its code cells."""

    lesson: Path
    path: Path
    notebook: NotebookNode
    fences: list[Fence]


def solution_source(exercise: str) -> str:
    """Return the code that answers an exercise, as dropout_lab.checks quotes it."""
    from dropout_lab.checks import solution_source as quoted  # a lesson without exercises needs no checks

    return quoted(exercise)


def read_fence(lesson: Path, number: int, line: str, language: str, tag: str) -> Fence | None:
    """Return the code cell that an opening fence starts, None where the fence only shows text."""
    if language in ("", "text") and not tag:
        return None
    known = TAG.fullmatch(tag)
    if language != "python" or not (not tag or (known and (known["kind"] == "exercise") == bool(known["exercise"]))):
        raise LessonError(f"{lesson}:{number}: unknown fence {line!r}; a lesson has {KNOWN_FENCES}")
    return Fence(number, known["kind"], known["exercise"]) if known else Fence(number)


def read_fences(lesson: Path, text: str) -> list[Fence]:
    """Return the code cells in their order; raise LessonError for a fence that is unknown or never closed."""
    opened, ticks, fences = 0, "", []
    for number, line in enumerate(text.splitlines(), start=1):
        fence = FENCE.match(line)
        if opened:
            if fence and fence["ticks"].startswith(ticks) and not fence["language"]:
                opened = 0
        elif fence:
            opened, ticks = number, fence["ticks"]
            fences.append(read_fence(lesson, number, line, fence["language"], fence["tag"]))
    if opened:
        raise LessonError(f"{lesson}:{opened}: this fence is never closed")
    return [fence for fence in fences if fence]


def answer(lesson: Path, fence: Fence) -> str:
    """Return the source that replaces a stub in the solved edition."""
    try:
        return solution_source(fence.exercise or "").rstrip("\n")
    except (KeyError, ValueError) as error:
        problem = f"dropout_lab.checks has no solution of exercise {fence.exercise}: {error}"
        raise LessonError(f"{lesson}:{fence.line}: {problem}") from None


def read_lesson(lesson: Path) -> tuple[NotebookNode, list[Fence]]:
    """Return a lesson as jupytext reads it and the fence behind each code cell."""
    if not re.fullmatch(r"\d\d_[a-z0-9_]+\.md", lesson.name):
        raise LessonError(f"{lesson}: a lesson is named NN_slug.md, such as 01_flip_a_coin.md")
    text = lesson.read_text(encoding="utf-8")
    fences, notebook = read_fences(lesson, text), jupytext.reads(text, fmt="md")
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    if cells != len(fences):
        raise LessonError(f"{lesson}: {len(fences)} python fences make {cells} cells: is one inside another fence?")
    if not text.startswith("# "):
        raise LessonError(f"{lesson}:1: a lesson starts with its title, # ...")
    return notebook, fences


def make_edition(lesson: Path, notebooks: Path, *, solved: bool) -> Edition:
    """Return one edition of a lesson: stubs or their answers, without or with the cells tagged `solution`."""
    notebook, fences = read_lesson(lesson)
    remaining, cells, kept = iter(fences), [], []
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type == "markdown":
            if solved:  # it lies one folder further down
                cell.source = re.sub(r'(\]\(|src=")\.\./', r"\1../../", cell.source)
            cells.append(cell)
            continue
        fence = next(remaining)
        if fence.kind == "solution" and not solved:
            continue
        if fence.exercise and solved:
            cell.source = answer(lesson, fence)
        if fence.kind:
            cell.metadata["tags"] = ["solution" if solved else "exercise"]
        cells.append(cell)
        kept.append(fence)
    if solved:
        cells.insert(1, nbformat.v4.new_markdown_cell(SOLVED.format(lesson.stem)))
    notebook.cells = cells
    folder = notebooks / "solutions" if solved else notebooks
    return Edition(lesson, folder / f"{lesson.stem}.ipynb", settle(notebook), kept)


def settle(notebook: NotebookNode) -> NotebookNode:
    """Give a notebook fixed metadata and each cell an id made from its source, so that it is the same every time."""
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        seen[digest] += 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook
