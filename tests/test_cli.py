"""What the command line answers to good and to bad requests, in a fresh process each."""

import csv
import json
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import version

import numpy as np
import pytest
from conftest import ROOT, blobs, start_hearing_ctrl_c
from hexbench.studies.digit_recognizer.data import sources

TINY = """
from flax import nnx

class Tiny(nnx.Module):
    def __init__(self, shape, classes, rngs, width=48):
        self.hidden = nnx.Linear(shape[0] * shape[1], width, rngs=rngs)
        self.output = nnx.Linear(width, classes, rngs=rngs)

    def __call__(self, x):
        return self.output(nnx.relu(self.hidden(x.reshape(len(x), -1))))
"""
FOREST = """
from sklearn.ensemble import RandomForestClassifier

class Forest(RandomForestClassifier):
    def __init__(self, n_estimators=10, random_state=None):
        super().__init__(n_estimators=n_estimators, random_state=random_state)

class cnn(Forest):
    pass
"""


@pytest.fixture
def data(save_course):
    # A name that a terminal's or a page's markup would take for its own.
    return save_course(*blobs(200), folder="[red]course")


def one_sentence(done, *words):
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert "Traceback" not in done.stderr
    assert lines[-1].startswith("Error: ")
    assert lines[-1].endswith((".", "?", ")")) or "usage" in done.stderr.lower()
    for word in words:
        assert word in lines[-1]


def records_in(folder):
    return [json.loads(path.read_text()) for path in (folder / "cells").iterdir()]


SMOKE = ("--suite", "smoke")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["--suite", "smoke"]),
        (("--suite", "huge"), ["huge", "smoke"]),
        (("--suite", "smokee"), ["did you mean 'smoke'?"]),
        (("--suite", "gone.toml"), ["gone.toml", "cannot be read"]),
        ((*SMOKE, "--colour", "red"), ["--colour"]),
        ((*SMOKE, "--seeds", "0"), ["seeds"]),
        ((*SMOKE, "--sweep", "mlp: epochs=1"), ["--sweep", "do not go together"]),
        ((*SMOKE, "check", "x"), ["do not go with a command"]),
        ((*SMOKE, "--study", "sklearn_digit"), ["did you mean 'sklearn_digits'?"]),
        (("--study", "gone", *SMOKE), ["gone"]),
        ((*SMOKE, "--only", "model=tree"), ["model=tree"]),
        ((*SMOKE, "--only", "model"), ["field=value"]),
        ((*SMOKE, "--only", "seed=0,seed=1"), ["twice"]),
        ((*SMOKE, "--only", "params.leaning_rate=1"), ["did you mean 'params.learning_rate'?"]),
        ((*SMOKE, "--model", "mine.py"), ["FILE.py:NAME"]),
        ((*SMOKE, "--model", "mine.py:Forets"), ["did you mean 'Forest'?"]),
        ((*SMOKE, "--model", "mine.py:cnn"), ["there is a model 'cnn' already"]),
        ((*SMOKE, "--out", "file"), ["file"]),
        ((*SMOKE, "--time-limit", "0"), ["time-limit"]),
        (("--sweep", "mlp: learning_rat=0.1"), ["did you mean 'learning_rate'?"]),
        (("--sweep", "mlp: hidden_layer_sizes=64"), ["[[64]]"]),
        (("--sweep", "mpl: epochs=3"), ["did you mean 'mlp'?"]),
        (("--suite", "mine.toml"), ["mine.toml", "sweep 2", "'epoch'", "did you mean 'epochs'?"]),
        (("check", "nothing"), ["nothing"]),
        (("report", "."), ["no results folder"]),
        (("compare", "nothing", "."), ["nothing"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_usage_is_one_sentence_and_writes_nothing(hexbench, data, tmp_path, arguments, words):
    (tmp_path / "file").touch()
    (tmp_path / "mine.py").write_text(FOREST)
    (tmp_path / "mine.toml").write_text(
        "[[sweep]]\nmodel = 'mlp'\n[[sweep]]\nmodel = 'cnn'\nepoch = 3\ntrain_size = 10\n"
    )
    before = sorted(tmp_path.rglob("*"))
    one_sentence(hexbench(*arguments, HEXBENCH_DATA=str(data)), *words)
    assert [path for path in sorted(tmp_path.rglob("*")) if "__pycache__" not in path.parts] == before


def test_a_folder_of_others_is_left_alone(hexbench, data, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.tex").touch()
    one_sentence(hexbench(*SMOKE, "--data", data, "--out", "full", "--fresh"), "full")
    assert list(full.iterdir()) == [full / "thesis.tex"]


def test_bad_data_writes_nothing(hexbench, data, tmp_path):
    np.save(data / sources.LABELS_FILE, np.arange(200, dtype=np.uint8) % 18)
    one_sentence(hexbench(*SMOKE, "--data", data), "emnist_hex_labels.npy", "0 to 16")
    one_sentence(hexbench(*SMOKE, HEXBENCH_DATA="gone"), "gone")
    (data / sources.IMAGES_FILE).write_bytes(b"")
    one_sentence(hexbench(*SMOKE, "--data", data), "emnist_hex_images.npy")
    assert not (tmp_path / "results").exists()


def test_a_plan_measures_nothing(hexbench, tmp_path):
    done = hexbench("--suite", "full", "--data", "synthetic", "--plan")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("full on synthetic-107802, 107,802 images: ")
    assert "503 cells" in done.stdout
    assert "on two cores" in done.stdout
    swept = hexbench("--sweep", "mlp: learning_rate=0.1,0.2 seeds=3", "--data", "digits", "--plan")
    assert swept.returncode == 0, swept.stderr
    assert "6 cells" in swept.stdout
    assert "learning_rate=0.1" in swept.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_of_learning_rates_is_four_records_and_two_rows(hexbench, data, tmp_path):
    """The seeds of two learning rates are never averaged."""
    sweep = ("--sweep", "mlp: learning_rate=0.001,0.01 epochs=3 seeds=2", "--data", data, "--out", "lr")
    done = hexbench(*sweep)
    assert done.returncode == 0, done.stderr
    records = records_in(tmp_path / "lr")
    found = sorted((r["params"]["learning_rate"], r["seed"]) for r in records)
    assert found == [(0.001, 0), (0.001, 1), (0.01, 0), (0.01, 1)]
    assert {r["epochs"] for r in records} == {3}
    with (tmp_path / "lr" / "cells.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["params.learning_rate"] for row in rows) == ["0.001", "0.001", "0.01", "0.01"]
    report = (tmp_path / "lr" / "report.md").read_text()
    for rate in ("0.001", "0.01"):
        own = [r["metrics"]["test_accuracy"] for r in records if r["params"]["learning_rate"] == float(rate)]
        row = re.compile(rf"\|[^\n]*\b{rate}\b[^\n]*{100 * np.mean(own):.1f} ±")
        assert row.search(report.replace("\\", "")), f"a row with the learning rate {rate}"
    manifest = json.loads((tmp_path / "lr" / "manifest.json").read_text())
    assert manifest["suite"] == "sweep"
    again = hexbench(*sweep)
    assert "4 of 4 cells are stored already" in again.stdout


def test_own_models_join_a_suite(hexbench, data, tmp_path):
    (tmp_path / "tiny.py").write_text(TINY)
    (tmp_path / "forest.py").write_text(FOREST)
    own = ("--model", "tiny.py:Tiny", "--model", "forest.py:Forest")
    run = (*SMOKE, *own, "--data", data, "--out", "out", "--time-limit", "100")
    done = hexbench(*run)
    assert done.returncode == 0, done.stdout + done.stderr
    records = {r["model"]: r for r in records_in(tmp_path / "out")}
    assert set(records) == {"mlp", "cnn", "svm", "svm_grid", "Tiny", "Forest"}
    tiny, forest = records["Tiny"], records["Forest"]
    assert tiny["params"] == {"width": 48, "learning_rate": 0.001, "batch_size": 16, "epochs": 10}
    assert tiny["parameters"] == 401 * 48 + 49 * 17
    assert tiny["train_size"] == forest["train_size"] == records["mlp"]["train_size"]
    assert forest["params"] == {"n_estimators": 10}
    assert forest["metrics"]["test_accuracy"] > 0.5
    report = (tmp_path / "out" / "report.md").read_text()
    assert "Tiny" in report and "Forest" in report
    assert hexbench("report", "out").returncode == 0, "the report needs no file of the models"
    swept = ("--sweep", "Tiny: width=4,8 epochs=2", "--sweep", "Forest: n_estimators=2")
    more = hexbench(*swept, *own, "--data", data, "--out", "swept")
    assert more.returncode == 0, more.stderr
    assert sorted(r["params"].get("width", 0) for r in records_in(tmp_path / "swept")) == [0, 4, 8]


BROKEN = """
import os, sys
from sklearn.naive_bayes import GaussianNB
from settings_of_mine import FACTOR

class Fine(GaussianNB):
    factor = FACTOR

class Leaving(GaussianNB):
    def fit(self, X, y):
        sys.exit("no")

class Dying(GaussianNB):
    def fit(self, X, y):
        os.kill(os.getpid(), 9)
"""


def test_what_an_own_model_does_wrong_stays_in_its_cell_and_an_edit_is_measured_anew(hexbench, tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN)
    (tmp_path / "settings_of_mine.py").write_text("FACTOR = 1\n")
    names = ("Leaving", "Dying", "Fine", "svm")
    run = [part for name in names for part in ("--sweep", f"{name}: train_size=100")]
    run += [part for name in names[:3] for part in ("--model", f"broken.py:{name}")]
    run += ["--data", "digits", "--out", "out"]
    first = hexbench(*run)
    assert first.returncode == 3, first.stderr
    found = {r["model"]: r for r in records_in(tmp_path / "out")}
    assert {name: r["status"] for name, r in found.items()} == {
        **dict.fromkeys(("Leaving", "Dying"), "failed"),
        **dict.fromkeys(("Fine", "svm"), "done"),
    }
    assert "signal 9" in found["Dying"]["error"] and "exit status 1" in found["Leaving"]["error"]
    assert len(found["Fine"]["source"]) == 64 and found["svm"]["source"] == ""
    report = (tmp_path / "out" / "report.md").read_text()
    assert "Fine" in report and "Leaving" in report
    again = hexbench(*run)
    assert "4 of 4 cells are stored already" in again.stdout
    (tmp_path / "settings_of_mine.py").write_text("FACTOR = 2\n")
    edited = hexbench(*run)
    assert "Fine has changed since: 1 cell is measured anew" in edited.stdout
    assert "1 of 4 cells are stored already" in edited.stdout
    newer = [r for r in records_in(tmp_path / "out") if r["model"] == "Fine"]
    assert len({r["key"] for r in newer}) == 2, "the earlier one is kept, and is no part of the run"
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert len(manifest["cells"]) == 4
    assert manifest["models"]["Fine"]["source"] in {r["source"] for r in newer} - {found["Fine"]["source"]}


def test_a_run_its_report_and_its_check(hexbench, data, tmp_path):
    run = (*SMOKE, "--data", data, "--out", "out")
    partly = hexbench(*run, "--only", "model=cnn")
    assert partly.returncode == 0, partly.stderr
    done = hexbench(*run)
    assert done.returncode == 0, done.stderr
    assert "1 of 4 cells are stored already" in done.stdout
    out = tmp_path / "out"
    records = {p.stem: json.loads(p.read_text()) for p in (out / "cells").iterdir()}
    assert {r["model"] for r in records.values()} == {"mlp", "cnn", "svm", "svm_grid"}
    assert len(done.stdout.splitlines()) < 50, "no wall of lines"

    report = (out / "report.md").read_text()
    (out / "report.md").unlink()
    (out / "cells.csv").unlink()
    assert hexbench("report", "out").returncode == 0
    assert (out / "report.md").read_text() == report
    assert len((out / "cells.csv").read_text().splitlines()) == 1 + len(records)

    again = hexbench(*run)
    assert again.returncode == 0
    assert "4 of 4 cells are stored already" in again.stdout
    assert {p.stem: json.loads(p.read_text()) for p in (out / "cells").iterdir()} == records

    same = hexbench("compare", "out", "out")
    assert (same.returncode, "0 fallen" in same.stdout) == (0, True)

    narrowed = hexbench(*run, "--only", "params.hidden_layer_sizes=10", "--fresh")
    assert narrowed.returncode == 0
    (fresh,) = records_in(out)
    assert fresh["metrics"] == records[fresh["key"]]["metrics"], "same seed, same numbers"
    assert len(list((tmp_path / "out.old-1" / "cells").iterdir())) == 4

    other = hexbench("--suite", "quick", "--data", data, "--out", "out")
    one_sentence(other, "holds suite smoke")

    kept = (tmp_path / "out.old-1" / "report.md").read_text()
    (tmp_path / "out.old-1" / "cells").rename(tmp_path / "cells elsewhere")
    assert hexbench("report", "out.old-1").returncode == 4
    assert (tmp_path / "out.old-1" / "report.md").read_text() == kept

    nothing = hexbench("check", "out")
    assert nothing.returncode == 4
    assert "Nothing to check" in nothing.stdout
    thresholds = tmp_path / "mine.toml"
    fingerprint = fresh["data"]["fingerprint"]
    entry = f"[[threshold]]\ndata = '{fingerprint}'\nmodel = 'mlp'\nepochs = 5\nmetric = 'test_accuracy'\n"
    thresholds.write_text(entry + "min = 0.0")
    assert hexbench("check", "out", "--thresholds", thresholds).returncode == 0
    thresholds.write_text(entry + "min = 1.01")
    broken = hexbench("check", "out", "--thresholds", thresholds)
    assert broken.returncode == 1
    assert "BROKEN" in broken.stdout


def test_failed_cells_are_records_and_exit_codes(hexbench, data, tmp_path):
    # No labels at all can be cross-validated with one fold.
    sweeps = ("mlp: epochs=2", "svm_grid: folds=1", "svm: params_from=svm_grid")
    failing = (*(word for sweep in sweeps for word in ("--sweep", sweep)), "--data", data)
    done = hexbench(*failing, "--out", "out")
    status = {r["model"]: r["status"] for r in records_in(tmp_path / "out")}
    assert status == {"mlp": "done", "svm": "failed", "svm_grid": "failed"}
    assert done.returncode == 3
    assert "failed: SVM" in done.stdout
    report = (tmp_path / "out" / "report.md").read_text()
    assert "Missing" in report
    kept = hexbench(*failing, "--out", "out")
    assert kept.returncode == 3, "a failure stays one until it is run again"
    only = (*failing, "--out", "svm", "--only", "model=svm")
    assert hexbench(*only).returncode == 4, "nothing was measured"


def test_damage_is_named_and_a_report_touches_nothing_of_it(hexbench, data, tmp_path):
    run = (*SMOKE, "--data", data, "--out", "out", "--only", "model=mlp")
    assert hexbench(*run).returncode == 0
    cells = tmp_path / "out" / "cells"
    (cell,) = cells.iterdir()
    whole = cell.read_bytes()
    cell.write_bytes(whole.replace(b'"seed":0', b'"seed":1'))
    assert cell.read_bytes() != whole
    (cells / "[red]<b>.json").write_text("{}")
    before = {path: path.read_bytes() for path in cells.iterdir()}
    nothing = hexbench("report", "out")
    assert nothing.returncode == 4
    assert f"{cell.name}: it was changed after it was written" in nothing.stdout
    assert {path: path.read_bytes() for path in cells.iterdir()} == before
    again = hexbench(*run)
    assert again.returncode == 0, again.stderr
    assert "2 damaged files count as missing and are set aside" in again.stdout
    assert len(list((tmp_path / "out" / "damaged").iterdir())) == 2
    assert json.loads(cell.read_bytes())["metrics"] == json.loads(whole)["metrics"]
    (tmp_path / "out" / "manifest.json").write_text("{")
    one_sentence(hexbench(*run), "manifest.json cannot be read", "Rename it")
    (tmp_path / "out" / "manifest.json").rename(tmp_path / "out" / "manifest.old")
    mended = hexbench(*run)
    assert "1 of 1 cells are stored already" in mended.stdout


def test_results_of_an_older_version_are_named_and_measured_again(hexbench, data, tmp_path):
    run = (*SMOKE, "--data", data, "--out", "out", "--only", "model=mlp")
    assert hexbench(*run).returncode == 0
    (cell,) = (tmp_path / "out" / "cells").iterdir()
    old = json.loads(cell.read_text()) | {"measurement_version": 5}
    del old["sha256"]
    cell.write_text(json.dumps(old))
    again = hexbench(*run)
    assert again.returncode == 0, again.stderr
    said = " ".join(again.stdout.split())
    assert "it is of measurement version 5, and this hexbench reads version 6: measure it again" in said
    assert json.loads(cell.read_text())["measurement_version"] == 6


def test_a_cell_over_its_time_limit_has_failed(hexbench, data, tmp_path):
    done = hexbench(*SMOKE, "--data", data, "--out", "out", "--time-limit", "0.001")
    assert done.returncode == 4, "nothing was measured"
    records = records_in(tmp_path / "out")
    assert len(records) == 4
    errors = [r["error"] for r in records if "search that chooses" not in r["error"]]
    assert len(errors) >= 3
    assert all(error.startswith("TimeoutError: over its limit of 0.001 s") for error in errors)
    again = hexbench(*SMOKE, "--data", data, "--out", "out", "--rerun-failed")
    assert again.returncode == 0, again.stdout


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(data, tmp_path):
    command = [sys.executable, ROOT / "run_benchmarks.py", "--suite", "full", "--data", data]
    with start_hearing_ctrl_c([*command, "--out", tmp_path / "out"]) as process:
        cells = tmp_path / "out" / "cells"
        until = time.monotonic() + 120
        while time.monotonic() < until and not (cells.exists() and len(list(cells.iterdir())) > 1):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "The same command goes on from there" in output
    assert "Traceback" not in errors
    for path in cells.iterdir():
        assert json.loads(path.read_text())["status"] == "done"


def test_the_version_is_said_also_by_the_module(hexbench):
    module = subprocess.run(
        [sys.executable, "-m", "hexbench", "--version"], capture_output=True, text=True, check=True
    )
    for said in (hexbench("--version"), module):
        assert said.returncode == 0
        assert said.stdout.endswith(f"version {version('hexbench')}\n")
