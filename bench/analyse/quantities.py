"""Quantities: a metric of selected cells, a difference or a ratio of two, estimated with an interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan, sqrt
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.intervals import CONFIDENCE, Estimate, Spread, Unit
from hexbench.analyse.runs import ANY, FIELDS, TIMES, Group, Runs, Selection
from hexbench.errors import BadInput
from hexbench.files import nearest
from hexbench.plan.cell import shown
from hexbench.store.record import Failed

INCONCLUSIVE, NOT_RUN = "inconclusive", "not run"
"""Verdicts where there is nothing to decide; `hexbench.analyse.rules` has the others."""
FEWEST_TIMES = 2
"""Runs that had the machine to themselves, of each side."""

SPLITS = "random splits"
FEWEST_SPLITS = 5
"""With fewer random splits, accuracies rest on the seeds of the study's own."""
MANY_IMAGES, SEEDS_OF_MANY = 10_000, 5
"""Above so many test images the seeds have most of the variance: fewer seeds than these show it badly."""
ON_SPLITS = ("test_accuracy", "train_accuracy", "recall", "precision")
SHARES = ("test_accuracy", "train_accuracy", "cv_score", "recall", "precision")
OF_CLASS = ("recall", "precision")
"""Metrics of one class, from the confusion matrix."""
NAMES = {
    "test_accuracy": "test accuracy",
    "test_loss": "test loss",
    "train_accuracy": "training accuracy",
    "train_loss": "training loss",
    "cv_score": "cross-validation accuracy",
    "parameters": "parameters",
    "recall": "recall",
    "precision": "precision",
    "epoch_s": "time per epoch",
    "train_s": "training time",
    "search_s": "search time",
    "predict_s": "prediction time",
    "compile_s": "compile time",
    "evaluate_s": "evaluation time",
    "total_s": "total time",
}


@dataclass(frozen=True)
class Quantity:
    """A metric of selected cells."""

    metric: str
    selection: Selection
    of_class: str | None = None
    """The name of the class whose recall or precision it is."""
    otherwise: Selection | None = None
    """Cells to take where there are none of `selection`."""

    def cells(self, runs: Runs) -> Group:
        """The cells, one a seed; Ambiguous where they differ in more than that."""
        found = runs.select(self.selection)
        if found.records or self.otherwise is None:
            return found
        other = runs.select(self.otherwise)
        return other if other.records else found

    def but(self, **wanted: Any) -> "Quantity":
        """The same of cells with other values."""
        other = self.otherwise.but(**wanted) if self.otherwise else None
        return replace(self, selection=self.selection.but(**wanted), otherwise=other)

    def failed(self, runs: Runs) -> list[Failed]:
        """The cells that would be among them if they had not failed."""
        asked = [self.selection] + ([self.otherwise] if self.otherwise else [])
        groups = [group for one in asked for _, group in runs.found(one)]
        return [failure for group in groups for failure in group.failed]

    @property
    def name(self) -> str:
        """`test accuracy`, or `recall of class 8`."""
        return NAMES[self.metric] + (f" of class {self.of_class}" if self.of_class else "")


@dataclass(frozen=True)
class Part:
    """What one rule is to decide: a quantity, or the difference or ratio of two."""

    rule: str
    kind: str
    """`of`, `difference` or `ratio`; empty where a rule needs no cells."""
    of: tuple[Quantity, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the rule."""
    seeds: int = 1
    """Fewer of a model with anything random in it decide nothing."""
    name: str = ""
    measures: str = ""
    """A sentence about the value, with `{}` for it, or `{inverse}` for that of a ratio."""
    place: tuple[tuple[str, Any], ...] = ()
    """The values of `for_each` that this part stands for."""

    def said(self, runs: Runs) -> str:
        """The quantity in words."""
        if not self.of:
            return self.name or "implied by the reported numbers"
        axes = [name for name, _ in self.place]
        sides = [described(quantity.selection, runs, axes) for quantity in self.of]
        where = ", ".join(described_axis(*one) for one in self.place)
        words = self.name or f"{self._metrics}{self._joined(sides)}"
        return f"{words}, {where}" if where else words

    @property
    def _metrics(self) -> str:
        return " and ".join(dict.fromkeys(quantity.name for quantity in self.of))

    def _joined(self, sides: Sequence[str]) -> str:
        if self.kind == "of":
            return f" of {sides[0]}"
        return ", " + {"difference": " minus ", "ratio": " / "}.get(self.kind, ", ").join(sides)


@dataclass(frozen=True)
class Finding:
    """What a rule says of a part."""

    verdict: str
    reason: str = ""
    """Why nothing is decided, or what else there is to say; half a sentence."""
    found: Estimate | None = None
    unit: Unit = intervals.NUMBER
    n: int = 0
    """How many runs the interval rests on."""
    groups: Sequence[Group] = ()
    distance: float = 0.0
    """How far the value is from what would turn the verdict, negative where it is beyond."""
    interval: str = ""
    """What the interval is called, if it is not one of confidence."""
    counted: str = "seeds"
    """What `n` counts."""
    said: str = ""
    """The value with its interval, where `unit` cannot say it."""
    target: float | None = None
    """The reported value, or the bound, that the value is held against."""
    room: float = 0.0
    """How far the value is from where the answer turns."""

    def text(self, level: float) -> str:
        """The value with its interval."""
        if self.found is None or self.said:
            return self.said
        return intervals.written(self.found, self.unit, self.interval or f"{100 * level:.4g}% CI")

    @property
    def inverse(self) -> "Finding":
        """The same of a ratio's inverse: `68x` instead of `0.0147x`."""
        if self.found is None or self.found.low <= 0:
            return self
        ends = (1 / end for end in (self.found.value, self.found.high, self.found.low))
        return replace(self, found=Estimate(*ends))


def described(selection: Selection, runs: Runs, without: Sequence[str] = ()) -> str:
    """The cells of a selection in words: the model's label, `after 3 epochs`."""
    wanted = {n: v for n, v in selection.wanted.items() if n not in without and v != ANY}
    params = [f"{name}={shown(value)}" for name, value in wanted.items() if name not in FIELDS]
    words = [runs.label(selection.model), f"({', '.join(params)})" if params else ""]
    words += [described_axis(name, value, runs) for name, value in wanted.items() if name in FIELDS]
    return " ".join(word for word in words if word)


def described_axis(name: str, value: Any, runs: Runs | None = None) -> str:
    """An axis with its value in words; empty where that goes without saying."""
    if value == "all" or value is False:
        return "all images" if value == "all" and runs is None else ""
    if name in ("train_size", "fitted", "images"):
        size = f"{value:,}" if isinstance(value, int) else value
        return f"{'on ' if runs else ''}{size} images"
    if name == "params_from" and runs is not None:
        return f"tuned by {runs.label(value)}"
    words = {
        "epochs": f"after {value} epoch{'s' if value != 1 else ''}",
        "classes": f"{'of ' if runs else ''}{value} classes",
        "early_stopping": "with early stopping",
        "split": f"on split {value}",
    }
    return words.get(name) or f"{name}={shown(value)}"


class Case(NamedTuple):
    """What a rule is asked: a part of a claim, of these runs, at this level of confidence."""

    part: Part
    runs: Runs
    level: float

    @property
    def quantity(self) -> Quantity:
        """The only one."""
        (found,) = self.part.of
        return found

    @property
    def percent(self) -> str:
        """The level in words."""
        return f"{100 * self.level:.4g}%"

    @property
    def interval(self) -> str:
        """What an interval of this level is called."""
        return f"{self.percent} CI"


def measured(case: Case) -> Finding:
    """The estimate of a part; its verdict is empty, unless nothing can be decided.

    Accuracies rest on random splits where there are enough; else on the seeds of the study's own split.
    """
    part, runs, level = case
    groups = [quantity.cells(runs) for quantity in part.of]
    if of_splits := _of_splits(part, runs):
        groups = of_splits
    for quantity, group in zip(part.of, groups, strict=True):
        if not group.records or np.isnan(values_of(quantity, group, runs)[0]).any():
            return not_run(quantity, runs, groups)
    if any(quantity.metric in TIMES for quantity in part.of):
        groups = [group.clean for group in groups]
        if reason := _not_timed(groups):
            return Finding(INCONCLUSIVE, reason, groups=[Group([], None, g.failed) for g in groups])
    elif part.kind == "difference" and not of_splits and _is_paired(part, groups, runs):
        groups = list(groups[0].paired(groups[1]))
    if not of_splits and (reason := too_few(part, groups, runs)):
        n = min(len(group) for group in groups if not runs.is_fixed(group))
        return Finding(INCONCLUSIVE, reason, n=n, groups=groups)
    found, unit = estimate(part, groups, runs, level)
    if of_splits:
        return _found_on_splits(part, groups, runs, found, unit)
    n = min((len(group) for group in groups if len(group) > 1), default=1)
    return Finding("", "", found, unit, n, groups)


def _of_splits(part: Part, runs: Runs) -> list[Group]:
    """The cells of a part on the random splits that all its sides have; empty where these are too few."""
    if part.kind == "ratio" or any(quantity.metric not in ON_SPLITS for quantity in part.of):
        return []
    groups = [runs.on_splits(quantity.selection) for quantity in part.of]
    common = set.intersection(*({record.split for record in group.records} for group in groups))
    if len(common) < FEWEST_SPLITS:
        return []
    return [Group([r for r in g.records if r.split in common], g.epoch, g.failed) for g in groups]


def _found_on_splits(part: Part, groups: Sequence[Group], runs: Runs, found: Estimate, unit: Unit) -> Finding:
    values = _by_split(part, groups, runs)
    reason = ""
    if part.kind == "difference":
        reason = f"above 0 on {sum(value > 0 for value in values)} of {len(values)} random splits"
    return Finding("", reason, found, unit, len(values), groups, counted=SPLITS)


def on_own_split(part: Part, runs: Runs) -> str:
    """The estimate of a part on the study's own split; empty where there is none."""
    own = runs.manifest.split.split
    finding = measured(Case(replace(part, of=tuple(q.but(split=own) for q in part.of)), runs, CONFIDENCE))
    return finding.text(CONFIDENCE)


def _is_paired(part: Part, groups: Sequence[Group], runs: Runs) -> bool:
    """Whether equal seeds are one training run, or are tested on the same images and no others."""
    if any(map(runs.is_fixed, groups)):
        return False
    same = bool(set(groups[0].keys) & set(groups[1].keys))
    accuracies = all(quantity.metric == "test_accuracy" for quantity in part.of)
    return same or not accuracies or not all(map(_share_tests, groups))


def too_few(part: Part, groups: Sequence[Group], runs: Runs) -> str:
    """Why so few seeds decide nothing; empty where there are enough."""
    random = [group for group in groups if not runs.is_fixed(group)]
    if not random:
        return ""
    many_images = any(g.records[0].tested > MANY_IMAGES and _share_tests(g) for g in random)
    accuracies = any(quantity.metric in SHARES for quantity in part.of)
    needed = max(part.seeds, SEEDS_OF_MANY if many_images and accuracies and part.seeds > 1 else 1)
    fewest = min(map(len, random))
    return f"{fewest} of the {needed} seeds that the rule needs" if fewest < needed else ""


def not_run(quantity: Quantity, runs: Runs, groups: Sequence[Group], where: str = "") -> Finding:
    """No cell measures a quantity."""
    what = f"the {quantity.name} of {described(quantity.selection, runs)}{where}"
    return Finding(NOT_RUN, f"no run measures {what}", groups=groups)


def _not_timed(groups: Sequence[Group]) -> str | None:
    """Why times must not be compared; the groups are of clean runs."""
    if min(map(len, groups)) < FEWEST_TIMES:
        return "too few runs had the machine to themselves"
    hardware = {(r.environment.machine, r.device) for g in groups for r in g.records}
    return "the runs are of several machines" if len(hardware) > 1 else None


def estimate(part: Part, groups: Sequence[Group], runs: Runs, level: float) -> tuple[Estimate, Unit]:
    """The quantity of a part on these groups, one for each of `part.of`, and how it is written."""
    if part.kind == "ratio":
        sides = [values_of(q, group, runs)[0] for q, group in zip(part.of, groups, strict=True)]
        if min(min(side) for side in sides) <= 0:
            raise BadInput(f"the ratio of {part.said(runs)} has values that are not above 0.")
        return intervals.ratio(sides[0], sides[1], level), intervals.TIMES
    if len({record.split for group in groups for record in group.records}) > 1:
        test_share = groups[0].records[0].test_size or 0.0
        found = intervals.over_splits(_by_split(part, groups, runs), test_share, level)
    else:
        found = (
            _of_images(part, groups, runs, level)
            or _of_losses(part, groups, level)
            or _ofvalues_of(part, groups, runs, level)
        )
    return found, unit_of(part)


def _by_split(part: Part, groups: Sequence[Group], runs: Runs) -> list[float]:
    """The quantity, or difference, of each split; the mean over its seeds."""
    sides = []
    for quantity, group in zip(part.of, groups, strict=True):
        values: dict[Any, list[float]] = {}
        for record, value in zip(group.records, values_of(quantity, group, runs)[0], strict=True):
            values.setdefault(record.split, []).append(value)
        sides.append({split: fmean(of_split) for split, of_split in values.items()})
    return [sides[0][s] - (sides[1][s] if part.kind == "difference" else 0) for s in sorted(sides[0])]


def _of_images(part: Part, groups: Sequence[Group], runs: Runs, level: float) -> Estimate | None:
    """Of test accuracies on the same images; None where these are not known, or differ by seed."""
    if any(quantity.metric != "test_accuracy" for quantity in part.of):
        return None
    rows = [group.correct for group in groups]
    known = all(len(found) == len(group) for found, group in zip(rows, groups, strict=True))
    one_set = all(map(_share_tests, groups)) or max(map(len, groups)) == 1
    if not known or not one_set or len({len(row) for found in rows for row in found}) > 1:
        return None
    priors = [_spread_of_seeds(group, runs) for group in groups]
    if part.kind == "of":
        return intervals.accuracy(np.array(rows[0]), level, priors[0])
    if not all(map(_share_tests, groups)):
        return None
    if set(groups[0].keys) & set(groups[1].keys):
        return intervals.paired_difference(np.array(rows[0]), np.array(rows[1]), level)
    return intervals.difference(np.array(rows[0]), np.array(rows[1]), level, (priors[0], priors[1]))


def _spread_of_seeds(group: Group, runs: Runs) -> Spread | None:
    """What the model's other settings say of how these cells differ by seed."""
    prior = None if runs.is_fixed(group) else runs.priors[group.records[0].model]
    return prior and prior.at(fmean(group.metric("test_accuracy")))


def _of_losses(part: Part, groups: Sequence[Group], level: float) -> Estimate | None:
    """Of test losses of the same runs at two epochs, image by image; None where these are not known.

    The value is the exact difference; the kept losses, which are rounded, give its interval.
    """
    if part.kind != "difference" or any(quantity.metric != "test_loss" for quantity in part.of):
        return None
    rows = [group.losses for group in groups]
    same = groups[0].keys == groups[1].keys and all(map(_share_tests, groups))
    if not same or len(groups[0]) < 2 or any(len(r) != len(g) for r, g in zip(rows, groups, strict=True)):
        return None
    found = intervals.paired_difference(np.array(rows[0]), np.array(rows[1]), level)
    exact = fmean(groups[0].metric("test_loss")) - fmean(groups[1].metric("test_loss"))
    reach = found.high - found.value
    return Estimate(exact, exact - reach, exact + reach)


def _ofvalues_of(part: Part, groups: Sequence[Group], runs: Runs, level: float) -> Estimate:
    """The mean over the seeds, with the drawing of test images where that is not in the seeds' spread."""
    if part.kind == "difference" and not any(map(runs.is_fixed, groups)):
        groups = groups[0].paired(groups[1])
    sides = [values_of(q, group, runs) for q, group in zip(part.of, groups, strict=True)]
    values = np.array(sides[0][0])
    if part.kind == "difference":
        values = values - np.array(sides[1][0])
    variance = sum(variance for _, variance in sides)
    value = float(values.mean())
    alone = len(values) == 1 and variance > 0
    if alone and part.kind == "of":
        trials = round(value * (1 - value) / variance)
        return intervals.proportion(round(value * trials), trials, level)
    found = Estimate(value, value, value) if alone else intervals.mean(values.tolist(), level)
    return intervals.with_error(found, sqrt(variance), level) if variance else found


def values_of(quantity: Quantity, group: Group, runs: Runs) -> tuple[list[float], float]:
    """A quantity of each cell, and the variance of its mean by the drawing of shared test images."""
    if quantity.metric in TIMES:
        return group.seconds(quantity.metric) or [nan], 0.0
    if quantity.metric in OF_CLASS:
        place = _place(quantity, runs)
        axis = int(quantity.metric == "recall")
        counts = [(m[place, place], m.sum(axis)[place]) for m in group.confusions]
        values = [float(k / n) if n else nan for k, n in counts] or [nan]
        images = float(np.mean([n for _, n in counts])) if counts else 0.0
    else:
        values = group.metric(quantity.metric)
        images = group.records[0].tested if quantity.metric == "test_accuracy" else 0.0
    if not images or not (_share_tests(group) or len(group) == 1):
        return values, 0.0
    share = float(np.mean(values))
    return values, share * (1 - share) / images


def _place(quantity: Quantity, runs: Runs) -> int:
    names = runs.manifest.data.class_names
    if quantity.of_class not in names:
        near = nearest(str(quantity.of_class), names)
        raise BadInput(f"the data have no class {quantity.of_class!r}{near}.")
    return names.index(quantity.of_class)


def _share_tests(group: Group) -> bool:
    """Whether every seed is tested on the same images."""
    subsets = [record.subset for record in group.records]
    return not any(subset.resplit or subset.classes is not None for subset in subsets)


def unit_of(part: Part) -> Unit:
    """How a quantity, or a difference of two, is written."""
    difference = part.kind == "difference"
    if all(quantity.metric in SHARES for quantity in part.of):
        return intervals.POINTS if difference else intervals.PERCENT
    if difference:
        return intervals.SIGNED
    metric = part.of[0].metric
    if metric in TIMES:
        return intervals.SECONDS
    return intervals.COUNT if metric == "parameters" else intervals.LOSS
