"""What the tests of users' machines share: a run of seconds, and file systems to run on."""

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from conftest import run_hexbench
from hexbench.store.store import Store

TINY = ("--sweep", "svm: train_size=100", "--data", "digits", "--out", "run")
"""One cell of a moment, without JAX."""


@pytest.fixture
def tiny():
    """The command line of a run of one cell into `run`."""
    return TINY


@pytest.fixture(scope="session")
def numbers():
    """What a record holds that must be the same on every machine and in every environment of one kind."""

    def of(folder):
        records = Store(Path(folder)).planned()
        assert records
        return {record.key: (record.metrics, record.confusion) for record in records}

    return of


@pytest.fixture
def ends_with():
    """Holds a command that cannot be carried out to exit code 2 and one sentence with these words."""

    def check(done, *words, code=2):
        said = done.stderr + done.stdout
        assert done.returncode == code, said
        assert "Traceback" not in said
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("Error: ")
        assert last.endswith(".")
        for word in words:
            assert word in last
        return last

    return check


@pytest.fixture
def odd_disk(tmp_path):
    """Mounts real file systems on which operations fail, such as `odd_disk("chmod=EPERM")`."""
    mounted, processes = [], []

    def mount(*fails):
        place, behind = tmp_path / f"disk{len(mounted)}", tmp_path / f"behind{len(mounted)}"
        place.mkdir()
        behind.mkdir()
        script = Path(__file__).with_name("odd_disk.py")
        command = [sys.executable, script, behind, place, *fails]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        until = time.monotonic() + 20
        while not place.is_mount():
            if process.poll() is not None or time.monotonic() > until:
                process.kill()
                process.communicate()  # else its pipe stays open, and a later test is blamed
                pytest.skip("no file system can be mounted here")
            time.sleep(0.05)
        mounted.append(place)
        processes.append(process)
        return place

    yield mount
    for place, process in zip(mounted, processes, strict=True):
        subprocess.run(["umount", place], check=True)
        process.communicate(timeout=20)


@pytest.fixture
def unprivileged():
    """Runs the command line as a user whom the system does not know, without a home folder."""
    stranger = ["unshare", "--user", "--map-user=54321", "--map-group=54321"]
    try:
        subprocess.run([*stranger, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no user namespace can be made here")

    without = ("HOME", "USER", "LOGNAME", "XDG_CACHE_HOME", "HEXBENCH_CACHE")
    return partial(run_hexbench, before=stranger, without=without)
