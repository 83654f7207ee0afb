"""What the command line answers to good and to bad requests, in a fresh process each."""

import json
import signal
import sys
import time

import numpy as np
import pytest
from conftest import ROOT, blobs, start_hearing_ctrl_c

from bench.data import course


@pytest.fixture
def data(save_course):
    # A name that a terminal's or a page's markup would take for its own.
    return save_course(*blobs(200), folder="[red]course")


def one_sentence(done, *words):
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert "Traceback" not in done.stderr
    assert lines[-1].startswith("Error: ")
    for word in words:
        assert word in lines[-1]


def test_bad_usage(hexbench, data, tmp_path):
    one_sentence(hexbench(), "--suite", "smoke")
    one_sentence(hexbench("--suite", "huge"), "huge")
    one_sentence(hexbench("--suite", "smoke", "--colour", "red"), "--colour")
    one_sentence(hexbench("--suite", "smoke", "--seeds", "0"), "seeds")
    one_sentence(hexbench("--suite", "smoke", "--executor", "moon"), "moon")
    one_sentence(hexbench("--suite", "smoke", "--data", data, "--only", "model=tree"), "model=tree")
    one_sentence(hexbench("--suite", "smoke", "--data", data, "--only", "model"), "field=value")
    one_sentence(hexbench("check", tmp_path / "nothing"), "nothing")
    one_sentence(hexbench("--suite", "smoke", "--data", data, "--only", "seed=0,seed=1"), "twice")
    one_sentence(hexbench("report", tmp_path), "no results folder")
    (tmp_path / "file").touch()
    one_sentence(hexbench("--suite", "smoke", "--data", data, "--out", "file"), "file")
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.tex").touch()
    one_sentence(hexbench("--suite", "smoke", "--data", data, "--out", "full", "--fresh"), "full")
    assert (full / "thesis.tex").exists()
    assert not (tmp_path / "results").exists()


def test_bad_data_writes_nothing(hexbench, data, tmp_path):
    np.save(data / course.LABELS_FILE, np.full(200, 17, np.uint8))
    one_sentence(hexbench("--suite", "smoke", "--data", data), "emnist_hex_labels.npy", "0 to 16")
    one_sentence(hexbench("--suite", "smoke", HEXBENCH_DATA="gone"), "gone")
    (data / course.IMAGES_FILE).write_bytes(b"")
    one_sentence(hexbench("--suite", "smoke", "--data", data), "emnist_hex_images.npy")
    assert not (tmp_path / "results").exists()


def test_a_plan_measures_nothing(hexbench, tmp_path):
    done = hexbench("--suite", "full", "--data", "synthetic", "--plan")
    assert done.returncode == 0, done.stderr
    assert "356 cells" in done.stdout
    assert "on two cores" in done.stdout
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_a_run_its_report_and_its_check(hexbench, data, tmp_path):
    run = ("--suite", "smoke", "--data", data, "--out", "out")
    partly = hexbench(*run, "--only", "model=cnn")
    assert partly.returncode == 0, partly.stderr
    done = hexbench(*run)
    assert done.returncode == 0, done.stderr
    assert "1 of 4 cells are stored already" in done.stdout
    out = tmp_path / "out"
    records = {p.stem: json.loads(p.read_text()) for p in (out / "cells").iterdir()}
    assert {r["model"] for r in records.values()} == {"mlp", "cnn", "svm"}
    assert len(done.stdout.splitlines()) < 40, "no wall of lines"

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

    narrowed = hexbench(*run, "--only", "model=mlp", "--fresh")
    assert narrowed.returncode == 0
    (fresh,) = (json.loads(p.read_text()) for p in (out / "cells").iterdir())
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
    entry = "[[threshold]]\ndata = '[red]course'\nmodel = 'mlp'\nmetric = 'test_accuracy'\n"
    thresholds.write_text(entry + "min = 0.0")
    assert hexbench("check", "out", "--thresholds", thresholds).returncode == 0
    thresholds.write_text(entry + "min = 1.01")
    broken = hexbench("check", "out", "--thresholds", thresholds)
    assert broken.returncode == 1
    assert "BROKEN" in broken.stdout


@pytest.mark.slow
def test_failed_cells_are_records_and_exit_codes(hexbench, save_course, tmp_path):
    # 100 images of which 99 are of one class: some draws hold one class only, an SVM cannot fit.
    images, _ = blobs(100)
    labels = np.zeros(100, np.uint8)
    labels[7] = 1
    folder = save_course(images, labels, folder="lopsided")
    done = hexbench("--suite", "smoke", "--data", folder, "--out", "out")
    records = [json.loads(p.read_text()) for p in (tmp_path / "out" / "cells").iterdir()]
    status = {r["model"]: r["status"] for r in records}
    assert status["mlp"] == status["cnn"] == "done"
    assert status["svm"] == "failed"
    assert done.returncode == 3
    assert "failed: svm" in done.stdout
    report = (tmp_path / "out" / "report.md").read_text()
    assert "Missing" in report
    assert "0 of 1" in report, "the tables show the hole"
    assert "Left out: 1 cell that failed" in report
    kept = hexbench("--suite", "smoke", "--data", folder, "--out", "out")
    assert kept.returncode == 3, "a failure stays one until it is run again"
    only = ("--suite", "smoke", "--data", folder, "--out", "svm", "--only", "model=svm")
    assert hexbench(*only).returncode == 4, "nothing was measured"


@pytest.mark.slow
def test_damage_is_named_and_a_report_touches_nothing_of_it(hexbench, data, tmp_path):
    run = ("--suite", "smoke", "--data", data, "--out", "out", "--only", "model=mlp")
    assert hexbench(*run).returncode == 0
    cells = tmp_path / "out" / "cells"
    (cell,) = cells.iterdir()
    whole = cell.read_bytes()
    cell.write_bytes(whole.replace(b'"seed": 0', b'"seed": 1'))
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


@pytest.mark.slow
def test_a_cell_over_its_time_limit_has_failed(hexbench, data, tmp_path):
    done = hexbench("--suite", "smoke", "--data", data, "--out", "out", "--time-limit", "0.001")
    assert done.returncode == 4, "nothing was measured"
    records = [json.loads(p.read_text()) for p in (tmp_path / "out" / "cells").iterdir()]
    assert len(records) == 4
    errors = [r["error"] for r in records if "grid search" not in r["error"]]
    assert all(error.startswith("TimeoutError: over its limit of 0.001 s") for error in errors)
    one_sentence(hexbench("--suite", "smoke", "--time-limit", "0"), "time-limit")
    again = hexbench("--suite", "smoke", "--data", data, "--out", "out", "--rerun-failed")
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
