"""Runs of the command line that the tests of executors have in common."""

import csv
import json
import os
import subprocess
import sys
import time

from conftest import ROOT, start_hearing_ctrl_c

WITHIN_S = 240
QUICK = """
description = "Two networks and a search, in seconds."
[[sweep]]
model = "mlp"
epochs = 2
train_size = [100, 300]
seeds = 2
[[sweep]]
model = "svm_grid"
train_size = [60]
[[sweep]]
model = "svm"
params_from = "svm_grid"
train_size = [60]
"""
LONG = """
description = "A network that trains for minutes, and one that does not."
[[sweep]]
model = "mlp"
epochs = 400000
train_size = [300]
[[sweep]]
model = "mlp"
params = { learning_rate = 0.002 }
epochs = 2
train_size = [300]
"""


class Runs:
    """Runs in one folder, with more variables in their environment."""

    def __init__(self, folder, environment=None):
        self.folder = folder
        inherited = {k: v for k, v in os.environ.items() if k != "HEXBENCH_DATA"}
        self.environment = inherited | (environment or {})

    def command(self, suite, out, *more):
        file = self.folder / f"{out}.toml"
        file.write_text(suite)
        options = ["--suite", file, "--data", "digits", "--out", out, *more]
        return [sys.executable, ROOT / "run_benchmarks.py", *map(str, options)]

    def run(self, suite, out, *more, returncode=0):
        """Run to the end; what was printed."""
        done = subprocess.run(
            self.command(suite, out, *more),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == returncode, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def start(self, suite, out, *more):
        """Start, and go on."""
        return start_hearing_ctrl_c(self.command(suite, out, *more), cwd=self.folder, env=self.environment)

    def records(self, out):
        """By model and number of training images, then seed."""
        found = [json.loads(path.read_text()) for path in (self.folder / out / "cells").glob("*.json")]
        return {(r["model"], r["train_size"], r["epochs"], r["seed"]): r for r in found}

    def metrics(self, out):
        """The rows of cells.csv, without times, memory, machine and what was compiled."""
        with (self.folder / out / "cells.csv").open() as file:
            rows = list(csv.DictReader(file))
        names = ("key", "status", "model", "seed", "train_size", "epochs", "error")
        names += ("test_accuracy", "test_loss", "train_accuracy", "train_loss")
        assert all(name in rows[0] for name in names)
        return [[row[name] for name in names] for row in rows]


def wait_for(what, within_s=WITHIN_S):
    """Until `what()` is true; its value."""
    started = time.monotonic()
    while not (found := what()):
        assert time.monotonic() - started < within_s, "it never came"
        time.sleep(0.2)
    return found


def ended(process):
    """What a process that was started printed, and its exit code."""
    out, err = process.communicate(timeout=WITHIN_S)
    assert "Traceback" not in err, err
    return out + err, process.returncode
