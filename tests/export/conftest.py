"""What the tests of exports share: a folder of made-up records, and the command in this process."""

import pytest
from cells import cell, correct, done, failed, save_run
from click.testing import CliRunner
from hexbench.cli import cli

ODD = {
    "depth": None,
    "gamma": 0.1,
    "name": "a, b | c\u202e=1",
    "scales": (0.5, 1),
    "nested": ((1, 2), ()),
    "mixed": ("auto", 3),
    "deep": True,
    "seed": 7,
    "größe": 2**70,
}
"""Hyperparameters of every kind that records hold, one of them called like a setting."""


def records():
    """A network at two epochs, another that failed, SVMs, and a model with odd hyperparameters."""
    network = cell("mlp", seed=0, epochs=4, evaluate_at=(2,), hidden_layer_sizes=(64, 32))
    odd = cell("svm", seed=1).but(params=ODD)
    return [
        done(network, correct(0.8), {2: correct(0.6)}),
        failed(cell("cnn", seed=3, train_size=7_000), "ValueError: images | of 8 x 8\nare too small"),
        done(odd, correct(0.7, 1)),
        done(odd.but(params=ODD | {"gamma": "scale", "depth": 3, "scales": (2,)}), correct(0.7, 2)),
        done(cell("svm", seed=2), correct(0.9, 3), timing_clean=None),
    ]


@pytest.fixture
def folder(tmp_path):
    """A results folder `results` with these records."""
    found = records()
    save_run(tmp_path / "results", found)
    return tmp_path / "results"


@pytest.fixture
def export():
    """Runs the command; what it raises is raised."""

    def run(folder, target, *options):
        arguments = ["export", str(folder), "--to", target, *map(str, options)]
        result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result

    return run


def tree(folder):
    """Every file of a folder with its content and the time of its last change."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
