"""What a run varies: each model's main setting, and the series that differ in one axis alone."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from hexbench.analyse.groups import Group, Setting
from hexbench.analyse.runs import Runs
from hexbench.data.dataset import Split
from hexbench.plan.cell import Value, shown
from hexbench.store.record import Header

PARAM = "params."
EPOCHS, TRAIN_SIZE, IMAGES, CLASSES, PLANNED = "epochs", "train_size", "images", "classes", "params.epochs"
FIRST = (EPOCHS, PLANNED, TRAIN_SIZE, IMAGES, CLASSES)
"""Axes in the order of a report; the other hyperparameters follow, then the split."""
LAST = ("test_size",)
NO_AXES = ("model", "early_stopping", "params_from", "varied", "split")


@dataclass(frozen=True, eq=False)
class Remembered(Group):
    """A group that reads each metric and time of its cells once: tables and figures ask again and again."""

    @cached_property
    def _known(self) -> dict[tuple[str, int | None], list[float]]:
        return {}

    @cached_property
    def _clean(self) -> Group:
        clean = super().clean
        return Remembered(clean.records, clean.epoch, clean.failed)

    @property
    def clean(self) -> Group:
        """Those cells that had the machine to themselves."""
        return self._clean

    def metric(self, name: str, epoch: int | None = None) -> list[float]:
        """A metric of each cell at the group's epoch, or at another; NaN where it was not measured."""
        key = (name, epoch or self.epoch)
        if key not in self._known:
            self._known[key] = super().metric(name, epoch)
        return self._known[key]

    def seconds(self, name: str) -> list[float]:
        """A time of each cell that has it; `train_s` until the group's epoch."""
        key = (name, None)
        if key not in self._known:
            self._known[key] = super().seconds(name)
        return self._known[key]


class Point(NamedTuple):
    """One setting of a series."""

    value: Value
    setting: Setting
    group: Group


@dataclass(frozen=True)
class Series:
    """Settings of one model that differ in one axis alone, by its value."""

    model: str
    axis: str
    points: Sequence[Point]

    @property
    def values(self) -> list[Value]:
        """Each value once, in order."""
        return list(dict.fromkeys(point.value for point in self.points))

    @property
    def settings(self) -> list[Setting]:
        """Of every point."""
        return [point.setting for point in self.points]


class Slices:
    """Runs, cut along their axes."""

    def __init__(self, runs: Runs):
        self.runs = runs
        self.groups: Mapping[Setting, Group] = {
            setting: Remembered(group.records, group.epoch, group.failed)
            for setting, group in runs.merged.items()
        }
        """Those of the runs."""
        self._series: dict[str, list[Series]] = {}

    @cached_property
    def headlines(self) -> dict[str, Setting]:
        """By model, its main setting: its default hyperparameters, all images, the study's split.

        Where that was not measured, the one that comes closest.
        """
        settings: dict[str, list[Setting]] = {model: [] for model in self.runs.models}
        for setting in self.groups:
            settings[setting.model].append(setting)
        return {model: min(found, key=self._distance) for model, found in settings.items()}

    def _distance(self, setting: Setting) -> tuple[float, ...]:
        """How far from its model's main setting."""
        defaults = self.runs.facts(setting.model).defaults
        study = self.runs.manifest.split
        return (
            not self.groups[setting].records,
            setting.subset.classes is not None,
            (setting.split, setting.test_size) != (study.split, study.test_size),
            setting.subset.held_out > 0,
            -self.train_size(setting),
            sum(defaults.get(name, value) != value for name, value in setting.params),
            setting.params_from is not None,
            setting.subset.resplit,
            setting.epochs != defaults.get(EPOCHS),
            -(setting.epochs or 0),
        )

    @staticmethod
    def train_size(setting: Setting) -> int:
        """Images that a model was fitted on, without those that early stopping holds out."""
        size = setting.subset.size - setting.subset.held_out
        assert setting.test_size is not None
        split = Split(setting.test_size, setting.split if isinstance(setting.split, int) else None)
        return size - split.tested(size) if setting.subset.resplit else size

    @cached_property
    def axes(self) -> list[str]:
        """Every axis that varies while all else is equal, in the order of a report."""
        names = dict.fromkeys(name for setting in self.groups for name in setting.values())
        params = [name for name in names if name not in (*FIRST, *LAST, *NO_AXES)]
        return [axis for axis in (*FIRST, *params, *LAST) if axis in names and self.series(axis)]

    def series(self, axis: str) -> list[Series]:
        """The series along one axis, those of a model together.

        Where a model has longer and shorter ones, those of less than half the length are left out;
        where it was tested after several epochs, one epoch is taken: the model's default, or the last.
        """
        if axis not in self._series:
            self._series[axis] = self._found(axis)
        return self._series[axis]

    def _found(self, axis: str) -> list[Series]:
        several = [one for one in self._all(axis) if len(one.values) > 1]
        if axis != EPOCHS:
            families: dict[tuple[Value, ...], list[Series]] = defaultdict(list)
            for one in several:
                families[self._rest(one.points[0].setting, axis, EPOCHS)].append(one)
            several = [max(family, key=self._preference) for family in families.values()]
        most: dict[str, int] = defaultdict(int)
        for one in several:
            most[one.model] = max(most[one.model], len(one.values))
        kept = [one for one in several if 2 * len(one.values) > most[one.model]]
        return sorted(kept, key=lambda one: self.runs.models.index(one.model))

    def _all(self, axis: str) -> list[Series]:
        found: dict[tuple[Value, ...], list[Point]] = defaultdict(list)
        for setting, group in self.groups.items():
            value = self._value(setting, axis)
            if value is not None:
                found[self._rest(setting, axis)].append(Point(value, setting, group))
        return [Series(p[0].setting.model, axis, _ordered(p)) for p in found.values()]

    def _value(self, setting: Setting, axis: str) -> Value:
        """None where the setting has no place on the axis."""
        values = setting.values()
        if axis == CLASSES:
            return setting.subset.classes or len(self.runs.manifest.data.class_names)
        if axis == PLANNED:
            at_end = setting.epochs in (None, setting.planned) and not setting.subset.held_out
            return setting.planned if at_end else None
        if axis.startswith(PARAM) and axis in values:
            return shown(None) if values[axis] is None else values[axis]
        return setting.fitted if axis == TRAIN_SIZE else values.get(axis)

    def _rest(self, setting: Setting, *but: str) -> tuple[Value, ...]:
        """All but these axes."""
        ignored: Collection[str] = {*but}
        if PLANNED in but:
            ignored = {*but, EPOCHS}
        elif setting.subset.held_out:
            ignored = {*but, PLANNED}  # the most epochs that are allowed follow from the size
        values = setting.values() | {"params_from": self.origin(setting.params_from)}
        return tuple(item for item in values.items() if item[0] not in ignored)

    def _preference(self, one: Series) -> tuple[int, bool, int]:
        setting = one.points[0].setting
        default = self.runs.facts(one.model).defaults.get(EPOCHS)
        return len(one.values), setting.epochs == default, setting.epochs or 0

    def origin(self, identity: str | None) -> str | None:
        """The search that a cell's hyperparameters are from, in a few words."""
        if identity is None:
            return None
        found = self._searched.get(identity)
        if found is None:
            return "a search that is missing"
        defaults = self.runs.facts(found.model).defaults
        other = [f"{n}={shown(v)}" for n, v in found.params.items() if defaults.get(n, v) != v]
        return ", ".join([self.runs.label(found.model), f"{found.subset.size:,} images", *other])

    def tuner(self, identity: str) -> str:
        """The label of the model whose search it was."""
        found = self._searched.get(identity)
        return self.runs.label(found.model) if found else "a search that is missing"

    @cached_property
    def _searched(self) -> dict[str, Header]:
        """The records of the searches that other cells name, by identity."""
        needed = {setting.params_from for setting in self.groups} - {None}
        searching = {model for model in self.runs.models if needed and self.runs.facts(model).searches}
        records = (r for r in (*self.runs.done, *self.runs.failed) if r.model in searching)
        return {record.identity: record for record in records}


def _ordered(points: Iterable[Point]) -> list[Point]:
    """By value: numbers before words."""

    def place(point: Point) -> tuple[bool, Value]:
        is_number = isinstance(point.value, int | float) and not isinstance(point.value, bool)
        return (not is_number, point.value if is_number else shown(point.value))

    return sorted(points, key=place)
