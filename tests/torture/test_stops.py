"""Runs that are ended at random moments, by SIGKILL and by signals that ask, and begun again."""

import random
import signal
import time

import pytest
from hexbench.store.store import Store
from torture.runs import assert_the_same, end, kill, measured, run, sound_so_far, start

pytestmark = [pytest.mark.slow, pytest.mark.torture]
LONGEST_LIFE_S = 1.5


def test_kills_lose_nothing_and_change_nothing(course, reference, torture, tmp_path):
    wanted, kills, folders = torture.times(3, 25), 0, 0
    moments = random.Random(6)
    while kills < wanted:
        folders += 1
        out = tmp_path / f"out {folders}"
        while kills < wanted:
            process = start(course, out)
            time.sleep(moments.uniform(0, LONGEST_LIFE_S))
            if not kill(process):
                break
            kills += 1
            torture.count("kills survived")
            sound_so_far(out)
        code, said = run(course, out, torture)
        assert code == 0, said
        assert_the_same(out, reference, torture)


def test_a_killed_cell_goes_on_from_its_checkpoint(course, reference, torture, tmp_path):
    only = ("--only", "model=cnn,epochs=25,seed=0")
    store = Store(tmp_path / "out")
    process = start(course, store.folder, *only)
    until = time.monotonic() + 60
    while time.monotonic() < until and not any(
        path.name.isdecimal() for path in store.checkpoints.glob("*/*")
    ):
        time.sleep(0.01)
    assert kill(process)
    torture.count("kills survived")
    assert run(course, store.folder, torture, *only)[0] == 0
    (record,) = store.planned()
    assert sum(record.programs.values()) == 4, "two processes had to get both programs"
    assert record.timing_clean is False
    assert measured(record) == reference[0][record.key]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_asked_to_stop_says_what_is_kept_and_how_to_go_on(
    number, code, course, reference, torture, tmp_path
):
    moments = random.Random(number)
    for _ in range(torture.times(1, 5)):
        process = start(course, tmp_path / "out")
        time.sleep(moments.uniform(0, LONGEST_LIFE_S))
        process.send_signal(number)
        ended, said = end(process, torture)
        assert ended == code, said
        torture.count("stops survived")
        assert "The same command goes on from there." in said
        if "cells are stored" in said:
            words = next(line for line in said.splitlines() if line.startswith("Stopped: "))
            assert int(words.split()[1]) == sound_so_far(tmp_path / "out")
    assert run(course, tmp_path / "out", torture)[0] == 0
    assert_the_same(tmp_path / "out", reference, torture)
