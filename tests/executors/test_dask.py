"""The Dask executor with a real scheduler and real worker processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from executors.runs import LONG, QUICK, Runs, ended, wait_for
from hexbench.run.devices import ONE_THREAD

pytestmark = [pytest.mark.dask, pytest.mark.slow]
pytest.importorskip("distributed", reason='needs Dask: pip install "hexbench[dask]"')

DASK = ("--executor", "dask")


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


@contextmanager
def cluster(folder, workers=2, options=("--resources", "hexbench=1"), environment=None):
    """A scheduler and its workers, as their own commands start them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    log = (folder / "dask.log").open("ab")
    variables = os.environ | {"DASK_DISTRIBUTED__WORKER__DAEMON": "False"} | (environment or {})

    def start(*command):
        line = [sys.executable, "-m", "distributed.cli." + command[0], *command[1:]]
        return subprocess.Popen(line, stdout=log, stderr=log, env=variables, cwd=folder)

    scheduler = start("dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    processes = [
        start("dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", *options)
        for _ in range(workers)
    ]
    try:
        wait_for(lambda: _answers(port))
        time.sleep(3)
        yield SimpleNamespace(address=address, workers=processes)
    finally:
        for process in (*processes, scheduler):
            process.kill()
            process.wait()
        log.close()


def _answers(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def test_a_suite_ends_with_the_metrics_of_a_local_run(runs):
    Runs(runs.folder, ONE_THREAD).run(QUICK, "local")  # as each of the workers has
    (runs.folder / "cluster.toml").write_text("[dask]\nworkers = 2\nminutes_expected = 0.001\n")
    runs.run(QUICK, "dask", *DASK, "--cluster", "cluster.toml")
    assert runs.metrics("dask") == runs.metrics("local")
    assert {r["timing_clean"] for r in runs.records("dask").values()} == {False}, "two share the machine"
    again = runs.run(QUICK, "dask", *DASK)
    assert "6 of 6 cells are stored already" in again


def test_the_cells_of_a_lost_worker_go_to_another(runs):
    suite = LONG.replace("400000", "40000")
    with cluster(runs.folder) as dask:
        process = runs.start(suite, "out", *DASK, "--scheduler", dask.address)
        out = runs.folder / "out"
        wait_for(lambda: list(out.glob("checkpoints/*/*")) or list(out.glob("cells/*.json")))
        time.sleep(1)
        busy = max(dask.workers, key=_cpu_seconds)
        os.kill(busy.pid, signal.SIGKILL)
        said, code = ended(process)
    assert code == 0, said
    assert {r["status"] for r in runs.records("out").values()} == {"done"}
    assert len(runs.records("out")) == 2


def _cpu_seconds(process):
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_more_workers_than_devices_are_one_sentence(runs):
    (runs.folder / "cluster.toml").write_text("[dask]\nworkers = 99\n")
    said = runs.run(QUICK, "out", *DASK, "--cluster", "cluster.toml", returncode=2)
    assert "99 workers of Dask need as many devices" in said


def test_without_a_scheduler_there_is_one_sentence(runs):
    said = runs.run(QUICK, "out", *DASK, "--scheduler", "tcp://127.0.0.1:9", returncode=2)
    assert "Dask's scheduler tcp://127.0.0.1:9 does not answer" in said


def test_workers_that_would_measure_several_cells_at_once_are_named(runs):
    with cluster(runs.folder, 1, options=()) as dask:
        said = runs.run(QUICK, "out", *DASK, "--scheduler", dask.address, returncode=2)
    assert '--resources "hexbench=1"' in said


def test_a_scheduler_without_workers_is_named(runs):
    with cluster(runs.folder, 0) as dask:
        said = runs.run(QUICK, "out", *DASK, "--scheduler", dask.address, returncode=2)
    assert "has no workers" in said


def test_workers_of_another_version_are_named(runs):
    other = runs.folder / "other" / "hexbench-9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: hexbench\nVersion: 9.9\n")
    with cluster(runs.folder, 1, environment={"PYTHONPATH": str(other.parent)}) as dask:
        said = runs.run(QUICK, "out", *DASK, "--scheduler", dask.address, returncode=2)
    assert "has hexbench 9.9" in said
