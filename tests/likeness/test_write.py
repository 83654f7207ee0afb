import csv
from dataclasses import replace

import numpy as np
import pytest
from conftest import blobs
from hexbench.report.style import save, styled
from hexbench.studies.digit_recognizer.data import course
from hexbench.studies.digit_recognizer.likeness import trials, write
from hexbench.studies.digit_recognizer.likeness.trials import MODELS, Trial
from matplotlib.image import imread
from rich.console import Console


def made_up():
    confusion = np.diag(np.full(17, 9))
    confusion[0, 13] = 1
    for model in MODELS:
        for seed in (0, 1):
            for own, base in (("real", 80.0), ("drawn", 82.0)):
                for size in (100, 700):
                    accuracy = base + size / 100 + seed
                    yield Trial(model, own, own, size, seed, accuracy, confusion)
                other = "drawn" if own == "real" else "real"
                yield Trial(model, own, other, 700, seed, base - 10, confusion)


TRIALS = list(made_up())


def test_accuracy_by_size():
    table = write.by_size(TRIALS, "real", "drawn")
    assert table.rows[1] == ("MLP, 50 epochs", "700", "87.5 ± 0.7", "89.5 ± 0.7", "+2.0")
    assert len(table.rows) == 6
    assert [row[0] for row in table.rows[2::2]] == ["CNN, 3 epochs", "SVM"]
    assert table.note.endswith("SVM: C=10, gamma=0.1, kernel=rbf.")


def test_trained_on_one_and_tested_on_the_other():
    table = write.crossed(TRIALS, "real", "drawn")
    assert table.rows[0] == ("MLP, 50 epochs", "real", "87.5 ± 0.7", "70.0")
    assert table.rows[1] == ("MLP, 50 epochs", "drawn", "72.0", "89.5 ± 0.7")


def test_pairs_of_classes():
    table = write.confused(TRIALS, "real", "drawn")
    assert table.rows[0] == ("0 / D", "100.0", "100.0")
    assert "over all 136 pairs (Spearman): 1.00" in table.note


def test_without_an_error_there_is_no_correlation():
    perfect = [replace(t, confusion=np.diag(np.full(17, 9))) for t in TRIALS]
    table = write.confused(perfect, "real", "drawn")
    assert "(Spearman): –." in table.note
    assert {row[1:] for row in table.rows} == {("0.0", "0.0")}


def test_beside_the_report():
    found = [trial for trial in TRIALS if trial.trained_on == trial.tested_on == "real"]
    table = write.beside_report([t for t in found if t.train_size == 700])
    assert table.rows[1] == ("CNN, 3 epochs", "700", "98", "87.5 ± 0.7", "-10.5")
    assert table.header == ("model", "train size", "reported", "real", "difference (pp)")


def test_the_figure_has_a_line_a_model_and_set(tmp_path):
    names = {"real": "a_$b$", "drawn": "drawn"}
    renamed = [replace(t, trained_on=names[t.trained_on], tested_on=names[t.tested_on]) for t in TRIALS]
    with styled():
        figure = write.accuracies(renamed, "a_$b$", "drawn")
        save(figure, tmp_path / "accuracy.png")
    (axes,) = figure.axes
    labels = axes.get_legend_handles_labels()[1]
    assert labels[:2] == ["MLP, 50 epochs, a_$b$", "MLP, 50 epochs, drawn"]
    assert len(labels) == 6
    assert imread(tmp_path / "accuracy.png").std() > 0


@pytest.mark.slow
def test_a_comparison_is_written_whole(monkeypatch, tmp_path):
    monkeypatch.setattr(trials, "SVM_IMAGES", 300)
    monkeypatch.setattr(trials, "SIZES", (100,))
    one, two, large = (course.dataset(name, *blobs(300, i)) for i, name in enumerate(("a_$b$", "b", "c")))
    tables = write.write_comparison(one, two, large, 1, tmp_path, Console(quiet=True))
    assert [len(table.rows) for table in tables] == [6, 6, 12, 3]
    page = (tmp_path / "report.md").read_text()
    assert page.startswith("# a\\_\\$b\\$ beside b\n")
    assert f"- c: 300 images, fingerprint `{large.fingerprint}`" in page
    assert all(f"## {table.title}\n" in page for table in tables)
    for name in ("accuracy.png", "examples.png"):
        assert f"(figures/{name})" in page
        assert imread(tmp_path / "figures" / name).std() > 0
    with (tmp_path / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["model", "trained_on", "tested_on", "train_size", "seed", "accuracy"]
    assert len(rows) == 2 * 3 * (2 + 1) + 3
    assert rows[-1] | {"accuracy": ""} == {
        "model": "svm",
        "trained_on": "c",
        "tested_on": "c",
        "train_size": "210",
        "seed": "0",
        "accuracy": "",
    }
