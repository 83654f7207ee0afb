import itertools
import time

import msgspec
import pytest
from cells import cell, expectation_of
from hexbench.run import worker
from hexbench.run.worker import Worker
from hexbench.store.record import Done
from hexbench.store.store import Store

SEARCH = cell("svm_grid", images=100)
CELLS = [
    cell("mlp", 100, epochs=600, evaluate_at=(3,)),
    cell("mlp", 100, held_out=20, epochs=9, evaluate_at=(1, 3)),
    SEARCH,
    cell("svm_grid", images=60, probability=True),
    cell("svm", 100, params_from=SEARCH),
]


@pytest.mark.slow
def test_a_clock_that_is_set_back_again_and_again_changes_nothing(small_data, tmp_path, monkeypatch):
    backwards = itertools.count(2_000_000_000, -3_600)
    monkeypatch.setattr(time, "time", lambda: float(next(backwards)))
    monkeypatch.setattr(time, "time_ns", lambda: next(backwards) * 10**9)
    monkeypatch.setattr(worker, "CHECKPOINT_EVERY_S", 0.0)
    store = Store(tmp_path)
    done = Worker(small_data, store, expectation_of(small_data))
    for of, record, seconds in done.carry_out(CELLS):
        assert isinstance(record, Done), record.error
        assert store.get(record.key) == record
        assert seconds >= 0
        times = msgspec.to_builtins(record.times)
        assert times["total_s"] >= times["train_s"]
        assert all(value is None or value >= 0 for value in times.values()), of
