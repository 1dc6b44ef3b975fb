"""What every lesson and every committed notebook must be; each gate returns its complaints, none when all is well."""

from __future__ import annotations

import base64
import json
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Notebook = dict[str, Any]

MAX_NOTEBOOK_BYTES, MAX_PNG_BYTES, MIN_ALT_CHARACTERS = 300_000, 40_000, 20
MAX_CELL_LINES, MAX_QUOTED_LINES, MAX_MEDIAN_LINES, MAX_SET_UP_LINES = 15, 30, 5, 8
SECTIONS = ("You will be able to", "You need", "You can now", "What we left out", "Sources")
BANNED_WORDS = re.compile(r"\b(simply|just|obviously)\b", re.IGNORECASE)
BANNED_CODE = {
    r"^\s*[!%]": "a shell command or a magic",
    r"https?://": "an address",
    r";\s*$": "a trailing semicolon",
}
LOCAL_PATH = re.compile(r"(?<![\w.])(/home/|/Users/|/root/|/tmp/|[A-Z]:\\Users)")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
TORCH = re.compile(r"^\s*(import|from)\s+torch\b")


def read(path: Path) -> Notebook:
    """Return a notebook as the JSON it is, so that nothing is repaired on the way."""
    notebook: Notebook = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def code_cells(notebook: Notebook) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def outputs(notebook: Notebook) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number of the code cell, from 1, and the output."""
    for number, cell in enumerate(code_cells(notebook), start=1):
        for output in cell["outputs"]:
            yield number, output


def printed(notebook: Notebook) -> str:
    """Return all that the cells printed or displayed as text."""
    texts = (output.get("text", output.get("data", {}).get("text/plain", "")) for _, output in outputs(notebook))
    return "\n".join("".join(text) for text in texts)


def tagged(cell: dict[str, Any], *tags: str) -> bool:
    return not set(tags).isdisjoint(cell["metadata"].get("tags", []))


# -------------------------------------------------------------------------- outputs of either edition


def unexecuted_cells(notebook: Notebook) -> list[str]:
    counts = [cell["execution_count"] for cell in code_cells(notebook)]
    expected = list(range(1, len(counts) + 1))
    return [] if counts == expected and counts else [f"execution counts are {counts}, not 1 to {len(counts)}"]


def errors(notebook: Notebook) -> list[str]:
    return [f"cell {number}: {out['ename']}" for number, out in outputs(notebook) if out["output_type"] == "error"]


def messages_on_stderr(notebook: Notebook) -> list[str]:
    wrong = ((number, out) for number, out in outputs(notebook) if out.get("name") == "stderr")
    return [f"cell {number} writes to stderr: {''.join(out['text'])[:80]!r}" for number, out in wrong]


def widget_state(notebook: Notebook) -> list[str]:
    stored = ["the notebook stores widget state"] if "widgets" in notebook["metadata"] else []
    views = [number for number, output in outputs(notebook) if WIDGET_VIEW in output.get("data", {})]
    return stored + [f"cell {number} stores a widget's random id" for number in views]


def figures_without_alt_text(notebook: Notebook) -> list[str]:
    complaints = []
    for number, output in outputs(notebook):
        data = output.get("data", {})
        alt = "".join(data.get("text/plain", ""))
        is_sentence = len(alt) >= MIN_ALT_CHARACTERS and " " in alt and not alt.startswith(("<", "Figure size"))
        if any(kind.startswith("image/") for kind in data) and not is_sentence:
            complaints.append(f"cell {number}: a figure without alt text ({alt!r}); show it with figures.show")
    return complaints


def large_figures(notebook: Notebook) -> list[str]:
    complaints = []
    for number, output in outputs(notebook):
        for kind, image in output.get("data", {}).items():
            if kind.startswith("image/") and kind != "image/png":
                complaints.append(f"cell {number}: {kind}, where figures are PNG")
            elif kind == "image/png" and (size := len(base64.b64decode("".join(image)))) > MAX_PNG_BYTES:
                complaints.append(f"cell {number}: a figure of {size / 1000:.1f} KB, more than {MAX_PNG_BYTES // 1000}")
    return complaints


def large_file(notebook: Notebook) -> list[str]:
    size = len(json.dumps(notebook, indent=1, ensure_ascii=False).encode())
    return [f"{size / 1000:.0f} KB, more than {MAX_NOTEBOOK_BYTES // 1000}"] if size > MAX_NOTEBOOK_BYTES else []


def local_paths(notebook: Notebook) -> list[str]:
    found = LOCAL_PATH.search(printed(notebook))
    return [f"an output names a folder of one machine: {found[0]}"] if found else []


NOTEBOOK_GATES = (
    unexecuted_cells,
    errors,
    messages_on_stderr,
    widget_state,
    figures_without_alt_text,
    large_figures,
    large_file,
    local_paths,
)


# --------------------------------------------------------- the text of a lesson, in its solved edition


def exercise_ids(notebook: Notebook) -> list[str]:
    """Return the ids that the cells check, in order."""
    found = (re.findall(r"\bcheck\(\s*[\"'](\d\d-[a-z])[\"']", source(cell)) for cell in code_cells(notebook))
    return list(dict.fromkeys(exercise for ids in found for exercise in ids))


def long_cells(notebook: Notebook) -> list[str]:
    cells = [(len(source(cell).splitlines()), cell) for cell in code_cells(notebook)]
    allowed = [MAX_QUOTED_LINES if tagged(cell, "exercise", "solution") else MAX_CELL_LINES for _, cell in cells]
    pairs = enumerate(zip(cells, allowed, strict=True), start=1)
    long = [f"cell {number} has {n} lines, more than {limit}" for number, ((n, _), limit) in pairs if n > limit]
    lengths = [n for n, cell in cells if not tagged(cell, "exercise", "solution")]
    median = statistics.median(lengths) if lengths else 0
    return long + [f"the median cell has {median:g} lines, more than {MAX_MEDIAN_LINES}"] * (median > MAX_MEDIAN_LINES)


def long_set_up(notebook: Notebook) -> list[str]:
    lines = len(source(code_cells(notebook)[0]).splitlines()) if code_cells(notebook) else 0
    problem = f"the first code cell, the set-up, has {lines} lines, not 1 to {MAX_SET_UP_LINES}"
    return [] if 1 <= lines <= MAX_SET_UP_LINES else [problem]


def banned_code(notebook: Notebook) -> list[str]:
    return [
        f"cell {number} has {what}: {line.strip()!r}"
        for number, cell in enumerate(code_cells(notebook), start=1)
        for line in source(cell).splitlines()
        for pattern, what in BANNED_CODE.items()
        if re.search(pattern, line)
    ]


def prose(notebook: Notebook) -> str:
    return "\n".join(source(cell) for cell in notebook["cells"] if cell["cell_type"] == "markdown")


def banned_words(notebook: Notebook) -> list[str]:
    return [f"banned word {found[0]!r}" for found in BANNED_WORDS.finditer(prose(notebook))]


def missing_sections(notebook: Notebook) -> list[str]:
    """The sections stand in this order, each as a heading or as the bold start of a line."""
    text, position, complaints = prose(notebook), 0, []
    for section in SECTIONS:
        found = re.compile(rf"(?m)^(#+ |\*{{1,3}}){re.escape(section)}").search(text, position)
        if found:
            position = found.end()
        else:
            complaints.append(f"no section {section!r}, or not in the order {', '.join(SECTIONS)}")
    return complaints


def torch_imports(notebook: Notebook) -> list[str]:
    cells = enumerate(code_cells(notebook), start=1)
    return [f"cell {n}: {line}" for n, cell in cells for line in source(cell).splitlines() if TORCH.search(line)]


LESSON_GATES = (long_cells, long_set_up, banned_code, banned_words, missing_sections)


# ---------------------------------------------------------------------------- both editions together


def verdicts(learners: Notebook, solved: Notebook, least: int) -> list[str]:
    """Every exercise is open in the learner's edition and passed in the solved one, and there are enough of them."""
    ids = exercise_ids(learners)
    few = [f"{len(ids)} exercises, fewer than {least}"] if len(ids) < least else []
    is_open = [f"{i} is not 'not attempted yet'" for i in ids if f"{i}  not attempted yet" not in printed(learners)]
    unsolved = [f"{i} is not 'passed' in the solved edition" for i in ids if f"{i}  passed" not in printed(solved)]
    both = f"the editions check different exercises: {ids} and {exercise_ids(solved)}"
    return few + is_open + unsolved + ([both] if exercise_ids(solved) != ids else [])
