"""What benchmarks/mc_dropout.py prints and draws, made from its result alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt

from dropout_lab import figures

DOCS = Path(__file__).resolve().parent.parent / "docs"
README = DOCS.parent / "README.md"
START, END = "<!-- mc_dropout: python benchmarks/mc_dropout.py --plot -->\n", "<!-- end of mc_dropout -->"
JSON, PNG = DOCS / "mc_dropout.json", DOCS / "mc_dropout.png"
OURS, FLOOR = "mc_predict", "floor"
# Okabe and Ito's colours; each way has a marker and a dash of its own besides
STYLES: dict[str, dict[str, Any]] = {
    OURS: {"color": "#0072B2", "marker": "o", "linestyle": "-", "linewidth": 2.6},
    FLOOR: {"color": "#000000", "marker": "", "linestyle": ":", "linewidth": 1.8},
    "Python loop": {"color": "#E69F00", "marker": "x", "linestyle": "--"},
    "replicated batch": {"color": "#009E73", "marker": "^", "linestyle": "-."},
    "torch.vmap": {"color": "#CC79A7", "marker": "D", "linestyle": (0, (6, 1, 1, 1))},
    "loop, cached prefix": {"color": "#56B4E9", "marker": "v", "linestyle": (0, (3, 1))},
    "torch-uncertainty": {"color": "#D55E00", "marker": "+", "linestyle": (0, (1, 2))},
    "baal": {"color": "#666666", "marker": "s", "linestyle": (0, (8, 2))},
    "baal, caching": {"color": "#F0E442", "marker": "*", "linestyle": (0, (4, 1, 1, 1)), "markeredgecolor": "#7A7300"},
}


def geometric_mean(ratios: Iterable[float]) -> float:
    values = list(ratios)
    return math.exp(sum(math.log(value) for value in values) / len(values))


def others(seconds: dict[str, float]) -> dict[str, float]:
    return {way: value for way, value in seconds.items() if way not in (OURS, FLOOR)}


def summary(result: dict[str, Any]) -> dict[str, Any]:
    """Ratios of the fastest other way, of every other way and of the floor to mc_predict, with geometric means."""
    seconds = result["seconds"]
    rivals = {name: min(others(row).values()) / row[OURS] for name, row in seconds.items()}
    floors = {name: row[OURS] / row[FLOOR] for name, row in seconds.items()}
    ways = {way: {n: row[way] / row[OURS] for n, row in seconds.items() if way in row} for way in STYLES}
    means = {
        way: geometric_mean(ratios.values()) for way, ratios in ways.items() if ratios and way not in (OURS, FLOOR)
    }
    about: dict[str, Any] = {
        "times_fastest_other": geometric_mean(rivals.values()),
        "times_floor": geometric_mean(floors.values()),
    }
    return about | {"fastest_other": rivals, "above_floor": floors, "geometric_means": means}


def table(result: dict[str, Any]) -> str:
    """Three tables in Markdown, milliseconds, ratios and memory, and the reasons for the dashes."""
    about, machine, columns = summary(result), result["machine"], [*STYLES]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines = [f"{machine['cpu']}, {machine['threads']} thread(s), Python {machine['python']}, {versions}", ""]
    lines += [
        f"Milliseconds ({machine['clock']}) for T = {result['n_samples']}, least of {result['rounds']} rounds",
        "",
    ]
    lines += rows(columns, {name: {w: 1e3 * s for w, s in row.items()} for name, row in result["seconds"].items()})
    lines += ["", "| network | times the fastest other way | against the floor |", "|---|---|---|"]
    for name in result["seconds"]:
        lines.append(f"| {name} | {about['fastest_other'][name]:.2f} | {about['above_floor'][name]:.2f} |")
    lines.append(f"| geometric mean | {about['times_fastest_other']:.2f} | {about['times_floor']:.2f} |")
    means = ", ".join(f"{way} {ratio:.1f}" for way, ratio in about["geometric_means"].items())
    lines += ["", f"Geometric mean of each way's time over that of mc_predict: {means}"]
    if any(result["memory_mb"].values()):
        lines += ["", "Peak memory of the call in MB", "", *rows(columns, result["memory_mb"])]
    lines += [
        "",
        *(f"- {n}, {w}: {reason}" for n, reasons in result["missing"].items() for w, reason in reasons.items()),
    ]
    return "\n".join(lines)


def rows(columns: list[str], values: dict[str, dict[str, float]]) -> list[str]:
    """A table in Markdown; a dash stands where a way has no value."""
    present = [way for way in columns if any(way in row for row in values.values())]
    lines = ["| network | " + " | ".join(present) + " |", "|---" * (len(present) + 1) + "|"]
    for name, row in values.items():
        cells = (
            "–" if way not in row else f"{row[way]:.0f}" if row[way] >= 100 else f"{row[way]:.3g}" for way in present
        )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def draw(result: dict[str, Any]) -> None:
    """Write docs/mc_dropout.png: time against T, one panel a network."""
    with plt.rc_context():
        figures.use_style()
        fig, axes = plt.subplots(1, len(result["curves"]), figsize=(8.8, 3.9), squeeze=False)
        for ax, (name, curves) in zip(axes[0], result["curves"].items(), strict=True):
            for way, seconds in curves.items():
                style = {"markersize": 5, "linewidth": 1.3, **STYLES[way]}
                ax.plot(result["counts"], [1e3 * value for value in seconds], label=way, **style)
            ax.set(title=name, xscale="log", yscale="log", xlabel="passes T", xticks=[1, 10, 100])
            for axis in (ax.xaxis, ax.yaxis):
                axis.set_major_formatter("{x:g}")
                axis.set_minor_locator(plt.NullLocator())
        axes[0, 0].set_ylabel("milliseconds")
        labels: dict[str, Any] = {}
        for ax in axes[0]:
            handles, names = ax.get_legend_handles_labels()
            labels |= dict(zip(names, handles, strict=True))
        shown = [way for way in STYLES if way in labels]
        fig.legend([labels[way] for way in shown], shown, loc="outside lower center", ncols=5, fontsize=9)
        PNG.write_bytes(figures.png_bytes(fig))
        plt.close(fig)


ALT = (
    "Milliseconds against the number of passes T for three networks on logarithmic axes: mc_predict, the other ways "
    "and, dotted, the floor, which is the network without dropout."
)


def readme_section(result: dict[str, Any]) -> str:
    """What the README says about speed, with the plot."""
    about, machine = summary(result), result["machine"]
    rivals = about["fastest_other"].values()
    ways = [f"{ratio:.1f} ({way})" for way, ratio in about["geometric_means"].items()]
    best = f"{about['times_fastest_other']:.1f}, from {min(rivals):.1f} to {max(rivals):.1f}"
    place = f"{machine['threads']} thread of one {machine['cpu']}, torch {machine['versions']['torch']}"
    lines = [
        f"![{ALT}](docs/mc_dropout.png)",
        "",
        f"T = {result['n_samples']} passes of {len(rivals)} networks on {place}.",
        "Time of each other way over that of `mc_predict`, geometric means of the networks that it does right:",
        f"{', '.join(ways)}.",
        f"The fastest other way on each: {best}.",
        f"`mc_predict` over the floor, the same network without dropout: {about['times_floor']:.1f}.",
        "[All numbers](docs/mc_dropout.json); `python benchmarks/mc_dropout.py` measures on your machine.",
    ]
    return "\n".join(lines) + "\n"


def fill_readme(result: dict[str, Any]) -> None:
    """Write the section between its marks."""
    before, _, rest = README.read_text(encoding="utf-8").partition(START)
    README.write_text(before + START + readme_section(result) + END + rest.partition(END)[2], encoding="utf-8")
