"""Two processes on one results folder."""

import time

import pytest
from hexbench.store.store import Store
from torture.runs import assert_the_same, end, kill, run, start

pytestmark = [pytest.mark.slow, pytest.mark.torture]


def begun(log):
    return log.read_text().splitlines() if log.exists() else []


def test_two_processes_share_the_cells_and_none_is_measured_twice(course, reference, torture, tmp_path):
    for turn in range(torture.times(1, 3)):
        out, log = tmp_path / f"out {turn}", tmp_path / f"log {turn}"
        both = [start(course, out, TORTURE_LOG=str(log)) for _ in range(2)]
        for process in both:
            code, said = end(process, torture)
            assert code == 0, said
        assert len(begun(log)) == len(set(begun(log))) == len(reference[0])
        torture.count("cells shared by two processes", len(begun(log)))
        assert_the_same(out, reference, torture)


def test_when_one_dies_the_other_takes_its_cell_over(course, reference, torture, tmp_path):
    out, log = tmp_path / "out", tmp_path / "log"
    first = start(course, out, TORTURE_LOG=str(log))
    until = time.monotonic() + 60
    while not begun(log) and time.monotonic() < until:
        time.sleep(0.01)
    second = start(course, out)
    refused = run(course, out, torture, "--fresh")
    assert refused[0] == 2
    assert "in use by another process" in refused[1]
    if kill(first):
        torture.count("kills survived")
    code, said = end(second, torture)
    assert code == 0, said
    assert_the_same(out, reference, torture)
    assert not Store(out).locks.any_held()
