"""A results folder with saved models of seconds, which the tests of this folder share."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hexbench.cli import cli

OWN = """
from pathlib import Path

from flax import nnx
from sklearn.neighbors import KNeighborsClassifier

Path(__file__).with_suffix(".executed").touch()


class Tiny(nnx.Module):
    def __init__(self, shape, classes, rngs, width=12):
        self.hidden = nnx.Linear(shape[0] * shape[1], width, rngs=rngs)
        self.out = nnx.Linear(width, classes, rngs=rngs)

    def __call__(self, x):
        return self.out(nnx.relu(self.hidden(x.reshape(len(x), -1))))


class Neighbours(KNeighborsClassifier):
    label = "Neighbours"
"""


def run(*arguments):
    """The command line in this process: (exit code, what it said)."""
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        return type(result.exception).__name__, str(result.exception)
    return result.exit_code, result.output


@pytest.fixture(scope="session")
def own_file(tmp_path_factory):
    """A file with models of one's own."""
    file = tmp_path_factory.mktemp("own") / "mine.py"
    file.write_text(OWN)
    return file


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory, own_file):
    """The command line of a run on scikit-learn's digits, carried out, and its results folder."""
    out = tmp_path_factory.mktemp("digits") / "run"
    command = [
        *("--sweep", "mlp: epochs=60 seeds=2", "--sweep", "svm: train_size=300"),
        *("--sweep", "logistic: train_size=300", "--sweep", "Tiny: epochs=3 train_size=300"),
        *("--sweep", "Neighbours: train_size=300", "--data", "digits", "--out", out),
        *("--model", f"{own_file}:Tiny", "--model", f"{own_file}:Neighbours", "--save-models"),
    ]
    code, said = run(*command)
    assert code == 0, said
    return command, Path(out), said


@pytest.fixture(scope="session")
def digits_images():
    """Images (1797, 8, 8) of 0 to 16, and labels."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.images.astype(np.uint8), found.target
