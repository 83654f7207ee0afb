from dataclasses import replace

import numpy as np
import pytest

from bench.plan.spec import CellSpec
from bench.run import worker
from bench.run.worker import Terms, Worker
from bench.store import Store

MLP = CellSpec(model="mlp", train_size=210, batch_size=16, epochs=2, seed=0)
SEEDS = [replace(MLP, seed=seed) for seed in range(3)]


def run(cells, data, folder, **terms):
    done = Worker(data, Store(folder), Terms(**terms)).carry_out(cells)
    return [record for _, record, _ in done]


def test_seeds_trained_together_measure_what_they_do_alone(small_data, tmp_path):
    together = run(SEEDS, small_data, tmp_path / "together", together=True)
    alone = run(SEEDS, small_data, tmp_path / "alone", together=False)
    for one, other in zip(together, alone, strict=True):
        assert one["key"] == other["key"] and one["seed"] == other["seed"]
        assert one["metrics"] == pytest.approx(other["metrics"], rel=1e-4)
        assert one["confusion"] == other["confusion"]
        assert one["timing_clean"] is False, (
            "times of networks that shared the machine are not clean"
        )
    assert [r["programs"]["process"] for r in together][1:] == [2, 2]
    assert len(list((tmp_path / "together" / "cells").iterdir())) == 3


def test_only_seeds_of_the_same_cell_go_together():
    longer, svm = replace(MLP, epochs=3), CellSpec(model="svm", train_size=210, seed=0, fit="grid")
    cells = [*SEEDS, longer, svm, replace(svm, seed=1)]
    groups = list(worker._groups(cells, True))
    assert groups == [SEEDS, [longer], [svm], [replace(svm, seed=1)]]
    assert list(worker._groups(cells, False)) == [[cell] for cell in cells]


def test_what_fails_together_is_tried_alone(small_data, tmp_path, monkeypatch):
    def fit(specs, *_):
        raise FloatingPointError("the training loss is not finite in epoch 1")

    monkeypatch.setattr(worker, "measure_networks", fit)
    records = run(SEEDS, small_data, tmp_path, together=True)
    assert [r["status"] for r in records] == ["done"] * 3
    assert np.isfinite([r["metrics"]["test_loss"] for r in records]).all()


def test_on_a_cpu_one_after_another(small_data, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "measure_networks", None)
    assert len(run(SEEDS[:2], small_data, tmp_path)) == 2


def test_disturbed_cells_are_measured_again_each_alone(small_data, tmp_path, monkeypatch):
    """Else seeds that share an accelerator would be disturbed for ever."""
    groups, together = [], worker.measure_networks

    def noted(specs, *rest):
        groups.append(len(specs))
        return together(specs, *rest)

    monkeypatch.setattr(worker, "measure_networks", noted)
    first = run(SEEDS, small_data, tmp_path, together=True)
    assert groups == [3] and [r["timing_clean"] for r in first] == [False] * 3
    again = run(SEEDS, small_data, tmp_path, together=True, rerun_disturbed=True)
    assert groups == [3] and [r["times"] for r in again] != [r["times"] for r in first]


def test_disturbed_cells_are_measured_again_when_asked(small_data, tmp_path):
    store = Store(tmp_path)
    (record,) = run([MLP], small_data, tmp_path)
    marked = {"commit": "before"}
    for clean, terms, kept in [
        (False, {}, True),
        (True, {"rerun_disturbed": True}, True),
        (None, {"rerun_disturbed": True}, True),
        (False, {"rerun_disturbed": True}, False),
    ]:
        store.put(record | marked | {"timing_clean": clean})
        (found,) = run([MLP], small_data, tmp_path, **terms)
        assert (found["commit"] == "before") is kept
        assert found["metrics"] == record["metrics"]
