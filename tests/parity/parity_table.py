"""docs/parity.md: what our layers equal exactly, what in distribution, and where they differ on purpose; all of it run.

python tests/parity/parity_table.py --write     writes the page (some seconds)
"""

import argparse
import re
import sys
from pathlib import Path

import of_coins
import of_each_other
import of_libraries
import of_noise
import of_recurrent
import of_torch

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "parity.md"
KERAS, TIMM = "3.15.1", "1.0.31"  # the versions whose formulas were read
SECTIONS = {
    "Against PyTorch": of_torch.ROWS + of_recurrent.AGAINST_TORCH,
    "Against Keras and timm": of_libraries.ROWS,
    "Against the papers": of_coins.ROWS + of_noise.ROWS + of_recurrent.AGAINST_PAPERS,
    "NumPy and PyTorch, one against the other": of_recurrent.EACH_OTHER + of_each_other.ROWS,
}
HEAD = """# What our layers equal, and where they differ on purpose

<!-- made by: python tests/parity/parity_table.py --write; a test compares every line with what it finds -->

Every line is the result of a comparison that a test runs at each change, in float64 unless it says otherwise, with
noise that both sides share. Nothing here is typed by hand but the names and the reasons.

- **equal exactly**: every bit agrees, the sign of a zero too.
- **equal up to rounding, 10⁻ⁿ**: one formula, rounded in other places or added up in another order. No number differs
  by more than 10⁻ⁿ, relative to the largest if that is above 1; a bound below 10⁻¹⁴ would be the processor's own.
- **equal in distribution**: both draw. How often each pattern of dropped units comes up in two neighbouring examples is
  counted, and Pearson's χ² of both counts lies below a bound that equal laws exceed once in a million.
- **differs on purpose**: the two are run and are not equal; the reason follows.

PyTorch {torch} is run. Keras {keras} and timm {timm} were read and their formulas written anew, as were the papers'
equations, so that neither is needed here.
"""
COLUMNS = "| layer | against | ours | compared | verdict |\n|---|---|---|---|---|"


def section(title):
    """A section of the page as text: its table, made by running every comparison."""
    lines = [line for row in SECTIONS[title] for line in row.lines()]
    return "\n".join([f"## {title}", "", COLUMNS, *lines, ""])


def page(sections):
    """The whole page, from the text of its sections."""
    version = re.search(r"(?m)^torch==(\S+)", (ROOT / "constraints.txt").read_text(encoding="utf-8"))[1]
    return "\n".join([HEAD.format(torch=version, keras=KERAS, timm=TIMM), *sections])


def main(arguments):
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/parity.md")
    made = page(section(title) for title in SECTIONS)
    if parser.parse_args(arguments).write:
        PAGE.write_text(made, encoding="utf-8", newline="\n")
    else:
        print(made)


if __name__ == "__main__":
    main(sys.argv[1:])
