"""What a terminal shows: the plan, the headline of a run, findings."""

from io import StringIO

import pytest
from analyse.sound import correct, network
from analyse.whole_run import run
from cells import cell
from hexbench.analyse.runs import Runs
from hexbench.analyse.thresholds import Finding
from hexbench.data.dataset import Split
from hexbench.models import entries
from hexbench.plan.cost import Expectation
from hexbench.plan.suites import Images, Plan
from hexbench.report.terminal import headline, print_findings, print_plan, standard_output
from report.made_up import FOREST, forest, save_run
from rich.console import Console


def runs_of(store):
    return Runs.of(store.manifest(), store.planned())


@pytest.fixture
def console():
    return Console(file=StringIO(), width=200)


def test_a_headline_has_every_model_and_what_was_varied(tmp_path, console):
    headline(runs_of(save_run(tmp_path, [*run(), forest()], {"forest": FOREST}, name="data")), console)
    text = console.file.getvalue()
    for words in (
        "Models · data",
        "Results by epochs · data",
        "Results by batch_size",
        "Forêt <1>",
        "SVM grid",
    ):
        assert words in text


def test_two_learning_rates_are_seen_at_once(tmp_path, console):
    records = [
        network("mlp", correct(0.9, s), seed=s, learning_rate=rate) for rate in (0.001, 0.01) for s in (0, 1)
    ]
    headline(runs_of(save_run(tmp_path, records)), console)
    rows = console.file.getvalue().split("Results by learning_rate")[1].splitlines()
    assert [line.split("│")[4].strip() for line in rows if "MLP" in line] == ["0.001", "0.01"]


def test_names_cannot_steer_the_terminal(tmp_path, console):
    headline(runs_of(save_run(tmp_path, run(), name="a\x1b[31mb\nc")), console)
    assert "\x1b" not in console.file.getvalue()


def test_a_plan_lists_its_cells_with_their_time(console):
    models, cells = entries(), (cell("mlp", 300), cell("cnn", 300, learning_rate=0.5))
    plan = Plan(cells, ("one is left out",))
    print_plan(plan, models, Expectation(Images(1_000, Split(), 300), models), console)
    text = console.file.getvalue()
    assert text.startswith("2 cells\n")
    assert "learning_rate=0.5" in text
    assert "one is left out" in text
    assert text.count(" s │") == 2


def test_findings_stand_beside_what_is_allowed(console):
    print_findings([Finding("here, cnn", "test_accuracy", 0.9, None, 0.8712, 3)], console)
    text = console.file.getvalue()
    assert all(words in text for words in ("here, cnn", "≥ 0.9", "0.8712", "BROKEN"))


def test_names_between_colons_are_no_pictures(capsys):
    """Of a file and a class, as in `mine.py:A: 3 passed`."""
    standard_output().print("mine.py:A: 3 passed", markup=False, highlight=False)
    assert capsys.readouterr().out == "mine.py:A: 3 passed\n"
