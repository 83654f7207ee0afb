"""`check` and `compare` on folders of made-up records, in a fresh process each."""

import json
from pathlib import Path

import pytest
from analyse.runs import cnns, folder_of
from analyse.sound import FINGERPRINT, correct, network, svm
from hexbench import studies
from junitparser import JUnitXml

STUDIES = Path(studies.__file__).parent

THRESHOLD = f"""
[[threshold]]
data = "{FINGERPRINT}"
model = "cnn"
metric = "test_accuracy"
min = {{}}
"""


@pytest.fixture
def folder(tmp_path):
    return folder_of(tmp_path / "a", cnns(range(3)))


def test_compare_says_by_its_exit_code_whether_accuracy_fell(hexbench, folder, tmp_path):
    folder_of(tmp_path / "b", cnns(range(3), drop=0.05), packages={"jax": "0.11"})
    fallen = hexbench("compare", "a", "b")
    assert fallen.returncode == 1, fallen.stderr
    assert "1 compared, 1 fallen." in fallen.stdout
    assert "differs: packages.jax: 0.10 → 0.11" in fallen.stdout
    assert hexbench("compare", "b", "a").returncode == 0
    same = hexbench("compare", "a", "a", "--format", "markdown")
    assert (same.returncode, "| identical |" in same.stdout) == (0, True)
    found = hexbench("compare", "a", "b", "--format", "json")
    assert (found.returncode, found.stderr) == (1, "")
    assert [d["verdict"] for d in json.loads(found.stdout)["accuracy"]] == ["REGRESSION"]


def test_times_alone_never_fail(hexbench, folder, tmp_path):
    folder_of(tmp_path / "b", cnns(range(3), times={"epoch_s": 99.0, "train_s": 297.0}))
    slow = hexbench("compare", "a", "b")
    assert slow.returncode == 0
    assert "99" in slow.stdout


def test_compare_refuses_what_it_cannot_compare(hexbench, folder, tmp_path):
    folder_of(tmp_path / "b", [svm(correct(0.9, 0))])
    nothing = hexbench("compare", "a", "b", "--format", "json")
    assert nothing.returncode == 4
    assert json.loads(nothing.stdout)["accuracy"] == []
    manifest = tmp_path / "b" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("f" * 64, "e" * 64))
    for wrong, word in (
        (("a", "b"), "different images"),
        (("a", "gone"), "gone"),
        (("a", "a", "--format", "xml"), "xml"),
    ):
        done = hexbench("compare", *wrong)
        assert done.returncode == 2
        assert word in done.stderr.strip().splitlines()[-1]


def test_check_writes_junit_and_annotations(hexbench, folder, tmp_path):
    (tmp_path / "t.toml").write_text(THRESHOLD.format(0.5) + THRESHOLD.format(0.99))
    check = ("check", "a", "--thresholds", "t.toml", "--junit", "new/junit.xml")
    done = hexbench(*check, "--github")
    assert done.returncode == 1, done.stderr
    (suite,) = JUnitXml.fromfile(str(tmp_path / "new" / "junit.xml"))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (2, 1, 0, 0)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("::"))
    assert line.startswith("::error title=hexbench%3A test_accuracy BROKEN::made-up, cnn: ")
    assert "allowed ≥ 0.99, measured 0.9" in line


def test_annotations_are_for_github_unless_told_otherwise(hexbench, folder, tmp_path):
    (tmp_path / "t.toml").write_text(THRESHOLD.format(0.99))
    check = ("check", "a", "--thresholds", "t.toml")
    assert "::error" in hexbench(*check, GITHUB_ACTIONS="true").stdout
    assert "::error" not in hexbench(*check, GITHUB_ACTIONS="false").stdout
    assert "::error" not in hexbench(*check, "--no-github", GITHUB_ACTIONS="true").stdout


def test_missing_cells_are_an_error_of_their_own(hexbench, folder, tmp_path):
    next((folder / "cells").iterdir()).unlink()
    (tmp_path / "t.toml").write_text(THRESHOLD.format(0.5))
    done = hexbench("check", "a", "--thresholds", "t.toml", "--junit", "j.xml", "--github")
    assert done.returncode == 3
    assert "1 of 3 planned cells are missing or failed" in done.stdout
    (suite,) = JUnitXml.fromfile(str(tmp_path / "j.xml"))
    assert (suite.tests, suite.failures, suite.errors) == (2, 0, 1)
    assert (
        "::error title=hexbench%3A cells missing::Planned cells that are missing or failed: 1." in done.stdout
    )


def test_a_junit_file_that_cannot_be_written_is_bad_input(hexbench, folder, tmp_path):
    (tmp_path / "file").touch()
    for target in ("file/junit.xml", "a"):
        done = hexbench("check", "a", "--junit", target)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert target.split("/")[0] in done.stderr


def test_a_run_has_the_thresholds_of_its_study(hexbench, tmp_path):
    digits = "a13452a82d991d6e14237c8d63153a812507d44e977fb1b02aa2f51573887f00"
    records = [network("cnn", correct(0.9, s), seed=s) for s in range(3)]
    folder_of(tmp_path / "a", records, study="sklearn_digits")
    nothing = hexbench("check", "a")
    assert nothing.returncode == 4, nothing.stderr
    assert "sklearn_digits" in nothing.stdout
    assert digits in (STUDIES / "sklearn_digits" / "thresholds.toml").read_text()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "study.toml").write_text('title = "mine"\n')
    folder_of(tmp_path / "b", records, study="mine")
    without = hexbench("check", "b")
    assert without.returncode == 2
    assert "mine has no thresholds" in without.stderr
    (mine / "thresholds.toml").write_text(THRESHOLD.format(0.5))
    assert hexbench("check", "b").returncode == 0


def test_a_threshold_that_is_wrong_is_bad_input(hexbench, folder, tmp_path):
    (tmp_path / "t.toml").write_text(THRESHOLD.format(0.5) + "learning_rat = 0.1\n")
    done = hexbench("check", "a", "--thresholds", "t.toml")
    assert done.returncode == 2
    assert "t.toml: threshold 1: " in done.stderr
    assert "did you mean 'learning_rate'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_learning_rates_are_compared_apart(hexbench, folder, tmp_path):
    fast = cnns(range(3), learning_rate=0.01)
    folder_of(tmp_path / "b", [*cnns(range(3)), *fast])
    done = hexbench("compare", "a", "b")
    assert done.returncode == 0, done.stderr
    assert "1 compared, 0 fallen." in done.stdout
    folder_of(tmp_path / "c", fast)
    assert hexbench("compare", "a", "c").returncode == 4


def test_pairs_of_models_may_be_given_one_by_one(hexbench, tmp_path):
    mlps = (network("mlp", correct(0.7, seed), seed=seed, epochs=50) for seed in range(3))
    folder_of(tmp_path / "a", [*cnns(range(3)), *mlps])
    one_by_one = hexbench("compare", "a", "a", "--models", "cnn=mlp", "--models", "mlp=cnn")
    together = hexbench("compare", "a", "a", "--models", "cnn=mlp,mlp=cnn")
    assert one_by_one.stdout == together.stdout
    assert (one_by_one.returncode, "2 compared, 1 fallen" in one_by_one.stdout) == (0, True)
