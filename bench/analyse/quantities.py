"""Quantities: a metric of selected cells, a difference or a ratio of two, estimated with an interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan, sqrt
from typing import Any, NamedTuple

import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.intervals import DEFAULT_SEED_STD, FEWEST_SEEDS, Estimate, Unit
from hexbench.analyse.runs import ANY, FIELDS, TIMES, Group, Runs, Selection
from hexbench.errors import BadInput
from hexbench.files import nearest
from hexbench.plan.cell import shown
from hexbench.store.record import Failed

INCONCLUSIVE, NOT_RUN = "inconclusive", "not run"
"""Verdicts where there is nothing to decide; `hexbench.analyse.rules` has the others."""
FEWEST_TIMES = 2
"""Runs that had the machine to themselves, of each side."""

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
    if name in ("train_size", "images"):
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


def measured(case: Case) -> Finding:
    """The estimate of a part; its verdict is empty, unless nothing can be decided."""
    part, runs, level = case
    groups = [quantity.cells(runs) for quantity in part.of]
    for quantity, group in zip(part.of, groups, strict=True):
        if not group.records or np.isnan(values_of(quantity, group, runs)[0]).any():
            return not_run(quantity, runs, groups)
    if any(quantity.metric in TIMES for quantity in part.of):
        groups = [group.clean for group in groups]
        if reason := _not_timed(groups):
            return Finding(INCONCLUSIVE, reason, groups=[Group([], None, g.failed) for g in groups])
    elif part.kind == "difference" and not any(map(runs.is_fixed, groups)):
        groups = list(groups[0].paired(groups[1]))
    random = [len(group) for group in groups if not runs.is_fixed(group)]
    if random and min(random) < part.seeds:
        reason = f"{min(random)} of the {part.seeds} seeds that the rule needs"
        return Finding(INCONCLUSIVE, reason, n=min(random), groups=groups)
    found, unit = estimate(part, groups, runs, level)
    n = min((len(group) for group in groups if len(group) > 1), default=1)
    return Finding("", "", found, unit, n, groups)


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
    metrics = {quantity.metric for quantity in part.of}
    if part.kind == "ratio":
        sides = [values_of(q, group, runs)[0] for q, group in zip(part.of, groups, strict=True)]
        if min(min(side) for side in sides) <= 0:
            raise BadInput(f"the ratio of {part.said(runs)} has values that are not above 0.")
        return intervals.ratio(sides[0], sides[1], level), intervals.TIMES
    found = _of_images(part, groups, level) or _ofvalues_of(part, groups, runs, level)
    if metrics == {"test_accuracy"}:
        few = [g for g in groups if len(g) < FEWEST_SEEDS and not _deterministic(g, runs)]
        error = DEFAULT_SEED_STD * sqrt(sum(1 / len(group) for group in few))
        found = intervals.with_error(found, error, level) if few else found
    return found, unit_of(part)


def _of_images(part: Part, groups: Sequence[Group], level: float) -> Estimate | None:
    """Of test accuracies on the same images; None where these are not known, or differ by seed."""
    if any(quantity.metric != "test_accuracy" for quantity in part.of):
        return None
    rows = [group.correct for group in groups]
    known = all(len(found) == len(group) for found, group in zip(rows, groups, strict=True))
    one_set = all(map(_share_tests, groups)) or max(map(len, groups)) == 1
    if not known or not one_set or len({len(row) for found in rows for row in found}) > 1:
        return None
    if part.kind == "of":
        return intervals.accuracy(np.array(rows[0]), level)
    if not all(map(_share_tests, groups)):
        return None
    return intervals.difference(np.array(rows[0]), np.array(rows[1]), level)


def _ofvalues_of(part: Part, groups: Sequence[Group], runs: Runs, level: float) -> Estimate:
    """The mean over the seeds, with the drawing of test images where that is not in the seeds' spread."""
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


def _deterministic(group: Group, runs: Runs) -> bool:
    return all(runs.facts(record.model).deterministic for record in group.records)


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
