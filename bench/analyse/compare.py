"""Two runs side by side: their accuracy, their times, and what else differs between them.

Groups of one setting are compared. They are paired by seed: on images with one fingerprint, equal seeds
mean equal training and test images and equal initial weights. But where anything rounds otherwise, on
another machine or with another version, equal seeds soon diverge, and the differences of three seeds are
too often alike by chance: over all cells of a suite a paired interval then errs many times more often than
it says. So the interval of a model that is not deterministic is never narrower than the unpaired one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import geometric_mean
from typing import Any

import msgspec
import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.intervals import FEWEST_SEEDS, Estimate
from hexbench.analyse.runs import Group, Runs, Setting
from hexbench.errors import BadInput
from hexbench.store.manifest import Manifest
from hexbench.store.record import Done, Environment, Failed, Record

FAMILY = 0.05
"""The chance that any interval of accuracy misses its true difference, shared among all of them."""
FLOOR = 0.01
"""A change of at most one point is neither a regression nor better."""

REGRESSION, BETTER, IDENTICAL = "REGRESSION", "better", "identical"
SMALL = "under one point"
UNDECIDED = "no difference that this data can show"

SEEDS_AND_IMAGES, IMAGES, DRAWS = "seeds and images", "images", "draws"
ASSUMED_SEEDS = "images and an assumed standard deviation of seeds"
"""What an interval has in it. Of one seed of a deterministic model it is the images alone."""

Pair = Sequence[tuple[np.ndarray, np.ndarray]]
"""What the first run and the second classify correctly, (images,) bool each, for every common seed."""


@dataclass(frozen=True)
class Run:
    """One of the two: its folder, its records, and those that do not count."""

    name: str
    manifest: Manifest
    runs: Runs
    left_out: Sequence[tuple[str, str, str]]
    """(key, label, why) of every record that does not count."""

    @classmethod
    def of(cls, name: str, manifest: Manifest, records: Iterable[Record]) -> "Run":
        """Those records do not count that failed, or are about other images than the manifest's."""
        records = list(records)
        reasons = {}
        for record in records:
            if isinstance(record, Failed):
                reasons[record.key] = f"it failed: {record.error}"
            elif record.data.fingerprint != manifest.data.fingerprint:
                reasons[record.key] = "it is about other images than its folder"
        left_out = [(key, manifest.labels.get(key, "a cell"), why) for key, why in reasons.items()]
        return cls(name, manifest, Runs.of(manifest, records), left_out)


@dataclass(frozen=True)
class Difference:
    """The test accuracy of one setting in both runs."""

    setting: Setting
    first: list[float]
    second: list[float]
    """Accuracies of the same seeds, in order."""
    change: Estimate
    """Of the mean, second less first."""
    interval_of: str
    identical: bool
    """Whether both classify the very same images correctly."""

    @property
    def verdict(self) -> str:
        """REGRESSION and BETTER need an interval that leaves out 0, and more than FLOOR."""
        if self.identical:
            return IDENTICAL
        if not (self.change.low > 0 or self.change.high < 0):
            return UNDECIDED
        if abs(self.change.value) <= FLOOR:
            return SMALL
        return REGRESSION if self.change.value < 0 else BETTER


@dataclass(frozen=True)
class Accuracy:
    """Every setting and evaluated epoch that both runs measured with a common seed."""

    differences: list[Difference]
    confidence: float
    """Of each interval, so that all hold together with 1 - FAMILY (Bonferroni)."""
    only_first: int
    only_second: int
    """Settings and epochs with no counterpart, or none with a common seed."""

    def count(self, verdict: str) -> int:
        """How many have this verdict."""
        return sum(d.verdict == verdict for d in self.differences)


@dataclass(frozen=True)
class Timing:
    """One time of one setting in both runs, on one machine and device."""

    setting: Setting
    time: str
    """Its name in a record's `times`."""
    hardware: tuple[str, str]
    """Machine and device."""
    first: list[float]
    second: list[float]
    """Seconds of the runs that had the machine to themselves, whatever their seeds."""

    @property
    def means(self) -> tuple[float, float]:
        """Geometric means of the seconds, whose ratio is estimated."""
        return geometric_mean(self.first), geometric_mean(self.second)

    @property
    def ratio(self) -> Estimate:
        """Second by first with its own 95% interval, which has no end where a side has a single run."""
        return intervals.ratio(self.second, self.first)

    @property
    def has_interval(self) -> bool:
        """Whether there are runs enough to claim one."""
        return isfinite(self.ratio.high)


@dataclass(frozen=True)
class Comparison:
    """All that two runs say beside each other."""

    first: Run
    second: Run
    accuracy: Accuracy
    times: list[Timing]
    remarks: list[str]
    """What is not compared, and why, in sentences."""
    environment: list[str]


def compare(first: Run, second: Run) -> Comparison:
    """Set two runs beside each other; BadInput if they are about different images."""
    if first.manifest.data.fingerprint != second.manifest.data.fingerprint:
        raise BadInput(f"{first.name} and {second.name} are about different images: nothing can be compared.")
    return Comparison(
        first,
        second,
        compare_accuracy(first.runs, second.runs),
        compare_times(first.runs, second.runs),
        not_compared(first.runs, second.runs),
        environment_changes(first.manifest.environment, second.manifest.environment),
    )


def environment_changes(first: Environment, second: Environment) -> list[str]:
    """What differs between two environments and can explain a difference, one line each."""
    flat_a, flat_b = (_flat(msgspec.to_builtins(one)) for one in (first, second))
    pairs = {name: (flat_a.get(name), flat_b.get(name)) for name in {**flat_a, **flat_b}}
    return [f"{name}: {a} → {b}" for name, (a, b) in pairs.items() if a != b]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


# --- Accuracy ---


def compare_accuracy(first: Runs, second: Runs) -> Accuracy:
    """Pair the cells of two runs on images with one fingerprint."""
    groups = [dict(_predicted(runs)) for runs in (first, second)]
    common = [setting for setting in groups[0] if setting in groups[1]]
    pairs = {setting: _paired(groups[0][setting], groups[1][setting]) for setting in common}
    pairs = {setting: pair for setting, pair in pairs.items() if pair}
    confidence = 1 - FAMILY / max(len(pairs), 1)
    differences = [
        difference(setting, pair, confidence, first.facts(setting.model).deterministic)
        for setting, pair in pairs.items()
    ]
    alone = (len(found) - len(pairs) for found in groups)
    return Accuracy(differences, confidence, *alone)


def _predicted(runs: Runs) -> Iterator[tuple[Setting, Group]]:
    """The settings whose cells kept their predictions."""
    for setting, group in runs.groups.items():
        kept = [record for record, _, _ in group.snapshots]
        if kept:
            yield setting, Group(kept, group.epoch)


def _paired(first: Group, second: Group) -> Pair:
    rows = (group.correct for group in first.paired(second))
    return [(a, b) for a, b in zip(*rows, strict=True) if len(a) == len(b)]


def difference(setting: Setting, pair: Pair, confidence: float, deterministic: bool) -> Difference:
    """The second accuracy of each pair less the first."""
    first, second = (list(rows) for rows in zip(*pair, strict=True))
    identical = all(np.array_equal(a, b) for a, b in pair)
    draws = setting.subset.resplit or setting.subset.classes is not None
    change, interval_of = _estimate(second, first, confidence, draws, deterministic)
    return Difference(
        setting,
        [float(row.mean()) for row in first],
        [float(row.mean()) for row in second],
        Estimate(0.0, 0.0, 0.0) if identical else change,
        interval_of,
        identical,
    )


def _estimate(
    a: list[np.ndarray], b: list[np.ndarray], confidence: float, draws: bool, deterministic: bool
) -> tuple[Estimate, str]:
    """The accuracy of `a` less that of `b`, rows (images,) of equal seeds, and what its interval is of.

    `draws`: each seed has test images of its own.
    """
    seeds = len(a)
    if draws and seeds > 1:
        found, interval_of = intervals.difference_of_draws(a, b, confidence), DRAWS
    else:
        found = intervals.difference(np.array(a), np.array(b), confidence)
        interval_of = SEEDS_AND_IMAGES if seeds > 1 else IMAGES
    if not deterministic and seeds < FEWEST_SEEDS:
        return intervals.with_assumed_seeds(found, seeds, confidence), ASSUMED_SEEDS
    if not deterministic and interval_of == SEEDS_AND_IMAGES:
        unpaired = intervals.unpaired_difference(np.array(a), np.array(b), confidence)
        found = max(found, unpaired, key=lambda estimate: estimate.high)
    return found, interval_of


# --- Times ---


def compare_times(first: Runs, second: Runs) -> list[Timing]:
    """The times of every setting that both runs measured undisturbed on the same hardware."""
    found = [_seconds(runs) for runs in (first, second)]
    return [Timing(*key, seconds, found[1][key]) for key, seconds in found[0].items() if key in found[1]]


def not_compared(first: Runs, second: Runs) -> list[str]:
    """Why settings that both runs measured have no times side by side, a sentence for each cause."""
    common = [(cells, second.cells[s]) for s, cells in first.cells.items() if s in second.cells]
    elsewhere = [pair for pair in common if not _hardware(pair[0]) & _hardware(pair[1])]
    disturbed = sum(not _hardware(_clean(a)) & _hardware(_clean(b)) for a, b in common)
    disturbed -= len(elsewhere)
    sentences = []
    if elsewhere:
        sentences.append(
            f"Times of {len(elsewhere)} of {len(common)} settings are not compared: they ran on other "
            f"hardware, {_what_differs(elsewhere)}."
        )
    if disturbed:
        sentences.append(
            f"Times of {disturbed} of {len(common)} settings are not compared: in one of the runs no "
            "cell had the machine to itself."
        )
    return sentences


def _seconds(runs: Runs) -> dict[tuple[Setting, str, tuple[str, str]], list[float]]:
    """Of the undisturbed cells, by setting, name of the time, and hardware."""
    found: dict[tuple[Setting, str, tuple[str, str]], list[float]] = {}
    for setting, cells in runs.cells.items():
        by_epochs = runs.facts(setting.model).learning_curve
        for record in _clean(cells):
            for name in ("epoch_s",) if by_epochs else ("search_s", "train_s"):
                seconds = getattr(record.times, name)
                if seconds:
                    key = (setting, name, _where(record))
                    found.setdefault(key, []).append(seconds)
    return found


def _clean(cells: Iterable[Done]) -> list[Done]:
    return [record for record in cells if record.timing_clean]


def _where(record: Done) -> tuple[str, str]:
    return record.environment.machine, record.device


def _hardware(cells: Iterable[Done]) -> set[tuple[str, str]]:
    return {_where(record) for record in cells}


def _what_differs(pairs: Sequence[tuple[Sequence[Done], Sequence[Done]]]) -> str:
    differing = []
    for place, name in enumerate(("machine", "device")):
        held = [[{where[place] for where in _hardware(side)} for side in pair] for pair in pairs]
        if any(first != second for first, second in held):
            first, second = (
                " and ".join(sorted(set[str]().union(*side))) for side in zip(*held, strict=True)
            )
            differing.append(f"{name} {first} → {second}")
    return ", ".join(differing)
