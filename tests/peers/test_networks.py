"""Every contestant trains the same network from the same weights; each in its own process."""

import json
import os
import subprocess
import sys
from math import sqrt

import numpy as np
import pytest
from hexbench.models import MLPClassifier
from hexbench.models.machine import usable_cores
from hexbench.peers.roster import contestants
from hexbench.peers.task import Task
from peers.made_up import task

PROGRAM = """
import json, sys
from pathlib import Path
from hexbench.peers.task import Task
from hexbench.peers.worker import load
made = load(sys.argv[1])(Task.load(Path(sys.argv[2])))
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
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, entry.maker, str(folder / "task.npz"), str(epochs)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KERAS_HOME": str(folder), **entry.environment},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.split("SAID")[1])


@pytest.mark.slow
def test_hexbench_trains_as_its_classifier_does():
    from hexbench.peers.networks_jax import Hexbench

    given = task("mlp", hidden_layer_sizes=(7,), batch_size=20, learning_rate=0.01)
    made = Hexbench(given)
    for _ in range(3):
        made.train()
    model = MLPClassifier(**{**given.params, "epochs": 3}, random_state=given.seed)
    model.fit(given.images, given.labels, classes=range(17))
    np.testing.assert_array_equal(made.predict(), model.predict(given.test_images))
    assert made.facts() == {"parameters": model.n_parameters_}


@pytest.mark.slow
def test_hexbench_has_every_core_in_its_process(tmp_path):
    task("mlp").save(tmp_path / "task.npz")
    program = (
        "import sys\nfrom hexbench.peers.worker import answers\n"
        "ready, built = answers('hexbench.peers.networks_jax:Hexbench', iter([sys.argv[1]]))\n"
        "import jax; print(built, jax.local_device_count())"
    )
    environment = {
        k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "JAX_NUM_CPU_DEVICES", "NPROC")
    }
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "task.npz")],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert "start_s" in done.stdout
    assert int(done.stdout.split()[-1]) == usable_cores()


@pytest.mark.slow
@pytest.mark.parametrize("name", [e.name for e in contestants("cnn")])
def test_a_network_fits_other_images_and_hyperparameters(name, tmp_path):
    entry = next(e for e in contestants("cnn") if e.name == name)
    for module in entry.needs:
        pytest.importorskip(module, reason="make peers installs it")
    labels = np.arange(60) % 3
    images = np.full((60, 9, 7, 3), 20, np.uint8)
    images[np.arange(60), ..., labels] = 200
    params = {"channels": [5], "kernel_size": 2, "activation": "relu", "batch_size": 8, "learning_rate": 0.01}
    Task("cnn", params, 3, images, labels, images, labels).save(tmp_path / "task.npz")
    _, _, after, facts = look(entry, tmp_path, 30)
    assert after == 1
    assert facts == {"parameters": 2 * 2 * 3 * 5 + 5 + 8 * 6 * 5 * 3 + 3}
