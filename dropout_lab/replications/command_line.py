"""``python -m dropout_lab.replications``: list them, run them, compare them split by split, report.

A run goes on where an earlier one stopped: what is finished stands in the folder of results, a line a job.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dropout_lab.replications import report, store
from dropout_lab.replications.paper import Options, paired_difference
from dropout_lab.replications.papers import NOT_REBUILT, PAPERS, run_named
from dropout_lab.replications.running import run_units


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    main_parser = argparse.ArgumentParser(prog="python -m dropout_lab.replications", description=__doc__)
    commands = main_parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name every replication")
    run = commands.add_parser("run", help="run the named ones, or all; finished jobs are not done again")
    run.add_argument("names", nargs="*", metavar="NAME")
    run.add_argument("--data", type=Path, help="folder of the UCI files (or the variable DROPOUT_LAB_DATA)")
    run.add_argument("--sets", default="", help="names of data sets, separated by commas; by default all at hand")
    run.add_argument(
        "--sets-file", type=Path, help="JSON list of further sets: name, file, inputs, target, p, tau, length"
    )
    run.add_argument(
        "--splits-a-job",
        type=int,
        default=10,
        help="splits trained as one stack (default 10); 20 cost a third less, 1 loses least",
    )
    run.add_argument("--jobs", type=int, default=1, help="processes on this machine (default 1)")
    run.add_argument("--backend", choices=["local", "dask"], default="local")
    run.add_argument("--scheduler", help="address of a Dask scheduler, such as tcp://host:8786")
    compare = commands.add_parser("compare", help="difference split by split from the authors' results")
    compare.add_argument("names", nargs="+", metavar="NAME")
    compare.add_argument("--published", type=Path, required=True, help="folder of the authors' results")
    for command in (run, compare, commands.add_parser("report", help="write report.md and report.png")):
        command.add_argument("--results", type=Path, default=store.FOLDER, help="folder of results")
    return main_parser


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for and return the exit code."""
    options = parser().parse_args(arguments)
    if options.command == "list":
        for paper in PAPERS.values():
            print(f"{paper.name:24} {paper.citation}")
        return 0
    if options.command == "report":
        print(report.write(PAPERS.values(), options.results, NOT_REBUILT))
        return 0
    if set(options.names) - set(PAPERS):
        print(f"names are {', '.join(PAPERS)}.", file=sys.stderr)
        return 2
    if options.command == "compare":
        return _compare(options)
    if (options.backend == "dask") != (options.scheduler is not None) or options.splits_a_job < 1:
        print("--backend dask goes with --scheduler ADDRESS; --splits-a-job is at least 1.", file=sys.stderr)
        return 2
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    sets = tuple(filter(None, options.sets.split(",")))
    told = Options(options.data, options.splits_a_job, sets, options.sets_file)
    for name in options.names or PAPERS:
        units, reasons = PAPERS[name].units(told)
        for reason in reasons:
            print(f"{name}: {reason}", file=sys.stderr)
        named = [{**unit, "paper": name} for unit in units]
        path = options.results / f"{name}.jsonl"
        new = run_units(run_named, named, path, jobs=options.jobs, scheduler=options.scheduler)
        print(f"{name}: {new} jobs done, {len(units) - new} were there already")
    return 0


def _compare(options: argparse.Namespace) -> int:
    for name in options.names:
        paper = PAPERS[name]
        if paper.pairs is None:
            print(f"{name}: nothing was published split by split.", file=sys.stderr)
            return 2
        lines = store.read(options.results / f"{name}.jsonl").values()
        pairs = paper.pairs(options.published, [record for line in lines for record in line["records"]])
        found = {label: paired_difference(*each) for label, each in pairs.items()}
        store.write_pairs(options.results / f"{name}.paired.json", found)
        for label, pair in found.items():
            print(f"{label:40} {pair.mean:+.4f} ± {pair.se:.4f} over {pair.n} splits")
    return 0
