"""Each gate lets a good notebook through and stops one with its defect planted."""

import base64
import copy

import pytest

import lesson_gates
from links import broken_links, broken_paths

GATES = (*lesson_gates.NOTEBOOK_GATES, *lesson_gates.LESSON_GATES, lesson_gates.torch_imports)
ALT = "More passes make the mean steadier: its standard error falls by half."
PROSE = """# 01 Flip a coin

## You will be able to

- draw a mask

## You need

Adjust nothing: [lesson 00](00_start.ipynb)."""
END = "## You can now\n\n## What we left out\n\n**Sources**: none"


def code(source, *outputs, count=None, tags=()):
    metadata = {"tags": list(tags)} if tags else {}
    lines = source.splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": count, "metadata": metadata, "outputs": [*outputs], "source": lines}


def text(source):
    return {"cell_type": "markdown", "metadata": {}, "source": [source]}


def displayed(**data):
    return {"output_type": "display_data", "data": {key.replace("_", "/"): value for key, value in data.items()}}


def stream(name, line):
    return {"output_type": "stream", "name": name, "text": [line]}


def png(size):
    return base64.b64encode(bytes(size)).decode()


@pytest.fixture
def good():
    cells = [
        text(PROSE),
        code("import numpy as np\nfrom dropout_lab.checks import check", count=1),
        code("figures.show(fig)", displayed(image_png=png(900), text_plain=[ALT]), count=2),
        code("def keep_mask():\n    raise NotImplementedError", count=3, tags=["exercise"]),
        code('check("01-a", keep_mask)', displayed(text_plain=["01-a  not attempted yet"]), count=4),
        text(END),
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def planted(notebook, cell, **changes):
    broken = copy.deepcopy(notebook)
    broken["cells"][cell].update(changes)
    return broken


@pytest.mark.parametrize(
    "gate", lesson_gates.NOTEBOOK_GATES + lesson_gates.LESSON_GATES + (lesson_gates.torch_imports,)
)
def test_a_good_notebook_passes(good, gate):
    assert gate(good) == []


WIDGET = displayed(text_plain="Slider: p=0.30 kept")
WIDGET["data"][lesson_gates.WIDGET_VIEW] = {"model_id": "0f"}
DEFECTS = {
    "a cell that was not run": ("unexecuted_cells", 2, {"execution_count": None}),
    "a cell run out of order": ("unexecuted_cells", 2, {"execution_count": 7}),
    "an error": ("errors", 2, {"outputs": [{"output_type": "error", "ename": "ValueError", "evalue": ""}]}),
    "a warning": ("messages_on_stderr", 2, {"outputs": [stream("stderr", "UserWarning")]}),
    "a widget's id": ("widget_state", 2, {"outputs": [WIDGET]}),
    "a repr as alt text": (
        "figures_without_alt_text",
        2,
        {"outputs": [displayed(image_png=png(9), text_plain="<Figure size 640x480 with 1 Axes>")]},
    ),
    "no alt text": ("figures_without_alt_text", 2, {"outputs": [displayed(image_png=png(9))]}),
    "a short alt text": (
        "figures_without_alt_text",
        2,
        {"outputs": [displayed(image_png=png(9), text_plain="a mask")]},
    ),
    "a large figure": ("large_figures", 2, {"outputs": [displayed(image_png=png(40_001), text_plain=ALT)]}),
    "a vector figure": ("large_figures", 2, {"outputs": [displayed(**{"image_svg+xml": "<svg>", "text_plain": ALT})]}),
    "too much output": ("large_file", 2, {"outputs": [stream("stdout", "x" * 300_000)]}),
    "a path of one machine": ("local_paths", 2, {"outputs": [stream("stdout", "read /home/ada/course/data.csv")]}),
    "a long cell": ("long_cells", 2, {"source": ["x = 1\n"] * 16}),
    "a very long answer": ("long_cells", 3, {"source": ["x = 1\n"] * 31}),
    "a long set-up": ("long_set_up", 1, {"source": ["import numpy\n"] * 9}),
    "an installation": ("banned_code", 2, {"source": ["!pip install numpy"]}),
    "a magic": ("banned_code", 2, {"source": ["x = 1\n", "%timeit x"]}),
    "an address": ("banned_code", 2, {"source": ['open("https://example.org")']}),
    "a semicolon": ("banned_code", 2, {"source": ["plt.plot(x);\n", "x"]}),
    "simply": ("banned_words", 0, {"source": [PROSE, "Simply divide by q."]}),
    "just": ("banned_words", 5, {"source": [END, "It is just a mask."]}),
    "obviously": ("banned_words", 0, {"source": [PROSE, "This is obviously right."]}),
    "no sections": ("missing_sections", 0, {"source": ["# 01 Flip a coin"]}),
    "sections in another order": (
        "missing_sections",
        5,
        {"source": [END.replace("## What", "**Sources**\n## What")[:-15]]},
    ),
    "a section in mid-sentence": ("missing_sections", 5, {"source": [END.replace("## You can", "Now you can")]}),
    "torch": ("torch_imports", 1, {"source": ["import numpy as np\n", "from torch import nn"]}),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_stopped_and_by_its_gate_alone(good, defect):
    name, cell, changes = DEFECTS[defect]
    broken = planted(good, cell, **changes)
    assert [gate.__name__ for gate in GATES if gate(broken)] == [name]


def test_every_gate_has_a_planted_defect():
    assert {gate.__name__ for gate in GATES} == {name for name, _, _ in DEFECTS.values()}


def test_a_notebook_that_stores_widget_state_in_its_metadata_is_stopped(good):
    good["metadata"]["widgets"] = {}
    assert lesson_gates.widget_state(good) == ["the notebook stores widget state"]


def test_a_median_cell_of_more_than_five_lines_is_stopped_but_answers_do_not_count(good):
    for cell in good["cells"]:
        if cell["cell_type"] == "code" and not lesson_gates.tagged(cell, "exercise"):
            cell["source"] = ["x = 1\n"] * 5
        elif cell["cell_type"] == "code":
            cell["source"] = ["x = 1\n"] * 29
    assert lesson_gates.long_cells(good) == []
    for cell in good["cells"][1:3]:
        cell["source"] = ["x = 1\n"] * 6
    assert lesson_gates.long_cells(good) == ["the median cell has 6 lines, more than 5"]


# ---- both editions


@pytest.fixture
def solved(good):
    return planted(good, 4, outputs=[displayed(text_plain=["01-a  passed"])])


def test_two_editions_with_open_and_passed_checks_pass(good, solved):
    assert lesson_gates.verdicts(good, solved, 1) == []


def test_too_few_exercises_are_stopped(good, solved):
    assert lesson_gates.verdicts(good, solved, 3) == ["1 exercises, fewer than 3"]


def test_an_exercise_that_is_answered_in_the_learners_edition_is_stopped(solved):
    assert lesson_gates.verdicts(solved, solved, 1) == ["01-a is not 'not attempted yet'"]


def test_an_answer_that_does_not_pass_is_stopped(good):
    assert lesson_gates.verdicts(good, good, 1) == ["01-a is not 'passed' in the solved edition"]


def test_editions_that_check_different_exercises_are_stopped(good, solved):
    both = [*solved["cells"], code('check("01-b", 1)', displayed(text_plain=["01-b  passed"]), count=5)]
    assert lesson_gates.verdicts(good, {**solved, "cells": both}, 1) == [
        "the editions check different exercises: ['01-a'] and ['01-a', '01-b']"
    ]


# ---- links and paths


def test_links_that_resolve_leave_the_repository_or_stay_on_the_page_pass(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "a b.md").touch()
    text = "[a](../a%20b.md#top) [b](https://example.org) [c](#here) [`d`](../a%20b.md)\n"
    text += "```\n[e](no-link)\n```\n`[f](no-link)`"
    assert broken_links(text, tmp_path / "notebooks", tmp_path) == []


@pytest.mark.parametrize("link", ["[a](missing.md)", "[a](../../outside.md)", '<img src="missing.png">', "![x](x.png)"])
def test_links_to_nothing_or_out_of_the_repository_are_stopped(tmp_path, link):
    (tmp_path / "repository/notebooks").mkdir(parents=True)
    (tmp_path / "outside.md").touch()
    assert len(broken_links(link, tmp_path / "repository/notebooks", tmp_path / "repository")) == 1


def test_paths_in_back_quotes_must_exist(tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/a.py").touch()
    assert broken_paths("`tools/a.py` `tools/NN_slug.md` `a/b` `x.py` `elsewhere/b.py` `../b/b.py`", tmp_path) == []
    assert broken_paths("see `tools/b.py`", tmp_path) == ["`tools/b.py` is not in the repository"]
