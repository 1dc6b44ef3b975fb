"""Run the jobs of a replication: here on one process a core, or on the workers of a Dask cluster."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from dropout_lab.replications import store
from dropout_lab.replications.paper import Unit

Job = Callable[[Unit], list[dict[str, Any]]]


def finished_line(job: Job, unit: Unit) -> dict[str, Any]:
    """Do one job on one thread and return its line: id, what was found, CPU seconds and wall seconds, the machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    start, cpu = time.perf_counter(), time.process_time()
    try:
        records = job(unit)
    finally:
        torch.set_num_threads(threads)
    return {
        "id": unit["id"],
        "records": records,
        "seconds": round(time.perf_counter() - start, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "machine": f"{platform.machine()} {platform.system()}, torch {torch.__version__}",
    }


def run_units(job: Job, units: Sequence[Unit], path: Path, *, jobs: int = 1, scheduler: str | None = None) -> int:
    """Do the jobs that `path` does not hold yet, append each as soon as it is done, and return how many that were.

    Parameters
    ----------
    job : module-level function, a unit → records
    units : the jobs, each with an "id"
    path : the file of results
    jobs : int, processes on this machine
    scheduler : str, optional
        Address of a Dask scheduler ("tcp://host:8786"): the jobs go to its workers. One that is lost with its worker
        is done again on another; only what has come back is written, once.
    """
    done = store.read(path)
    left = [unit for unit in units if unit["id"] not in done]
    bar = tqdm(total=len(units), initial=len(units) - len(left), desc=path.stem, disable=None)
    for line in _lines(job, left, jobs, scheduler):
        if line["id"] not in done:
            store.append(path, line)
            done[line["id"]] = line
        bar.update()
    bar.close()
    return len(left)


def _lines(job: Job, units: Sequence[Unit], jobs: int, scheduler: str | None) -> Iterator[dict[str, Any]]:
    if jobs == 1 and scheduler is None:
        yield from (finished_line(job, unit) for unit in units)
        return
    try:
        import joblib
    except ImportError as error:
        raise ImportError("more than one process needs joblib: pip install 'dropout-lab[replications]'.") from error
    with _backend(jobs, scheduler):
        parallel = joblib.Parallel(return_as="generator_unordered", pre_dispatch="all", batch_size=1)
        yield from parallel(joblib.delayed(finished_line)(job, unit) for unit in units)


@contextmanager
def _backend(jobs: int, scheduler: str | None) -> Iterator[None]:
    import joblib

    if scheduler is None:
        with joblib.parallel_config(backend="loky", n_jobs=jobs):
            yield
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError("--backend dask needs the packages dask and distributed.") from error
    cluster = Client(scheduler, set_as_default=False)  # type: ignore[no-untyped-call]
    with cluster as client, joblib.parallel_config(backend="dask", client=client):
        yield
