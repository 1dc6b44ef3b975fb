"""Runs: nothing is lost and nothing done twice, after an interrupt and when a worker of a cluster is stopped."""

import os
import time

import pytest

from dropout_lab.replications import store
from dropout_lab.replications.running import run_units
from jobs import fails_at_3, square


def units(tmp_path, count=6, sleep=0.0):
    log = str(tmp_path / "log.txt")
    return [{"id": f"job {value}", "value": value, "log": log, "sleep": sleep} for value in range(count)]


def done(path):
    return {line["id"]: line["records"][0]["value"] for line in store.read(path).values()}


def log(folder):
    """Process of each job, in the order in which they began or ended."""
    return [line.split()[-1] for line in (folder / "log.txt").read_text(encoding="utf-8").splitlines()]


def test_every_job_is_done_once_and_not_again(tmp_path):
    path = tmp_path / "r.jsonl"
    assert run_units(square, units(tmp_path), path) == 6
    assert run_units(square, units(tmp_path), path) == 0
    assert done(path) == {f"job {n}": n * n for n in range(6)}
    assert len((tmp_path / "log.txt").read_text(encoding="utf-8").splitlines()) == 6


def test_a_run_goes_on_where_an_interrupt_stopped_it(tmp_path):
    path = tmp_path / "r.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run_units(fails_at_3, units(tmp_path), path)
    assert len(done(path)) == 3
    assert run_units(square, units(tmp_path), path) == 3
    assert done(path) == {f"job {n}": n * n for n in range(6)}
    assert len((tmp_path / "log.txt").read_text(encoding="utf-8").splitlines()) == 6


def test_a_line_has_its_seconds_and_the_machine_and_no_path(tmp_path):
    path = tmp_path / "r.jsonl"
    run_units(square, units(tmp_path, count=1), path)
    [line] = store.read(path).values()
    assert line.keys() == {"id", "records", "seconds", "cpu_seconds", "machine"}
    assert str(tmp_path) not in path.read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore")  # distributed warns of ports, and of the worker that is stopped here
def test_a_stopped_worker_of_a_cluster_costs_nothing_and_doubles_nothing(tmp_path):
    distributed = pytest.importorskip("distributed")
    path = tmp_path / "r.jsonl"
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options, local_directory=str(tmp_path)) as cluster:
        with distributed.Client(cluster, set_as_default=False) as client:
            processes = list(client.run(os.getpid).values())
            assert len(set(processes)) == 2
        import threading

        stopped = []

        def stop_one():
            while len(store.read(path)) < 2:
                time.sleep(0.02)
            stopped.append(log(tmp_path)[0])  # the one that began first: the other may not have begun yet
            os.kill(int(stopped[0]), 9)

        thread = threading.Thread(target=stop_one)
        thread.start()
        run_units(square, units(tmp_path, count=12, sleep=0.25), path, scheduler=cluster.scheduler_address)
        thread.join()
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 12
    assert done(path) == {f"job {n}": n * n for n in range(12)}
    assert stopped[0] in map(str, processes)
    assert len(set(log(tmp_path))) >= 2
