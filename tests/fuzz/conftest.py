import sys

import pytest
from fuzz.tried import REFUSED, TRACEBACKS, TRIED, attempt, is_sentence
from hexbench.cli import main


def pytest_terminal_summary(terminalreporter):
    if TRIED:
        terminalreporter.section("inputs tried")
        for reader, count in sorted(TRIED.items()):
            terminalreporter.write_line(
                f"{reader}: {count:,} inputs, {REFUSED[reader]:,} refused, {TRACEBACKS[reader]} tracebacks"
            )
        terminalreporter.write_line(f"all: {TRIED.total():,} inputs, {TRACEBACKS.total()} tracebacks")


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """Runs a command line in this process, in an empty folder; returns its exit code and what it said.

    Exit code 2 comes with one sentence, which must hold `names`. Anything but an exit is a traceback.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEXBENCH_DATA", raising=False)

    def run(reader, *arguments, names=()):
        monkeypatch.setattr(sys, "argv", ["run_benchmarks.py", *map(str, arguments)])
        capsys.readouterr()
        code = attempt(reader, "", _exit_code)
        said = capsys.readouterr()
        if code == 2:
            REFUSED[reader] += 1
            assert said.err.count("\n") == 1
            is_sentence(said.err.removeprefix("Error: ").rstrip("\n"), *names)
        return code, said.out

    return run


def _exit_code():
    try:
        main()
    except SystemExit as ended:
        return ended.code or 0
    raise AssertionError("the command line ends without an exit code")
