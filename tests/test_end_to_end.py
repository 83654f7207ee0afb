"""Whole runs: on real images, on images of other shapes, and the second study."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def records_of(out):
    manifest = json.loads((out / "manifest.json").read_text())
    return manifest, [json.loads((out / "cells" / f"{key}.json").read_text()) for key in manifest["cells"]]


def run(hexbench, *arguments, **environment):
    done = hexbench(*arguments, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_smoke_on_real_images(hexbench, hex2024_folder, tmp_path):
    run(hexbench, "--suite", "smoke", "--out", "out", HEXBENCH_DATA=str(hex2024_folder))
    out = tmp_path / "out"
    manifest, records = records_of(out)
    assert manifest["data"]["images"] == 9_834
    assert manifest["data"]["class_names"] == [*"0123456789ABCDEF", "empty"]
    accuracy = {r["model"]: r["metrics"]["test_accuracy"] for r in records}
    # 1,000 images: a CNN of three epochs and an SVM classify four of five, an MLP has barely begun.
    assert 0.70 < accuracy["cnn"] < 0.90
    assert 0.70 < accuracy["svm"] < 0.90
    assert 0.10 < accuracy["mlp"] < 0.60
    assert {r["parameters"] for r in records if r["batch_size"]} == {4_197, 158_385}
    report = (out / "report.md").read_text()
    assert "hex2024" in report
    figures = [path for path in (out / "figures").glob("*.png") if path.stat().st_size > 5_000]
    assert figures
    for path in figures:
        assert f"figures/{path.name}" in report
    assert (out / "report.html").stat().st_size > 50_000
    verdicts = json.loads((out / "verdicts.json").read_text())
    assert len(verdicts) == 16
    assert hexbench("check", "out").returncode == 0


def test_smoke_on_scikit_learns_digits(hexbench, tmp_path):
    run(hexbench, "--suite", "smoke", "--data", "digits", "--out", "out")
    manifest, records = records_of(tmp_path / "out")
    assert (manifest["data"]["shape"], manifest["data"]["pixel_max"]) == ([8, 8], 16)
    assert manifest["data"]["class_names"] == [*"0123456789"]
    accuracy = {r["model"]: r["metrics"]["test_accuracy"] for r in records}
    assert accuracy["svm"] > 0.95
    assert accuracy["cnn"] > 0.5
    assert all(np.array(r["confusion"]).shape == (10, 10) for r in records)
    assert all(np.sum(r["confusion"]) in (540, 30) for r in records)
    report = (tmp_path / "out" / "report.md").read_text()
    assert "1,257 training and 540 test images of 8 x 8, 10 classes" in report


def mnist_like(path, count=1_200):
    """An .npz of 28 x 28 images of ten classes, each a bar at another place."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 10
    images = rng.integers(0, 120, (count, 28, 28), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 + 2 * label : 5 + 2 * label, 4:24] += 130
    np.savez(path, X=images, y=labels)
    return path


def test_smoke_on_images_of_28_by_28(hexbench, tmp_path):
    run(hexbench, "--suite", "smoke", "--data", mnist_like(tmp_path / "bars.npz"), "--out", "out")
    manifest, records = records_of(tmp_path / "out")
    assert (manifest["data"]["shape"], manifest["data"]["name"]) == ([28, 28], "bars")
    accuracy = {r["model"]: r["metrics"]["test_accuracy"] for r in records}
    assert accuracy["svm"] > 0.9 and accuracy["cnn"] > 0.9
    (cnn,) = (r for r in records if r["model"] == "cnn")
    assert cnn["parameters"] == 640 + 9 * 64 * 32 + 32 + 24 * 24 * 32 * 10 + 10
    assert "bars" in (tmp_path / "out" / "report.md").read_text()


def test_the_second_study(hexbench, tmp_path):
    """What needs a change in the engine would show here: its report judges what another page says."""
    done = run(hexbench, "--study", "sklearn_digits", "--suite", "full")
    out = tmp_path / "results" / "sklearn_digits" / "full"
    manifest, records = records_of(out)
    assert (manifest["study"], manifest["data"]["name"]) == ("sklearn_digits", "digits")
    assert (manifest["data"]["train"], manifest["data"]["test"]) == (898, 899)
    assert manifest["split"] == {"split": "given", "test_size": 0.5, "own": False}
    svms = [r for r in records if r["model"] == "svm" and r["params"]["gamma"] == 0.256]
    assert svms, "SVC(gamma=0.001) on pixels of 0 to 16"
    for record in svms:
        if record["train_size"] == 898:
            assert record["metrics"]["test_accuracy"] == pytest.approx(871 / 899)
    assert {"svm", "mlp", "cnn"} <= {r["model"] for r in records}
    verdicts = json.loads((out / "verdicts.json").read_text())
    assert len(verdicts) >= 4
    assert {v["verdict"] for v in verdicts} - {"not run", "not comparable"}
    assert "Traceback" not in done.stderr


STUDY = """
title = "Mine"
[split]
test_size = 0.25
random_state = 7
[data]
default = "digits"
[[claim]]
id = "svm-90"
statement = "The SVM reaches 95% on 400 images."
reported = "95%"
rule = "above"
of = { metric = "test_accuracy", model = "svm", train_size = 400 }
bound = 0.9
seeds = 2
[[claim]]
id = "svm-beats-mlp"
statement = "The SVM beats the MLP."
reported = "it does"
rule = "above"
difference = [
    { metric = "test_accuracy", model = "svm", train_size = 400 },
    { metric = "test_accuracy", model = "mlp", train_size = 400, epochs = 4 },
]
bound = 0.0
seeds = 2
"""
SUITE = """
[[sweep]]
model = "svm"
train_size = [400]
seeds = 2
[[sweep]]
model = "mlp"
train_size = [400]
epochs = 4
seeds = 2
"""


def test_a_study_of_ones_own_is_judged(hexbench, tmp_path):
    (tmp_path / "mine" / "suites").mkdir(parents=True)
    (tmp_path / "mine" / "study.toml").write_text(STUDY)
    (tmp_path / "mine" / "suites" / "few.toml").write_text(SUITE)
    run(hexbench, "--study", "mine", "--suite", "few", "--out", "out")
    manifest, records = records_of(tmp_path / "out")
    assert manifest["split"] == {"split": 7, "test_size": 0.25, "own": False}
    assert manifest["data"]["test"] == 450
    assert len(records) == 4
    verdicts = {v["id"]: v for v in json.loads((tmp_path / "out" / "verdicts.json").read_text())}
    assert set(verdicts) == {"svm-90", "svm-beats-mlp"}
    for verdict in verdicts.values():
        assert verdict["verdict"] in ("supported", "consistent", "inconclusive")
        assert verdict["n"]
        assert set(verdict["cells"]) <= set(manifest["cells"])
    assert "Mine" in (tmp_path / "out" / "report.md").read_text()
    assert hexbench("report", "out", "--study", "mine").returncode == 0
    wrong = STUDY.replace('rule = "above"', 'rule = "abov"', 1)
    (tmp_path / "mine" / "study.toml").write_text(wrong)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    done = hexbench("--study", "mine", "--suite", "few", "--out", "other")
    assert done.returncode == 2
    assert "study.toml" in done.stderr and "svm-90" in done.stderr and "'above'" in done.stderr
    assert not (tmp_path / "other").exists()
    assert hexbench("report", "out", "--study", "mine").returncode == 2
    assert {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()} == before


def test_the_environment_is_what_this_process_has():
    assert Path(os.environ["HEXBENCH_CACHE"]).is_dir(), "the user's own cache is left alone"
