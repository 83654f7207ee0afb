import json
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from hexbench.peers.roster import ROSTER, Entry, contestants, left_out
from hexbench.peers.task import Task
from hexbench.peers.worker import answers, peak_memory_mb
from peers.made_up import task


def commands(*lines):
    return iter([f"{line}\n" for line in lines])


@pytest.fixture
def task_file(tmp_path):
    file = tmp_path / "task.npz"
    task().save(file)
    return str(file)


def test_a_task_survives_the_way_to_another_process(tmp_path):
    made = task("mlp", batch_size=7)
    made.save(tmp_path / "task.npz")
    read = Task.load(tmp_path / "task.npz")
    assert (read.model, read.classes, read.seed) == ("mlp", 17, 0)
    assert read.params == {**made.params, "hidden_layer_sizes": [10], "batch_size": 7}
    assert read.layers == made.layers
    np.testing.assert_array_equal(read.images, made.images)
    np.testing.assert_array_equal(read.test_labels, made.test_labels)
    assert read.images.dtype == np.uint8


def test_each_command_has_its_answer(task_file):
    asked = commands(task_file, "train", "train", "finish")
    found = list(answers("hexbench.peers.networks_jax:Hexbench", asked))
    assert [sorted(answer) for answer in found] == [
        ["ready"],
        ["start_s"],
        ["seconds"],
        ["seconds"],
        ["accuracy", "facts", "memory_mb"],
    ]


def test_a_fault_is_an_answer_and_the_last(capsys):
    ready, fault = answers("hexbench.peers.networks_jax:Hexbench", commands("/no/such/file", "train"))
    assert ready == {"ready": True}
    assert fault["error"].startswith("FileNotFoundError: ")
    assert "Traceback" in capsys.readouterr().err


def test_only_answers_reach_the_pipe(task_file, tmp_path):
    log = {"MADE_UP_NAME": "A", "MADE_UP_LOG": str(tmp_path / "log")}
    done = subprocess.run(
        [sys.executable, "-m", "hexbench.peers.worker", "peers.made_up:Polite"],
        input="".join(commands(task_file, "train")),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), **log},
    )
    answered = [list(json.loads(line)) for line in done.stdout.splitlines()]
    assert answered == [["ready"], ["start_s"], ["seconds"]]
    assert "a library says hello" in done.stderr


def test_a_worker_imports_no_library_of_another_contestant():
    program = "import sys, hexbench.peers.worker; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"jax", "sklearn", "torch", "keras", "matplotlib"}.isdisjoint(done.stdout.split())


def test_the_peak_of_memory_is_of_now_and_before_and_of_children():
    before = peak_memory_mb()
    np.ones(40_000_000 // 8)  # freed at once
    own = peak_memory_mb()
    assert own < before + 80
    hold = "x = bytearray(150_000_000); del x; print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        assert peak_memory_mb() > own + 150
        child.stdin.write(b"\n")
        child.stdin.close()


def test_hexbench_stands_first_and_names_are_unique():
    for model in ("cnn", "mlp", "svm"):
        names = [e.name for e in contestants(model)]
        assert names[0] == "hexbench"
        assert len(names) == len(set(names)) >= 5
    assert "flax" not in [e.name for e in contestants("cnn", frozenset({"flax"}))]


def test_what_is_not_installed_is_said():
    absent = Entry("x", "X", "m:X", ("cnn",), ("no_such_library", "nor_this_one", "numpy"))
    assert absent.missing == ["no_such_library", "nor_this_one"]
    assert left_out(absent) == (
        "X is left out: no_such_library and nor_this_one are not installed; `make peers` installs it."
    )
    assert all(e.missing == [] for e in ROSTER if not e.needs)
