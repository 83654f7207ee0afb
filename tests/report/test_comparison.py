"""The same comparison as text, as Markdown and as JSON."""

import json

import pytest
from analyse.runs import cnns, dropped, run_of, with_data
from analyse.sound import broken, correct, grid, network, svm
from hexbench.analyse.compare import compare
from hexbench.report.comparison import FORMATS


@pytest.fixture
def shown(capsys):

    def show(form, first, second, margin=None):
        FORMATS[form](compare(first, second), margin)
        return capsys.readouterr().out

    return show


def two_runs():
    """A CNN that falls, an SVM that stays, a network of one seed, and a record that failed."""
    before = [*cnns(range(4)), svm(correct(0.9, 0)), network("mlp", correct(0.8, 5), train_size=100)]
    after = [
        *cnns(range(4), drop=0.05),
        svm(correct(0.9, 0)),
        network("mlp", dropped(correct(0.8, 5), 0.3), train_size=100),
        network("mlp", correct(0.8, 0), batch_size=32),
    ]
    after[3] = broken(after[3])
    return run_of(before, "a_b"), run_of(after, "c|d", packages={"jax": "0.11"})


def test_json_is_one_object_with_all_there_is(shown):
    found = json.loads(shown("json", *two_runs()), parse_constant=pytest.fail)
    assert (found["first"]["folder"], found["second"]["folder"]) == ("a_b", "c|d")
    assert found["data"] == {"name": "made-up", "fingerprint": "f" * 64}
    assert found["environment"] == ["packages.jax: 0.10 → 0.11"]
    assert found["counts"] == {
        "compared": 3,
        "fallen": 2,
        "better": 0,
        "under_one_point": 0,
        "no_difference_shown": 0,
        "identical": 1,
        "only_first": 0,
        "only_second": 1,
        "times": 3,
    }
    cnn = next(d for d in found["accuracy"] if d["identity"]["model"] == "cnn")
    assert cnn["identity"] == {
        "model": "cnn",
        "train_size": 7_000,
        "images": None,
        "classes": None,
        "early_stopping": False,
        "params_from": None,
        "varied": "",
        "split": 42,
        "test_size": 0.3,
        "params.channels": [64, 32],
        "params.kernel_size": 3,
        "params.activation": "relu",
        "params.learning_rate": 0.001,
        "params.batch_size": 16,
        "params.epochs": None,
        "epochs": 3,
    }
    assert cnn["first"] - cnn["second"] == pytest.approx(0.05) == -cnn["difference"]
    assert cnn["low"] < cnn["difference"] < cnn["high"] < 0
    assert (cnn["seeds"], cnn["verdict"]) == (3, "REGRESSION"), "the fourth seed failed"
    times = {(t["identity"]["model"], t["time"]): t for t in found["time"]}
    assert times["cnn", "epoch_s"]["ratio"] == pytest.approx(1, rel=0.01)
    assert times["cnn", "epoch_s"]["runs"] == [4, 3]
    assert "epochs" not in times["cnn", "epoch_s"]["identity"]
    assert times["svm", "train_s"]["low"] is times["svm", "train_s"]["high"] is None
    (failed,) = found["second"]["left_out"]
    assert failed["reason"] == "it failed: ValueError: no"


def test_text_says_what_fell_what_differs_and_what_was_left_out(shown):
    text = shown("text", *two_runs())
    lines = text.splitlines()
    (fallen,) = (line for line in lines if "CNN, 3 epochs " in line and "REGRESSION" in line)
    assert "-5.00" in fallen
    assert any("MLP, 3 epochs, 100 images" in line for line in lines)
    assert "Test accuracy: headline settings" in text
    assert "Test accuracy: all other settings" in text
    assert "differs: packages.jax: 0.10 → 0.11" in lines
    assert any(line.startswith("left out of c|d: cell ") for line in lines)
    assert lines[-1] == "3 compared, 2 fallen."


def test_markdown_has_the_same_rows_and_keeps_names_in_their_cells(shown):
    page = shown("markdown", *two_runs())
    assert page.startswith("# c\\|d compared with a\\_b\n")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert sum("REGRESSION" in row for row in rows) == 2
    assert {row.replace("\\|", "").count("|") for row in rows} == {7, 8}, "times and accuracies"
    assert "- 3 compared, 2 fallen." in page


def test_a_margin_is_judged_for_every_row(shown):
    text = shown("text", *two_runs(), margin=0.01)
    assert "not worse by more than 1 pp" in text
    assert "Headline settings not worse by more than 1 points: 1 shown, 0 not shown, 1 worse." in text
    found = json.loads(shown("json", *two_runs(), margin=0.01))
    assert {d["not_worse"] for d in found["accuracy"]} >= {"shown", "worse"}


def test_cells_are_named_by_all_that_tells_them_apart(shown):
    right = correct(0.9, 0)
    early = {"train_size": 100, "held_out": 20, "epochs": 9, "stopped_at": 2}
    records = [
        grid(right[:30], images=100),
        network("cnn", right, **early),
        network("cnn", right, classes=2, learning_rate=0.5, **early),
    ]
    text = shown("text", run_of(records), run_of(records))
    for words in (
        "SVM grid, 100 images split again",
        "CNN, early stopping, 80 images ",
        "CNN, early stopping, learning_rate=0.5, 80 images, 2 classes",
    ):
        assert words in text


def test_nothing_alike_is_said(shown):
    first, second = run_of(cnns([0]), "a"), run_of([svm(correct(0.9, 0))], "b")
    assert "Nothing to compare: a and b measured nothing alike." in shown("text", first, second)
    found = json.loads(shown("json", first, second))
    assert (found["accuracy"], found["counts"]["compared"]) == ([], 0)


def test_many_records_that_do_not_count_are_not_a_wall_of_lines(shown):
    records = cnns(range(30))
    records = [records[0], *map(broken, records[1:])]
    text = shown("text", run_of(records, "a"), run_of(cnns([0])))
    assert sum(line.startswith("left out of a: ") for line in text.splitlines()) == 21
    assert "left out of a: 9 more" in text


def test_names_of_data_do_no_harm(shown):
    data = with_data(name="a|b\x1b[31m")
    page = shown("markdown", run_of(cnns([0]), data=data), run_of(cnns([0]), data=data))
    assert "a\\|b" in page
    assert "\x1b" not in page
