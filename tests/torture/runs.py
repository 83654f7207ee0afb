"""Runs of the torture suite in processes of their own, and what they measured apart from times."""

import os
import sys
from pathlib import Path

import msgspec
from conftest import start_hearing_ctrl_c
from hexbench.analyse.runs import Runs
from hexbench.store.store import Store

DRIVER = Path(__file__).with_name("driver.py")
SUITE = Path(__file__).with_name("suites") / "torture.toml"
TIMED = ("times", "timing_clean", "memory", "programs")


def begin(data, out, *options, **environment):
    """Begin a run."""
    command = [sys.executable, DRIVER, "--suite", SUITE, "--data", data, "--out", out, *options]
    inherited = {k: v for k, v in os.environ.items() if k != "HEXBENCH_DATA"}
    own = {"PYTHONUNBUFFERED": "1"}
    return start_hearing_ctrl_c([*map(str, command)], env=inherited | own | environment)


def start(data, out, *options, **environment):
    """Begin a run; returns its process once it has said what it will do."""
    process = begin(data, out, *options, **environment)
    first = process.stdout.readline()
    assert first.startswith("torture: "), first + process.stderr.read()
    return process


def end(process, torture):
    """Wait for a run; its exit code and everything it said."""
    output, errors = process.communicate(timeout=300)
    torture.count("tracebacks", errors.count("Traceback"))
    assert "Traceback" not in output + errors, errors
    return process.returncode, output + errors


def run(data, out, torture, *options, **environment):
    """A whole run."""
    return end(begin(data, out, *options, **environment), torture)


def kill(process):
    """End a run as a power cut does; False if it had ended by itself."""
    process.kill()
    process.communicate()
    return process.returncode == -9


def untimed(store):
    """Every record by its key, and the accuracy of every setting as tables have it."""
    records = store.planned()
    groups = Runs.of(store.manifest(), records).groups
    table = {setting: (group.seeds, repr(group.metric("test_accuracy"))) for setting, group in groups.items()}
    assert len(table) > 10
    return {record.key: measured(record) for record in records}, table


def measured(record):
    """A record without what another run has otherwise: its times, and the commit while we work here."""
    environment = msgspec.structs.replace(record.environment, commit=None)
    return msgspec.structs.replace(record, **dict.fromkeys(TIMED), environment=environment)


def assert_the_same(folder, reference, torture):
    """A run's folder holds just what an uninterrupted run's does."""
    store = Store(folder)
    expected, table = reference
    found, found_table = untimed(store)
    torture.count("cells lost", len(expected.keys() - found.keys()))
    assert found.keys() == expected.keys()
    for key, record in expected.items():
        assert found[key] == record
    assert found_table == table
    assert store.faults() == {}
    assert {path.name for path in store.cells.iterdir()} == {f"{key}.json" for key in expected}
    assert not list(folder.rglob("*.part")), "nothing half-written is left"
    assert not store.checkpoints.exists()


def sound_so_far(folder):
    """How many cells are stored; every file there is whole."""
    store = Store(folder)
    assert store.faults() == {}
    return len(list(store.cells.glob("*.json")))
