"""Build the notebooks from lessons/: a learner's and a solved edition each, executed, the same bytes every time."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm

from lesson_editions import Edition, LessonError, make_edition, settle

ROOT = Path(__file__).resolve().parent.parent
SECONDS, MEGABYTES, CELL_SECONDS = 60, 900, 300  # Binder gives 1 GB, of which JupyterLab takes about 100 MB
TEMPORARY_FILE = re.compile(r"\S*ipykernel_\d+[/\\]+\d+\.py")  # holds a process id
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"  # holds a random model id
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def peak_memory(process: int) -> float:
    """Return the peak resident memory of a process in MB (Linux), nan where the system does not say."""
    status = Path(f"/proc/{process}/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else float("nan")


def execute(edition: Edition) -> tuple[float, float]:
    """Execute an edition in its own folder; return its seconds and the peak memory of its kernel in MB.

    Raises LessonError, naming cell and lines, if a cell fails, takes too long or ends its kernel.
    """
    running, peak, start = 0, float("nan"), time.monotonic()
    edition.path.parent.mkdir(parents=True, exist_ok=True)
    client = NotebookClient(
        edition.notebook,
        kernel_name="python3",
        timeout=CELL_SECONDS,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(edition.path.parent)}},
    )
    manager: Any = client.create_kernel_manager()
    if hasattr(manager, "transport_encryption"):
        manager.transport_encryption = "auto"  # otherwise every kernel warns of TCP without encryption
    with tqdm(total=len(edition.fences), desc=edition.lesson.stem, file=sys.stderr, disable=None, leave=False) as bar:
        try:
            with client.setup_kernel():
                for running, cell in enumerate(edition.notebook.cells):
                    client.execute_cell(cell, running)
                    bar.update(cell.cell_type == "code")
                peak = peak_memory(manager.provisioner.pid)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise LessonError(explain(edition, running, error)) from None
    return time.monotonic() - start, peak


def explain(edition: Edition, index: int, error: Exception) -> str:
    """Return one line: the lesson and its line, the code cell and its line, the exception."""
    number = sum(cell.cell_type == "code" for cell in edition.notebook.cells[: index + 1])
    fence, line = edition.fences[number - 1], 1
    if isinstance(error, CellExecutionError):
        frame = re.search(rf"Cell In\[{number}\], line (\d+)", COLOUR.sub("", error.traceback))
        line = int(frame[1]) if frame else 1
        what = f"{error.ename}: {error.evalue.strip()}".splitlines()[0]
    else:
        slow = isinstance(error, CellTimeoutError)
        what = f"it ran for more than {CELL_SECONDS} s" if slow else "its kernel died (out of memory?)"
    quoted = bool(fence.exercise) and edition.path.parent.name == "solutions"
    source = f"in the quoted solution of {fence.exercise}" if quoted else "of the cell"
    return f"{edition.lesson}:{fence.line + line * (not quoted)}: code cell {number}, line {line} {source}: {what}"


def serialise(notebook: NotebookNode) -> str:
    """Return an executed notebook as text, without what differs from run to run."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)
            if "text" in output:
                output.text = TEMPORARY_FILE.sub("ipykernel/cell.py", output.text)
    nbformat.validate(settle(notebook))
    return f"{nbformat.writes(notebook)}\n"


def build(editions: list[Edition]) -> None:
    """Execute the editions of one lesson, then write them: all of them or, if one fails, none."""
    texts = []
    for edition in editions:
        seconds, peak = execute(edition)
        texts.append(serialise(edition.notebook))
        over = " OVER THE LIMIT" if seconds > SECONDS or peak > MEGABYTES else ""
        name = f"{edition.path.parent.name}/{edition.path.name}"
        print(f"{name}: {seconds:.1f} s, peak {peak:.0f} MB, file {len(texts[-1].encode()) / 1000:.0f} KB{over}")
    for edition, text in zip(editions, texts, strict=True):
        temporary = edition.path.with_suffix(".tmp")
        temporary.write_text(text, encoding="utf-8", newline="\n")
        os.replace(temporary, edition.path)


def inputs(notebook: NotebookNode) -> list[object]:
    return [(cell.cell_type, cell.id, cell.source, cell.metadata) for cell in notebook.cells] + [notebook.metadata]


def compare(edition: Edition) -> list[str]:
    """Return what is wrong if the notebook on disk is missing or was not made from the lesson as it stands."""
    stored = nbformat.read(edition.path, as_version=4) if edition.path.exists() else None
    if stored is not None and inputs(stored) == inputs(edition.notebook):
        return []
    state = "missing" if stored is None else "stale"
    return [f"{edition.path}: {state}; run: python lab.py build {edition.lesson.name[:2]}"]


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Build or compare the lessons that the arguments name; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description="Build the notebooks of lessons/, or compare them with it.")
    parser.add_argument("numbers", nargs="*", metavar="NN", help="numbers of lessons, such as 01; default: all")
    parser.add_argument("--check", action="store_true", help="execute nothing; name what is missing, stale or orphaned")
    options = parser.parse_args(arguments)
    os.environ.update(PYTHONHASHSEED="0", DROPOUT_LAB_PROGRESS="off", OPENBLAS_NUM_THREADS="1")
    notebooks, lessons = root / "notebooks", sorted((root / "lessons").glob("*.md"))
    problems = [f"no lesson {n}" for n in options.numbers if n not in {lesson.name[:2] for lesson in lessons}]
    for lesson in [each for each in lessons if not options.numbers or each.name[:2] in options.numbers]:
        try:
            editions = [make_edition(lesson, notebooks, solved=solved) for solved in (False, True)]
            if not options.check:
                build(editions)
            problems += [problem for edition in editions for problem in compare(edition)]
        except LessonError as error:
            problems.append(str(error))
    stems = {lesson.stem for lesson in lessons}
    stored = [*notebooks.glob("*.ipynb"), *notebooks.glob("solutions/*.ipynb")]
    problems += [f"{path}: orphaned, no lesson makes it" for path in sorted(stored) if path.stem not in stems]
    for problem in problems:
        print(problem.replace(f"{root}{os.sep}", ""), file=sys.stderr)
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
