"""JUnit XML as a real reader of it sees it, and the lines that GitHub Actions turns into annotations."""

import pytest
from hexbench.analyse.thresholds import Finding
from hexbench.report.junit import annotations, junit
from junitparser import Error, Failure, JUnitXml, Skipped

KEPT = Finding("made-up, cnn, epochs=3", "test_accuracy", 0.9, None, 0.95, 3)
BROKEN = Finding("made-up, mlp", "test_accuracy", 0.9, 0.96, 0.8712, 3)
FAILED = Finding("made-up, svm", "cv_score", None, 0.5, None, 0, failed=2)
NOT_MEASURED = Finding("made-up, cnn, epochs=50", "test_loss", None, 0.5, None, 0)
FINDINGS = [KEPT, BROKEN, FAILED, NOT_MEASURED]


def read(tmp_path, *arguments):
    file = tmp_path / "junit.xml"
    file.write_text(junit(*arguments), encoding="utf-8")
    (suite,) = JUnitXml.fromfile(str(file))
    return suite


def test_a_reader_of_junit_finds_a_case_a_threshold(tmp_path):
    suite = read(tmp_path, FINDINGS, [], "made-up")
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (4, 1, 1, 1)
    cases = list(suite)
    assert [case.name for case in cases] == [f"{f.metric} of {f.where}" for f in FINDINGS]
    assert {case.classname for case in cases} == {"hexbench.made-up"}
    assert cases[0].is_passed
    assert [type(case.result[0]) for case in cases[1:]] == [Failure, Error, Skipped]
    assert cases[1].result[0].message == (
        "made-up, mlp: test_accuracy is allowed 0.9 to 0.96, measured 0.8712."
    )
    assert cases[2].result[0].message.endswith("not measured, and 2 of its cells failed.")


def test_missing_cells_are_an_error_that_names_them(tmp_path):
    suite = read(tmp_path, [KEPT], ["cnn, seed 1", "svm, seed 0"], "made-up")
    assert (suite.tests, suite.errors) == (2, 1)
    error = list(suite)[1].result[0]
    assert error.message.startswith("Planned cells that are missing or failed: 2.")
    assert error.text == "cnn, seed 1\nsvm, seed 0"


def test_names_cannot_break_the_file(tmp_path):
    where = 'a<b>&"c\x1b[31m\ud800'
    finding = Finding(where, "test_accuracy", 0.9, None, 0.5, 1)
    (case,) = read(tmp_path, [finding], [], "<&\x00>")
    assert case.name == 'test_accuracy of a<b>&"c\ufffd[31m\ufffd'
    assert case.classname == "hexbench.<&\ufffd>"


def test_annotations_have_the_level_of_their_finding():
    lines = annotations(FINDINGS, ["cnn, seed 1"])
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::notice", "::error"]
    assert lines[0] == (
        "::error title=hexbench%3A test_accuracy BROKEN::"
        "made-up, mlp: test_accuracy is allowed 0.9 to 0.96, measured 0.8712."
    )
    assert lines[3].endswith("to its end.%0Acnn, seed 1")
    assert annotations([KEPT], []) == []


@pytest.mark.parametrize("findings", [[], [NOT_MEASURED]])
def test_nothing_checked_is_a_warning(findings):
    assert annotations(findings, [])[-1].startswith("::warning title=hexbench%3A nothing checked::")


def test_an_annotation_cannot_end_early_or_start_another():
    evil = Finding("100%\r\n::error title=a,b::x", "test_accuracy", 0.9, None, 0.5, 1)
    (line,) = annotations([evil], [])
    assert len(line.splitlines()) == 1
    title, message = line.removeprefix("::error title=").split("::", 1)
    assert title == "hexbench%3A test_accuracy BROKEN"
    assert message.startswith("100%25%0D%0A::error title=a,b::x: test_accuracy")
