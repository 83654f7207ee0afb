"""Keeps the models of a run: each model's main cell, fitted once more, in a folder of its own.

The cell is the one in the report's table of models, with its lowest seed. It is fitted as it was measured,
so that it works whether its record is new or old; the time of that is no measurement.
"""

import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hexbench.analyse.groups import Group, Setting
from hexbench.analyse.runs import Runs
from hexbench.data.dataset import Dataset
from hexbench.errors import BadInput
from hexbench.files import reason, said, write_whole
from hexbench.measure.cell import fit_model
from hexbench.measure.environment import environment
from hexbench.models import Entry
from hexbench.plan.cell import SUBSET, Cell, label_of
from hexbench.plan.models import name_of
from hexbench.report.slices import Slices
from hexbench.saved import card, description, estimators, networks
from hexbench.saved.description import CARD, MODELS, Description, OwnSource, digests
from hexbench.saved.preprocess import Appearance, measure
from hexbench.saved.thresholds import calibrate
from hexbench.store.record import Done


class Kept(NamedTuple):
    """What came of keeping one model."""

    label: str
    folder: Path
    said: str
    """In words: whether it was saved, was there, or why it could not be saved."""
    failed: bool


@dataclass(frozen=True)
class Saver:
    """Keeps the models of a run in its results folder."""

    folder: Path
    data: Dataset
    models: Mapping[str, Entry]
    own_models: Sequence[str] = ()
    devices: int | None = None
    """So many share out each batch of a network."""
    deferred: Callable[[], AbstractContextManager[None]] = nullcontext
    """Where nothing may interrupt: while files are written."""
    _appearance: dict[bytes, Appearance] = field(default_factory=dict, init=False, repr=False)
    """Of the training images, which models have in common, by their rows."""

    def save(self, runs: Runs, models: Collection[str]) -> Iterator[Kept]:
        """Keep these models of the run, one after another; what is there already stays as it is."""
        slices = Slices(runs)
        for name, setting in slices.headlines.items():
            if name not in models:
                continue
            group, entry = slices.groups[setting], self.models[name]
            place = self.folder / MODELS / name
            if not group.records:
                yield Kept(entry.label, place, "not saved: its cell has failed", True)
                continue
            try:
                yield Kept(entry.label, place, self._save(runs, setting, group, entry, place), False)
            except BadInput:
                raise
            except OSError as error:
                raise BadInput(f"{error.filename or place} cannot be written: {reason(error)}.") from None
            except (Exception, SystemExit) as error:  # a model of one's own may raise anything
                yield Kept(entry.label, place, f"not saved: {said(error)}", True)

    def _save(self, runs: Runs, setting: Setting, group: Group, entry: Entry, place: Path) -> str:
        record = group.records[0]
        cell = cell_of(record, setting.epochs)
        own = self._own(entry)
        key = cell.key_on(self.data.fingerprint)
        if _is_there(place, key, own):
            return "is there already"
        model, done = fit_model(cell, self.data, entry, devices=self.devices)
        rows = self.data.draw(cell.subset, cell.parts, cell.seed_of(SUBSET))
        same = _is_same(done, record, group)
        about = Description(
            hexbench=version("hexbench"),
            model=record.model,
            label=entry.label,
            kind="orbax" if entry.learning_curve else "skops",
            own=own,
            cell=cell,
            key=key,
            scale=model.scale_ if entry.learning_curve else None,
            data=runs.manifest.data,
            appearance=self._appearance_of(rows.train),
            threshold=calibrate(cell, self.data, entry, rows.train, done.stopped_at),
            same_as_record=same,
            environment=environment(),
            files={},
        )
        words = label_of(cell, self.models, runs.manifest.split.split)
        fitted = np.bincount(self.data.labels[rows.train], minlength=self.data.classes).tolist()
        split = cell.parts.described(own=runs.manifest.split.own)
        text = card.text(about, done, group, place, words, split, fitted, entry.takes_images)
        with self.deferred():
            _write(place, model, about, text)
        return "saved" if same else "saved; it does not classify every test image as the record says"

    def _appearance_of(self, rows: np.ndarray) -> Appearance:
        data, key = self.data, rows.tobytes()
        if key not in self._appearance:
            self._appearance[key] = measure(data.images[rows], data.labels[rows], data.pixel_max)
        return self._appearance[key]

    def _own(self, entry: Entry) -> OwnSource | None:
        if not entry.source:
            return None
        given = (reference for reference in self.own_models if name_of(reference) == entry.name)
        return OwnSource(next(given, entry.name), entry.source)


def cell_of(record: Done, epoch: int | None) -> Cell:
    """The cell that a record measured, as it was after `epoch`, tested at its end alone.

    What a search chose stands in its hyperparameters.
    """
    cell = Cell(**{name: getattr(record, name) for name in Cell.__struct_fields__}).but(params_from=None)
    if cell.subset.held_out:  # whose evaluations decide when training ends
        return cell
    params = cell.params if epoch is None else cell.params | {"epochs": epoch}
    return cell.but(params=params, evaluate_at=(), snapshot_at=())


def _is_same(done: Done, record: Done, group: Group) -> bool:
    """Whether a model classifies the test images as the record says that it did."""
    name = record.last if group.epoch is None else str(group.epoch)
    if name in record.snapshots:
        same = bool(np.array_equal(done.correct(done.last), record.correct(name)))
        return same and done.confusion == record.matrix(name)
    return done.metrics.test_accuracy == group.metric("test_accuracy")[0]


def _is_there(place: Path, key: str, own: OwnSource | None) -> bool:
    try:
        found = description.read(place)
    except BadInput:
        return False
    return found.key == key and (found.own and found.own.sha256) == (own and own.sha256)


def _write(place: Path, model: object, about: Description, text: str) -> None:
    """Write the folder of a model, whole or not at all."""
    import msgspec

    part, old = (place.with_name(f".{place.name}.{kind}") for kind in ("part", "old"))
    for folder in (part, old):
        shutil.rmtree(folder, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        (networks if about.kind == "orbax" else estimators).save(model, part)
        write_whole(part / CARD, text)
        description.write(part, msgspec.structs.replace(about, files=digests(part)))
        if place.exists():
            place.rename(old)
        part.rename(place)
    finally:
        for folder in (part, old):
            shutil.rmtree(folder, ignore_errors=True)
