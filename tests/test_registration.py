"""What verdicts depend on, and whether it changed since a run began."""

import shutil
from dataclasses import replace

import msgspec
import pytest
from analyse.runs import manifest_of
from conftest import ROOT
from engine import imports
from hexbench import registration, study
from hexbench.plan.models import known_models
from hexbench.plan.sweeps import read_suite
from hexbench.registration import CODE, changed, registered, statement

STUDY = study.load("digit_recognizer")
SUITE = read_suite(STUDY.suites["quick"], known_models())


@pytest.fixture
def code(tmp_path, monkeypatch):
    """A copy of the modules that judge."""
    for name in CODE:
        shutil.copy(ROOT / "bench" / "analyse" / f"{name}.py", tmp_path)
    monkeypatch.setattr(registration, "FOLDER", tmp_path)
    return tmp_path


def edited(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_every_module_that_judges_the_claims_and_the_suite_have_a_digest():
    found = registered(STUDY, SUITE)
    assert {"study.toml", "suite", "analyse/rules.py", "analyse/intervals.py"} < set(found)
    assert "digit_recognizer/rules.py" in found, "the study's own rules"
    assert all(len(digest) == 64 for digest in found.values())
    assert "suite" not in registered(STUDY)


def test_all_that_judging_imports_of_the_analysis_is_registered():
    found, waiting = set(), {"claims"}
    while waiting:
        name = waiting.pop()
        found.add(name)
        targets = imports((ROOT / "bench" / "analyse" / f"{name}.py").read_text())
        waiting |= {t.split(".")[2] for t in targets if t.startswith("hexbench.analyse.")} - found
    assert found == set(CODE)


def test_a_comment_a_docstring_or_another_layout_is_no_change(code):
    before = registered(STUDY)
    edited(code / "rules.py", "MARGIN = 0.015", "# The margin.\nMARGIN = (\n    0.015\n)")
    edited(code / "rules.py", '"""Above a bound."""', '"""Whether it is above a bound."""')
    assert changed(before, registered(STUDY)) == []


def test_another_number_or_another_step_is_a_change_of_that_file(code):
    before = registered(STUDY)
    edited(code / "rules.py", "MARGIN = 0.015", "MARGIN = 0.016")
    edited(code / "intervals.py", "count - 1)", "count - 2)")
    assert changed(before, registered(STUDY)) == ["analyse/intervals.py", "analyse/rules.py"]


def test_another_bound_of_a_claim_or_sweep_of_the_suite_is_a_change():
    before = registered(STUDY, SUITE)
    claims = [dict(entry) for entry in STUDY.content["claim"]]
    claims[3]["margin"] = 0.02
    other = replace(STUDY, content={**STUDY.content, "claim": claims})
    assert changed(before, registered(other, SUITE)) == ["study.toml"]
    fewer = replace(SUITE, sweeps=SUITE.sweeps[1:])
    assert changed(before, registered(STUDY, fewer)) == ["suite"]
    assert changed(before, registered(STUDY)) == [], "a suite that is not known now"


def test_the_report_says_whether_the_rules_are_those_of_the_beginning(code):
    manifest = manifest_of([])
    assert "before rules were registered" in statement(manifest, STUDY)
    began = msgspec.structs.replace(manifest, rules=registered(STUDY), began="2026-11-26 10:00 UTC")
    assert statement(began, STUDY) == (
        "The rules are those that were registered when measuring began, 2026-11-26 10:00 UTC."
    )
    edited(code / "rules.py", "MARGIN = 0.015", "MARGIN = 0.016")
    said = statement(began, STUDY)
    assert said.startswith("Changed since the rules were registered, 2026-11-26 10:00 UTC: analyse/rules.py")
