"""Runs of MLflow, read back with its own client, from a database and from a real server."""

import importlib.metadata
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import msgspec
import pytest
from cells import save_run
from export.conftest import records, tree
from hexbench.errors import BadInput
from hexbench.export import targets
from hexbench.export.source import Source
from hexbench.store.sealed import unsealed
from hexbench.store.store import Store

pytest.importorskip("mlflow", reason="hexbench[mlflow] is not installed")

pytestmark = [
    pytest.mark.slow,
    # Of MLflow and what it imports: what they do not use any more is their affair.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
]
NAME = "digit_recognizer/results"


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
    """A database with MLflow's tables, which takes seconds to make."""
    from mlflow import MlflowClient

    place = tmp_path_factory.mktemp("database")
    MlflowClient(f"sqlite:///{place}/mlflow.db").search_experiments()
    return (place / "mlflow.db").read_bytes()


@pytest.fixture
def place(tmp_path, empty_database, monkeypatch):
    """Where the export goes by default, with an empty database."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(
        tmp_path
    )  # where MLflow has no place for artifacts, it makes a folder in the current one
    found = tmp_path / "results-mlflow"
    found.mkdir()
    (found / "mlflow.db").write_bytes(empty_database)
    return found


class Read:
    """What a client finds in an experiment, by the key of the cell."""

    def __init__(self, uri, name=NAME):
        from mlflow import MlflowClient

        self.client = MlflowClient(uri)
        self.experiment = self.client.get_experiment_by_name(name)
        found = self.client.search_runs([self.experiment.experiment_id])
        self.runs = {run.data.tags["hexbench.key"]: run for run in found}
        assert len(self.runs) == len(found)

    def curve(self, run, name):
        return {m.step: m.value for m in self.client.get_metric_history(run.info.run_id, name)}

    def text(self, run, artifact):
        return Path(self.client.download_artifacts(run.info.run_id, artifact)).read_text()


def database(place):
    return f"sqlite:///{place}/mlflow.db"


def check(read):
    """The runs are the made-up records."""
    found = records()
    for record in found:
        run = read.runs[record.key]
        tags = run.data.tags
        assert run.info.run_name == f"cell {record.key[:6]}"
        assert (tags["hexbench.fingerprint"], tags["hexbench.device"]) == (record.data.fingerprint, "cpu")
        assert unsealed(read.text(run, "record.json").encode(), record.key) == record
    network, broken, odd = (read.runs[record.key] for record in found[:3])
    assert (network.info.status, network.data.tags["hexbench.status"]) == ("FINISHED", "done")
    assert (broken.info.status, broken.data.tags["hexbench.status"]) == ("FAILED", "failed")
    assert broken.data.tags["hexbench.error"] == found[1].error
    assert network.data.params["hidden_layer_sizes"] == "(64, 32)"
    assert (odd.data.params["params.seed"], odd.data.params["seed"]) == ("7", "1")
    assert (odd.data.params["größe"], "depth" in odd.data.params) == (str(2**70), False)
    assert network.data.metrics["test_accuracy"] == found[0].metrics.test_accuracy
    history = found[0].history
    pairs = zip(history.epoch, history.train_loss, strict=True)
    assert read.curve(network, "curve/train_loss") == pytest.approx(dict(pairs))
    assert set(read.curve(network, "curve/test_accuracy")) == {2, 4}
    assert read.experiment.tags["hexbench.study"] == "digit_recognizer"


def test_runs_are_the_records_and_are_exported_once(folder, export, place):
    before = tree(folder)
    first = export(folder, "mlflow")
    assert "5 runs, 5 new." in first.stdout
    found = Read(database(place))
    check(found)
    again = export(folder, "mlflow")
    assert "5 runs, 5 as they were." in again.stdout
    assert {run.info.run_id for run in Read(database(place)).runs.values()} == {
        run.info.run_id for run in found.runs.values()
    }
    assert tree(folder) == before
    assert "MLFLOW_DISABLE_TELEMETRY" not in os.environ


def test_what_has_changed_is_replaced_and_what_is_new_is_added(folder, export, place):
    export(folder, "mlflow")
    old = Read(database(place)).runs
    found = records()
    found[1] = msgspec.structs.replace(found[1], error="MemoryError: another")
    save_run(folder, found)
    (folder / "report.html").write_text("<p>report</p>")
    (folder / "figures").mkdir()
    (folder / "figures" / "claims.png").write_bytes(b"picture")
    (folder / "verdicts.json").write_text(
        '[{"id": "a/b=c", "statement": "s", "reported": "98%", "measured": 0.9, "low": null, "high": null,'
        ' "level": null, "n": 3, "verdict": "refuted", "reason": "r", "cells": []}]'
    )
    result = export(folder, "mlflow")
    assert "6 runs, 1 new, 1 replaced, 4 as they were." in result.stdout
    read = Read(database(place))
    assert read.runs[found[1].key].data.tags["hexbench.error"] == "MemoryError: another"
    same = [key for key in old if old[key].info.run_id == read.runs[key].info.run_id]
    assert len(same) == 4
    report = read.runs["report"]
    assert report.data.tags["verdict.a_b_c"] == "refuted"
    assert read.text(report, "report.html") == "<p>report</p>"
    assert read.text(report, "figures/claims.png") == "picture"


def test_an_export_that_was_stopped_is_finished_by_the_next(folder, export, place):
    from hexbench.export.targets import mlflow

    def stopping(source):
        stream = source.records()
        yield next(stream)
        yield next(stream)
        raise KeyboardInterrupt

    source = Source(Store(folder))
    with pytest.raises(KeyboardInterrupt):
        mlflow.export(source, stopping(source), targets.Place(place))
    read = Read(database(place))
    assert len(read.runs) == 2
    half = next(iter(read.runs.values()))
    read.client.update_run(half.info.run_id, "RUNNING")
    result = export(folder, "mlflow")
    assert "5 runs, 3 new, 1 replaced, 1 as they were." in result.stdout
    check(Read(database(place)))


def test_the_experiment_can_be_named_and_others_are_left_alone(folder, export, place):
    from mlflow import MlflowClient

    client = MlflowClient(database(place))
    number = client.create_experiment("mine")
    own = client.create_run(number, run_name="own").info.run_id
    export(folder, "mlflow", "--experiment", "mine")
    found = client.search_runs([number])
    assert len(found) == 6
    assert client.get_run(own).info.run_name == "own"
    client.delete_experiment(number)
    with pytest.raises(BadInput, match=r"the experiment mine was deleted: restore it"):
        export(folder, "mlflow", "--experiment", "mine")


def test_the_variable_and_the_option_say_where(folder, export, place, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    empty = (place / "mlflow.db").read_bytes()
    (tmp_path / "other" / "mlflow.db").write_bytes(empty)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database(tmp_path / "other"))
    export(folder, "mlflow")
    check(Read(database(tmp_path / "other")))
    assert (place / "mlflow.db").read_bytes() == empty
    export(folder, "mlflow", "--out", place)
    check(Read(database(place)))


def test_what_is_no_database_and_no_server_is_said_in_a_sentence(folder, export, place):
    (place / "mlflow.db").write_text("these are notes, not a database")
    with pytest.raises(BadInput, match=r"MLflow at sqlite:.*file is not a database\.$"):
        export(folder, "mlflow")
    assert (place / "mlflow.db").read_text().startswith("these are notes")
    with pytest.raises(BadInput) as refused:
        export(folder, "mlflow", "--tracking-uri", f"http://me:secret@127.0.0.1:{free_port()}")
    assert str(refused.value).startswith("MLflow at http://127.0.0.1:")
    assert "secret" not in str(refused.value)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def server(tmp_path):
    """A real server: `pip install mlflow` in this environment; without it the test is skipped."""
    try:
        importlib.metadata.version("mlflow")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the whole of mlflow, which has the server, is not installed")
    (tmp_path / "server").mkdir()
    uri = f"http://127.0.0.1:{free_port()}"
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        uri.rpartition(":")[2],
    ]
    command += ["--backend-store-uri", "sqlite:///mlflow.db", "--workers", "1"]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    process = subprocess.Popen(
        command,
        cwd=tmp_path / "server",
        env=os.environ | quiet,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{uri}/health", timeout=5).close()
            break
        except OSError:
            assert process.poll() is None
            time.sleep(1)
    yield uri
    process.terminate()
    process.wait(30)


def test_a_real_server(folder, export, server, place):
    export(folder, "mlflow", "--tracking-uri", server)
    check(Read(server))
    assert "5 runs, 5 as they were." in export(folder, "mlflow", "--tracking-uri", server).stdout
