"""The committed reference run: whoever has a clone gets its verdicts from its packed records."""

import json
import shutil

import pytest
from conftest import ROOT

REFERENCE = ROOT / "results" / "reference" / "full-hex2024"


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(REFERENCE.parent / "peers", tmp_path / "peers")  # a reading takes speeds from there
    return shutil.copytree(REFERENCE, tmp_path / "run")


def verdicts(folder):
    return json.loads((folder / "verdicts.json").read_text())


def test_the_report_gives_the_committed_verdicts_and_the_rules_are_the_registered_ones(hexbench, copy):
    done = hexbench("report", copy)
    assert done.returncode == 0, done.stderr
    again = verdicts(copy)
    for old, new in zip(verdicts(REFERENCE), again, strict=True):
        assert (new["id"], new["verdict"], new["n"]) == (old["id"], old["verdict"], old["n"])
        assert new["measured"] == pytest.approx(old["measured"], rel=1e-6)
        assert [r["verdict"] for r in new["readings"]] == [r["verdict"] for r in old["readings"]]
    assert "not run" not in [verdict["verdict"] for verdict in again]
    assert "The rules are those that were registered when measuring began" in (copy / "report.md").read_text()


def test_check_and_compare_read_the_packed_records(hexbench, copy):
    checked = hexbench("check", copy)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    same = hexbench("compare", copy, REFERENCE)
    assert same.returncode == 0, same.stderr
    assert "0 fallen" in same.stdout
    assert not (REFERENCE / "cells").exists()
