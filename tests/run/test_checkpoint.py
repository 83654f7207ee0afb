"""A network's cell that another process began ends with the very same numbers."""

import shutil

import jax
import msgspec
import numpy as np
import pytest
from cells import cell, expectation_of
from conftest import blobs
from hexbench.measure import timing
from hexbench.measure.cell import measure
from hexbench.models import entries
from hexbench.models.mlp import MLPClassifier
from hexbench.models.training.checkpoint import DiskCheckpoint
from hexbench.run import worker
from hexbench.run.worker import Worker
from hexbench.store.record import Done
from hexbench.store.store import Store
from hexbench.studies.digit_recognizer.data import course

MODELS = entries()
MLP = cell("mlp", 150, seed=3, epochs=1500, evaluate_at=(1, 3, 700))
STOPPED = cell("mlp", 200, held_out=40, seed=1, epochs=1500, evaluate_at=(1, 2, 5, 300, 800))
CNN = cell("cnn", 60, epochs=12, evaluate_at=(2, 5))
TIMED = ("times", "timing_clean", "memory", "programs")
ORIGIN = "this machine"


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """A checkpoint before every call of the compiled loop but the first."""
    monkeypatch.setattr(worker, "CHECKPOINT_EVERY_S", 0.0)


class Killed(BaseException):
    """What nothing on the way can take for a failure of the cell."""


def kill_after(epochs):
    def on_epochs(done):
        if done >= epochs:
            raise Killed

    return on_epochs


def record_of(of, data, on_epochs=None, checkpoint=None):
    return measure(of, data, MODELS[of.model], None, on_epochs, checkpoint)


def begin(of, data, store, epochs):
    """Work on the cell as a process does that is killed after so many epochs."""
    folder = store.checkpoint_of(of.key_on(data.fingerprint))
    with pytest.raises(Killed):
        record_of(of, data, kill_after(epochs), DiskCheckpoint(folder, 0.0, ORIGIN))
    assert [path.name.isdecimal() for path in folder.iterdir()] == [True], "one, and whole"
    return folder


def untimed(record):
    return msgspec.structs.replace(record, **{name: getattr(NOTHING, name) for name in TIMED})


class NOTHING:
    """What stands in place of what another run has otherwise."""

    times = timing_clean = memory = programs = None


LATER = [pytest.param(of, 0.6, marks=pytest.mark.slow) for of in (MLP, STOPPED, CNN)]
SOON = [pytest.param(of, 0.1, marks=pytest.mark.slow) for of in (STOPPED, CNN)]


@pytest.mark.parametrize(("of", "share"), [(MLP, 0.1), *SOON, *LATER])
def test_a_cell_that_goes_on_is_bit_for_bit_the_uninterrupted_one(
    of, share, small_data, tmp_path, monkeypatch
):
    monkeypatch.setattr(timing, "BUSY_CORES", 1_000)
    store = Store(tmp_path)
    whole = record_of(of, small_data)
    folder = begin(of, small_data, store, max(2, int(share * whole.epochs)))
    told = []
    resumed = DiskCheckpoint(folder, 1e9, ORIGIN)
    record = record_of(of, small_data, told.append, resumed)
    assert min(told) > 1, "it began where the other had stopped"
    assert untimed(record) == untimed(whole)
    assert (whole.timing_clean, record.timing_clean) == (True, False)
    assert record.times.total_s > resumed.earlier_s > 0
    assert record.times.total_s >= record.times.train_s
    assert sum(record.programs.values()) == 2 * sum(whole.programs.values())


@pytest.mark.slow
def test_the_best_epoch_may_lie_before_the_checkpoint(small_data, tmp_path):
    """Where the held-out images are of other classes than their labels say, the first epochs are best."""
    of = cell("mlp", 100, held_out=20, seed=1, epochs=400, evaluate_at=(1, 10, 50, 100))
    rows = small_data.draw(of.subset, of.parts, of.seed)
    images, labels = small_data.images.copy(), small_data.labels
    for row in rows.validation:
        images[row] = small_data.images[np.argmax(labels == (labels[row] + 1) % 17)]
    wrong = course.dataset("wrong", images, labels)
    folder = begin(of, wrong, Store(tmp_path), 11)
    assert [path.name for path in folder.iterdir()] == ["10"]
    record = record_of(of, wrong, checkpoint=DiskCheckpoint(folder, 1e9, ORIGIN))
    assert record.stopped_at <= 10 < record.epochs == 50
    assert untimed(record) == untimed(record_of(of, wrong))


def test_weights_go_on_too():
    images, labels = blobs(100)

    class Kept:
        progress = None

        def load(self):
            return self.progress

        def is_due(self):
            return True

        def save(self, epoch, progress):
            self.progress = progress

    def fit(**options):
        return MLPClassifier(epochs=700, random_state=4).fit(images, labels, classes=range(17), **options)

    whole, kept = fit(), Kept()
    with pytest.raises(Killed):
        fit(on_epochs=kill_after(400), checkpoint=kept)
    resumed = fit(checkpoint=kept)
    for a, b in zip(jax.tree.leaves(whole.weights_), jax.tree.leaves(resumed.weights_), strict=True):
        np.testing.assert_array_equal(a, b)
    assert resumed.earlier_s_ > 0 == whole.earlier_s_


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


def of_another_cell(folder):
    return folder.rename(folder.with_name("0" * 64))


@pytest.mark.slow
@pytest.mark.parametrize("damage", [flip, empty, of_another_cell])
def test_a_damaged_or_foreign_checkpoint_is_thrown_away(damage, small_data, tmp_path):
    folder = begin(CNN, small_data, Store(tmp_path), 5)
    assert DiskCheckpoint(folder, 0.0, ORIGIN).load() is not None
    folder = damage(folder) or folder
    assert DiskCheckpoint(folder, 0.0, ORIGIN).load() is None
    assert not folder.exists()


@pytest.mark.slow
def test_a_checkpoint_of_other_versions_is_thrown_away(small_data, tmp_path):
    folder = begin(CNN, small_data, Store(tmp_path), 5)
    assert DiskCheckpoint(folder, 0.0, "other versions").load() is None
    assert not folder.exists()


def test_a_workers_checkpoints_are_those_of_its_machine_device_and_versions(
    small_data, tmp_path, monkeypatch
):
    made = Worker(small_data, Store(tmp_path), expectation_of(small_data))
    origins = [made._checkpoint(CNN).origin]
    changed = msgspec.structs.replace(worker.environment(), packages={"jax": "0.0.1"})
    monkeypatch.setattr(worker, "environment", lambda: changed)
    origins.append(made._checkpoint(CNN).origin)
    monkeypatch.setattr(worker, "device", lambda used: "gpu: other")
    origins.append(made._checkpoint(CNN).origin)
    assert len(set(origins)) == 3
    assert made._checkpoint(cell("svm_grid", images=100)) is None


@pytest.mark.slow
def test_what_a_killed_process_was_writing_is_not_taken_for_a_checkpoint(small_data, tmp_path):
    folder = begin(CNN, small_data, Store(tmp_path), 5)
    (whole,) = folder.iterdir()
    shutil.copytree(whole, folder / "11.orbax-checkpoint-tmp")
    loaded = DiskCheckpoint(folder, 0.0, ORIGIN).load()
    assert len(loaded["log"]["seconds"]) == int(whole.name)
    assert list(folder.iterdir()) == [whole]


@pytest.mark.slow
def test_a_stored_cell_leaves_no_checkpoint_and_a_short_one_never_has_one(small_data, tmp_path, monkeypatch):
    saved = []
    save = DiskCheckpoint.save
    monkeypatch.setattr(DiskCheckpoint, "save", lambda self, *args: (saved.append(1), save(self, *args)))

    def carry_out(folder):
        store = Store(folder)
        list(Worker(small_data, store, expectation_of(small_data)).carry_out([CNN]))
        return store

    assert not carry_out(tmp_path).checkpoints.exists()
    assert saved
    saved.clear()
    monkeypatch.setattr(worker, "CHECKPOINT_EVERY_S", 60.0)
    carry_out(tmp_path / "short")
    assert not saved


@pytest.mark.slow
def test_on_a_full_disk_a_cell_goes_on_without_a_checkpoint(small_data, small_disk, capfd):
    store = Store(small_disk)
    with (small_disk / "filler").open("wb") as filler:
        filler.write(bytes(900_000))
    done = Worker(small_data, store, expectation_of(small_data)).carry_out([CNN])
    ((_, record, _),) = done
    assert isinstance(record, Done)
    assert untimed(record) == untimed(record_of(CNN, small_data))
    assert "Traceback" not in capfd.readouterr().err
