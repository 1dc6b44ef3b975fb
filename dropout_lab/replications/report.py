"""The report: published beside ours, as a Markdown table and as a figure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from dropout_lab import figures
from dropout_lab.replications import store
from dropout_lab.replications.paper import Cell, Paper

HEADER = (
    "| cell | published | here, mean ± SE | n | difference in SE | paired difference ± SE | source |\n"
    "|---|---|---|---|---|---|---|\n"
)
NOTES = (
    "± of `here` is a standard error with ddof = 1; SE and SD beside a published value say what *its* ± is. "
    "*Difference in SE* is unpaired, with both standard errors, and – where a published "
    "measurement has none; *paired difference* is here minus "
    "published, split by split, where the authors' result of each split was at hand. Source: F read in the full text "
    "or the authors' repository, S in a third party's transcription, **M from memory and not confirmed**, law a "
    "formula of the paper."
)


def results(paper: Paper, folder: Path) -> tuple[list[Cell], list[dict[str, Any]]]:
    """Return the cells of a paper and the lines they come from, from the file of results in `folder`."""
    lines = list(store.read(folder / f"{paper.name}.jsonl").values())
    records = [record for line in lines for record in line["records"]]
    pairs = store.read_pairs(folder / f"{paper.name}.paired.json")
    cells = [replace(cell, paired=pairs.get(cell.label)) for cell in (paper.cells(records) if records else [])]
    return cells, lines


def markdown(papers: Iterable[Paper], folder: Path, not_rebuilt: Iterable[tuple[str, str]] = ()) -> str:
    """Return the whole report."""
    parts = ["# Published results, rebuilt\n", NOTES + "\n", "![Published against here](report.png)\n"]
    for paper in papers:
        cells, lines = results(paper, folder)
        parts.append(f"## {paper.name}\n\n{paper.citation}. *Protocol.* {paper.protocol} *Here.* {paper.differs}\n")
        if paper.missing:
            parts.append(f"*Not rebuilt.* {paper.missing}\n")
        if not cells:
            parts.append(f"Not run yet: `python -m dropout_lab.replications run {paper.name}`.\n")
            continue
        parts.append(HEADER + "".join(map(_row, cells)))
        seconds = sum(line["cpu_seconds"] for line in lines)
        parts.append(
            f"{len(lines)} jobs, {seconds:.0f} CPU seconds, {', '.join({line['machine'] for line in lines})}.\n"
        )
    rows = "".join(f"| {what} | {why} |\n" for what, why in not_rebuilt)
    if rows:
        parts.append(f"## Not rebuilt\n\n| published | why not |\n|---|---|\n{rows}")
    return "\n".join(parts)


def _row(cell: Cell) -> str:
    def number(mean: float | None, error: float | None, kind: str = "") -> str:
        if mean is None:
            return "–"
        shown = f"{mean:.{cell.digits}f}"
        return shown if error is None else f"{shown} ± {error:.{cell.digits}f}{kind and ' ' + kind}"

    away, pair = cell.standard_errors, cell.paired
    published, d = cell.claim or number(cell.published, cell.error, cell.error_is), cell.digits + 1
    return (
        f"| {cell.label} | {published} | {number(cell.ours, cell.se)} | {cell.n} | "
        f"{'–' if away is None else format(away, '+.1f')} | "
        f"{'–' if pair is None else f'{pair.mean:+.{d}f} ± {pair.se:.{d}f}'} | {cell.source or '–'} |\n"
    )


def figure(papers: Iterable[Paper], folder: Path) -> Figure:
    """Return one dot a cell: the difference from the published value in percent of it, with both error bars."""
    cells = [cell for paper in papers for cell in results(paper, folder)[0]]
    shown = [cell for cell in cells if cell.published and cell.ours is not None]
    fig, ax = plt.subplots(figsize=(8.0, 1 + 0.19 * len(shown)), layout="constrained")
    for place, cell in enumerate(reversed(shown)):
        published, ours = float(cell.published or 1.0), float(cell.ours or 0.0)
        unit = 100 / abs(published)
        ax.errorbar(
            unit * (ours - published), place, xerr=unit * (cell.se or 0.0), markersize=4, **figures.marker_style("kept")
        )
        if cell.error:
            ax.plot([-unit * cell.error, unit * cell.error], [place, place], color="0.75", linewidth=5, zorder=0)
    ax.axvline(0, **figures.line_style("reference"))
    ax.margins(y=0.01)
    ax.set_xscale("symlog", linthresh=5)
    ax.set_xticks([-50, -20, -5, -2, 0, 2, 5, 20, 50], ["-50", "-20", "-5", "-2", "0", "2", "5", "20", "50"])
    ax.set_yticks(range(len(shown)), [cell.label for cell in reversed(shown)], fontsize=7)
    ax.set(xlabel="difference in % of the published value (grey: its ±)")
    ax.set_title("Published against here, one dot a cell", loc="left", fontsize=11)
    return fig


def write(papers: Iterable[Paper], folder: Path, not_rebuilt: Iterable[tuple[str, str]] = ()) -> Path:
    """Write report.md and report.png into `folder`, and return the path of the first."""
    papers = list(papers)
    path = folder / "report.md"
    path.write_text(markdown(papers, folder, not_rebuilt), encoding="utf-8")
    fig = figure(papers, folder)
    fig.savefig(folder / "report.png", dpi=96, metadata={"Software": None})
    plt.close(fig)
    return path
