"""The same comparison as text, as Markdown and as JSON."""

import json

import pytest
from analyse.runs import cnns, dropped, run_of
from analyse.sound import hits, network, svm

from bench.analyse.compare import compare
from bench.plan.spec import GRID
from bench.report.comparison import FORMATS


@pytest.fixture
def shown(capsys):

    def show(form, first, second):
        FORMATS[form](compare(first, second))
        return capsys.readouterr().out

    return show


def two_runs():
    """A CNN that falls, an SVM that stays, a network of one seed, and a record that is no good."""
    before = [*cnns(range(4)), svm(hits(0.9, 0)), network("mlp", hits(0.8, 5), train_size=100)]
    after = [
        *cnns(range(4), drop=0.05),
        svm(hits(0.9, 0)),
        network("mlp", dropped(hits(0.8, 5), 0.3), train_size=100),
        network("mlp", hits(0.8, 0), batch_size=32),
    ]
    after[3]["metrics"]["test_accuracy"] = 0.1
    return run_of(before, "a_b"), run_of(after, "c|d", packages={"jax": "0.11"})


def test_json_is_one_object_with_all_there_is(shown):
    found = json.loads(shown("json", *two_runs()), parse_constant=pytest.fail)
    assert (found["first"]["folder"], found["second"]["folder"]) == ("a_b", "c|d")
    assert found["data"] == {"name": "made-up", "fingerprint": "f" * 64}
    assert found["environment"] == ["packages.jax: 0.10 → 0.11"]
    assert found["counts"] == {
        "compared": 3, "fallen": 2, "better": 0, "under_one_point": 0, "no_difference_shown": 0,
        "identical": 1, "only_first": 0, "only_second": 1, "times": 4,
    }  # fmt: skip
    cnn = next(d for d in found["accuracy"] if d["identity"]["model"] == "cnn")
    assert cnn["identity"] == {
        "model": "cnn", "protocol": "nested", "fit": None, "images": None, "classes": None,
        "train_size": 7_000, "batch_size": 16, "epochs": 3,
    }  # fmt: skip
    assert cnn["first"] - cnn["second"] == pytest.approx(0.05) == -cnn["difference"]
    assert cnn["low"] < cnn["difference"] < cnn["high"] < 0
    assert (cnn["seeds"], cnn["verdict"]) == (3, "REGRESSION"), (
        "the fourth seed's record is no good"
    )
    times = {(t["identity"]["model"], t["time"]): t for t in found["time"]}
    assert times["cnn", "epoch_s"]["ratio"] == pytest.approx(1, rel=0.01)
    assert times["cnn", "epoch_s"]["runs"] == [4, 3]
    assert times["svm", "train_s"]["low"] is times["svm", "train_s"]["high"] is None
    (bad,) = found["second"]["left_out"]
    assert "confusion matrix" in bad["reason"]


def test_text_says_what_fell_what_differs_and_what_was_left_out(shown):
    text = shown("text", *two_runs())
    lines = text.splitlines()
    what = "CNN, 7,000 images, batches of 16, 3 epochs "
    (fallen,) = (line for line in lines if what in line and "REGRESSION" in line)
    assert "-5.00" in fallen
    assert any("1 *" in line and "MLP, 100 images" in line for line in lines)
    assert "differs: packages.jax: 0.10 → 0.11" in lines
    assert any(line.startswith("left out of c|d: cell ") for line in lines)
    assert lines[-1] == "3 compared, 2 fallen."


def test_markdown_has_the_same_rows_and_keeps_names_in_their_cells(shown):
    page = shown("markdown", *two_runs())
    assert page.startswith("# c\\|d beside a\\_b\n")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert sum("REGRESSION" in row for row in rows) == 2
    assert len({row.replace("\\|", "").count("|") for row in rows}) == 1
    assert "- 3 compared, 2 fallen." in page


def test_cells_are_named_by_all_that_tells_them_apart(shown):
    right = hits(0.9, 0)
    task = {"train_size": 80, "images": 100, "stopped_at": 2}
    records = [
        svm(right[:30], fit=GRID, train_size=70, images=100, protocol="report"),
        network("cnn", right, protocol="validated", **task),
        network("cnn", right, protocol="simpler", classes=2, **task),
    ]
    text = shown("text", run_of(records), run_of(records))
    for words in (
        "SVM, 70 of 100 images, the report's protocol, grid",
        "CNN, 80 of 100 images, batches of 16, stopped by validation",
        "CNN, 80 of 100 images, 2 classes, batches of 16",
    ):
        assert words in text


def test_nothing_alike_is_said(shown):
    first, second = run_of(cnns([0]), "a"), run_of([svm(hits(0.9, 0))], "b")
    assert "Nothing to compare: a and b measured nothing alike." in shown("text", first, second)
    found = json.loads(shown("json", first, second))
    assert (found["accuracy"], found["counts"]["compared"]) == ([], 0)


def test_many_records_that_do_not_count_are_not_a_wall_of_lines(shown):
    records = cnns(range(30))
    for record in records[1:]:
        record["status"], record["error"] = "failed", "no"
    text = shown("text", run_of(records, "a"), run_of(cnns([0])))
    assert sum(line.startswith("left out of a: ") for line in text.splitlines()) == 21
    assert "left out of a: 9 more" in text
