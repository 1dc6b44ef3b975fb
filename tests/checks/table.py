"""The README's table of the mutation study, made from the planted answers.

python tests/checks/table.py --write     puts the table into README.md (some minutes)
"""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from planted import RIGHT, WRONG
from study import SEEDS, false_alarms, names_given

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- diagnosis table: python tests/checks/table.py --write -->", "<!-- end of the diagnosis table -->"
COLUMNS = ["exercise", "slips planted", "wrong answers", "caught", "named", "right answers"]
HEAD = f"| {' | '.join(COLUMNS)} | false alarms in {SEEDS:,} seeds each |\n|---|---|---|---|---|---|---|"


def rows(names, alarms):
    """A row for each exercise, and the totals.

    `names(exercise, slug, answers)` gives the name of each wrong answer, `alarms(exercise, answer)` counts the false
    alarms of a right one.
    """
    totals = [0] * 6
    for exercise in tqdm(sorted({case[0] for case in WRONG}), disable=None):
        cases = [(slug, answers) for name, slug, answers in WRONG if name == exercise]
        given = [(slug, name) for slug, answers in cases for name in names(exercise, slug, answers)]
        right = [answer for name, answers in RIGHT if name == exercise for answer in answers]
        numbers = [
            len({slug for slug, _ in cases}),
            len(given),
            sum(name != "passed" for _, name in given),
            sum(slug == name for slug, name in given),
            len(right),
            sum(alarms(exercise, answer) for answer in right),
        ]
        totals = [total + number for total, number in zip(totals, numbers, strict=True)]
        yield f"| {exercise} | {' | '.join(map(str, numbers))} |"
    yield f"| **all** | {' | '.join(f'**{total}**' for total in totals)} |"


def table(names, alarms):
    """The whole table as Markdown."""
    return "\n".join([BEGIN, HEAD, *rows(names, alarms), END])


def stored():
    """The table as README.md has it."""
    text = README.read_text(encoding="utf-8")
    return text[text.index(BEGIN) : text.index(END) + len(END)]


def main(arguments):
    """Print the table, or put it into README.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace the table in README.md")
    made = table(lambda exercise, _, answers: names_given(exercise, answers), lambda *case: len(false_alarms(*case)))
    if parser.parse_args(arguments).write:
        README.write_text(README.read_text(encoding="utf-8").replace(stored(), made), encoding="utf-8", newline="\n")
    print(made)


if __name__ == "__main__":
    main(sys.argv[1:])
