"""Cells that fail in the ways that cells do: each becomes a record, and the rest goes on."""

import os
import signal
import threading
import time
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import psutil
import pytest

from bench.plan.spec import CHOSEN, GRID, REPORT, CellSpec
from bench.run.worker import Terms, Worker
from bench.soundness import fault_of
from bench.store import Store
from models import NETWORKS

MLP = CellSpec(model="mlp", train_size=100, seed=0, batch_size=16, epochs=3)
LONG = replace(MLP, epochs=200_000)
SEARCH = CellSpec(model="svm", protocol=REPORT, images=100, train_size=70, seed=0, fit=GRID)
SVM = CellSpec(model="svm", train_size=100, seed=0, fit=CHOSEN, grid=SEARCH)


class Greedy(NETWORKS["mlp"]):
    def __call__(self, images):
        numbers = images[0, 0] + jax.lax.broadcasted_iota(jnp.float32, (1 << 20, 1 << 21), 1)
        return super().__call__(images) + jax.lax.stop_gradient(jnp.sort(numbers)[0, 0])


class Diverging(NETWORKS["mlp"]):
    def __call__(self, images):
        return super().__call__(images) * jnp.inf


class WrongOnTestImages(NETWORKS["mlp"]):
    def __call__(self, images):
        return super().__call__(images) * (1.0 if len(images) == 16 else jnp.nan)


class Short(NETWORKS["mlp"]):
    def __call__(self, images):
        return np.empty(1 << 50)


class Wrong(NETWORKS["mlp"]):
    def __call__(self, images):
        raise RuntimeError("no [bold]luck")


def apart():
    """The processes in which cells are measured."""
    return [c for c in psutil.Process().children() if "spawn_main" in str(c.cmdline())]


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (Greedy, "RESOURCE_EXHAUSTED: Out of memory"),
        (Short, "MemoryError"),
        (Diverging, "FloatingPointError: the training loss is not finite in epoch 1"),
        (WrongOnTestImages, "FloatingPointError: the test loss is not finite after epoch 3"),
        (Wrong, r"RuntimeError: no [bold]luck"),
    ],
    ids=("greedy", "short", "diverging", "wrong on test images", "wrong"),
)
def test_a_cell_that_fails_is_a_record_and_the_rest_goes_on(
    network, words, small_data, tmp_path, monkeypatch
):
    monkeypatch.setitem(NETWORKS, "mlp", network)
    store = Store(tmp_path)
    done = list(Worker(small_data, store).carry_out([MLP, SEARCH]))
    assert [record["status"] for _, record, _ in done] == ["failed", "done"]
    record = store.get(done[0].record["key"])
    assert words in record["error"]
    assert fault_of(record, record["key"]) is None
    assert record["metrics"] == dict.fromkeys(("test_accuracy", "test_loss", "train_accuracy"))


def test_a_network_that_takes_too_long_has_failed(small_data, tmp_path):
    worker = Worker(small_data, Store(tmp_path), Terms(time_limit=0.2))
    long, short = worker.carry_out([LONG, replace(MLP, seed=1)])
    assert long.record["status"] == "failed"
    assert long.record["error"].startswith("TimeoutError: over its limit of 0.2 s after ")
    assert short.record["status"] == "done"


def test_an_svm_that_takes_too_long_is_ended_and_the_next_has_a_new_process(small_data, tmp_path):
    store = Store(tmp_path)
    ((_, record, _),) = Worker(small_data, store, Terms(time_limit=1e-3)).carry_out([SEARCH])
    assert record["error"] == "TimeoutError: over its limit of 0.001 s"
    assert not apart(), "its process is gone"
    again = Worker(small_data, store, Terms(time_limit=60, rerun_failed=True))
    found = [record for _, record, _ in again.carry_out([SEARCH, SVM])]
    assert [record["status"] for record in found] == ["done", "done"]
    plain = list(Worker(small_data, Store(tmp_path / "plain")).carry_out([SEARCH, SVM]))
    for there, (_, here, _) in zip(found, plain, strict=True):
        for name in ("metrics", "confusion", "params", "search"):
            assert there.get(name) == here.get(name), "it measures the same"


def test_a_process_that_dies_of_its_cell_leaves_a_failed_record(small_data, tmp_path):
    slow = replace(SEARCH, images=300, train_size=210, fit="grid, probability=True")

    def kill():
        while not (children := apart()):
            time.sleep(0.01)
        time.sleep(1.5)
        os.kill(children[0].pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    found = list(
        Worker(small_data, Store(tmp_path), Terms(time_limit=60)).carry_out([slow, SEARCH])
    )
    killer.join()
    assert "ended by signal 9, as where memory runs out" in found[0].record["error"]
    assert found[1].record["status"] == "done"


def test_an_svm_without_its_grid_search_says_so(small_data, tmp_path):
    store = Store(tmp_path)
    worker = Worker(small_data, store, Terms(time_limit=60))
    ((_, record, _),) = worker.carry_out([replace(SVM, grid=replace(SEARCH, seed=9))])
    assert "grid search" in record["error"]
