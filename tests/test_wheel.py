"""The wheel: one name at the top level, everything in it, and no quarrel with its neighbours."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import PurePosixPath

import pytest
from conftest import ROOT

pytestmark = pytest.mark.slow

SOURCES = ("bench", "models", "pyproject.toml", "setup.py", "README.md", "LICENSE")


def run(*command, cwd, check=True, **environment):
    inherited = {k: v for k, v in os.environ.items() if k not in ("HEXBENCH_DATA", "PYTHONPATH")}
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy of the sources: what an earlier build left must not get into it."""
    copy, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("dist")
    for name in SOURCES:
        whole = ROOT / name
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(whole, copy / name, ignore=ignored) if whole.is_dir() else shutil.copy(whole, copy)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    run(*pip, "--wheel-dir", out, copy, cwd=copy)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """A folder that it is installed into, inside another project's repository."""
    project = tmp_path_factory.mktemp("project")
    for command in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message", "theirs")):
        (project / "theirs.txt").write_text("theirs")
        run("git", "-c", "user.name=n", "-c", "user.email=e@f", *command, cwd=project)
    target = project / "lib"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    run(*pip, "--target", target, wheel, cwd=project)
    return target


@pytest.fixture
def foreign(tmp_path):
    """A folder with packages of the names that this repository's folders have."""
    for name in ("models", "bench", "tests", "hexbench_results"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise ImportError('the user\\'s own {name}')\n")
    (tmp_path / "conftest.py").write_text("raise ImportError\n")
    return tmp_path


def hexbench(site, cwd, *arguments, **options):
    command = (sys.executable, site / "bin" / "hexbench", *arguments)
    return run(*command, cwd=cwd, PYTHONPATH=os.pathsep.join((".", str(site))), **options)


def test_nothing_at_the_top_level_but_one_name(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {PurePosixPath(name).parts[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"hexbench"}
    assert len(tops) == 2


def test_all_that_the_sources_have_is_in_it(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = set()
    for folder, package in (("bench", "hexbench"), ("models", "hexbench/models")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
                expected.add(f"{package}/{path.relative_to(ROOT / folder).as_posix()}")
    assert expected <= names
    assert {name for name in names if name.startswith("hexbench/")} == expected
    kinds = {PurePosixPath(name).suffix for name in expected}
    assert {".toml", ".html"} <= kinds or {".toml", ".j2"} <= kinds
    for wanted in ("study.toml", "thresholds.toml", "suites/smoke.toml", "suites/full.toml"):
        assert f"hexbench/studies/digit_recognizer/{wanted}" in names


def test_it_runs_beside_packages_of_the_same_names(site, foreign):
    code = (
        "import hexbench, sys; from hexbench.models import CNNClassifier, entries; "
        "print(hexbench.__file__, CNNClassifier.name, sorted(entries()))"
    )
    said = run(sys.executable, "-c", code, cwd=foreign, PYTHONPATH=os.pathsep.join((".", str(site)))).stdout
    assert said.startswith(str(site)), "the wheel, not this repository"
    assert "cnn" in said and "svm_grid" in said
    plan = hexbench(site, foreign, "--suite", "smoke", "--plan").stdout
    assert "4 cells" in plan
    run_ = hexbench(site, foreign, "--suite", "smoke", "--data", "synthetic:200", "--only", "model=svm")
    assert "Report:" in run_.stdout
    out = foreign / "results" / "smoke"
    assert (out / "report.html").is_file()
    records = [json.loads(path.read_text()) for path in (out / "cells").iterdir()]
    assert {r["status"] for r in records} == {"done"}
    assert {r["environment"].get("commit") for r in records} == {None}
    assert hexbench(site, foreign, "check", out, check=False).returncode == 4
    studied = hexbench(site, foreign, "--study", "sklearn_digits", "--suite", "full", "--plan").stdout
    assert "cells" in studied


def test_its_processes_apart_run_beside_them_too(site, foreign):
    limited = ("--time-limit", "100", "--only", "model=svm_grid")
    done = hexbench(site, foreign, "--suite", "smoke", "--data", "synthetic:200", *limited)
    assert "Report:" in done.stdout


def test_the_commit_of_another_project_is_not_recorded_as_ours(site):
    git = run("git", "rev-parse", "HEAD", cwd=site).stdout.strip()
    assert len(git) == 40, "it lies in a repository"
    found = json.loads(hexbench(site, site.parent, "env").stdout)
    assert found.get("commit") is None
    assert git not in json.dumps(found)


def test_a_clones_commit_is_recorded():
    """So that the test above can fail."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    found = json.loads(run(sys.executable, ROOT / "run_benchmarks.py", "env", cwd=ROOT).stdout)
    head = run("git", "rev-parse", "HEAD", cwd=ROOT).stdout.strip()
    assert found["commit"].removesuffix("-dirty") == head
