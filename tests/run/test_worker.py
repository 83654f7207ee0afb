import msgspec
import numpy as np
import pytest
from cells import cell, expectation_of
from hexbench.run import worker
from hexbench.run.worker import ProgressListener, RunOptions, Worker, is_settled
from hexbench.store.record import Done
from hexbench.store.store import Store

MLP = cell("mlp", 210, epochs=2)
SEEDS = [MLP.but(seed=seed) for seed in range(3)]
SVM = cell("svm_grid", 210)


def worker_of(data, folder, listener=None, **options):
    return Worker(data, Store(folder), expectation_of(data), RunOptions(**options), listener=listener)


def run(cells, data, folder, **options):
    return [record for _, record, _ in worker_of(data, folder, **options).carry_out(cells)]


@pytest.mark.slow
def test_seeds_trained_together_measure_what_they_do_alone(small_data, tmp_path):
    together = run(SEEDS, small_data, tmp_path / "together", together=True)
    alone = run(SEEDS, small_data, tmp_path / "alone", together=False)
    for one, other in zip(together, alone, strict=True):
        assert one.key == other.key and one.seed == other.seed
        values = [msgspec.to_builtins(r.metrics) for r in (one, other)]
        assert values[0] == pytest.approx(values[1], rel=1e-4)
        assert one.confusion == other.confusion
        assert one.timing_clean is False, "times of networks that shared the machine are not clean"
    assert [r.programs["process"] for r in together][1:] == [2, 2]
    assert len(list((tmp_path / "together" / "cells").iterdir())) == 3


def test_only_seeds_of_the_same_cell_go_together(small_data, tmp_path):
    longer, rate = (cell("mlp", 210, epochs=3), cell("mlp", 210, epochs=2, learning_rate=0.01))
    held_out = [cell("mlp", 210, epochs=2, held_out=42, seed=seed) for seed in range(2)]
    cells = [*SEEDS, longer, rate, SVM, SVM.but(seed=1), *held_out]
    groups = worker_of(small_data, tmp_path)._groups
    alone = [[longer], [rate], [SVM], [SVM.but(seed=1)], *([c] for c in held_out)]
    assert list(groups(cells, True)) == [SEEDS, *alone]
    assert list(groups(cells, False)) == [[c] for c in cells]


def test_what_fails_together_is_tried_alone(small_data, tmp_path, monkeypatch):
    def fit(cells, *_):
        raise FloatingPointError("the training loss is not finite in epoch 1")

    monkeypatch.setattr(worker, "measure_together", fit)
    records = run(SEEDS, small_data, tmp_path, together=True)
    assert all(isinstance(record, Done) for record in records)
    assert np.isfinite([r.metrics.test_loss for r in records]).all()


def test_on_a_cpu_one_after_another(small_data, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "measure_together", None)
    assert len(run(SEEDS[:2], small_data, tmp_path)) == 2


@pytest.mark.slow
def test_disturbed_cells_are_measured_again_each_alone(small_data, tmp_path, monkeypatch):
    """Else seeds that share an accelerator would be disturbed for ever."""
    groups, together = [], worker.measure_together

    def noted(cells, *rest):
        groups.append(len(cells))
        return together(cells, *rest)

    monkeypatch.setattr(worker, "measure_together", noted)
    first = run(SEEDS, small_data, tmp_path, together=True)
    assert groups == [3] and [r.timing_clean for r in first] == [False] * 3
    again = run(SEEDS, small_data, tmp_path, together=True, rerun_disturbed=True)
    assert groups == [3] and [r.times for r in again] != [r.times for r in first]


def test_disturbed_cells_are_measured_again_when_asked(small_data, tmp_path):
    store = Store(tmp_path)
    (record,) = run([MLP], small_data, tmp_path)
    for clean, options, kept in [
        (False, {}, True),
        (True, {"rerun_disturbed": True}, True),
        (None, {"rerun_disturbed": True}, True),
        (False, {"rerun_disturbed": True}, False),
    ]:
        store.put(msgspec.structs.replace(record, device="before", timing_clean=clean))
        assert is_settled(store.get(record.key), RunOptions(**options)) is kept
        (found,) = run([MLP], small_data, tmp_path, **options)
        assert (found.device == "before") is kept
        assert found.metrics == record.metrics


def test_what_is_stored_is_not_measured_again_and_whoever_listens_is_told(small_data, tmp_path):
    class Listener(ProgressListener):
        def __init__(self):
            self.told = []

        def on_start(self, cell):
            self.told.append(cell)

        def on_epochs(self, epochs):
            self.told.append(epochs)

    listener = Listener()
    first = list(worker_of(small_data, tmp_path, listener).carry_out([MLP, SVM]))
    assert [(cell, record.key) for cell, record, _ in first] == [
        (cell, cell.key_on(small_data.fingerprint)) for cell in (MLP, SVM)
    ]
    assert all(seconds > 0 for _, _, seconds in first)
    assert listener.told == [MLP, 1, 2, SVM]
    listener.told.clear()
    again = list(worker_of(small_data, tmp_path, listener).carry_out([MLP, SVM]))
    assert [(record, seconds) for _, record, seconds in again] == [(r, None) for _, r, _ in first]
    assert not listener.told


def test_a_signal_that_asks_the_process_to_end_is_no_failed_cell(small_data, tmp_path):
    """As an executor's handler does before a preemption: the cell is measured again later."""

    class Asked(ProgressListener):
        def on_epochs(self, epochs):
            raise SystemExit(-1)

    with pytest.raises(SystemExit):
        list(worker_of(small_data, tmp_path, listener=Asked()).carry_out([MLP]))
    assert Store(tmp_path).get(MLP.key_on(small_data.fingerprint)) is None
