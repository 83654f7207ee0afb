"""Cells that fail in the ways that cells do: each becomes a record, and the rest goes on."""

import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest
from cells import cell, expectation_of
from hexbench.measure.cell import measure
from hexbench.plan.models import known_models
from hexbench.run.worker import RunOptions, Worker
from hexbench.store.record import Failed
from hexbench.store.store import Store

FAULTY = Path(__file__).with_name("faulty_models.py")
MLP = cell("mlp", 100, epochs=3)
LONG = cell("mlp", 100, epochs=200_000)
SEARCH = cell("svm_grid", images=100)
SVM = cell("svm", 100, params_from=SEARCH)


def worker_of(data, folder, own_models=(), **options):
    expectation = expectation_of(data, own_models)
    return Worker(data, Store(folder), expectation, RunOptions(**options), own_models)


def results(worker, cells):
    return [record for _, record, _ in worker.carry_out(cells)]


def own_cell(name, size=100, **params):
    """A cell of one of the faulty models, and how the command line names it."""
    reference = f"{FAULTY}:{name}"
    entry = known_models([reference])[name]
    found = cell("mlp", size).but(model=name, params=dict(entry.defaults) | params, source=entry.source)
    return found, [reference]


def apart():
    """The processes in which cells are measured."""
    return [c for c in psutil.Process().children() if "spawn_main" in str(c.cmdline())]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Greedy", "RESOURCE_EXHAUSTED: Out of memory"),
        ("Short", "MemoryError"),
        ("Diverging", "FloatingPointError: the training loss is not finite in epoch 1"),
        ("WrongOnTestImages", "FloatingPointError: the test loss is not finite after epoch 3"),
        ("Wrong", r"RuntimeError: no [bold]result"),
        ("Silent", "AssertionError"),
        ("Undecided", "ValueError: predict_proba gives (90, 18), not (90, 17), by classes_"),
        ("Stopping", "its process ended with exit status 4"),
        ("Killed", "its process ended by signal 9, as where memory"),
    ],
)
def test_a_cell_that_fails_is_a_record_and_the_rest_goes_on(name, words, small_data, tmp_path):
    wrong, own = own_cell(name, **({"epochs": 3} if "epochs" in own_cell(name)[0].params else {}))
    worker = worker_of(small_data, tmp_path, own)
    failure, done = results(worker, [wrong, SEARCH])
    assert isinstance(failure, Failed)
    assert done.metrics.test_accuracy > 0
    record = Store(tmp_path).get(failure.key)
    assert record == failure, "the record is sound"
    assert words in record.error
    assert record.model == name


def test_a_network_that_takes_too_long_has_failed(small_data, tmp_path):
    worker = worker_of(small_data, tmp_path, time_limit=0.2)
    long, short = results(worker, [LONG, MLP.but(seed=1)])
    assert isinstance(long, Failed)
    assert long.error.startswith("TimeoutError: over its limit of 0.2 s after ")
    assert not isinstance(short, Failed)


@pytest.mark.slow
def test_a_network_that_never_comes_back_has_failed_and_the_rest_goes_on(small_data, tmp_path):
    hanging, own = own_cell("Hanging")
    decent, more = own_cell("Decent", epochs=3)
    found = results(worker_of(small_data, tmp_path, [*own, *more], time_limit=15), [hanging, decent])
    assert found[0].error == "TimeoutError: over its limit of 15 s"
    assert not isinstance(found[1], Failed)


@pytest.mark.slow
def test_a_model_of_others_is_measured_apart_and_gives_the_same(small_data, tmp_path, capfd):
    decent, own = own_cell("Decent", epochs=3)
    loud, more = own_cell("Loud")
    worker, epochs = worker_of(small_data, tmp_path, [*own, *more]), []
    worker._listener.on_epochs = epochs.append
    there, printing = results(worker, [decent, loud])
    here = measure(decent, small_data, known_models(own)["Decent"])
    for name in ("key", "metrics", "confusion", "params", "history", "layers", "device", "snapshots"):
        assert getattr(there, name) == getattr(here, name)
    assert epochs[-1] == 3, "it says how far it is"
    assert printing.metrics.test_accuracy > 0
    assert 150 < printing.memory.peak_mb - printing.memory.start_mb < 400, "its own, in its process"
    assert printing.timing_clean is not None
    assert "loud" not in "".join(capfd.readouterr()), "what a model prints is not shown"
    assert not apart(), "its process ends with the run"


@pytest.mark.slow
def test_a_cell_of_another_source_is_not_measured(small_data, tmp_path):
    silent, own = own_cell("Silent")
    planned = silent.but(source="0" * 64)
    (record,) = results(worker_of(small_data, tmp_path, own), [planned])
    assert record.error.startswith("RuntimeError: the source of Silent has changed since")
    assert record.key == planned.key_on(small_data.fingerprint)


@pytest.mark.slow
def test_an_svm_that_takes_too_long_is_ended_and_the_next_has_a_new_process(small_data, tmp_path):
    (record,) = results(worker_of(small_data, tmp_path, time_limit=1e-3), [SEARCH])
    assert record.error == "TimeoutError: over its limit of 0.001 s"
    assert not apart(), "its process is gone"
    again = worker_of(small_data, tmp_path, time_limit=60, rerun_failed=True)
    found = results(again, [SEARCH, SVM])
    assert not any(isinstance(record, Failed) for record in found)
    assert not apart(), "the process ends with the run"
    plain = results(worker_of(small_data, tmp_path / "plain"), [SEARCH, SVM])
    for there, here in zip(found, plain, strict=True):
        for name in ("key", "metrics", "confusion", "params", "chosen", "search"):
            assert getattr(there, name) == getattr(here, name), "it measures the same"


@pytest.mark.slow
def test_a_process_that_dies_of_its_cell_leaves_a_failed_record(small_data, tmp_path):
    slow = cell("svm_grid", images=300, probability=True)

    def kill():
        while not (children := apart()):
            time.sleep(0.01)
        time.sleep(1.5)
        os.kill(children[0].pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    found = results(worker_of(small_data, tmp_path, time_limit=60), [slow, SEARCH])
    killer.join()
    assert "ended by signal 9, as where memory runs out" in found[0].error
    assert not isinstance(found[1], Failed)


@pytest.mark.slow
def test_an_own_model_is_measured_in_the_process_apart_too(small_data, tmp_path):
    leaving, own = own_cell("Leaving")
    found = results(worker_of(small_data, tmp_path, own, time_limit=60), [leaving, SEARCH])
    assert found[0].error.startswith("ChildProcessError: its process ended with exit status 3")
    assert not isinstance(found[1], Failed)


def test_a_cell_without_its_search_says_so(small_data, tmp_path):
    worker = worker_of(small_data, tmp_path, time_limit=60)
    (record,) = results(worker, [SVM.but(params_from=SEARCH.but(seed=9).identity)])
    assert "search that chooses this model's hyperparameters has no record" in record.error


def test_a_failed_search_fails_those_who_wait_for_it(small_data, tmp_path):
    broken = cell("svm_grid", images=100, folds=0)
    waiting = cell("svm", 100, params_from=broken)
    first, second = results(worker_of(small_data, tmp_path), [broken, waiting])
    assert isinstance(first, Failed)
    assert "search that chooses" in second.error
