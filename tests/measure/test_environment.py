import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT
from hexbench.measure import environment
from hexbench.store.encoding import convert
from hexbench.store.record import Environment

CODE = (
    "import msgspec; from hexbench.measure.environment import environment; "
    "print(msgspec.json.encode(environment()).decode())"
)
NUMBERS = {
    *("python", "packages", "processor", "flags", "cores", "usable_cores", "blas", "variables"),
    *("hexbench", "system", "memory_gb"),
}


def described(**more):
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        env=os.environ | more,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_what_can_change_a_number_is_there():
    found = described(NPROC="3", OPENBLAS_NUM_THREADS="1", XLA_FLAGS="--xla_cpu_max_isa=AVX2")
    assert set(found) >= NUMBERS
    assert {"jax", "scikit-learn", "numpy"} <= set(found["packages"])
    assert found["usable_cores"] <= found["cores"]
    assert found["variables"]["NPROC"] == "3"
    assert found["variables"]["XLA_FLAGS"] == "--xla_cpu_max_isa=AVX2"
    assert found["blas"] and all(library.endswith("1 threads") for library in found["blas"])
    assert convert(found, Environment).machine


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity") or os.cpu_count() == 1, reason="one core")
def test_a_process_held_to_one_core_says_so(monkeypatch):
    all_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(all_cores)})
    try:
        found = described()
    finally:
        os.sched_setaffinity(0, all_cores)
    assert found["usable_cores"] == 1
    machine = convert(found, Environment).machine
    assert machine.endswith(f"1 of {os.cpu_count()} cores"), "its times are not those of all cores"


def test_flags_are_those_of_the_processor(monkeypatch):
    monkeypatch.setattr(environment, "_cpuinfo", lambda: {"flags": "fpu avx2 sse fma avx512foo"})
    assert environment._flags() == "avx2 fma"
    monkeypatch.setattr(environment, "_cpuinfo", lambda: {"Features": "fp asimd bf16"})
    assert environment._flags() == "asimd bf16"
    monkeypatch.setattr(environment, "_cpuinfo", dict)
    assert environment._flags() is None
