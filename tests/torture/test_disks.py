"""Disks that fill up, and folders that cannot be written."""

import os
import shutil

import pytest
from conftest import mount
from torture.runs import assert_the_same, run, sound_so_far

pytestmark = [pytest.mark.slow, pytest.mark.torture]


def one_sentence(code, said, *words):
    assert code == 2, said
    last = said.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    for word in words:
        assert word in last


def fill(disk, free):
    """A file that leaves so many bytes."""
    room = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    (disk / "filler").write_bytes(bytes(room - free))


def test_a_disk_that_fills_up_keeps_what_was_finished(course, reference, torture, small_disk, tmp_path):
    rooms = torture.times((150_000,), (0, 5_000, 20_000, 50_000, 100_000, 150_000, 300_000))
    for free in rooms:
        out = small_disk / f"out {free}"
        fill(small_disk, free)
        code, said = run(course, out, torture)
        one_sentence(code, said, str(out), "No space left on device")
        assert "What was finished is kept" in said
        kept = sound_so_far(out)
        # A record takes about 15 kB beside the manifest: in between it may fit or not.
        assert kept == 0 if free <= 20_000 else kept > 0 or free <= 50_000
        assert not list(out.rglob("*.json.*.part"))
        torture.count("full disks survived")
        moved = tmp_path / f"moved {free}"
        shutil.move(out, moved)
        (small_disk / "filler").unlink()
    code, said = run(course, moved, torture)
    assert (code, f"{kept} of {len(reference[0])} cells are stored already" in said) == (0, True)
    assert_the_same(moved, reference, torture)


def test_a_disk_that_cannot_be_written_says_so_in_one_sentence(course, torture, small_disk):
    out = small_disk / "out"
    out.mkdir()
    mount("-o", "remount,ro", small_disk)
    try:
        one_sentence(*run(course, out, torture), str(out), "Read-only file system")
        assert not list(out.iterdir())
    finally:
        mount("-o", "remount,rw", small_disk)
