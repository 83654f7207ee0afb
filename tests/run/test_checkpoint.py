"""A network's cell that another process began ends with the very same numbers."""

import shutil
from dataclasses import replace

import jax
import numpy as np
import pytest
from conftest import blobs

from bench.data.dataset import Dataset
from bench.measure import timing
from bench.measure.cell import draw, measure
from bench.plan.spec import VALIDATED, CellSpec
from bench.run import checkpoint as module
from bench.run import worker
from bench.run.checkpoint import CellCheckpoint
from bench.run.worker import Worker
from bench.store import Store
from models import NETWORKS
from models.fitting import fit_networks

MLP = CellSpec(
    model="mlp", train_size=150, seed=3, batch_size=16, epochs=1500, evaluate_at=(1, 3, 700)
)
STOPPED = CellSpec(
    model="mlp", protocol=VALIDATED, images=200, train_size=160, seed=1, batch_size=16, epochs=1500,
    evaluate_at=(1, 2, 5, 300, 800),
)  # fmt: skip
CNN = CellSpec(model="cnn", train_size=60, seed=0, batch_size=16, epochs=12, evaluate_at=(2, 5))
TIMED = ("times", "timing_clean", "memory", "programs")


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


def begin(spec, data, store, epochs):
    """Work on the cell as a process does that is killed after so many epochs."""
    folder = store.checkpoint_of(spec.key(data.fingerprint))
    with pytest.raises(Killed):
        measure(spec, data, None, kill_after(epochs), CellCheckpoint(folder, 0.0))
    assert [path.name.isdecimal() for path in folder.iterdir()] == [True], "one, and whole"
    return folder


def untimed(record):
    return {name: value for name, value in record.items() if name not in TIMED}


@pytest.mark.parametrize("spec", [MLP, STOPPED, CNN], ids=["mlp", "validated", "cnn"])
@pytest.mark.parametrize("share", [0.1, 0.6])
def test_a_cell_that_goes_on_is_bit_for_bit_the_uninterrupted_one(
    spec, share, small_data, tmp_path, monkeypatch
):
    monkeypatch.setattr(timing, "BUSY_CORES", 1_000)
    store = Store(tmp_path)
    whole = measure(spec, small_data)
    folder = begin(spec, small_data, store, max(2, int(share * whole["epochs"])))
    told = []
    resumed = CellCheckpoint(folder, 1e9)
    record = measure(spec, small_data, None, told.append, resumed)
    assert min(told) > 1, "it began where the other had stopped"
    assert untimed(record) == untimed(whole)
    assert (whole["timing_clean"], record["timing_clean"]) == (True, False)
    assert record["times"]["total_s"] > resumed.earlier_s > 0
    assert record["times"]["total_s"] >= record["times"]["train_s"]
    assert sum(record["programs"].values()) == 2 * sum(whole["programs"].values())


def test_the_best_epoch_may_lie_before_the_checkpoint(small_data, tmp_path):
    """Where the held-out images are of other classes than their labels say, the first epochs are best."""
    spec = replace(STOPPED, images=100, train_size=80, epochs=400, evaluate_at=(1, 10, 50, 100))
    rows = draw(spec, small_data)
    images, labels = small_data.images.copy(), small_data.labels
    for row in rows.validation:
        images[row] = small_data.images[np.argmax(labels == (labels[row] + 1) % 17)]
    wrong = Dataset("wrong", images, labels)
    folder = begin(spec, wrong, Store(tmp_path), 11)
    assert [path.name for path in folder.iterdir()] == ["10"]
    record = measure(spec, wrong, checkpoint=CellCheckpoint(folder, 1e9))
    assert record["stopped_at"] <= 10 < record["epochs"] == 50
    assert untimed(record) == untimed(measure(spec, wrong))


def test_weights_go_on_too():
    images, labels = blobs(100)
    options = {"epochs": 700, "batch_size": 16, "seeds": [4]}
    (whole,) = fit_networks(NETWORKS["mlp"], images[None], labels[None], **options)

    class Kept:
        progress = None

        def load(self):
            return self.progress

        def is_due(self):
            return True

        def save(self, epoch, progress):
            self.progress = progress

    kept = Kept()
    with pytest.raises(Killed):
        fit_networks(
            NETWORKS["mlp"], images[None], labels[None], on_epochs=kill_after(400), checkpoint=kept, **options
        )  # fmt: skip
    (resumed,) = fit_networks(
        NETWORKS["mlp"], images[None], labels[None], checkpoint=kept, **options
    )
    for a, b in zip(jax.tree.leaves(whole.params), jax.tree.leaves(resumed.params), strict=True):
        np.testing.assert_array_equal(a, b)
    assert resumed.earlier_s > 0 == whole.earlier_s


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


@pytest.mark.parametrize("damage", [flip, empty, of_another_cell])
def test_a_damaged_or_foreign_checkpoint_is_thrown_away(damage, small_data, tmp_path):
    folder = begin(CNN, small_data, Store(tmp_path), 5)
    assert CellCheckpoint(folder, 0.0).load() is not None
    folder = damage(folder) or folder
    assert CellCheckpoint(folder, 0.0).load() is None
    assert not folder.exists()


def test_a_checkpoint_of_other_versions_is_thrown_away(small_data, tmp_path, monkeypatch):
    folder = begin(CNN, small_data, Store(tmp_path), 5)
    monkeypatch.setattr(module, "describe", lambda: {"packages": {"jax": "0.0.1"}})
    assert CellCheckpoint(folder, 0.0).load() is None


def test_what_a_killed_process_was_writing_is_not_taken_for_a_checkpoint(small_data, tmp_path):
    folder = begin(CNN, small_data, Store(tmp_path), 5)
    (whole,) = folder.iterdir()
    shutil.copytree(whole, folder / "11.orbax-checkpoint-tmp")
    loaded = CellCheckpoint(folder, 0.0).load()
    assert len(loaded["log"]["seconds"]) == int(whole.name)
    assert list(folder.iterdir()) == [whole]


def test_a_stored_cell_leaves_no_checkpoint_and_a_short_one_never_has_one(
    small_data, tmp_path, monkeypatch
):
    store = Store(tmp_path)
    saved = []
    save = CellCheckpoint.save
    monkeypatch.setattr(
        CellCheckpoint, "save", lambda self, *args: (saved.append(1), save(self, *args))
    )
    list(Worker(small_data, store).carry_out([CNN]))
    assert saved
    assert not store.checkpoints.exists()
    saved.clear()
    monkeypatch.setattr(worker, "CHECKPOINT_EVERY_S", 60.0)
    list(Worker(small_data, Store(tmp_path / "short")).carry_out([CNN]))
    assert not saved


def test_on_a_full_disk_a_cell_goes_on_without_a_checkpoint(small_data, small_disk, capfd):
    store = Store(small_disk)
    with (small_disk / "filler").open("wb") as filler:
        filler.write(bytes(900_000))
    ((_, record, _),) = Worker(small_data, store).carry_out([CNN])
    assert record["status"] == "done"
    assert untimed(record) == untimed(measure(CNN, small_data))
    assert "Traceback" not in capfd.readouterr().err
