import base64
import json
from dataclasses import replace

import numpy as np
import pytest

from bench.analyse.evidence import Evidence
from bench.analyse.readings import readings
from bench.data import synthetic
from bench.data.dataset import Dataset
from bench.data.paper import IMAGES_IN_FULL
from bench.measure.cell import draw, failed, kept_epochs, measure
from bench.measure.snapshot import calibration, confusion, mistakes, snapshot
from bench.plan.spec import CHOSEN, GRID, SIMPLER, VALIDATED, CellSpec

CONTRACT = {
    "key", "status", "model", "params", "protocol", "train_size", "batch_size", "epochs", "seed",
    "data", "parameters", "metrics", "history", "confusion", "times", "device", "timing_clean",
    "error", "machine", "commit",
}  # fmt: skip
NETWORK = CellSpec(model="mlp", train_size=150, seed=0, batch_size=16, epochs=8, evaluate_at=(3, 4))
SEARCH = CellSpec(model="svm", protocol="report", images=100, train_size=70, seed=0, fit=GRID)


def test_a_networks_record(small_data):
    told = []
    record = measure(NETWORK, small_data, on_epochs=told.append)
    assert record.keys() >= CONTRACT
    assert record["status"] == "done"
    assert told[-1] == 8
    history = record["history"]
    assert history["epoch"] == list(range(1, 9))
    assert [e for e, a in zip(history["epoch"], history["test_accuracy"], strict=True) if a] == [
        3,
        4,
        8,
    ]
    assert history["test_accuracy"][-1] == record["metrics"]["test_accuracy"]
    assert sum(layer["parameters"] for layer in record["layers"]) == record["parameters"]
    assert [layer["name"] for layer in record["layers"]] == ["hidden", "output"]
    assert set(record["snapshots"]) == {"3", "8"}, "4 was evaluated, but is no epoch of the report"
    assert np.sum(record["confusion"]) == 90
    assert np.trace(record["confusion"]) / 90 == pytest.approx(record["metrics"]["test_accuracy"])
    assert record["times"].keys() >= {
        "compile_s",
        "first_call_s",
        "train_s",
        "evaluate_s",
        "predict_s",
    }
    assert len(json.dumps(record, allow_nan=False)) < 100_000


def test_a_validated_cell_tests_the_epoch_that_validation_chose(small_data):
    """Where the held-out images are of other classes than their labels say, training does no good."""
    spec = CellSpec(
        model="mlp", protocol=VALIDATED, images=100, train_size=80, seed=1, batch_size=16, epochs=400,
        evaluate_at=(1, 10, 50, 100, 200),
    )  # fmt: skip
    rows = draw(spec, small_data)
    images, labels = small_data.images.copy(), small_data.labels
    for row in rows.validation:
        images[row] = small_data.images[np.argmax(labels == (labels[row] + 1) % 17)]
    record = measure(spec, Dataset("wrong", images, labels))
    stopped = record["stopped_at"]
    assert stopped <= 10
    history = record["history"]
    known = {e: v for e, v in zip(history["epoch"], history["validation_loss"], strict=True) if v}
    assert set(known) == {1, 10, 50}, "four times as many epochs without a lower loss are enough"
    assert record["epochs"] == history["epoch"][-1] == 50
    assert Evidence.of([record]).left_out == {}
    longer = record | {"epochs": 401}
    assert "epochs is not that of its spec" in Evidence.of([longer]).left_out[record["key"]]
    assert min(known, key=known.get) == stopped
    tested = {e: a for e, a in zip(history["epoch"], history["test_accuracy"], strict=True) if a}
    assert tested == {stopped: record["metrics"]["test_accuracy"]}, (
        "no other epoch saw the test images"
    )
    assert list(record["snapshots"]) == [str(stopped)]
    right = measure(spec, small_data)
    assert right["stopped_at"] >= 100
    assert right["epochs"] == 400
    (row,) = readings([right])
    assert row["epochs"] == right["stopped_at"]


def test_a_validated_cell_holds_out_a_fifth_and_shares_its_images_with_the_others(small_data):
    spec = CellSpec(model="svm", train_size=100, seed=3)
    held = draw(replace(spec, protocol=VALIDATED, images=100, train_size=80), small_data)
    assert (len(held.train), len(held.validation), len(held.test)) == (80, 20, 90)
    np.testing.assert_array_equal(np.r_[held.train, held.validation], draw(spec, small_data).train)


def test_a_simpler_task_has_few_digits_and_another_seed_others(small_data):
    spec = CellSpec(model="svm", protocol=SIMPLER, classes=2, train_size=20, seed=0, fit=GRID)
    tasks = set()
    for seed in range(8):
        rows = draw(replace(spec, seed=seed), small_data)
        digits = set(small_data.labels[rows.train])
        assert len(digits) == 2
        assert digits == set(small_data.labels[rows.test])
        assert 16 not in digits
        assert len(rows.train) == 20
        assert len(rows.validation) == 0
        tasks.add(tuple(sorted(digits)))
    assert len(tasks) > 4
    record = measure(spec, small_data)
    assert record["classes"] == 2
    with pytest.raises(ValueError, match=r"there are \d+ training images of ., ., not 200"):
        draw(replace(spec, train_size=200), small_data)


def test_an_svms_record_and_one_with_the_parameters_it_chose(small_data):
    grid = measure(SEARCH, small_data)
    assert grid.keys() >= CONTRACT
    assert (grid["epochs"], grid["batch_size"], grid["history"]) == (None, None, None)
    assert len(grid["search"]["mean_score"]) == 32
    assert grid["metrics"]["test_loss"] is None
    spec = CellSpec(model="svm", train_size=200, seed=0, fit=CHOSEN, grid=SEARCH)
    chosen = measure(spec, small_data, chosen=grid)
    assert chosen["params"] == grid["params"]
    assert chosen["train_size"] == 200
    with pytest.raises(RuntimeError, match="grid search"):
        measure(spec, small_data, chosen=failed(SEARCH, small_data, MemoryError("no")))


def test_a_failed_cells_record_has_every_field(small_data):
    record = failed(NETWORK, small_data, ValueError("no\nluck"))
    assert record.keys() >= CONTRACT
    assert record["status"] == "failed"
    assert record["error"] == "ValueError: no\nluck"
    json.dumps(record, allow_nan=False)


@pytest.mark.slow
def test_the_longest_record_stays_under_100_kB():
    everything = Dataset("synthetic", *synthetic.draw(IMAGES_IN_FULL))
    spec = CellSpec(
        model="mlp",
        train_size=100,
        seed=0,
        batch_size=100,
        epochs=33_700,
        evaluate_at=(3, 5, 15, 50),
    )
    record = measure(spec, everything)
    assert len(json.dumps(record)) < 100_000
    history = record["history"]
    assert history["epoch"][:250] == list(range(1, 251))
    assert history["epoch"][-1] == 33_700
    assert {len(values) for values in history.values()} == {len(history["epoch"])}


def test_histories_are_whole_up_to_500_epochs():
    assert kept_epochs(500) == list(range(1, 501))
    thinned = kept_epochs(20_000, evaluated=[7777])
    assert len(thinned) <= 501
    assert thinned[:250] == list(range(1, 251))
    assert {7777, 20_000} <= set(thinned)


def test_a_snapshot_holds_what_it_says():
    labels, predicted = np.array([0, 1, 2, 2], np.uint8), np.array([0, 2, 2, 1], np.uint8)
    confidence = np.array([0.95, 0.3, 1.0, 0.9], np.float32)
    images = np.arange(1600).reshape(4, 400).astype(np.uint8)
    kept = snapshot(images, labels, predicted, confidence)
    assert kept["accuracy"] == 0.5
    bits = np.unpackbits(np.frombuffer(base64.b64decode(kept["right"]), np.uint8))[:4]
    assert bits.tolist() == [1, 0, 1, 0]
    assert confusion(labels, predicted)[1, 2] == confusion(labels, predicted)[2, 1] == 1
    found = mistakes(images, labels, predicted, confidence)
    assert [m["row"] for m in found] == [3, 1], "the most confident mistake first"
    pixels = np.frombuffer(base64.b64decode(found[0]["pixels"]), np.uint8)
    np.testing.assert_array_equal(pixels, images[3])
    bins = calibration(predicted == labels, confidence)
    assert [b["images"] for b in bins] == [1, 3]
    assert bins[0]["accuracy"] == 0
