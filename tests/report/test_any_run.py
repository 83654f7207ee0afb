"""A report of whatever was measured: any model, hyperparameter, image shape and number of classes."""

import base64
import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from analyse.sound import but, correct, network
from analyse.whole_run import run
from conftest import ROOT
from hexbench.errors import BadInput
from hexbench.report.page import Part
from hexbench.report.table import Table
from hexbench.report.write import write_report
from hexbench.store.record import LAST
from PIL import Image
from report.made_up import FOREST, PLAIN, forest, reported, save_run, with_mistakes


def section(folder, title):
    """What report.md says under a heading, up to the next of its kind."""
    return (
        (folder / "report.md").read_text().split(f"\n### {title}\n")[1].split("\n### ")[0].split("\n## ")[0]
    )


def cells_of(folder):
    with (folder / "cells.csv").open() as file:
        return list(csv.DictReader(file))


def size_of(picture):
    with Image.open(picture) as image:
        return image.size


@pytest.mark.slow
def test_an_unknown_model_with_its_own_hyperparameter_is_in_tables_curves_and_csv(tmp_path):
    records = [forest(seed, n_estimators=n, seconds=n / 100) for n in (10, 100, 1_000) for seed in (0, 1)]
    folder = reported(tmp_path, [*records, *run()], models={"forest": FOREST})
    table = section(folder, "Results by n\\_estimators")
    rows = [line for line in table.splitlines() if line.startswith("| Forêt")]
    assert [row.split("|")[3].strip() for row in rows] == ["10", "100", "1000"]
    assert all(row.rstrip(" |").endswith("2") for row in rows), "two seeds each"
    assert "| Forêt \\<1\\>" in section(folder, "Models")
    assert {f"{name}.png" for name in ("by_n_estimators", "confusion_forest", "budgets")} <= {
        file.name for file in (folder / "figures").iterdir()
    }
    rows = [row for row in cells_of(folder) if row["model"] == "forest"]
    assert [row["params.n_estimators"] for row in rows] == ["10", "10", "100", "100", "1000", "1000"]
    assert {row["params.criterion"] for row in rows} == {"gini"}
    assert {row["params.learning_rate"] for row in rows} == {""}
    assert "Forêt &lt;1&gt;" in (folder / "report.html").read_text()


@pytest.mark.slow
def test_two_learning_rates_are_two_rows_and_two_curves(tmp_path):
    records = [
        network(
            "mlp",
            correct(0.9 - 10 * rate, seed),
            seed=seed,
            learning_rate=rate,
            evaluated={1: correct(0.3, 0)},
        )
        for rate in (0.001, 0.01)
        for seed in (0, 1)
    ]
    folder = reported(tmp_path, records)
    rows = [
        line
        for line in section(folder, "Results by learning\\_rate").splitlines()
        if line.startswith("| MLP")
    ]
    assert ["0.001" in row for row in rows] == [True, False]
    assert all(row.rstrip(" |").endswith(" 2") for row in rows), "two seeds each"
    assert {row["params.learning_rate"] for row in cells_of(folder)} == {"0.001", "0.01"}
    assert (folder / "figures" / "learning_curves_mlp.png").exists()


@pytest.mark.parametrize(
    ("shape", "pixel_max", "names"),
    [
        ((8, 8), 16, list("0123456789")),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ((28, 28, 3), 255, [f"a class with a long name {i}" for i in range(10)]),
                ((12, 30), 255, ["yes", "no"]),
                ((9, 9), 255, [f"n{i:02}" for i in range(43)]),
            )
        ),
    ],
)
def test_any_shape_and_number_of_classes(tmp_path, shape, pixel_max, names):
    classes = len(names)
    records = [of_classes(network("cnn", correct(0.9, seed), seed=seed), classes, shape) for seed in (0, 1)]
    records.append(of_classes(forest(), classes, shape))
    folder = reported(
        tmp_path,
        records,
        models={"forest": FOREST},
        shape=shape,
        pixel_max=pixel_max,
        class_names=names,
        class_counts=[60] * classes,
    )
    figures = folder / "figures"
    for name in ("confusion_cnn", "confusion_forest", "gallery", "calibration"):
        width, height = size_of(figures / f"{name}.png")
        assert 300 < width < 1_200, name
        assert 200 < height < 1_200, name
    text = (folder / "report.md").read_text()
    assert " x ".join(map(str, shape)) in text
    assert f"{classes} classes" in text
    by_class = section(folder, "Predictions").split("Test accuracy % by class")[1]
    assert sum(line.startswith("| ") for line in by_class.splitlines()) == classes + 1


def of_classes(record, classes, shape):
    """The record of so many classes."""
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 4, (classes, classes)) + 50 * np.eye(classes, dtype=int)
    kept = {
        name: but(snapshot, confusion=None if name == record.last else counts.tolist())
        for name, snapshot in record.snapshots.items()
    }
    pixels = with_mistakes(record, shape).snapshots[record.last].mistakes
    wrong = [but(mistake, label=0, predicted=classes - 1) for mistake in pixels]
    right = np.packbits(np.arange(counts.sum()) < np.trace(counts))
    kept[record.last] = but(kept[record.last], mistakes=wrong, correct=base64.b64encode(right).decode())
    accuracy = float(np.trace(counts) / counts.sum())
    history = record.history
    if history is not None:
        tested = [*history.test_accuracy[:-1], accuracy]
        history = but(history, test_accuracy=tested)
    return but(
        record,
        confusion=counts.tolist(),
        snapshots=kept,
        history=history,
        metrics=but(record.metrics, test_accuracy=accuracy),
    )


def test_a_deterministic_record_has_one_snapshot():
    assert list(forest().snapshots) == [LAST], "what `of_classes` relies on"


@pytest.mark.slow
def test_sections_of_a_study_come_before_the_rest_and_replace_its_figures(tmp_path):
    def sections(context):
        context.replace("confusion_cnn")
        table = Table("Mine", "", ("a",), [("b",)])
        return [Part("A figure of theirs", [table], said="42%"), Part("Another", [], said="43%")]

    study = replace(PLAIN, module=SimpleNamespace(sections=sections))
    folder = reported(tmp_path, run(), study=study)
    text = (folder / "report.md").read_text()
    assert text.index("A figure of theirs") < text.index("## Everything measured")
    assert "Reported: 42%" in text
    assert "Reported: 43% Measured: not run." in text
    assert not (folder / "figures" / "confusion_cnn.png").exists()
    assert (folder / "figures" / "confusion_mlp.png").exists()


@pytest.mark.slow
def test_faulty_sections_of_a_users_study_are_one_sentence(tmp_path):
    def sections(context):
        raise KeyError("no\nsuch")

    study = replace(PLAIN, folder=Path("theirs"), module=SimpleNamespace(sections=sections))
    with pytest.raises(BadInput, match=r"theirs: sections\(\) of its study\.py failed: KeyError"):
        write_report(save_run(tmp_path, run()), study)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["", "module://not_there", "tkagg"])
def test_no_backend_is_needed_and_nothing_global_is_changed(tmp_path, backend):
    save_run(tmp_path, run()[:20])
    program = (
        "import sys, os\n"
        "from hexbench.report.write import write_report\n"
        "from hexbench.store.store import Store\n"
        "from hexbench.study import load\n"
        "from pathlib import Path\n"
        f"write_report(Store(Path({str(tmp_path)!r})), load('digit_recognizer'))\n"
        "import matplotlib\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert matplotlib.rcParams['figure.constrained_layout.use'] is False\n"
        "assert not {'jax', 'sklearn', 'flax'} & set(sys.modules), 'too heavy'\n"
    )
    environment = {"MPLBACKEND": backend} if backend else {}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "figures" / "learning_curves_mlp.png").exists() or list(
        (tmp_path / "figures").iterdir()
    )
