import os
import pickle
import subprocess
import sys
import time
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import psutil
import pytest
from conftest import blobs
from hexbench.measure import timing
from hexbench.measure.timing import MachineWatch, model_mb
from hexbench.models.mlp import MLPClassifier
from hexbench.models.training import early_stopping, trainer
from hexbench.models.training.compile_cache import Program
from hexbench.models.training.programs import initial_state


def test_a_busy_neighbour_is_noticed():
    burn = "import time; end = time.time() + 30\nwhile time.time() < end: pass"
    with subprocess.Popen([sys.executable, "-c", burn]) as neighbour:
        time.sleep(0.3)
        with MachineWatch() as watch:
            time.sleep(1.5)
        neighbour.kill()
    assert watch.clean is False


def test_our_own_work_is_not_taken_for_a_neighbours(monkeypatch):
    """The machine is replaced by one on which nothing but this process runs."""
    monkeypatch.setattr(timing, "_machine_seconds", lambda: sum(os.times()[:4]))
    with MachineWatch() as watch:
        end = time.perf_counter() + 0.5
        while time.perf_counter() < end:
            sum(range(1000))
    assert watch.clean is True
    assert watch.wall_s >= 0.5


def test_where_the_system_says_nothing_the_answer_is_unknown(monkeypatch):
    def silent():
        raise OSError

    monkeypatch.setattr(psutil, "cpu_times", silent)
    with MachineWatch() as watch:
        pass
    assert watch.clean is None


def test_times_are_taken_after_the_device_has_finished(monkeypatch):
    """A program whose result arrives late must be waited for, in training and in evaluation."""

    class Late:
        """Dispatches at once; the work is done only when somebody waits for it."""

        def __init__(self, result):
            self.result = result

    class Placed(Program):
        def place(self, *arguments):
            return arguments

    def program(result):
        return Placed(lambda: SimpleNamespace(compile=lambda: lambda *_: Late(result)))

    def wait(value):
        if isinstance(value, Late):
            time.sleep(0.05)
            return value.result
        return value

    images, labels = blobs(20)
    network, recipe = MLPClassifier().describe((20, 20), 17), MLPClassifier().recipe(20)
    state = initial_state(network, recipe, jax.random.key(0))
    trained = program((state, jnp.ones((256, 2))))
    answers = program((jnp.ones(32), jnp.zeros(32, int), jnp.ones(32)))
    monkeypatch.setattr(jax, "block_until_ready", wait)
    monkeypatch.setattr(trainer, "training_program", lambda *_: trained)
    monkeypatch.setattr(early_stopping, "evaluation_program", lambda *_: answers)
    model = MLPClassifier(epochs=2, random_state=0)
    model.fit(images, labels, classes=range(17), test=(images, labels))
    assert model.times_["train_s"] >= 0.1
    assert model.times_["predict_s"] >= 0.05
    assert np.isfinite(model.curve_.train_loss).all()


def test_the_watch_is_left_with_the_error_it_saw():
    with pytest.raises(KeyError), MachineWatch():
        raise KeyError


def test_the_size_of_a_model_is_what_pickling_makes_or_what_it_says():
    from sklearn.linear_model import LogisticRegression

    X = np.random.default_rng(0).random((30, 500))
    model = LogisticRegression().fit(X, np.arange(30) % 2)
    assert model_mb(model) == pytest.approx(len(pickle.dumps(model)) / 1e6, rel=0.2)
    assert model_mb(SimpleNamespace(n_bytes_=2_500_000)) == 2.5
    assert model_mb(lambda: None) is None
