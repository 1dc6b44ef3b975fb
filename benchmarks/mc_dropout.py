"""Time and memory of T stochastic passes on a CPU: mc_predict beside every other way, on ten networks.

    python benchmarks/mc_dropout.py [--threads 1] [--rounds 7] [--networks LeNet LSTM] [--write]
    python benchmarks/mc_dropout.py --plot       # table and docs/mc_dropout.png from docs/mc_dropout.json, no measuring

All ways run in one process and take turns; the minimum of the rounds counts, because whatever else the machine does
only adds. On one thread it is a minimum of CPU seconds of the process, which do not run while another program has the
processor; on several it is of wall-clock seconds. Before a way is timed, its samples must have the loop's mean and
variance (`guard`). Memory is the peak of a fresh process for each way, above what it held before the call (Linux).
torch-uncertainty and baal are skipped with the reason where they cannot be imported; pip install -e
".[torch,benchmarks]" brings them. --write keeps what docs/mc_dropout.json has of other networks on the same machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import platform
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import torch

from dropout_lab.torch_layers import bernoulli_mask, fast_bernoulli_mask
from mc_networks import TASKS, make
from mc_report import FLOOR, JSON, draw, fill_readme, table
from mc_ways import CHUNKS, WAYS, Sampler, UnfitError, absent, floor, guard

T = 100
CURVES = ("small regression", "MLP", "LeNet")
COUNTS = (1, 2, 5, 10, 20, 50, 100)
UNITS = 1_000_000  # of one mask
BY_NETWORK = ("notes", "missing", "seconds", "memory_mb", "curves", "chunks")
Clock = Callable[[], float]
K = TypeVar("K", str, int)
PACKAGES = ("torch", "numpy", "torch-uncertainty", "baal")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--networks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--write", action="store_true", help="keep the result in docs/, with curves and memory")
    parser.add_argument("--plot", action="store_true", help="remake table and plot from docs/, measure nothing")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    if options.plot:
        result = json.loads(JSON.read_text(encoding="utf-8"))
    else:
        result = measured(options)
        if options.write:
            result = with_the_rest(result)
            JSON.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.plot or options.write:
        draw(result)
        fill_readme(result)
    print(table(result))


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that the report is made from."""
    result: dict[str, Any] = {"machine": machine(options.threads), "n_samples": T, "rounds": options.rounds}
    result |= {"counts": list(COUNTS), **{key: {} for key in BY_NETWORK}}
    clock = time.process_time if options.threads == 1 else time.perf_counter
    result["masks"] = mask_times(options.rounds, clock)
    for name in options.networks:
        result["notes"][name] = TASKS[name].note
        result["missing"][name] = refused(name)
        ways = [way for way in WAYS if way not in result["missing"][name]]
        chunks = chunk_times(name, clock)
        best = min(chunks, key=lambda chunk: chunks[chunk])
        result["chunks"][name] = {str(chunk): seconds for chunk, seconds in chunks.items()}
        result["seconds"][name] = times(name, ways, T, options.rounds, clock, best)
        if options.write:
            result["memory_mb"][name] = memory_of(name, ways, options.threads)
        if options.write and name in CURVES:
            rows = [times(name, ways, count, options.rounds, clock, best) for count in COUNTS]
            result["curves"][name] = {way: [row[way] for row in rows] for way in (*ways, FLOOR)}
        print(f"{name}: done", file=sys.stderr, flush=True)
    return result


def with_the_rest(result: dict[str, Any]) -> dict[str, Any]:
    """The result with the networks that were not measured now, if the committed one is of this machine."""
    if not JSON.exists():
        return result
    before = json.loads(JSON.read_text(encoding="utf-8"))
    if any(before[key] != result[key] for key in ("machine", "n_samples", "rounds", "counts")):
        return result
    parts = {key: before[key] | result[key] for key, value in result.items() if key in BY_NETWORK}
    return result | {key: {name: part[name] for name in TASKS if name in part} for key, part in parts.items()}


def refused(name: str, ways: Iterable[str] = tuple(WAYS)) -> dict[str, str]:
    """Those of `ways` that cannot do this network, or do it wrong, each with the reason."""
    reference = WAYS["Python loop"](*make(name), T)()
    missing = {way: reason for way, reason in absent().items() if way in ways}
    for way in (way for way in ways if way not in missing):
        torch.manual_seed(1)
        try:
            guard(WAYS[way](*make(name), T)(), reference)
        except UnfitError as reason:
            missing[way] = str(reason)
        except Exception as error:  # another library's way may fail as it likes: the table says how
            missing[way] = f"{type(error).__name__}: {str(error).partition(chr(10))[0].partition('. ')[0]}"
    return missing


def times(name: str, ways: list[str], n_samples: int, rounds: int, clock: Clock, chunk: int) -> dict[str, float]:
    """Seconds of each way and of the floor in chunks: the least of the rounds, in which they take turns."""
    samplers = {way: WAYS[way](*make(name), n_samples) for way in ways}
    fitting = max(size for size in CHUNKS if size <= chunk and n_samples % size == 0)
    return round_robin(samplers | {FLOOR: floor(*make(name), n_samples, fitting)}, rounds, clock)


def chunk_times(name: str, clock: Clock) -> dict[int, float]:
    """Seconds of T passes of the network without dropout, so many copies of the batch at a time."""
    return round_robin({chunk: floor(*make(name), T, chunk) for chunk in CHUNKS}, 1, clock)


def mask_times(rounds: int, clock: Clock) -> dict[str, float]:
    """Seconds of a mask from uniform numbers, of one from raw bits, and of a multiplication by it."""
    h, noise = torch.randn(UNITS), torch.ones(UNITS)
    coins = {"uniform": lambda: bernoulli_mask(UNITS, 0.2), "raw bits": lambda: fast_bernoulli_mask(UNITS, 0.2)}
    return round_robin(coins | {"multiply": lambda: h * noise}, rounds, clock)


def round_robin(samplers: Mapping[K, Sampler], rounds: int, clock: Clock) -> dict[K, float]:
    """The least time of each; short ones are called several times when it is their turn."""
    least = {way: once(run, clock) for way, run in samplers.items()}
    for _ in range(rounds):
        for way, run in samplers.items():
            repeats = max(1, min(50, int(0.02 / max(least[way], 1e-6))))
            least[way] = min(least[way], *(once(run, clock) for _ in range(repeats)))
    return least


def once(run: Sampler, clock: Clock) -> float:
    start = clock()
    run()
    return clock() - start


def memory_of(name: str, ways: list[str], threads: int) -> dict[str, float]:
    """Peak of each call in a process of its own, in MB; nothing where the operating system does not tell."""
    if sys.platform != "linux":
        return {}
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mc_ways"])  # the imports are paid once; every call starts from there
    with context.Pool(1, maxtasksperchild=1) as pool:
        peaks = [pool.apply(peak_megabytes, (name, way, threads)) for way in ways]
    return dict(zip(ways, peaks, strict=True))


def peak_megabytes(name: str, way: str, threads: int) -> float:
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    with contextlib.suppress(UnfitError):  # what a way imports when it is first called is not counted
        WAYS[way](*make("small regression"), 2)()
    run = WAYS[way](*make(name), T)
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again from here
    before = _status("VmRSS")
    run()
    return round((_status("VmHWM") - before) / 1000, 1)


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))


def machine(threads: int) -> dict[str, Any]:
    """What the numbers were measured on."""
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    clock = "CPU seconds" if threads == 1 else "seconds"
    about = {"cpu": cpu, "system": platform.system(), "python": platform.python_version(), "versions": versions}
    return about | {"threads": threads, "clock": clock}


if __name__ == "__main__":
    main()
