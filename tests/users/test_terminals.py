"""Terminals, pipes and encodings: progress a person can follow, and never a wrong exit code."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cells import cell, correct, done, save_run
from conftest import ROOT
from hexbench.report import progress
from hexbench.report.terminal import standard_output
from hexbench.store.store import Store

pytestmark = pytest.mark.slow
REDRAWN = re.compile(r"\x1b\[[0-9]*[AGK]|\r(?!\n)|\x1b\[2K|\x1b\[\?25[lh]")
"""What moves a cursor or clears a line."""


def command(*arguments):
    return [sys.executable, str(ROOT / "run_benchmarks.py"), *map(str, arguments)]


def variables(**more):
    return {k: v for k, v in os.environ.items() if k not in ("HEXBENCH_DATA", "PYTHONUNBUFFERED")} | more


def begun(folder, arguments):
    """A run that has said what it will do."""
    pipe = subprocess.PIPE
    started = subprocess.Popen(
        command(*arguments), cwd=folder, env=variables(), stdout=pipe, stderr=pipe, text=True
    )
    assert started.stdout.readline().startswith("sweep: ")
    return started


def on_terminal(folder, arguments, columns=None, **more):
    """Run it on a real pseudo-terminal; (exit code, what it showed)."""
    ours, theirs = pty.openpty()
    if columns is not None:
        import fcntl
        import struct
        import termios

        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    started = subprocess.Popen(
        command(*arguments), cwd=folder, env=variables(**more), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return started.wait(timeout=60), shown.decode(errors="replace")


@pytest.fixture
def checked(tmp_path):
    """A command that prints a table, and how it ends: of accuracies of about 90%, held against 10 or 99%."""
    store = save_run(tmp_path / "run", [done(cell(seed=seed), correct(0.9, seed)) for seed in range(3)])

    def arguments(bound=0.1):
        (tmp_path / "thresholds.toml").write_text(
            f'[[threshold]]\ndata = "{store.manifest().data.fingerprint}"\nmodel = "mlp"\ntrain_size = 100\n'
            f'metric = "test_accuracy"\nmin = {bound}\n'
        )
        return ("check", "run", "--thresholds", "thresholds.toml")

    return arguments


def test_forced_colours_draw_no_bars_in_a_log_and_no_encoding_loses_a_letter(hexbench, tiny):
    forced = {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1", "CLICOLOR_FORCE": "1"}
    done = hexbench(*tiny, **forced, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "Report: " in done.stdout
    assert not REDRAWN.search(done.stdout + done.stderr)
    assert "digits" in done.stdout and "?" not in done.stdout


@pytest.mark.parametrize(
    ("columns", "more"),
    [(0, {}), (80, {"COLUMNS": "0"}), (30, {}), (200, {"TERM": "dumb"})],
    ids=["no column", "none by COLUMNS", "narrow", "dumb"],
)
def test_odd_terminals_show_the_result(checked, tmp_path, columns, more):
    code, shown = on_terminal(tmp_path, checked(), columns, **more)
    assert code == 0, shown
    assert "1 kept." in shown
    assert "0.9080" in shown, "no number is cut"


def test_a_terminal_that_cannot_move_its_cursor_gets_no_bars(tiny, tmp_path):
    code, shown = on_terminal(tmp_path, tiny, 100, TERM="dumb")
    assert code == 0, shown
    assert "Report: " in shown
    assert not REDRAWN.search(shown.replace("\r\n", "\n"))


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-16"])
def test_other_encodings(checked, encoding, tmp_path):
    done = subprocess.run(
        command(*checked()),
        cwd=tmp_path,
        env=variables(PYTHONIOENCODING=encoding),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.decode(encoding)
    assert "0.9080" in said and "0.1" in said and "?" not in said


def test_a_reader_that_leaves_early_ends_no_run(tiny, tmp_path):
    started = begun(tmp_path, tiny)
    started.stdout.close()
    errors = started.stderr.read()
    started.stderr.close()
    assert started.wait(timeout=120) == 0, errors
    assert errors == ""
    assert len(Store(tmp_path / "run").planned()) == 1
    assert (tmp_path / "run/report.html").is_file()


@pytest.mark.parametrize("stream", [">&- 2>&- <&-"])
def test_streams_that_are_closed(tiny, tmp_path, stream):
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {stream}', "sh", *command(*tiny)],
        cwd=tmp_path,
        env=variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(Store(tmp_path / "run").planned()) == 1


@pytest.mark.parametrize("arguments", [("--help",), ("--suite", "smoke", "--plan", "--data", "digits")])
def test_output_that_cannot_be_stored_is_named(tmp_path, arguments):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command(*arguments),
            cwd=tmp_path,
            env=variables(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.decode() == "Error: standard output: No space left on device.\n"


def test_output_and_errors_that_cannot_be_stored(checked, tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command(*checked()), cwd=tmp_path, env=variables(), stdout=full, stderr=full, check=False
        )
    assert done.returncode == 2


@pytest.mark.parametrize(("bound", "code"), [(0.1, 0), (0.99, 1)])
def test_a_check_whose_reader_leaves_keeps_its_exit_code(checked, tmp_path, bound, code):
    """`check DIR | head -1` must not turn a regression into something else, nor the reverse."""
    ours, theirs = os.pipe()
    os.close(ours)
    ended = subprocess.run(
        command(*checked(bound)),
        cwd=tmp_path,
        env=variables(),
        stdout=theirs,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(theirs)
    assert ended.returncode == code, ended.stderr
    assert ended.stderr == b""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGXCPU, 152)])
def test_a_closed_terminal_ends_a_run_in_order(tmp_path, number, code):
    many = ("--sweep", "svm: train_size=1000 seeds=200", "--data", "digits", "--out", "run")
    before = signal.signal(number, lambda *_: None)  # under nohup the child would not hear it
    try:
        started = begun(tmp_path, many)
    finally:
        signal.signal(number, before)
    until = time.monotonic() + 60
    while not list((tmp_path / "run").glob("cells/*.json")) and time.monotonic() < until:
        time.sleep(0.05)
    started.send_signal(number)
    said, errors = started.communicate(timeout=60)
    assert started.returncode == code, errors
    assert "The same command goes on from there." in said
    assert Store(tmp_path / "run").planned()


def test_a_long_count_without_a_terminal_says_how_far_it_is(monkeypatch, capsys):
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    with progress.count_bar("Reading images", standard_output()) as bar:
        bar.total = 4
        for _ in range(4):
            bar.update(1)
    assert capsys.readouterr().out.split("\n")[:4] == [
        f"Reading images: {share}%" for share in (25, 50, 75, 100)
    ]
