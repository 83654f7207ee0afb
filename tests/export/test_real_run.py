"""A run of the suite `smoke` on real digits, exported to everything and read back."""

import csv
import io
import json
import sqlite3
from pathlib import Path

import pytest
from conftest import run_hexbench
from hexbench.store.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where the run lies as `out`."""
    place = tmp_path_factory.mktemp("real")
    done = run_hexbench("--suite", "smoke", "--data", "digits", "--out", "out", cwd=place)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def found(place):
    """Its records."""
    records = Store(place / "out").planned()
    assert len(records) > 3
    return records


def export(place, target):
    done = run_hexbench("export", "out", "--to", target, cwd=place, without=("MLFLOW_TRACKING_URI",))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout.startswith("Exported: 4 cells.\n")
    return done.stdout


def as_csv(value):
    """A value of Parquet as cells.csv has it."""
    if isinstance(value, list):
        return "-".join(f"{part:g}" if isinstance(part, float) else str(part) for part in value)
    return "" if value is None else str(value)


def test_parquet_has_what_cells_csv_has(place, found):
    parquet = pytest.importorskip("pyarrow.parquet")
    export(place, "parquet")
    rows = parquet.read_table(place / "out-parquet" / "cells.parquet").to_pylist()
    with (place / "out" / "cells.csv").open(newline="") as file:
        expected = list(csv.DictReader(file))
    assert [list(row) for row in rows] == [list(row) for row in expected]
    # SVMs have one C, the search a list of them: such a column is text, of JSON.
    mixed = {"params.C", "params.gamma", "params.kernel"}
    for row, wanted in zip(rows, expected, strict=True):
        for name in row.keys() - mixed:
            assert as_csv(row[name]) in (wanted[name], f"{wanted[name]}.0"), name
    assert json.loads(rows[-1]["params.C"]) == found[-1].params["C"]
    epochs = parquet.read_table(place / "out-parquet" / "epochs.parquet").to_pylist()
    for record in found:
        curve = [row["train_loss"] for row in epochs if row["key"] == record.key]
        assert curve == (record.history.train_loss if record.history else [])
    verdicts = parquet.read_table(place / "out-parquet" / "verdicts.parquet").to_pylist()
    said = json.loads((place / "out" / "verdicts.json").read_text())
    assert [(v["id"], v["verdict"]) for v in verdicts] == [(v["id"], v["verdict"]) for v in said]


def test_tensorboard_has_runs_that_a_person_finds(place, found):
    from PIL import Image

    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    said = export(place, "tensorboard")
    assert "tensorboard --logdir out-tensorboard" in said
    labels = json.loads((place / "out" / "manifest.json").read_text())["labels"]
    for record in found:
        run = EventAccumulator(str(place / "out-tensorboard" / labels[record.key]))
        run.Reload()
        (accuracy,) = run.Scalars("final/test_accuracy")
        assert accuracy.value == pytest.approx(record.metrics.test_accuracy)
        if record.history:
            losses = [event.value for event in run.Scalars("curve/train_loss")]
            assert losses == pytest.approx(record.history.train_loss)
    report = EventAccumulator(str(place / "out-tensorboard" / "report"))
    report.Reload()
    drawn = {path.stem for path in (place / "out" / "figures").glob("*.png")}
    assert {f"figures/{name}" for name in drawn} == set(report.Tags()["images"])
    (picture,) = report.Images(f"figures/{min(drawn)}")
    assert Image.open(io.BytesIO(picture.encoded_image_string)).width == picture.width


def test_mlflow_has_a_run_a_cell_and_the_report(place, found):
    pytest.importorskip("mlflow")
    said = export(place, "mlflow")
    assert "Experiment digit_recognizer/out: 5 runs, 5 new." in said
    # What MLflow's client returns is in test_mlflow.py; here that it is one database, readable as such.
    with sqlite3.connect(place / "out-mlflow" / "mlflow.db") as database:
        accuracy = dict(
            database.execute(
                "SELECT t.value, m.value FROM latest_metrics m JOIN tags t ON t.run_uuid = m.run_uuid "
                "WHERE m.key = 'test_accuracy' AND t.key = 'hexbench.key'"
            )
        )
        report = database.execute(
            "SELECT artifact_uri FROM runs WHERE name = 'report' AND lifecycle_stage = 'active'"
        ).fetchall()
    database.close()
    assert accuracy == {record.key: record.metrics.test_accuracy for record in found}
    ((uri,),) = report
    folder = Path(uri.removeprefix("file://"))
    assert (folder / "report.html").read_bytes() == (place / "out" / "report.html").read_bytes()
    figures = {path.name for path in (place / "out" / "figures").glob("*.png")}
    assert {path.name for path in (folder / "figures").iterdir()} == figures
