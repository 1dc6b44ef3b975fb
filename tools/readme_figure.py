"""Copy the README's figure out of the notebook that makes it, so that the two cannot differ.

python tools/readme_figure.py
"""

import base64
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "15_mc_dropout.ipynb"
FIGURE = ROOT / "docs" / "co2.png"
STARTS = "Mean of the passes and two standard deviations of them on the CO2 record"


def figure(notebook: Path = NOTEBOOK) -> bytes:
    """Return the PNG of the figure whose alt text starts with STARTS."""
    cells = nbformat.read(notebook, as_version=4).cells  # type: ignore[no-untyped-call]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    found = [data["image/png"] for data in outputs if data.get("text/plain", "").startswith(STARTS)]
    if len(found) != 1:
        raise ValueError(f"{notebook.name} has {len(found)} figures whose alt text starts with {STARTS!r}; expected 1.")
    return base64.b64decode(found[0])


if __name__ == "__main__":
    FIGURE.parent.mkdir(exist_ok=True)
    FIGURE.write_bytes(figure())
