"""A training run that another process began ends with the very same numbers."""

import shutil

import jax
import numpy as np
import pytest
from conftest import blobs
from hexbench.models.cnn import CNNClassifier
from hexbench.models.mlp import MLPClassifier
from hexbench.models.training.checkpoint import DiskCheckpoint


class Killed(BaseException):
    """What nothing on the way can take for a fault of the model."""


def kill_after(epochs):
    def on_epochs(done):
        if done >= epochs:
            raise Killed

    return on_epochs


def fit(model, on_epochs=None, checkpoint=None, **options):
    images, labels = blobs(100)
    return model.fit(images, labels, on_epochs=on_epochs, checkpoint=checkpoint, **options)


def at(folder, every_s=0.0, origin="here"):
    return DiskCheckpoint(folder, every_s, origin)


def begin(model, folder, epochs, **options):
    """Train as a process does that is killed after so many epochs."""
    with pytest.raises(Killed):
        fit(model, kill_after(epochs), at(folder), **options)
    assert [path.name.isdecimal() for path in folder.iterdir()] == [True], "one, and whole"
    return folder


def evaluations(found):
    return {
        epoch: (one.loss, one.predicted.tolist(), one.confidence.tolist()) for epoch, one in found.items()
    }


def assert_same(one, other):
    for a, b in zip(jax.tree.leaves(one.weights_), jax.tree.leaves(other.weights_), strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.curve_.train_loss == other.curve_.train_loss
    assert one.curve_.train_accuracy == other.curve_.train_accuracy
    assert one.curve_.epoch == other.curve_.epoch
    assert evaluations(one.curve_.evaluations) == evaluations(other.curve_.evaluations)
    assert evaluations(one.curve_.validations) == evaluations(other.curve_.validations)


MODELS = {
    "mlp": MLPClassifier(epochs=700, random_state=4),
    "cnn": CNNClassifier(channels=(8, 4), epochs=12, random_state=4),
}


@pytest.mark.parametrize("name", ["mlp", pytest.param("cnn", marks=pytest.mark.slow)])
@pytest.mark.parametrize("validated", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("share", [0.2, pytest.param(0.6, marks=pytest.mark.slow)])
def test_a_run_that_goes_on_is_bit_for_bit_the_uninterrupted_one(name, validated, share, tmp_path):
    epochs = MODELS[name].epochs
    options = {"test": blobs(30, 1), "evaluate_at": [1, 2, epochs // 2]}
    if validated:
        options["validation"] = blobs(40, 2)
    whole = fit(type(MODELS[name])(**MODELS[name].get_params()), **options)
    stop = max(3, int(share * whole.n_iter_))
    folder = begin(MODELS[name], tmp_path / "run", stop, **options)
    told, checkpoint = [], at(folder, every_s=1e9)
    resumed = fit(MODELS[name], told.append, checkpoint, **options)
    assert min(told) > 1, "it began where the other had stopped"
    assert_same(resumed, whole)
    assert resumed.earlier_s_ == checkpoint.earlier_s > 0 == whole.earlier_s_
    assert sum(resumed.programs_.values()) == 2 * sum(whole.programs_.values())


def flip(folder):
    """One bit of the largest file that orbax wrote."""
    largest = max(folder.rglob("*"), key=lambda p: p.stat().st_size if p.is_file() else 0)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)


def empty(folder):
    for path in folder.rglob("*"):
        if path.is_file():
            path.write_bytes(b"")


def of_another_run(folder):
    return folder.rename(folder.with_name("0" * 64))


@pytest.fixture
def folder(tmp_path):
    return begin(MODELS["cnn"], tmp_path / "run", 5)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [flip, empty, of_another_run])
def test_a_damaged_or_foreign_checkpoint_is_thrown_away(damage, folder):
    assert at(folder).load() is not None
    folder = damage(folder) or folder
    assert at(folder).load() is None
    assert not folder.exists()


@pytest.mark.slow
def test_a_checkpoint_of_other_versions_is_thrown_away(folder):
    assert at(folder, origin="there").load() is None
    assert not folder.exists()


@pytest.mark.slow
def test_what_a_killed_process_was_writing_is_not_taken_for_a_checkpoint(folder):
    (whole,) = folder.iterdir()
    shutil.copytree(whole, folder / "11.orbax-checkpoint-tmp")
    loaded = at(folder).load()
    assert len(loaded["log"]["seconds"]) == int(whole.name)
    assert list(folder.iterdir()) == [whole]


@pytest.mark.slow
def test_nothing_is_saved_before_it_is_due(tmp_path):
    fit(MODELS["cnn"], checkpoint=at(tmp_path / "run", every_s=1e9))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_on_a_full_disk_training_goes_on_without_a_checkpoint(small_disk, capfd):
    with (small_disk / "filler").open("wb") as filler:
        filler.write(bytes(900_000))
    assert_same(fit(MODELS["cnn"], checkpoint=at(small_disk / "run")), fit(MODELS["cnn"]))
    assert "Traceback" not in capfd.readouterr().err
