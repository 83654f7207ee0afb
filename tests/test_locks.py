"""Locks between real processes."""

import subprocess
import sys

import pytest
from conftest import ROOT
from hexbench.store.locks import Locks

HOLDER = """
import sys, time
from pathlib import Path
from hexbench.store.locks import Locks
with Locks(Path(sys.argv[1])).hold("cell") as mine:
    print(mine, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def held(locks):
    with locks.hold("cell") as mine:
        return not mine


def test_a_lock_ends_with_its_process_however_that_ends(tmp_path, holder):
    locks = Locks(tmp_path)
    assert held(locks)
    assert locks.any_held()
    with locks.hold("another") as mine:
        assert mine
    holder.kill()
    holder.wait()
    assert not locks.any_held()
    with locks.hold("cell", wait=True) as mine:
        assert mine


def test_whoever_waits_gets_the_lock_when_it_is_given_back(tmp_path, holder):
    holder.stdin.close()
    with Locks(tmp_path).hold("cell", wait=True) as mine:
        assert mine
    assert not tmp_path.exists(), "locks that nobody holds leave nothing"
