"""What the engine promises: a model is one file, or a line of TOML, and is then everywhere."""

import csv
import json
import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, blobs

pytestmark = pytest.mark.slow

FOREST = '''"""Random forests: scikit-learn's."""

from sklearn.ensemble import RandomForestClassifier


class ForestClassifier(RandomForestClassifier):
    name = "forest"

    def __init__(self, n_estimators=20, random_state=None):
        super().__init__(n_estimators=n_estimators, random_state=random_state)
'''
SUITE = """
[[sweep]]
model = "svm"
train_size = [50, 100]
seeds = 2
"""
FOREST_LINE = (
    'sweep = [{ model = "forest", params = { n_estimators = [2, 20] }, train_size = [50, 100], seeds = 2 }]'
)
WIDE = """
[[sweep]]
model = "mlp"
params = { hidden_layer_sizes = [[10], [64, 32]], activation = "relu" }
train_size = [50, 100]
epochs = 3
seeds = 2
"""
WATCHED = """
from hexbench.report import context

save = context.save


def watched(figure, file):
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes)]
    texts = [text.get_text() for legend in legends if legend for text in legend.get_texts()]
    texts += [line.get_label() for axes in figure.axes for line in axes.get_lines()]
    texts += [text.get_text() for axes in figure.axes for text in [axes.title, *axes.texts]]
    print("FIGURE", file.name, texts)
    return save(figure, file)


context.save = watched
from hexbench.cli import main
main()
"""
PLAIN = "from hexbench.cli import main; main()"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A copy of the package with one more file of ten lines, where Python finds it first."""
    site = tmp_path_factory.mktemp("site")
    ignored = shutil.ignore_patterns("__pycache__", "models")
    shutil.copytree(ROOT / "bench", site / "hexbench", ignore=ignored)
    shutil.copytree(
        ROOT / "models", site / "hexbench" / "models", ignore=shutil.ignore_patterns("__pycache__")
    )
    assert len(FOREST.splitlines()) == 10
    (site / "hexbench" / "models" / "forest.py").write_text(FOREST)
    return site


@pytest.fixture
def copied(package, tmp_path, save_course):
    """Runs the copy's command line on a few images."""
    data = save_course(*blobs(200))

    def run(*arguments, code=0, program=PLAIN):
        done = subprocess.run(
            [sys.executable, "-c", program, *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(package), "HEXBENCH_DATA": str(data)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    return run


def rows_with(text, *words):
    return [line for line in text.splitlines() if line.startswith("|") and all(w in line for w in words)]


def figures_of(said):
    """By file, what is written in the figures of a report."""
    lines = [line.split(maxsplit=2) for line in said.splitlines() if line.startswith("FIGURE")]
    return {name: texts for _, name, texts in lines}


def test_a_file_of_ten_lines_and_a_line_of_toml_are_a_model(copied, tmp_path):
    (tmp_path / "mine.toml").write_text(FOREST_LINE)
    plan = copied("--suite", "mine.toml", "--plan")
    assert "8 cells" in plan
    assert plan.count("forest") == 8
    assert "n_estimators=2" in plan
    copied("--suite", "mine.toml", "--out", "out", "--time-limit", "100")
    out = tmp_path / "out"
    with (out / "cells.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["model"] for row in rows} == {"forest"}
    assert sorted(row["params.n_estimators"] for row in rows) == ["2"] * 4 + ["20"] * 4
    assert all(float(row["test_accuracy"]) > 0.3 for row in rows)
    report = (out / "report.md").read_text()
    assert rows_with(report, "forest")
    assert rows_with(report, "forest", "2") and rows_with(report, "forest", "20")
    curves = figures_of(copied("report", "out", program=WATCHED))
    curve = curves["by_train_size.png"]
    both = ("'forest, n_estimators=2'", "'forest, n_estimators=20'")
    assert all(name in curve for name in both), "a curve for each setting"
    said = copied("compare", "out", "out")
    assert "forest" in said
    assert "0 fallen" in said


def test_beside_another_model_both_are_in_every_table_and_curve(copied, tmp_path):
    text = SUITE + "[[sweep]]\nmodel = 'forest'\ntrain_size = [50, 100]\nseeds = 2\n"
    (tmp_path / "both.toml").write_text(text)
    copied("--suite", "both.toml", "--out", "out")
    report = (tmp_path / "out" / "report.md").read_text()
    for label in ("SVM", "forest"):
        for size in ("50", "100"):
            assert rows_with(report, label) or rows_with(report, size), (label, size)
    curve = figures_of(copied("report", "out", program=WATCHED))["by_train_size.png"]
    assert "SVM" in curve and "forest" in curve
    records = [json.loads(path.read_text()) for path in (tmp_path / "out" / "cells").iterdir()]
    assert {r["model"] for r in records} == {"svm", "forest"}
    assert {r["seed"] for r in records if r["model"] == "forest"} == {0, 1}


def test_a_wider_relu_network_is_a_line_of_toml(copied, tmp_path):
    (tmp_path / "wide.toml").write_text(WIDE)
    copied("--suite", "wide.toml", "--out", "out")
    records = [json.loads(path.read_text()) for path in (tmp_path / "out" / "cells").iterdir()]
    wide = [r for r in records if r["params"]["hidden_layer_sizes"] == [64, 32]]
    assert len(wide) == 4
    assert {r["parameters"] for r in wide} == {401 * 64 + 65 * 32 + 33 * 17}
    assert {r["params"]["activation"] for r in records} == {"relu"}
    with (tmp_path / "out" / "cells.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["params.hidden_layer_sizes"] for row in rows} == {"10", "64-32"}
    report = (tmp_path / "out" / "report.md").read_text()
    assert rows_with(report, "64-32")
    curves = figures_of(copied("report", "out", program=WATCHED))
    assert any("64-32" in texts for texts in curves.values()), curves
    assert "0 fallen" in copied("compare", "out", "out")


def test_the_copy_is_what_was_run(copied):
    """Else these tests would say nothing: this repository has no such model."""
    from hexbench.models import entries

    assert "forest" not in entries()
    program = "import hexbench.models as m; print(m.__file__, *m.entries())"
    said = copied(program=program)
    assert "site" in said and "forest" in said
