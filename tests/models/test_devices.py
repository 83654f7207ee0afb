"""Batches that several devices share out, on eight that a CPU is asked to be."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from hexbench.models import entries
from hexbench.models.mlp import MLPClassifier
from hexbench.models.training.devices import Devices, first_devices
from hexbench.models.training.programs import evaluation, prediction, training

UINT8 = np.dtype(np.uint8)
NETWORKS = {name: entry.load()() for name, entry in entries().items() if entry.learning_curve}
EIGHT = """
import json, sys
import jax, jax.numpy as jnp, numpy as np
from conftest import blobs
from hexbench.models import entries
from hexbench.models.training.devices import Devices, first_devices
from hexbench.models.training.programs import initial_state, training_program

assert jax.local_device_count() == 8
found = {}
for name, entry in entries().items():
    if not entry.learning_curve:
        continue
    model = entry.load()()
    network = model.describe((20, 20), 17)
    for batch_size, n in ((64, 64), (12, 12), (16, 41)):
        images, labels = blobs(n, seed=4)
        ends = []
        for devices in (Devices(tuple(jax.devices()[:1])), first_devices(8)):
            recipe = model.recipe(n)
            state = initial_state(network, recipe, jax.random.key(0))
            data = jnp.asarray(images), jnp.asarray(labels, jnp.int32), jax.random.key(1)
            program = training_program(network, n, np.dtype(np.uint8), batch_size, recipe, 1, devices)
            state, history = program.call(*program.place(state, *data), jnp.int32(1))
            ends.append((jax.tree.leaves(state.weights), np.asarray(history)[:1]))
            used = len(program.call.input_shardings[0][1].device_set)
            assert used == len(devices.members), used
        (alone, one), (shared, other) = ends
        apart = max(float(np.abs(np.asarray(a) - np.asarray(b)).max()) for a, b in zip(alone, shared))
        found[f"{name}, {batch_size} of {n}"] = [apart, float(np.abs(one - other).max())]
print(json.dumps(found))
"""


def on_eight(code, *arguments, cwd=None):
    """Run Python where a CPU is eight devices; what it prints last."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=os.environ | {"JAX_NUM_CPU_DEVICES": "8", "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=cwd,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.slow
def test_a_step_of_eight_devices_is_that_of_one():
    """Whole batches, one that eight do not divide, and an epoch whose last batch is smaller."""
    found = json.loads(on_eight(EIGHT))
    assert len(found) == 3 * len(NETWORKS)
    for what, (weights, history) in found.items():
        steps = 3 if what.endswith("41") else 1
        # Adam divides by the gradient's own size: where that is small, rounding is a share of the step.
        rate = NETWORKS[what.partition(",")[0]].learning_rate
        assert weights < 1e-3 * rate * (20 if steps > 1 else 1), what
        assert history < 1e-5, what


def test_more_devices_than_there_are_is_an_error():
    images, labels = np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2
    count = len(jax.devices()) + 1
    with pytest.raises(ValueError, match=f"among {count} devices: JAX has {count - 1}"):
        MLPClassifier(epochs=1).fit(images, labels, devices=count)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("platform", ["cuda", "rocm", "tpu"])
def test_programs_are_lowered_for_accelerators(name, platform):
    """With XLA's own convolution, which is the fastest there."""
    network, recipe = NETWORKS[name].describe((20, 20), 17), NETWORKS[name].recipe(100)
    other = Devices(tuple(jax.devices()[:1]))
    assert first_devices(None) is None
    programs = [
        training(network, 100, UINT8, 16, recipe, 1, other),
        training(network, 100, UINT8, 16, recipe, 3, other),
        evaluation(network, 128, UINT8, other),
        prediction(network, 128, UINT8, other),
    ]
    for program in programs:
        exported = jax.export.export(program.function, platforms=[platform])(*program.shapes)
        assert exported.platforms == (platform,)
        plain = "stablehlo.convolution" in exported.mlir_module()
        assert plain == name.endswith("cnn")
