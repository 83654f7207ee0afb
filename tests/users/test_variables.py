"""Environment variables: a run gives the same numbers, or one sentence names the variable."""

import json
import os
import subprocess
import sys
import warnings

import pytest
from conftest import ROOT
from hexbench import variables
from hexbench.data import digits
from hexbench.data.dataset import Subset
from hexbench.errors import BadInput
from hexbench.plan.cell import Cell
from hexbench.run.job import Job

NETWORKS = (
    *("--sweep", "mlp: epochs=1 train_size=100", "--sweep", "cnn: epochs=1 train_size=100"),
    *("--data", "digits", "--out"),
)
PUT_ASIDE = {
    "JAX_ENABLE_X64": "1",
    "JAX_DISABLE_JIT": "1",
    "JAX_THREEFRY_PARTITIONABLE": "0",
    "JAX_DEFAULT_PRNG_IMPL": "rbg",
    "JAX_RANDOM_SEED_OFFSET": "7",
    "JAX_DEBUG_NANS": "maybe",
    "JAX_TRANSFER_GUARD": "disallow",
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_PLATFORM_NAME": "gpu",
    "PYTHONWARNINGS": "error",
}
HARMLESS = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYTHONIOENCODING": "ascii",
    "FORCE_COLOR": "1",
    "OMP_NUM_THREADS": "",
    "JAX_PLATFORMS": "cpu,cuda",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "CUDA_VISIBLE_DEVICES": "",
    "TMPDIR": "/nonexistent",
    "COLUMNS": "0",
    "LC_ALL": "tr_TR.UTF-8",
    "TZ": "Asia/Kathmandu",
}


def test_a_run_gives_the_same_numbers_whatever_is_set(hexbench, numbers, tmp_path):
    assert hexbench(*NETWORKS, "run").returncode == 0
    plain = numbers(tmp_path / "run")
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nbackend: nonsense\n")
    done = hexbench(*NETWORKS, "other", **PUT_ASIDE, **HARMLESS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert numbers(tmp_path / "other") == plain
    (note,) = [line for line in done.stderr.splitlines() if line.startswith("Without effect")]
    assert note == f"Without effect on a run, and put aside: {', '.join(sorted(PUT_ASIDE))}."
    recorded = json.loads((tmp_path / "other/manifest.json").read_text())["environment"]["variables"]
    assert recorded["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert recorded["CUDA_VISIBLE_DEVICES"] == ""
    assert "JAX_ENABLE_X64" not in recorded


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JAX_PLATFORMS", "cuda,cpu"),
        ("XLA_FLAGS", "--xla_nonsense=1"),
        ("JAX_DEFAULT_MATMUL_PRECISION", "bfloat17"),
        ("JAX_LOGGING_LEVEL", "LOUD"),
    ],
)
def test_what_jax_does_not_take_is_said_before_anything_is_written(
    hexbench, ends_with, tmp_path, name, value
):
    said = ends_with(hexbench(*NETWORKS, "run", **{name: value}), "JAX does not start")
    assert value in said
    if name != "JAX_LOGGING_LEVEL":
        assert f"{name}={value}" in said
    assert not (tmp_path / "run").exists()


def test_env_always_answers(hexbench):
    for name, value in (("JAX_PLATFORMS", "cuda"), ("JAX_ENABLE_X64", "1")):
        done = hexbench("env", **{name: value})
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["packages"]["jax"]
        if name == "JAX_ENABLE_X64":
            assert found["device"] == "cpu"
            assert found["without_effect"] == [name]
        else:
            assert found["device"] is None
            assert f"{name}={value}" in found["fault"]


def test_a_worker_without_the_device_measures_nothing(hexbench, ends_with, tmp_path):
    """A node whose device is missing must not make every cell a failed one."""
    data = digits.load()
    cell = Cell(model="mlp", params={"epochs": 1}, subset=Subset(100), split=42, test_size=0.3, seed=0)
    Job(study="digit_recognizer", data="digits", fingerprint=data.fingerprint, cells=(cell,)).write(
        tmp_path / "job.json"
    )
    done = hexbench("worker", "--cells", "job.json", "--out", "elsewhere", JAX_PLATFORMS="cuda")
    ends_with(done, "JAX_PLATFORMS=cuda")
    assert not (tmp_path / "elsewhere" / "cells").exists()


@pytest.fixture
def environment(monkeypatch):
    """This process's variables, given back after the test."""
    for name in [*os.environ]:
        if name.startswith("JAX") or name in variables.COUNTED:
            monkeypatch.delenv(name)
    monkeypatch.setenv("MPLBACKEND", "agg")
    yield monkeypatch
    for name in variables.CORES:
        os.environ.pop(name, None)


def test_all_of_jax_is_put_aside_but_what_chooses_devices_and_precision(environment):
    environment.setenv("JAX_PLATFORMS", "cpu")
    environment.setenv("JAX_CUDA_VISIBLE_DEVICES", "0")
    environment.setenv("JAX_COMPILATION_CACHE_DIR", "somewhere")
    environment.setenv("JAX_OF_THE_FUTURE", "1")
    assert variables.settle() == ["JAX_OF_THE_FUTURE"]
    assert {name for name in os.environ if name.startswith("JAX")} == {
        "JAX_PLATFORMS",
        "JAX_CUDA_VISIBLE_DEVICES",
        "JAX_COMPILATION_CACHE_DIR",
    }


@pytest.mark.parametrize("name", variables.COUNTED)
@pytest.mark.parametrize("value", ["abc", "0", "-1", "2.5", "1e3", "2,x", "9" * 20])
def test_a_number_of_threads_that_is_none_is_named(environment, name, value):
    environment.setenv(name, value)
    with pytest.raises(BadInput, match=f"variable {name} is '{value}'"):
        variables.settle()


def test_an_empty_number_of_threads_is_none(environment):
    environment.setenv("OMP_NUM_THREADS", " ")
    environment.setenv("OPENBLAS_NUM_THREADS", "4")
    environment.setenv("OMP_NUM_THREADS", "4,2")
    assert variables.settle() == []
    environment.setenv("OMP_NUM_THREADS", " ")
    assert variables.settle() == []
    assert "OMP_NUM_THREADS" not in os.environ


def test_warnings_that_were_made_errors_are_warnings_again(environment):
    environment.setattr(sys, "warnoptions", ["error"])
    environment.setenv("PYTHONWARNINGS", "error")
    with warnings.catch_warnings():
        assert variables.settle() == ["PYTHONWARNINGS"]
        assert sys.warnoptions == []
        warnings.warn("of a library", DeprecationWarning, stacklevel=1)


@pytest.mark.parametrize(
    "name",
    [
        *("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "XLA_PYTHON_CLIENT_MEM_FRACTION"),
        *("NVIDIA_TF32_OVERRIDE", "JAX_DEFAULT_MATMUL_PRECISION", "OPENBLAS_CORETYPE"),
        *("NPY_DISABLE_CPU_FEATURES", "MKL_CBWR", "OMP_PROC_BIND", "PYTHONOPTIMIZE"),
    ],
)
def test_what_can_change_numbers_or_threads_is_recorded(name):
    assert variables.recorded({name: "x", "PATH": "y", "JAVA_HOME": "z"}) == {name: "x"}


def test_the_variable_that_names_data_takes_what_the_option_takes(hexbench, ends_with):
    sweep = ("--sweep", "mlp: epochs=1 train_size=100", "--plan")
    assert hexbench(*sweep, HEXBENCH_DATA="digits").returncode == 0
    assert hexbench(*sweep, HEXBENCH_DATA="synthetic:500").returncode == 0
    ends_with(
        hexbench(*sweep, HEXBENCH_DATA="synthetik"), "HEXBENCH_DATA=synthetik: ", "did you mean 'synthetic'"
    )
    ends_with(hexbench(*sweep, HEXBENCH_DATA="digits:3"), "HEXBENCH_DATA=digits:3: ")


def test_64_bit_numbers_in_a_notebook_change_nothing():
    """A process that has set them itself, as a notebook may."""
    import numpy as np
    from hexbench.models import CNNClassifier
    from jax import enable_x64

    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (60, 8, 8), dtype=np.uint8), np.arange(60) % 3
    plain = CNNClassifier(epochs=1, random_state=0).fit(X, y).curve_.train_loss
    with enable_x64():
        assert CNNClassifier(epochs=1, random_state=0).fit(X, y).curve_.train_loss == plain


def test_a_variable_that_a_library_cannot_read_is_named(hexbench, ends_with):
    done = hexbench(*NETWORKS, "run", SKLEARN_WORKING_MEMORY="abc")
    ends_with(done, "sklearn does not start", "look at SKLEARN_WORKING_MEMORY=abc")


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp037"])
def test_env_answers_in_other_encodings(hexbench, encoding, tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "run_benchmarks.py", "env"],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout.decode(encoding))["device"] == "cpu"
