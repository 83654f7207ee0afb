"""`python -m hexbench.peers` as a user runs it."""

import importlib

import pytest
from click.testing import CliRunner
from hexbench.measure.environment import environment
from hexbench.peers.report import Run
from hexbench.peers.roster import ROSTER
from peers.made_up import outcome

command = importlib.import_module("hexbench.peers.__main__")
DATA = ["--data", "synthetic:400"]


def run(*arguments):
    return CliRunner().invoke(command.main, list(map(str, arguments)))


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--models", "cnn,rnn"], "--models cnn,rnn: 'rnn' is none of cnn, mlp, svm."),
        (["--batch-sizes", "16,x"], "--batch-sizes 16,x: 'x' is no whole number above 0."),
        (["--batch-sizes", "0"], "--batch-sizes 0: '0' is no whole number above 0."),
        (["--svm-sizes", "200:none"], "--svm-sizes none: 'none' is no whole number above 0."),
        (["--svm-sizes", "281", "--without", "report-way"], "the data have 280 training images"),
        (["--svm-sizes", "100", "--without", "report-way"], "a grid search needs 170"),
        (["--device", "gpu", "--models", "svm"], "--models svm: 'svm' is none of cnn, mlp on a GPU."),
        (["--device", "gpu"], "--device gpu: JAX finds no NVIDIA GPU that it can use: "),
        (["--without", "hexbench"], "'hexbench' is not one of"),
        (["--data", "/no/such/folder"], "/no/such/folder"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments, fault, tmp_path):
    done = run(*DATA, "--out", tmp_path / "out", *arguments)
    assert done.exit_code == 2
    assert fault in done.output
    assert not (tmp_path / "out").exists()


def test_the_sizes_of_searches():
    def sizes(*arguments):
        return [(s.train_size, s.rounds) for s in command._svm_settings(*arguments)]

    assert sizes("2000", 3, 6883, True) == [(500, 3), (2000, 3)]
    assert sizes("6883:1,2000", 3, 6883, True) == [(500, 3), (2000, 3), (6883, 1)]
    assert sizes("500:9", 3, 6883, True) == [(500, 9)]
    assert sizes("2000", 3, 6883, False) == [(2000, 3)]


@pytest.fixture
def conclude(monkeypatch, tmp_path):
    """The exit code of a run whose one contest has this outcome."""

    def run_with(made):
        monkeypatch.setattr(command, "contest", lambda *_: made)
        monkeypatch.setattr(command, "measure_peak", lambda _: (1e11, "cpu"))
        about = Run("made-up", environment(), "")
        return command._carry_out(about, [(made.setting, None)], set(), tmp_path)

    return run_with


def test_exit_codes(conclude):
    both = {"hexbench": [1, 1], "pytorch": [1.1, 1.1], "flax": [2, 2]}
    assert conclude(outcome("cnn", both)) == 0, "a missed target is no fault"
    assert conclude(outcome("cnn", both | {"pytorch": [0.9, 0.9]})) == 1
    assert conclude(outcome("cnn", both, {"flax": 0.1})) == 1
    assert conclude(outcome("cnn", both, failed={"flax"})) == 3
    slow_search = {"hexbench": [1], "sklearn": [0.5]}
    assert conclude(outcome("svm", slow_search, images=2000)) == 0, "targets only"


def test_who_is_not_installed_is_said_and_left_out(monkeypatch, tmp_path):
    asked = []

    def contest(entries, setting, task, say):
        asked.extend(e.name for e in entries)
        return outcome("mlp", {"hexbench": [1], "flax": [2]})

    monkeypatch.setattr(command, "contest", contest)
    monkeypatch.setattr(command, "measure_peak", lambda _: (1e11, "cpu"))
    needy = [e for e in ROSTER if e.needs]
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert all(e.missing for e in needy)
    done = run(*DATA, "--models", "mlp", "--without", "keras-jax", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert asked == ["hexbench", "flax"]
    line = "PyTorch is left out: torch is not installed; `make peers` installs it."
    assert line in done.output
    assert line.replace("`", "\\`") in (tmp_path / "report.md").read_text()
    assert "Keras on JAX is left out" not in done.output, "that was the user's wish"


@pytest.mark.slow
def test_a_whole_run_without_the_extras(tmp_path):
    without = [x for e in ROSTER if e.needs for x in ("--without", e.name)]
    without += ["--without", "report-way", "--without", "sklearn-all-cores"]
    counts = ["--mlp-rounds", 2, "--svm-rounds", 1, "--svm-sizes", 200]
    done = run(*DATA, "--models", "mlp,svm", *counts, *without, "--out", tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert done.exit_code in (0, 1), done.output  # 280 images are over before anyone can be slow
    for title in ("Training beside other libraries", "Grid search beside scikit-learn", "Targets"):
        assert f"## {title}\n" in text
    assert "failed" not in text
    assert len((tmp_path / "rounds.csv").read_text().splitlines()) == 1 + 2 * 2 + 2
