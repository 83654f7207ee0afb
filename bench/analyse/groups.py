"""Settings and groups: what cells have in common, and cells that differ in their seed alone; selections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from hexbench.data.dataset import Subset
from hexbench.files import nearest
from hexbench.plan.cell import Value, shown
from hexbench.store.manifest import ModelFacts
from hexbench.store.record import Done, Failed, Snapshot

METRICS = ("test_accuracy", "test_loss", "train_accuracy", "train_loss")
"""Measured at every evaluated epoch."""
OTHER_METRICS = ("cv_score", "parameters")
TIMES = ("epoch_s", "train_s", "search_s", "predict_s", "compile_s", "evaluate_s", "total_s")
"""Seconds; rules about them take only cells that had the machine to themselves."""


RANDOM: Any = "random"
"""In place of the name of a split: all random ones but the study's own."""


class Setting(NamedTuple):
    """All that a measurement depends on but the seed and the data."""

    model: str
    params: tuple[tuple[str, Value], ...]
    """Hyperparameters but the number of epochs, and but those that a search has chosen."""
    epochs: int | None
    """The evaluated epoch; None where there is none, or where early stopping chose it."""
    planned: int | None
    """The number of epochs, where it matters: a longer run does not contain a shorter one."""
    subset: Subset
    split: int | Literal["given"]
    test_size: float | None
    params_from: str | None
    varied: str = ""
    """The only source of variance that the seeds draw, see `Cell.varied`; empty where they draw all."""

    def differences(self, other: "Setting") -> list[str]:
        """The names of what differs, such as `train_size` or `params.learning_rate`."""
        mine, theirs = self.values(), other.values()
        return [n for n in {**mine, **theirs} if mine.get(n, ...) != theirs.get(n, ...)]

    @property
    def fitted(self) -> int | None:
        """Training images without those that are held out; None where the images are split again."""
        return None if self.subset.resplit else self.subset.size - self.subset.held_out

    def values(self) -> dict[str, Value]:
        """Every axis with its value, as a suite's TOML calls it."""
        subset = self.subset
        return {
            "model": self.model,
            "train_size": None if subset.resplit else subset.size,
            "images": subset.size if subset.resplit else None,
            "classes": subset.classes,
            "early_stopping": subset.held_out > 0,
            "params_from": self.params_from,
            "varied": self.varied,
            "split": self.split,
            "test_size": self.test_size,
            **{f"params.{name}": value for name, value in self.params},
            "params.epochs": self.planned,
            "epochs": self.epochs,
        }


@dataclass(frozen=True)
class Group:
    """Cells that differ in their seed alone, as they were after `epoch` (None: at their end)."""

    records: Sequence[Done]
    """One a seed, in the order of the seeds."""
    epoch: int | None = None
    failed: Sequence[Failed] = ()
    """Cells that would be among them if they had not failed."""

    def __len__(self) -> int:
        return len(self.records)

    @property
    def keys(self) -> list[str]:
        """Of every cell."""
        return [record.key for record in self.records]

    @property
    def seeds(self) -> list[int]:
        """Of every cell."""
        return [record.seed for record in self.records]

    @property
    def clean(self) -> "Group":
        """Those cells that had the machine to themselves."""
        return Group([r for r in self.records if r.timing_clean], self.epoch, self.failed)

    def at(self, epoch: int) -> "Group":
        """The same cells as they were after another epoch."""
        return Group(self.records, epoch, self.failed)

    def metric(self, name: str, epoch: int | None = None) -> list[float]:
        """A metric of each cell at the group's epoch, or at another; NaN where it was not measured."""
        return [_metric(record, name, epoch or self.epoch) for record in self.records]

    def seconds(self, name: str) -> list[float]:
        """A time of each cell that has it; `train_s` until the group's epoch."""
        known = ((record, getattr(record.times, name)) for record in self.records)
        return [_until(record, name, s, self.epoch) for record, s in known if s is not None]

    @property
    def snapshots(self) -> list[tuple[Done, str, Snapshot]]:
        """(record, name, snapshot) of each cell that kept its predictions at the group's epoch."""
        names = [(r, r.last if self.epoch is None else str(self.epoch)) for r in self.records]
        return [(r, name, r.snapshots[name]) for r, name in names if name in r.snapshots]

    @property
    def confusions(self) -> list[np.ndarray]:
        """(classes, classes) counts of each cell with a snapshot: rows true, columns predicted."""
        return [np.array(record.matrix(name)) for record, name, _ in self.snapshots]

    @property
    def correct(self) -> list[np.ndarray]:
        """(images,) bool of each cell with a snapshot: which test images were classified correctly."""
        return [record.correct(name) for record, name, _ in self.snapshots]

    @property
    def losses(self) -> list[np.ndarray]:
        """(images,) loss of each test image, of each cell that kept them at the group's epoch."""
        found = [record.image_losses(name) for record, name, _ in self.snapshots]
        return [losses for losses in found if losses is not None]

    def paired(self, other: "Group") -> tuple["Group", "Group"]:
        """Both with the seeds that both have on the same split, in order."""
        common = {(r.split, r.seed) for r in self.records} & {(r.split, r.seed) for r in other.records}
        mine, theirs = ([r for r in g.records if (r.split, r.seed) in common] for g in (self, other))
        return Group(mine, self.epoch, self.failed), Group(theirs, other.epoch, other.failed)


def _metric(record: Done, name: str, epoch: int | None) -> float:
    if name == "parameters":
        value: float | None = record.parameters
    elif name == "cv_score":
        value = record.search.best_score if record.search else None
    elif epoch is None or record.history is None:
        value = getattr(record.metrics, name)
    else:
        place = _place(record.history.epoch, epoch)
        value = None if place is None else getattr(record.history, name)[place]
    return float("nan") if value is None else float(value)


def _place(epochs: list[int], epoch: int) -> int | None:
    if epoch <= len(epochs) and epochs[epoch - 1] == epoch:  # every epoch is there
        return epoch - 1
    return epochs.index(epoch) if epoch in epochs else None


def _until(record: Done, name: str, seconds: float, epoch: int | None) -> float:
    share = epoch / record.epochs if name == "train_s" and epoch and record.epochs else 1
    return seconds * share


FIELDS = (
    "epochs",
    "train_size",
    "fitted",
    "images",
    "classes",
    "split",
    "early_stopping",
    "params_from",
    "varied",
)
"""What a selection may name besides hyperparameters."""
ANY = "any"
"""The value of an axis that a selection leaves open."""
LARGEST = "largest"
"""A train_size, or images: of those that there are cells of."""


@dataclass(frozen=True)
class Selection:
    """Which cells: what is not named has the model's default, the study's split and all images."""

    model: str
    wanted: Mapping[str, Any] = field(default_factory=dict)
    """Values of FIELDS and of hyperparameters, by name."""

    def but(self, **wanted: Any) -> "Selection":
        """The same with other values."""
        return Selection(str(wanted.pop("model", self.model)), {**self.wanted, **wanted})

    def __str__(self) -> str:
        parts = [f"{name}={shown(value)}" for name, value in self.wanted.items()]
        return ", ".join([self.model, *parts])


def fault_of_selection(selection: Selection, facts: ModelFacts) -> str | None:
    """What is wrong with a selection of a model, as half a sentence."""
    names = [*selection.wanted.get("params", {}), *selection.wanted]
    for name in names:
        if name in FIELDS or name == "params" or name in facts.defaults:
            continue
        near = nearest(name, (*FIELDS, *facts.defaults))
        return f"a selection of {selection.model} cannot name {name!r}{near}"
    if "epochs" in selection.wanted and "epochs" not in facts.defaults and facts.defaults:
        return f"{selection.model} has no epochs"
    if selection.wanted.get("early_stopping") and "epochs" in selection.wanted:
        return "a selection with early_stopping cannot name epochs: the model's end is chosen"
    if len({"images", "train_size", "fitted"} & selection.wanted.keys()) > 1:
        return "a selection names one of images, train_size and fitted"
    return None
