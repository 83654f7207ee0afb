"""Cells side by side, one model over several devices, and over several processes."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time

import msgspec
import pytest
from cells import cell, expectation_of
from conftest import ROOT
from hexbench.errors import BadInput
from hexbench.run import side_by_side
from hexbench.run.devices import Found, given
from hexbench.run.executors import Work, executor_of
from hexbench.run.job import Job
from hexbench.run.signals import Signals
from hexbench.run.worker import ProgressListener, RunOptions, Worker
from hexbench.store.store import Store

CELLS = (
    *(cell("mlp", 210, epochs=2, seed=seed) for seed in range(3)),
    cell("svm_grid", 210),
    cell("svm", 210, params_from=cell("svm_grid", 210)),
)


def job_of(cells, data, **options):
    return Job(
        study="digit_recognizer",
        data="digits",
        fingerprint=data.fingerprint,
        cells=tuple(cells),
        options=RunOptions(**options),
    )


def work_of(cells, data, folder, **options):
    job = job_of(cells, data, **options)
    return Work(job, data, Store(folder), expectation_of(data), ProgressListener(), Signals())


def metrics(results):
    found = {r.record.key: msgspec.to_builtins(r.record.metrics) for r in results}
    return {key: {n: v for n, v in one.items() if v is not None} for key, one in found.items()}


@pytest.mark.slow
def test_cells_side_by_side_are_those_one_after_another(small_data, tmp_path, monkeypatch):
    monkeypatch.setattr(side_by_side, "found", lambda: Found("cpu", 2))
    beside = list(executor_of("local", devices="2").carry_out(work_of(CELLS, small_data, tmp_path / "a")))
    alone = list(Worker(small_data, Store(tmp_path / "b"), expectation_of(small_data)).carry_out(CELLS))
    assert {r.record.key for r in beside} == {r.record.key for r in alone}
    for key, found in metrics(beside).items():
        assert found == pytest.approx(metrics(alone)[key], rel=1e-4)
    assert {r.record.timing_clean for r in beside} == {False}
    assert {r.record.environment.variables["NPROC"] for r in beside} == {"1"}
    assert [r.record.model for r in beside].index("svm_grid") < [r.record.model for r in beside].index("svm")


@pytest.mark.slow
def test_a_process_that_dies_costs_one_attempt(small_data, tmp_path, monkeypatch):
    """The first death is forgiven; what dies again has failed, and the others go on."""
    monkeypatch.setattr(side_by_side, "found", lambda: Found("cpu", 1))
    cells = [cell("mlp", 210, epochs=2_000_000), cell("mlp", 210, epochs=2)]
    killed = 0

    class Killing(ProgressListener):
        def on_status(self, what, at_once=1):
            nonlocal killed
            if killed < 2 and at_once:
                time.sleep(8)
                children = subprocess.run(
                    ["pgrep", "-P", str(os.getpid()), "-f", "spawn_main"],
                    capture_output=True,
                    text=True,
                    check=False,
                ).stdout.split()
                os.kill(int(children[-1]), signal.SIGKILL)
                killed += 1

    work = work_of(cells, small_data, tmp_path)
    object.__setattr__(work, "listener", Killing())
    found = [result.record for result in executor_of("local", devices="1").carry_out(work)]
    failed, fine = sorted(found, key=lambda r: -r.epochs)
    assert failed.error == "ChildProcessError: its process ended by signal 9, as where memory runs out"
    assert fine.epochs == 2


def test_each_process_sees_one_device(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [place.variables for place in Found("gpu", 2).places()] == [
        {"CUDA_VISIBLE_DEVICES": "0"},
        {"CUDA_VISIBLE_DEVICES": "1"},
    ]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-7f")
    assert [p.variables["CUDA_VISIBLE_DEVICES"] for p in Found("gpu", 2).places()] == ["4", "GPU-7f"]
    assert Found("rocm", 1).places()[0].variables == {"ROCR_VISIBLE_DEVICES": "0"}
    tpu = Found("tpu", 4).places()[3]
    assert tpu.variables["TPU_VISIBLE_CHIPS"] == "3" and tpu.variables["TPU_PROCESS_BOUNDS"] == "1,1,1"
    cores = Found("cpu", 2).places()
    assert all(place.variables["NPROC"] == "1" for place in cores)


@pytest.mark.parametrize("option", ["0", "-1", "two", "1.5", ""])
def test_a_number_of_devices_is_a_number(option):
    with pytest.raises(BadInput, match="give a number from 1 on, or all"):
        given(option)


def test_more_devices_than_there_are_is_one_sentence():
    with pytest.raises(BadInput, match=r"--devices 9: JAX has 8 here \(gpu\)"):
        Found("gpu", 8).wanted("9")
    assert Found("gpu", 8).wanted("all") == 8


def test_a_machine_without_slurm_is_one_sentence(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BadInput, match=r"there is no Slurm here \(sbatch is not found\): use"):
        executor_of("slurm")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("local", None, "tcp://a:1"), "--scheduler tcp://a:1 is for --executor dask"),
        (("slurm", None, None, "2"), "--devices 2 is for this machine"),
    ],
)
def test_options_of_other_executors_are_refused(options, sentence):
    with pytest.raises(BadInput, match=sentence):
        executor_of(*options)


# --- One model over several devices ---


def losses(folder):
    with (folder / "cells.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["test_loss"]]
    return {(r["model"], r["train_size"], r["seed"]): float(r["test_loss"]) for r in rows}


@pytest.mark.slow
def test_smoke_over_eight_devices_ends_where_it_does_on_one(hexbench, tmp_path):
    options = ("--suite", "smoke", "--data", "digits")
    eight = {"JAX_NUM_CPU_DEVICES": "8"}
    done = hexbench(*options, "--out", "eight", "--shard-batch", **eight)
    assert done.returncode == 0, done.stdout + done.stderr
    assert hexbench(*options, "--out", "one", JAX_NUM_CPU_DEVICES="1").returncode == 0
    one, other = losses(tmp_path / "one"), losses(tmp_path / "eight")
    assert one.keys() == other.keys() and len(one) == 2
    assert other == pytest.approx(one, abs=1e-3)
    records = [json.loads(path.read_text()) for path in (tmp_path / "eight" / "cells").glob("*.json")]
    assert {r["device"] for r in records if r["model"] in ("mlp", "cnn")} == {"cpu (8 of 8)"}
    too_many = hexbench(*options, "--out", "nine", "--shard-batch", "--devices", "9", **eight)
    assert too_many.returncode == 2
    assert "--devices 9: JAX has 8 here (cpu)" in too_many.stderr


@pytest.mark.slow
def test_two_processes_train_one_network(small_data, tmp_path, hexbench):
    """Each has two devices; the first alone stores, and one process with four ends with the same."""
    from hexbench.study import load

    data = load("digit_recognizer").sources.resolve("digits").load()
    cells = [cell("mlp", 210, epochs=3), cell("cnn", 210, epochs=1)]
    file = job_of(cells, data).write(tmp_path / "job.json")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"

    def start(process):
        command = [
            sys.executable,
            ROOT / "run_benchmarks.py",
            "worker",
            "--cells",
            file,
            "--out",
            tmp_path / "two",
        ]
        command += ["--distributed", "--coordinator", address, "--processes", 2, "--process", process]
        variables = os.environ | {"JAX_NUM_CPU_DEVICES": "2"}
        return subprocess.Popen(
            [*map(str, command)], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    processes = [start(0), start(1)]
    said = [process.communicate(timeout=300)[0].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    found = {
        r["model"]: r for r in map(json.loads, (p.read_text() for p in (tmp_path / "two/cells").iterdir()))
    }
    assert {r["device"] for r in found.values()} == {"cpu (4 of 4)"}
    for one in cells:
        worker = Worker(data, Store(tmp_path / "one"), expectation_of(data))
        (result,) = worker.carry_out([one])
        assert found[one.model]["metrics"]["test_loss"] == pytest.approx(
            result.record.metrics.test_loss, abs=1e-4
        )
    again = [start(0), start(1)]
    assert [process.communicate(timeout=300) and process.returncode for process in again] == [0, 0]


# --- The worker's command ---


@pytest.mark.slow
def test_a_worker_measures_the_cells_of_a_file_and_nothing_else(hexbench, tmp_path):
    from hexbench.study import load

    data = load("digit_recognizer").sources.resolve("digits").load()
    file = job_of(CELLS[:2], data).write(tmp_path / "job.json")
    first = hexbench("worker", "--cells", file, "--out", "out")
    assert (first.returncode, first.stdout) == (0, "2 of 2 cells are stored, 0 of them failed.\n")
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert [path.parent.name for path in written] == ["cells", "cells"]
    assert hexbench("worker", "--cells", file, "--out", "out").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in written} == written, "twice is harmless"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds no cells to measure"),
        ("{}", "holds no cells to measure"),
        (
            '{"study": "digit_recognizer", "data": "digits", "fingerprint": "f", "cells": [], "x": 1}',
            "unknown",
        ),
        (
            '{"study": "digit_recognizer", "data": "digits", "fingerprint": "f", "cells": []}',
            "digits holds other images here than where the cells were planned",
        ),
        (
            '{"study": "digit_recognizer", "data": "digits", "fingerprint": "f", "cells": [],'
            ' "measurement_version": 0}',
            "is of measurement version 0",
        ),
        ('{"study": "none", "data": "digits", "fingerprint": "f", "cells": []}', "none"),
    ],
)
@pytest.mark.slow
def test_a_file_that_is_no_job_is_one_sentence(hexbench, tmp_path, text, sentence):
    (tmp_path / "job.json").write_text(text)
    done = hexbench("worker", "--cells", "job.json", "--out", "out")
    assert done.returncode == 2 and sentence in done.stderr
    assert done.stderr.count("\n") == 1 and not (tmp_path / "out").exists()
