"""`compare` on folders of made-up records, in a fresh process each."""

import json

import pytest
from analyse.runs import cnns, folder_of
from analyse.sound import hits, svm


@pytest.fixture
def folder(tmp_path):
    return folder_of(tmp_path / "a", cnns(range(3)))


def test_compare_says_by_its_exit_code_whether_accuracy_fell(hexbench, folder, tmp_path):
    folder_of(tmp_path / "b", cnns(range(3), drop=0.05), packages={"jax": "0.11"})
    fallen = hexbench("compare", "a", "b")
    assert fallen.returncode == 1, fallen.stderr
    assert "1 compared, 1 fallen." in fallen.stdout
    assert "differs: packages.jax: 0.10 → 0.11" in fallen.stdout
    assert hexbench("compare", "b", "a").returncode == 0
    same = hexbench("compare", "a", "a", "--format", "markdown")
    assert (same.returncode, "| identical |" in same.stdout) == (0, True)
    found = hexbench("compare", "a", "b", "--format", "json")
    assert (found.returncode, found.stderr) == (1, "")
    assert [d["verdict"] for d in json.loads(found.stdout)["accuracy"]] == ["REGRESSION"]


def test_times_alone_never_fail(hexbench, folder, tmp_path):
    folder_of(tmp_path / "b", cnns(range(3), times={"epoch_s": 99.0, "train_s": 297.0}))
    slow = hexbench("compare", "a", "b")
    assert slow.returncode == 0
    assert "99" in slow.stdout


def test_compare_refuses_what_it_cannot_compare(hexbench, folder, tmp_path):
    folder_of(tmp_path / "b", [svm(hits(0.9, 0))])
    nothing = hexbench("compare", "a", "b", "--format", "json")
    assert nothing.returncode == 4
    assert json.loads(nothing.stdout)["accuracy"] == []
    manifest = tmp_path / "b" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("f" * 64, "e" * 64))
    for wrong, word in (
        (("a", "b"), "different images"),
        (("a", "gone"), "gone"),
        (("a", "a", "--format", "xml"), "xml"),
    ):
        done = hexbench("compare", *wrong)
        assert done.returncode == 2
        assert word in done.stderr.strip().splitlines()[-1]
