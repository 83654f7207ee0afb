"""A wrong Python says which one is needed; a report's command works as it stands."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from hexbench import process

SCRIPT = ROOT / "run_benchmarks.py"
NEWEST_TOO_OLD, OLDEST = (3, 10), (3, 8)


def other_pythons():
    """Interpreters of this machine that are not the tests' own."""
    folders = [*map(Path, os.get_exec_path()), *Path.home().glob(".pyenv/versions/*/bin")]
    found = {folder / "python3" for folder in folders if (folder / "python3").is_file()}
    return sorted(path for path in found if path.resolve() != Path(sys.executable).resolve())


def version_of(python):
    asked = [python, "-c", "import sys; print(*sys.version_info[:2])"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return tuple(map(int, done.stdout.split())) if done.returncode == 0 else None


def run(python, folder, script=SCRIPT):
    variables = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return subprocess.run(
        [python, "-S", script, "env"], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def test_old_versions_can_parse_the_entry_point():
    ast.parse(SCRIPT.read_text(), feature_version=OLDEST)


@pytest.mark.parametrize("python", other_pythons(), ids=str)
def test_a_python_that_cannot_run_it_says_what_can(python, tmp_path, ends_with):
    version = version_of(python)
    if version is None or version < OLDEST:
        pytest.skip("it does not start, or is older than any that is promised a sentence")
    done = run(python, tmp_path)
    if done.returncode == 0:
        pytest.skip("this one has hexbench")
    needed = "hexbench needs Python 3.11" if version <= NEWEST_TOO_OLD else "lacks hexbench"
    ends_with(done, needed, "run ")


def test_without_its_environment_the_entry_point_names_the_one_that_make_setup_made(tmp_path, ends_with):
    clone = tmp_path / "clone"
    clone.mkdir()
    shutil.copy(SCRIPT, clone)
    ends_with(run(sys.executable, clone, "run_benchmarks.py"), f"run `make setup` in {clone}")
    prepared = clone / ".venv/bin/python"
    prepared.parent.mkdir(parents=True)
    prepared.touch()
    ends_with(run(sys.executable, clone, "run_benchmarks.py"), "run .venv/bin/python run_benchmarks.py.")
    ends_with(
        run(sys.executable, tmp_path, "clone/run_benchmarks.py"), "run clone/.venv/bin/python clone/run_b"
    )


@pytest.mark.slow
def test_the_command_that_a_report_names_can_be_typed_again(tmp_path, tiny):
    command = [sys.executable, os.path.relpath(SCRIPT, tmp_path), *tiny[:-1], "my run"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    manifest = json.loads((tmp_path / "my run/manifest.json").read_text())
    again = subprocess.run(
        manifest["command"], shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, manifest["command"] + again.stderr
    assert "1 of 1 cells are stored already" in again.stdout


@pytest.mark.parametrize(
    ("python", "program", "found", "typed"),
    [
        ("{here}/.venv/bin/python", "run_benchmarks.py", {}, ".venv/bin/python run_benchmarks.py"),
        ("{here}/.venv/bin/python", "run_benchmarks.py", {"python"}, "python run_benchmarks.py"),
        (
            "/opt/env/bin/python3",
            "../clone/run_benchmarks.py",
            {"python3"},
            "python3 ../clone/run_benchmarks.py",
        ),
        (
            "/opt/env/bin/python3",
            "{here}/a b/run_benchmarks.py",
            {},
            "/opt/env/bin/python3 'a b/run_benchmarks.py'",
        ),
        ("/opt/env/bin/python3", "/opt/env/bin/hexbench", {"hexbench"}, "hexbench"),
        ("/opt/env/bin/python3", "/opt/env/bin/hexbench", {}, "/opt/env/bin/hexbench"),
    ],
)
def test_a_command_is_written_as_the_shell_finds_it(monkeypatch, tmp_path, python, program, found, typed):
    python, program = (text.format(here=tmp_path) for text in (python, program))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", python)
    monkeypatch.setattr(sys, "argv", [program, "--suite", "smoke"])
    places = {Path(path).name: path for path in (python, program)}
    places |= {"python": python}
    monkeypatch.setattr(shutil, "which", lambda name: places[name] if name in found else None)
    assert process.command_line() == f"{typed} --suite smoke"
