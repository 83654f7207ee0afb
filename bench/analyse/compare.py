"""Two runs side by side: their accuracy, their times, and what else differs between them.

Groups of one setting are compared. On images with one fingerprint equal seeds mean equal training and test
images and equal initial weights. But where anything rounds otherwise, on another machine or with another
version, equal seeds soon diverge: the seeds of the two runs are taken for independent. How much accuracy
differs by seed is estimated from the seeds of the setting and, for the smaller part, from the model's other
settings (`intervals.moderated`), so that two seeds, or one, have an interval that can be used.

The few headline settings share one error rate, all other settings another.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.compare_times import Timing, compare_times, not_compared
from hexbench.analyse.groups import RANDOM, Group, Setting
from hexbench.analyse.intervals import Estimate, Prior
from hexbench.analyse.runs import Runs
from hexbench.errors import BadInput
from hexbench.files import nearest
from hexbench.store.manifest import Manifest
from hexbench.store.record import Environment, Failed, Record

FAMILY = 0.05
"""The chance that any interval of the headline rows misses its true difference; and any of the others."""
FLOOR = 0.01
"""A change of at most one point is neither a regression nor better."""
POWER = 0.8
"""A difference of `Difference.detectable` is shown with this chance."""

REGRESSION, BETTER, IDENTICAL = "REGRESSION", "better", "identical"
SMALL = "under one point"
UNDECIDED = "no difference that this data can show"
SHOWN, NOT_SHOWN, WORSE = "shown", "not shown", "worse"
"""Whether the second is not worse by more than a margin."""

SEEDS_AND_IMAGES, IMAGES, DRAWS, SPLITS = "seeds and images", "images", "draws", "random splits"
"""What an interval has in it."""

Pair = Sequence[tuple[np.ndarray, np.ndarray]]
"""What the first run and the second classify correctly, (images,) bool each, for every common seed."""
Priors = tuple[Prior | None, Prior | None]


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
    """Accuracies of the same seeds, or of the same random splits, in order."""
    change: Estimate
    """Of the mean, second less first."""
    level: float
    """Of that interval."""
    interval_of: str
    identical: bool
    """Whether both classify the very same images correctly."""
    headline: bool = False
    other: str | None = None
    """The model of the second, where it has another name."""

    @property
    def verdict(self) -> str:
        """REGRESSION, WORSE and BETTER need an interval that leaves out 0, and more than FLOOR.

        Of another model than the first's it is no regression.
        """
        if self.identical:
            return IDENTICAL
        if not (self.change.low > 0 or self.change.high < 0):
            return UNDECIDED
        if abs(self.change.value) <= FLOOR:
            return SMALL
        if self.change.value > 0:
            return BETTER
        return REGRESSION if self.other is None else WORSE

    @property
    def detectable(self) -> float:
        """A true difference that is shown with a chance of POWER, by the normal approximation."""
        from scipy.stats import norm

        reach = self.change.high - self.change.value
        return reach * (1 + float(norm.ppf(POWER) / norm.ppf((1 + self.level) / 2)))

    def against(self, margin: float) -> str:
        """Whether the second is shown not to be worse by more than a margin, a share."""
        if self.change.low > -margin:
            return SHOWN
        return WORSE if self.change.high < -margin else NOT_SHOWN


@dataclass(frozen=True)
class Accuracy:
    """Every setting and evaluated epoch that both runs measured with a common seed or split."""

    differences: list[Difference]
    only_first: int
    only_second: int
    """Settings and epochs with no counterpart, or none with a common seed."""

    def count(self, verdict: str) -> int:
        """How many have this verdict."""
        return sum(d.verdict == verdict for d in self.differences)


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


def compare(first: Run, second: Run, models: Mapping[str, str] | None = None) -> Comparison:
    """Set two runs beside each other; BadInput if they are about different images.

    `models`: names of the first with those of the second that they are to be compared with; then these alone
    are compared, whatever their hyperparameters.
    """
    if first.manifest.data.fingerprint != second.manifest.data.fingerprint:
        raise BadInput(f"{first.name} and {second.name} are about different images: nothing can be compared.")
    for run, names in ((first, models or {}), (second, (models or {}).values())):
        for name in names:
            if name not in run.runs.models:
                near = nearest(name, run.runs.models)
                known = ", ".join(run.runs.models)
                raise BadInput(f"{run.name} has no cell of a model {name!r}{near}: it has {known}.")
    return Comparison(
        first,
        second,
        compare_accuracy(first.runs, second.runs, models),
        [] if models else compare_times(first.runs, second.runs),
        _other_sources(first, second) + ([] if models else not_compared(first.runs, second.runs)),
        environment_changes(first.manifest.environment, second.manifest.environment),
    )


def _other_sources(first: Run, second: Run) -> list[str]:
    """Models of one's own that were edited between the runs, a sentence each."""
    facts, others = first.manifest.models, second.manifest.models
    return [
        f"{facts[name].label}: its source differs between the runs."
        for name in facts
        if name in others and facts[name].source != others[name].source
    ]


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

Compared = dict[Any, tuple[Setting, Group]]
"""Groups by what must be equal for them to be compared."""


def compare_accuracy(first: Runs, second: Runs, models: Mapping[str, str] | None = None) -> Accuracy:
    """Compare the cells of two runs on images with one fingerprint."""
    if models:
        sides = [
            _by_place(runs, names) for runs, names in ((first, list(models)), (second, list(models.values())))
        ]
    else:
        sides = [_by_setting(first), _by_setting(second)]
    common = {key: (*sides[0][key], *sides[1][key]) for key in sides[0] if key in sides[1]}
    pairs = {key: _paired(a, b) for key, (_, a, _, b) in common.items()}
    common = {key: found for key, found in common.items() if pairs[key]}
    headlines = {key for key, (setting, *_) in common.items() if models or _is_headline(setting, first)}
    differences = []
    for key, (setting, _, of_second, _) in common.items():
        headline = key in headlines
        level = 1 - FAMILY / max(len(headlines) if headline else len(common) - len(headlines), 1)
        found = difference(setting, pairs[key], level, _priors((setting, first), (of_second, second)))
        other = of_second.model if of_second.model != setting.model else None
        differences.append(replace(found, headline=headline, other=other))
    alone = (len(side) - len(common) for side in sides)
    return Accuracy(differences, *alone)


def _by_setting(runs: Runs) -> Compared:
    """The settings whose cells kept their predictions; all random splits are one."""
    found: Compared = {}
    for setting, group in runs.merged.items():
        kept = Group([record for record, _, _ in group.snapshots], group.epoch)
        if kept.records:
            key = setting._replace(params_from=None) if setting.split == RANDOM else setting
            found[key] = (setting, kept)
    return found


def _by_place(runs: Runs, models: Sequence[str]) -> Compared:
    """The cells of models with their defaults at their end, by their images and the place in `models`."""
    found: Compared = {}
    for setting, group in _by_setting(runs).values():
        if setting.model in models and _is_default(setting, runs):
            last = max(record.epochs or 0 for record in group.records)
            if setting.epochs in (None, last):
                place = (setting.subset, setting.split, setting.test_size, setting.varied)
                found[models.index(setting.model), *place] = (setting, group)
    return found


def _is_default(setting: Setting, runs: Runs) -> bool:
    defaults = runs.facts(setting.model).defaults
    return all(defaults.get(name, value) == value for name, value in setting.params)


def _is_headline(setting: Setting, runs: Runs) -> bool:
    """All training images, default hyperparameters, at their end: the report's own numbers."""
    epochs = runs.facts(setting.model).defaults.get("epochs")
    subset = setting.subset
    whole = subset.classes is None and not subset.held_out and not setting.varied
    size = runs.manifest.data.images if subset.resplit else runs.manifest.data.train
    return whole and subset.size == size and _is_default(setting, runs) and setting.epochs in (None, epochs)


def _priors(*sides: tuple[Setting, Runs]) -> Priors | None:
    """How much seeds differ on either side; None where both models are deterministic.

    Then equal seeds have equal training images, and on these equal results.
    """
    if all(runs.facts(setting.model).deterministic for setting, runs in sides):
        return None
    first, second = (runs.priors[setting.model] for setting, runs in sides)
    return first, second


def _paired(first: Group, second: Group) -> Pair:
    rows = (group.correct for group in first.paired(second))
    return [(a, b) for a, b in zip(*rows, strict=True) if len(a) == len(b)]


def difference(setting: Setting, pair: Pair, level: float, priors: Priors | None) -> Difference:
    """The second accuracy of each pair less the first."""
    first, second = (list(rows) for rows in zip(*pair, strict=True))
    identical = all(np.array_equal(a, b) for a, b in pair)
    change, interval_of = _estimate(setting, second, first, level, priors and (priors[1], priors[0]))
    return Difference(
        setting,
        [float(row.mean()) for row in first],
        [float(row.mean()) for row in second],
        Estimate(0.0, 0.0, 0.0) if identical else change,
        level,
        interval_of,
        identical,
    )


def _estimate(
    setting: Setting, a: list[np.ndarray], b: list[np.ndarray], level: float, priors: Priors | None
) -> tuple[Estimate, str]:
    """The accuracy of `a` less that of `b`, rows (images,) of equal seeds, and what its interval is of."""
    if setting.split == RANDOM:
        apart = [float(x.mean() - y.mean()) for x, y in zip(a, b, strict=True)]
        return intervals.over_splits(apart, setting.test_size or 0.0, level), SPLITS
    if (setting.subset.resplit or setting.subset.classes is not None) and len(a) > 1:
        return intervals.difference_of_draws(a, b, level), DRAWS
    if priors is None:
        found = intervals.paired_difference(np.array(a), np.array(b), level)
        return found, SEEDS_AND_IMAGES if len(a) > 1 else IMAGES
    sides = np.array(a), np.array(b)
    spreads = [prior and prior.at(float(rows.mean())) for prior, rows in zip(priors, sides, strict=True)]
    return intervals.difference(*sides, level, (spreads[0], spreads[1])), SEEDS_AND_IMAGES


# --- Times ---
