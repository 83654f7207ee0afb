"""Containers and shared machines: no home, no user, fewer cores than there are."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT
from hexbench import variables
from hexbench.data import cache
from hexbench.errors import BadInput
from hexbench.models import SVMClassifier, machine
from hexbench.store.store import Store

NETWORK = ("--sweep", "mlp: epochs=1 train_size=100", "--data", "digits", "--out", "run")


@pytest.mark.slow
def test_a_user_without_a_home_and_an_entry_trains_networks(unprivileged, tmp_path):
    done = unprivileged(*NETWORK, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = Store(tmp_path / "run").planned()
    assert record.metrics.test_accuracy > 0
    assert not (tmp_path / "~").exists()


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_is_done_without(unprivileged, tmp_path):
    sealed = tmp_path / "cache"
    sealed.mkdir(mode=0o555)
    done = unprivileged(*NETWORK, cwd=tmp_path, HEXBENCH_CACHE=str(sealed / "deeper"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert Store(tmp_path / "run").planned()[0].metrics.test_accuracy > 0
    assert not list(sealed.iterdir())


def test_without_a_home_what_needs_a_cache_says_what_to_set(monkeypatch):
    import pooch

    def os_cache(_):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv(cache.VARIABLE, raising=False)
    monkeypatch.setattr(pooch, "os_cache", os_cache)
    with (
        pytest.raises(BadInput, match="no home folder for a cache: name a folder in HEXBENCH_CACHE"),
        cache.workplace(1),
    ):
        pass


def remove(group):
    """A control group is busy for a moment after its last process was killed."""
    until = time.monotonic() + 20
    while True:
        try:
            return group.rmdir()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@pytest.fixture
def half_a_core():
    """A real control group with half a core of processor time."""
    group = Path("/sys/fs/cgroup/cpu/hexbench-test")
    try:
        group.mkdir()
        (group / "cpu.cfs_quota_us").write_text("50000")
    except OSError:
        pytest.skip("no control group can be made here")
    yield group
    remove(group)


@pytest.mark.slow
@pytest.mark.skipif(os.cpu_count() == 1, reason="one core")
def test_a_processor_quota_limits_devices_and_threads_and_is_recorded(half_a_core, tmp_path):
    enter = f'echo $$ > {half_a_core}/cgroup.procs && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", enter, "sh", sys.executable, ROOT / "run_benchmarks.py", "env"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["usable_cores"] == 1
    assert found["cores"] == os.cpu_count()
    assert found["variables"]["NPROC"] == "1"
    assert all(library.endswith(" 1 threads") for library in found["blas"])


@pytest.fixture
def little_memory():
    """A real control group with less memory than a model asks for."""
    group = Path("/sys/fs/cgroup/memory/hexbench-test")
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(1_500_000_000))
    except OSError:
        pytest.skip("no control group can be made here")
    yield group
    remove(group)


HUNGRY = """
import numpy as np
from sklearn.naive_bayes import GaussianNB

class Hungry(GaussianNB):
    def fit(self, X, y):
        self.eaten = [np.ones(10_000_000) for _ in range(100)]  # 8 GB, 80 MB at a time
        return super().fit(X, y)
"""


@pytest.mark.slow
def test_a_model_that_the_system_kills_for_its_memory_is_a_failed_cell(little_memory, tmp_path):
    (tmp_path / "hungry.py").write_text(HUNGRY)
    swept = [part for name in ("Hungry", "svm") for part in ("--sweep", f"{name}: train_size=100")]
    command = [sys.executable, ROOT / "run_benchmarks.py", *swept, "--model", "hungry.py:Hungry"]
    enter = f'echo $$ > {little_memory}/cgroup.procs && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", enter, "sh", *command, "--data", "digits", "--out", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert "its process ended by signal 9, as where memory runs out" in done.stdout
    records = [json.loads(path.read_text()) for path in (tmp_path / "out" / "cells").iterdir()]
    assert {r["model"]: r["status"] for r in records} == {"Hungry": "failed", "svm": "done"}


def test_joblib_s_own_limit_holds_for_svms(monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert SVMClassifier()._cores() == 1
    monkeypatch.delenv("LOKY_MAX_CPU_COUNT")
    assert SVMClassifier()._cores() == machine.usable_cores()


MOUNTINFO = {
    2: "30 23 0:26 {root} {place} ro,nosuid,nodev - cgroup2 cgroup2 rw,nsdelegate\n",
    1: "31 24 0:27 {root} {place} rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n",
}


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Control groups as the kernel shows them: where they are mounted, and the process's own."""
    place = tmp_path / "cgroup fs"

    def make(version, group, quotas, root="/"):
        for path, content in quotas.items():
            folder = place / path.strip("/")
            folder.mkdir(parents=True, exist_ok=True)
            if version == 2:
                (folder / "cpu.max").write_text(content)
            else:
                quota, period = content.split()
                (folder / machine.QUOTA).write_text(quota)
                (folder / machine.PERIOD).write_text(period)
        names = tmp_path / "cgroup"
        names.write_text(f"0::{group}\n" if version == 2 else f"9:name=systemd:/\n4:cpu,cpuacct:{group}\n")
        mounts = tmp_path / "mountinfo"
        line = MOUNTINFO[version].format(root=root, place=str(place).replace(" ", "\\040"))
        mounts.write_text("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + line)
        monkeypatch.setattr(machine, "GROUPS", names)
        monkeypatch.setattr(machine, "MOUNTS", mounts)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))

    return make


@pytest.mark.parametrize(
    ("version", "group", "quotas", "root", "quota", "cores"),
    [
        (2, "/", {"/": "200000 100000"}, "/", 2.0, 2),  # docker --cpus=2
        (2, "/", {"/": "max 100000"}, "/", None, 64),
        (
            2,
            "/user.slice/run.scope",
            {"/user.slice": "150000 100000", "/user.slice/run.scope": "max 100000"},
            "/",
            1.5,
            2,
        ),
        (2, "/a/b", {"/a": "400000 100000", "/a/b": "800000 100000"}, "/", 4.0, 4),
        (
            1,
            "/docker/abc",
            {"/": "250000 100000"},
            "/docker/abc",
            2.5,
            3,
        ),  # what a container of version 1 sees
        (1, "/", {"/": "-1 100000"}, "/", None, 64),
        (2, "/", {"/": "1000 100000"}, "/", 0.01, 1),
        (2, "/", {"/": "nonsense"}, "/", None, 64),
        (2, "/../other", {"/": "100000 100000"}, "/", 1.0, 1),
    ],
)
def test_quotas_as_kernels_show_them(groups, version, group, quotas, root, quota, cores):
    groups(version, group, quotas, root)
    assert machine.processor_quota() == quota
    assert machine.usable_cores() == cores


def test_threads_follow_the_quota_unless_the_user_has_set_them(groups, monkeypatch):
    groups(2, "/", {"/": "200000 100000"})
    for name in variables.CORES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    try:
        variables.settle()
        assert {name: os.environ[name] for name in variables.CORES} == dict.fromkeys(variables.CORES, "2") | {
            "OMP_NUM_THREADS": "7"
        }
    finally:
        for name in variables.CORES:
            os.environ.pop(name, None)


@pytest.mark.slow
def test_a_sandbox_in_which_proc_says_nothing(tmp_path, tiny):
    command = [sys.executable, str(ROOT / "run_benchmarks.py"), *tiny]
    hide = "".join(f"mount --bind /dev/null /proc/{name} && " for name in ("meminfo", "stat", "cpuinfo"))
    try:
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", f'{hide} exec "$@"', "sh", *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("no namespace can be made here")
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("no namespace can be made here")
    assert done.returncode == 0, done.stdout + done.stderr
