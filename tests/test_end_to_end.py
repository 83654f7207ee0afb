"""One whole run on real images."""

import json

import pytest

pytestmark = pytest.mark.slow


def test_smoke_on_real_images(hexbench, hex2024_folder, tmp_path):
    done = hexbench("--suite", "smoke", "--out", "out", HEXBENCH_DATA=str(hex2024_folder))
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["data"]["images"] == 9_834
    records = [json.loads((out / "cells" / f"{key}.json").read_text()) for key in manifest["cells"]]
    accuracy = {
        r["model"]: r["metrics"]["test_accuracy"] for r in records if r["protocol"] == "nested"
    }
    # 1,000 images: a CNN of three epochs and an SVM read four of five, an MLP has barely begun.
    assert 0.70 < accuracy["cnn"] < 0.90
    assert 0.70 < accuracy["svm"] < 0.90
    assert 0.10 < accuracy["mlp"] < 0.60
    assert {r["parameters"] for r in records if r["model"] != "svm"} == {4_197, 158_385}
    report = (out / "report.md").read_text()
    assert "hex2024" in report
    assert (out / "figures" / "seconds.png").stat().st_size > 5_000
    assert "figures/seconds.png" in report
    assert (out / "report.html").stat().st_size > 50_000
    assert hexbench("check", "out").returncode == 0
