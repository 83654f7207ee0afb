"""Things are told apart by what they are: images by their fingerprint, code by its own commit."""

import os
import shutil
import stat
import subprocess

import pytest
from cells import manifest
from conftest import ROOT, blobs
from hexbench.analyse.runs import Runs
from hexbench.analyse.thresholds import NOT_MEASURED, check, load
from hexbench.data import card as cards
from hexbench.errors import BadInput
from hexbench.measure import environment
from hexbench.study import load as load_study
from hexbench.study import of_run

STUDY = load_study("digit_recognizer")
HEX2024 = STUDY.sources.known["hex2024"].fingerprint


@pytest.fixture
def asked_anew():
    """What is asked once for each process is asked again, before and after."""
    environment.commit.cache_clear()
    yield
    environment.commit.cache_clear()


def verified(folder):
    source = STUDY.sources.resolve(str(folder))
    return cards.verify(source.load(), source.card, STUDY.sources.known, None)


def test_real_images_are_known_whatever_their_folder_is_called(hex2024_folder, tmp_path):
    (tmp_path / "data").symlink_to(hex2024_folder)
    assert "hex2024" in verified(tmp_path / "data")


def test_other_images_in_a_folder_of_a_known_name_are_other_images(save_course):
    with pytest.raises(BadInput, match="no fingerprint of hex2024 is recorded, and it is none of hex2024, "):
        verified(save_course(*blobs(60), "hex2024"))


def test_thresholds_go_by_fingerprint():
    """Names are for people: the same images under another name are held against them, others are not."""
    findings = {
        name: check(Runs.of(manifest([], name=name, fingerprint=fingerprint), []), load(STUDY.thresholds))
        for name, fingerprint in (("data", HEX2024), ("hex2024", "e" * 64))
    }
    assert findings["data"] and {f.verdict for f in findings["data"]} == {NOT_MEASURED}
    assert findings["hex2024"] == []


def git(folder, *arguments):
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", folder, *author, *arguments], check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path, monkeypatch, asked_anew):
    """A repository that hexbench takes for its own."""
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "run_benchmarks.py").write_text("1")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    monkeypatch.setattr(environment, "ROOT", folder)
    return folder


def test_the_commit_of_a_clone(clone):
    commit = environment.commit()
    assert commit and not commit.endswith("-dirty")
    (clone / "run_benchmarks.py").write_text("2")
    environment.commit.cache_clear()
    assert environment.commit() == f"{commit}-dirty"


def test_another_project_that_variables_name_is_not_ours(clone, tmp_path, monkeypatch):
    commit = environment.commit()
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    git(other, "commit", "-q", "--allow-empty", "-m", "of another project")
    for variables in (
        {"GIT_DIR": other / ".git"},
        {"GIT_DIR": other / ".git", "GIT_WORK_TREE": clone},
        {"GIT_INDEX_FILE": other / "nonexistent"},
    ):
        with monkeypatch.context() as set_:
            for name, value in variables.items():
                set_.setenv(name, str(value))
            environment.commit.cache_clear()
            assert environment.commit() == commit


def test_inside_another_project_there_is_no_commit(clone, monkeypatch):
    installed = clone / "lib/python/site-packages"
    installed.mkdir(parents=True)
    shutil.copy(ROOT / "run_benchmarks.py", installed)
    monkeypatch.setattr(environment, "ROOT", installed)
    assert environment.commit() is None


@pytest.mark.parametrize("answer", ["exit 128", "sleep 60"], ids=["fails", "is slow"])
def test_a_status_that_git_does_not_tell_is_not_a_clean_one(clone, tmp_path, monkeypatch, answer):
    real = shutil.which("git")
    false = tmp_path / "bin" / "git"
    false.parent.mkdir()
    false.write_text(f'#!/bin/sh\ncase "$*" in *" status "*) {answer};; *) exec {real} "$@";; esac\n')
    false.chmod(false.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{false.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(environment, "GIT_ANSWERS_WITHIN_S", 0.5)
    assert environment.commit() is None


def test_a_program_that_a_repository_names_is_not_run(clone, tmp_path):
    git(clone, "config", "core.fsmonitor", f"touch {tmp_path}/was_run; false")
    assert environment.commit()
    assert not (tmp_path / "was_run").exists()


def test_a_study_is_the_same_however_its_folder_is_typed(tmp_path, monkeypatch):
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "study.toml").write_text('title = "Mine"\n')
    monkeypatch.chdir(tmp_path)
    for typed in ("study", "./study", str(folder), "study/../study"):
        assert load_study("study").is_named(typed)
    assert not load_study("study").is_named("digit_recognizer")
    assert not STUDY.is_named("study")
    assert of_run("study", tmp_path / "run").title == "Mine"
    monkeypatch.chdir(folder)
    with pytest.raises(BadInput, match=r"was measured for the study study, which is not there.*--study"):
        of_run("study", tmp_path / "run")
