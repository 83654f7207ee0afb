"""Event files, read back with TensorBoard's own readers."""

import io

import numpy as np
import pytest
from cells import cell, correct, done, save_run
from export.conftest import records
from hexbench.export.picture import confusion
from PIL import Image

pytest.importorskip("tensorboard", reason="hexbench[tensorboard] is not installed")


@pytest.fixture
def opened():
    """The runs of a folder by name, as TensorBoard reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def read(folder):
        sizes = dict.fromkeys(("scalars", "images", "tensors"), 0)
        found = {p.name: EventAccumulator(str(p), sizes) for p in folder.iterdir() if p.is_dir()}
        for run in found.values():
            run.Reload()
        return found

    return read


@pytest.fixture
def runs(folder, export, opened, tmp_path):
    """The runs of the made-up records, in the order of those."""
    labels = [f"label {place}, seed {record.seed}" for place, record in enumerate(records())]
    save_run(folder, records(), labels={r.key: text for r, text in zip(records(), labels, strict=True)})
    export(folder, "tensorboard")
    found = opened(tmp_path / "results-tensorboard")
    assert set(found) == {*labels, "report"}
    return [found[label] for label in labels] + [found["report"]]


def scalars(run, tag):
    return {event.step: event.value for event in run.Scalars(tag)}


def test_curves_and_final_numbers_are_those_of_the_record(runs):
    network = records()[0]
    assert scalars(runs[0], "curve/train_loss") == pytest.approx(
        dict(zip(network.history.epoch, network.history.train_loss, strict=True))
    )
    assert set(scalars(runs[0], "curve/test_accuracy")) == {2, 4}
    assert scalars(runs[0], "final/test_accuracy") == pytest.approx({4: network.metrics.test_accuracy})
    assert scalars(runs[0], "final/train_s") == {4: 1.0}
    assert scalars(runs[4], "final/test_accuracy") == pytest.approx({0: records()[4].metrics.test_accuracy})
    assert not [tag for tag in runs[1].Tags()["scalars"] if tag.startswith(("final", "curve"))]


def test_a_confusion_matrix_is_a_picture(runs):
    (event,) = runs[0].Images("confusion")
    picture = Image.open(io.BytesIO(event.encoded_image_string))
    assert (picture.width, picture.height) == (event.width, event.height)
    assert "confusion" not in runs[1].Tags()["images"]


def text_of(run, tag):
    (event,) = run.Tensors(tag)
    return event.tensor_proto.string_val[0].decode()


def test_a_failure_says_why(runs):
    assert "| error | ValueError: images \\| of 8 x 8 are too small |" in text_of(runs[1], "cell")
    assert "| params.seed | 7 |" in text_of(runs[2], "cell")


def test_the_table_of_hyperparameters(runs, tmp_path):
    from google.protobuf import json_format
    from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
    from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
    from tensorboard.context import RequestContext
    from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups

    class Settings:
        data_provider = None

    place = str(tmp_path / "results-tensorboard")
    runs_of_place = EventMultiplexer().AddRunsFromDirectory(place)
    runs_of_place.Reload()
    Settings.data_provider = MultiplexerDataProvider(runs_of_place, place)
    backend, request = backend_context.Context(Settings), RequestContext()
    experiment = get_experiment.Handler(request, backend, "", api_pb2.GetExperimentRequest()).run()
    columns = {info.name: api_pb2.DataType.Name(info.type) for info in experiment.hparam_infos}
    assert columns["train_size"] == columns["learning_rate"] == "DATA_TYPE_FLOAT64"
    assert columns["gamma"] == columns["hidden_layer_sizes"] == columns["nested"] == "DATA_TYPE_STRING"
    assert columns["deep"] == "DATA_TYPE_BOOL"
    metrics = {info.name.tag: info.display_name for info in experiment.metric_infos}
    assert metrics["final/test_accuracy"] == "test_accuracy"
    assert all(tag.startswith("final/") for tag in metrics)  # without our list TensorBoard adds the curves
    asked = api_pb2.ListSessionGroupsRequest(
        allowed_statuses=[api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE], start_index=0, slice_size=99
    )
    asked.col_params.add(hparam="gamma", order=api_pb2.ORDER_ASC)
    groups = list_session_groups.Handler(request, backend, "", asked).run().session_groups
    assert {group.name for group in groups} == {f"label {n}, seed {r.seed}" for n, r in enumerate(records())}
    by_name = {group.name: group for group in groups}
    first = json_format.MessageToDict(by_name["label 0, seed 0"])
    assert first["hparams"]["hidden_layer_sizes"] == "64-32"
    assert first["hparams"]["train_size"] == 100
    statuses = {name: group.sessions[0].status for name, group in by_name.items()}
    failed = [name for name, status in statuses.items() if status == api_pb2.STATUS_FAILURE]
    assert failed == ["label 1, seed 3"]
    odd = json_format.MessageToDict(by_name["label 2, seed 1"])["hparams"]
    assert (odd["gamma"], odd["params.seed"], odd["seed"], "depth" in odd) == ("0.1", 7, 1, False)


def test_odd_labels_are_names_of_folders_that_differ(tmp_path, export, opened):
    found = [done(cell("svm", seed=seed), correct(0.9, seed)) for seed in range(9)]
    texts = ["../../up", "a/b\\c:d", "same", "same", "SAME", "x" * 999, "ü" * 300, "\x00\n\u202e", "report"]
    labels = {record.key: text for record, text in zip(found, texts, strict=True)}
    save_run(tmp_path / "in" / "odd", found, labels=labels)
    export(tmp_path / "in" / "odd", "tensorboard")
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["odd", "odd-tensorboard"]
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    runs = opened(tmp_path / "in" / "odd-tensorboard")
    assert len(runs) == len(found) + 1
    assert len({name.lower() for name in runs}) == len(runs)
    assert all(
        "final/test_accuracy" in run.Tags()["scalars"] for name, run in runs.items() if name != "report"
    )


def test_the_report_has_its_figures_and_verdicts(folder, export, opened, tmp_path):
    (folder / "figures").mkdir()
    Image.new("RGB", (30, 20)).save(folder / "figures" / "claims.png")
    (folder / "verdicts.json").write_text(
        '[{"id": "a", "statement": "It is | so.", "reported": "98%", "measured": 0.9, "low": null,'
        ' "high": null, "level": null, "n": 3, "verdict": "refuted", "reason": "r", "cells": []}]'
    )
    export(folder, "tensorboard")
    report = opened(tmp_path / "results-tensorboard")["report"]
    (event,) = report.Images("figures/claims")
    assert (event.width, event.height) == (30, 20)
    assert "| It is \\| so. | 98% | refuted | r |" in text_of(report, "verdicts")


@pytest.mark.parametrize("classes", [2, 17, 40, 1_000])
def test_a_picture_has_a_dark_diagonal(classes):
    matrix = (np.eye(classes, dtype=int) * 9 + 1).tolist()
    names = [f"class {number}" for number in range(classes)]
    content, height, width = confusion(matrix, names)
    picture = np.asarray(Image.open(io.BytesIO(content)).convert("L")).astype(int)
    assert picture.shape == (height, width)
    assert width <= 1_000
    side = max(1, min(28, 600 // classes))
    inner = picture[height - side * classes :, width - side * classes :]
    corners = inner[::side, ::side]
    assert corners.diagonal().max() < corners[~np.eye(classes, dtype=bool)].min()
