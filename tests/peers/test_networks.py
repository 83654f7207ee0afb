"""Every contestant trains the same network from the same weights; each in its own process."""

import json
import subprocess
import sys
from math import sqrt

import pytest
from conftest import ROOT
from peers.made_up import task

from bench.peers.roster import contestants

PROGRAM = """
import json, sys
from pathlib import Path
from bench.peers.task import Task
from bench.peers.worker import Worker
worker = Worker(sys.argv[1])
made = worker._maker(Task.load(Path(sys.argv[2])))
fresh = [(list(w.shape), float(w.min()), float(w.max()), float(w.std())) for w in made.weights()]
before = made.accuracy()
for _ in range(int(sys.argv[3])):
    made.train()
print("\\nSAID" + json.dumps([fresh, before, made.accuracy(), made.facts()]))
"""
FANS = {"cnn": [(9, 9 * 64), (9 * 64, 9 * 32), (8192, 17)], "mlp": [(400, 10), (10, 17)]}
PARAMETERS = {"cnn": 158_385, "mlp": 4_197}
EPOCHS = {"cnn": 6, "mlp": 150}
ALL = [(model, e.name) for model in FANS for e in contestants(model)]


@pytest.mark.slow
@pytest.mark.parametrize(("model", "name"), ALL)
def test_a_network_is_the_reports_and_learns(model, name, tmp_path):
    entry = next(e for e in contestants(model) if e.name == name)
    for module in entry.needs:
        pytest.importorskip(module, reason="make peers installs it")
    task(model).save(tmp_path / "task.npz")
    fresh, before, after, facts = look(entry, tmp_path, EPOCHS[model])
    assert facts == {"parameters": PARAMETERS[model]}
    assert before < 0.4
    assert after > 0.9
    biases = [w for w in fresh if len(w[0]) == 1]
    assert len(biases) == len(FANS[model])
    assert all(low == high == 0 for _, low, high, _ in biases)
    bounds = sorted(sqrt(6 / sum(fans)) for fans in FANS[model])
    weights = sorted((w for w in fresh if len(w[0]) > 1), key=lambda w: w[2])
    for bound, (shape, low, high, deviation) in zip(bounds, weights, strict=True):
        assert -bound <= low < -0.9 * bound, shape
        assert 0.9 * bound < high <= bound * (1 + 1e-6), shape
        assert deviation == pytest.approx(bound / sqrt(3), rel=0.12), "uniform"


def look(entry, folder, epochs):
    import os

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, entry.maker, str(folder / "task.npz"), str(epochs)],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env=dict(os.environ) | {"KERAS_HOME": str(folder)} | entry.environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.split("SAID")[1])
