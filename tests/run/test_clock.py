import itertools
import time

from bench.plan.spec import CHOSEN, GRID, GRID_WITH_PROBABILITY, REPORT, VALIDATED, CellSpec
from bench.run import worker
from bench.run.worker import Worker
from bench.store import Store

SEARCH = CellSpec(model="svm", protocol=REPORT, images=100, train_size=70, seed=0, fit=GRID)
CELLS = [
    CellSpec(model="mlp", train_size=100, seed=0, batch_size=16, epochs=600, evaluate_at=(3,)),
    CellSpec(
        model="mlp", protocol=VALIDATED, images=100, train_size=80, seed=0, batch_size=16, epochs=9,
        evaluate_at=(1, 3),
    ),
    SEARCH,
    CellSpec(model="svm", protocol=REPORT, images=60, train_size=42, seed=0, fit=GRID_WITH_PROBABILITY),
    CellSpec(model="svm", train_size=100, seed=0, fit=CHOSEN, grid=SEARCH),
]  # fmt: skip


def test_a_clock_that_is_set_back_again_and_again_changes_nothing(
    small_data, tmp_path, monkeypatch
):
    backwards = itertools.count(2_000_000_000, -3_600)
    monkeypatch.setattr(time, "time", lambda: float(next(backwards)))
    monkeypatch.setattr(time, "time_ns", lambda: next(backwards) * 10**9)
    monkeypatch.setattr(worker, "CHECKPOINT_EVERY_S", 0.0)
    store = Store(tmp_path)
    for spec, record, seconds in Worker(small_data, store).carry_out(CELLS):
        assert record["status"] == "done", record["error"]
        assert store.get(record["key"]) is not None
        assert seconds >= 0
        assert all(value >= 0 for value in record["times"].values()), spec.label
