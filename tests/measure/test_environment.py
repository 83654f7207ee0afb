import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT

from bench.analyse.compare import environment_changes
from bench.measure import environment

CODE = "import json; from bench.measure.environment import *; print(json.dumps([describe(), machine()]))"


def described(**more):
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT, env=os.environ | more, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_what_can_change_a_number_is_there_and_a_comparison_names_it():
    found, _ = described()
    assert {
        "commit",
        "python",
        "packages",
        "processor",
        "flags",
        "cores",
        "usable_cores",
        "blas",
        "variables",
    } <= set(found)
    assert all("threads" in library for library in found["blas"])
    assert found["usable_cores"] <= found["cores"]
    other, _ = described(NPROC="3", OPENBLAS_NUM_THREADS="1", XLA_FLAGS="--xla_cpu_max_isa=AVX2")
    changes = environment_changes({"environment": found}, {"environment": other})
    assert "variables.NPROC: None → 3" in changes
    assert "variables.XLA_FLAGS: None → --xla_cpu_max_isa=AVX2" in changes
    assert any(change.startswith("blas: ") and "1 threads" in change for change in changes)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity") or os.cpu_count() == 1, reason="one core")
def test_a_process_held_to_one_core_says_so(monkeypatch):
    all_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(all_cores)})
    try:
        found, machine = described()
    finally:
        os.sched_setaffinity(0, all_cores)
    assert found["usable_cores"] == 1
    assert machine.endswith(f"1 of {os.cpu_count()} cores"), "its times are not those of all cores"


def test_flags_are_those_of_the_processor(monkeypatch):
    monkeypatch.setattr(environment, "_cpuinfo", lambda: {"flags": "fpu avx2 sse fma avx512foo"})
    assert environment._flags() == "avx2 fma"
    monkeypatch.setattr(environment, "_cpuinfo", lambda: {"Features": "fp asimd bf16"})
    assert environment._flags() == "asimd bf16"
    monkeypatch.setattr(environment, "_cpuinfo", dict)
    assert environment._flags() is None
