"""Parquet files, read back with pyarrow and pandas."""

import math

import pandas as pd
import pytest
from cells import FINGERPRINT, cell, correct, done, save_run
from export.conftest import records

parquet = pytest.importorskip("pyarrow.parquet", reason="hexbench[parquet] is not installed")


@pytest.fixture
def read(folder, export, tmp_path):
    """A table of the exported folder."""
    export(folder, "parquet")
    return lambda name: parquet.read_table(tmp_path / "results-parquet" / f"{name}.parquet")


def test_cells_are_the_records(read):
    found, table = records(), read("cells")
    rows = table.to_pylist()
    assert [row["key"] for row in rows] == [record.key for record in found]
    assert [row["status"] for row in rows] == ["done", "failed", "done", "done", "done"]
    assert [row["error"] for row in rows] == [None, found[1].error, None, None, None]
    first = rows[0]
    assert first["test_accuracy"] == found[0].metrics.test_accuracy
    assert (first["epochs"], first["seed"], first["split"]) == (4, 0, "42")
    assert [row["timing_clean"] for row in rows] == [True, None, True, True, None]
    types = {field.name: str(field.type) for field in table.schema}
    assert types["test_accuracy"] == types["device_peak_mb"] == "double"
    assert types["stopped_at"] == types["classes"] == types["seed"] == "int64"
    assert (types["timing_clean"], types["split"], types["error"]) == ("bool", "string", "string")


def test_hyperparameters_have_the_type_of_their_values(read):
    table = read("cells")
    types = {field.name.removeprefix("params."): str(field.type) for field in table.schema}
    lists = {"hidden_layer_sizes": "int64", "scales": "double", "mixed": "string"}
    for name, inner in lists.items():
        assert types[name] == f"list<element: {inner}>", name
    assert types["nested"] == "list<element: list<element: int64>>"
    assert (types["depth"], types["deep"], types["learning_rate"]) == ("int64", "bool", "double")
    assert types["gamma"] == types["name"] == types["größe"] == "string"
    rows = table.to_pylist()
    odd, other = rows[2], rows[3]
    assert [row["params.hidden_layer_sizes"] for row in rows[:2]] == [[64, 32], None]
    assert (odd["params.depth"], other["params.depth"]) == (None, 3)
    assert (odd["params.gamma"], other["params.gamma"]) == ("0.1", "scale")
    assert (odd["params.scales"], other["params.scales"]) == ([0.5, 1.0], [2.0])
    assert (odd["params.nested"], odd["params.mixed"]) == ([[1, 2], []], ["auto", "3"])
    assert (odd["params.seed"], odd["seed"], odd["params.größe"]) == (7, 1, str(2**70))


def test_epochs_are_the_learning_curves(read, tmp_path):
    (network, *_) = records()
    table = read("epochs")
    assert [str(field.type) for field in table.schema][:4] == ["string", "string", "int64", "int64"]
    frame = pd.read_parquet(tmp_path / "results-parquet" / "epochs.parquet")
    assert set(frame.key) == {network.key}
    assert list(frame.epoch) == [1, 2, 3, 4]
    assert list(frame.train_loss) == network.history.train_loss
    measured = [None if math.isnan(value) else value for value in frame.test_accuracy]
    assert measured == network.history.test_accuracy
    assert frame.validation_loss.isna().all()


def test_what_the_numbers_depend_on_is_in_the_schema(read):
    for name in ("cells", "epochs"):
        found = read(name).schema.metadata
        assert found[b"hexbench.study"] == b"digit_recognizer"
        assert found[b"hexbench.fingerprint"] == FINGERPRINT.encode()
        assert found[b"hexbench.python"] == b"3"


def test_files_are_compressed_by_zstandard(read, tmp_path):
    read("cells")
    for file in (tmp_path / "results-parquet").glob("*.parquet"):
        group = parquet.ParquetFile(file).metadata.row_group(0)
        assert {group.column(place).compression for place in range(group.num_columns)} == {"ZSTD"}


def test_verdicts_come_and_go_with_the_report(folder, export, tmp_path):
    place = tmp_path / "results-parquet"
    export(folder, "parquet")
    assert not (place / "verdicts.parquet").exists()
    (folder / "verdicts.json").write_text(
        '[{"id": "a", "statement": "s", "reported": "98%", "measured": 0.9, "low": null, "high": 0.95,'
        ' "level": null, "n": 3, "verdict": "refuted", "reason": "r", "cells": ["k"], "readings": []}]'
    )
    export(folder, "parquet")
    (row,) = parquet.read_table(place / "verdicts.parquet").to_pylist()
    assert (row["id"], row["verdict"], row["measured"], row["low"], row["n"]) == (
        "a",
        "refuted",
        0.9,
        None,
        3,
    )
    assert row["cells"] == ["k"]
    (folder / "verdicts.json").unlink()
    export(folder, "parquet")
    assert not (place / "verdicts.parquet").exists()


def test_models_without_epochs_have_a_table_of_none(tmp_path, export):
    save_run(tmp_path / "svms", [done(cell("svm"), correct(0.9))])
    export(tmp_path / "svms", "parquet")
    table = parquet.read_table(tmp_path / "svms-parquet" / "epochs.parquet")
    assert (table.num_rows, table.column_names[4:6]) == (0, ["epoch", "train_loss"])
