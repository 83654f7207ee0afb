"""The regression gate: the mean over seeds of selected cells, held against the thresholds of a file.

A threshold is about one set of test images, so that only the seeds are random: a metric has broken it
where the 95% interval of its mean over seeds lies beyond the bound. More than expected of what is good
is never a regression.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.estimates import values_of
from hexbench.analyse.groups import Group, Selection
from hexbench.analyse.intervals import CONFIDENCE, Spread
from hexbench.analyse.parsing import fault
from hexbench.analyse.quantities import SHARES, Quantity
from hexbench.analyse.runs import Runs
from hexbench.analyse.selections import Known, check_selection, quantity
from hexbench.errors import BadInput
from hexbench.files import nearest, read_toml, reason, short
from hexbench.models import entries as registered

BOUNDS = ("min", "max")
METRICS = (*SHARES, "test_loss", "train_loss")
OK, BROKEN, FAILED, NOT_MEASURED = "ok", "BROKEN", "FAILED", "not measured"
WITHIN_ERROR, BETTER = "beyond, within error", "better than expected"
LOSSES = ("test_loss", "train_loss")
"""Metrics of which less is better."""
WRITTEN = 0.999
"""Level of the one-sided prediction bounds that `derived` gives."""
ROUNDING = 0.002
"""By which the accuracy of a deterministic model may differ on another machine."""
FINGERPRINT = re.compile(r"[0-9a-f]{64}")
MOST = 10**9
"""No accuracy and no loss comes near."""


@dataclass(frozen=True)
class Threshold:
    """What the mean over seeds of a metric may be, on the data with this fingerprint."""

    data: str
    quantity: Quantity
    low: float | None
    high: float | None
    where: str
    """The file, and its place there."""


@dataclass(frozen=True)
class Finding:
    """One threshold beside what was measured."""

    where: str
    metric: str
    low: float | None
    high: float | None
    measured: float | None
    """Mean over seeds; None when no cell of this folder measures it."""
    seeds: int
    failed: int = 0
    """Cells this threshold is about that failed."""
    reach: float = 0.0
    """Half the width of the 95% interval of the mean over seeds; 0 where nothing tells how seeds differ."""
    less_is_better: bool = False
    chance: float = 0.0
    """The accuracy of guessing."""

    @property
    def verdict(self) -> str:
        """OK, BETTER, WITHIN_ERROR, BROKEN, FAILED (a cell it rests on did), or NOT_MEASURED."""
        if self.failed:
            return FAILED
        if self.measured is None:
            return NOT_MEASURED
        below = 0.0 if self.low is None else self.low - self.measured
        above = 0.0 if self.high is None else self.measured - self.high
        worse, better = (above, below) if self.less_is_better else (below, above)
        if worse > 0:
            return BROKEN if worse > self.reach else WITHIN_ERROR
        return BETTER if better > 0 else OK

    @property
    def fails_at(self) -> float | None:
        """The mean at which this threshold would be broken, with as many seeds that differ as much."""
        if self.measured is None:
            return None
        if self.less_is_better:
            return None if self.high is None else self.high + self.reach
        return None if self.low is None else self.low - self.reach

    @property
    def is_blind(self) -> bool:
        """Whether not even a model that guesses would break it."""
        found = self.fails_at
        return found is not None and not self.less_is_better and found <= self.chance

    @property
    def allowed(self) -> str:
        """`0.92 to 0.96`, `≥ 0.92` or `≤ 0.96`."""
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}"
        return f"≤ {self.high:g}" if self.low is None else f"≥ {self.low:g}"

    @property
    def sentence(self) -> str:
        """What is allowed beside what was measured."""
        measured = "not measured" if self.measured is None else f"measured {self.measured:.4f}"
        failed = f", and {self.failed} of its cells failed" if self.failed else ""
        return f"{self.where}: {self.metric} is allowed {self.allowed}, {measured}{failed}."


def load(path: Path) -> list[Threshold]:
    """The thresholds of a file; BadInput names the file and the fault."""
    try:
        content = read_toml(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {reason(error)}.") from None
    found = content.get("threshold", [])
    tables = isinstance(found, list) and all(isinstance(entry, dict) for entry in found)
    if not tables or set(content) - {"threshold"}:
        raise BadInput(f"{path}: thresholds are written as [[threshold]] tables.")
    thresholds = []
    for number, entry in enumerate(found, 1):
        where = f"{path}: threshold {number}"
        try:
            thresholds.append(_threshold(entry, where))
        except BadInput as error:
            raise fault(where, error) from None
    return thresholds


def _threshold(entry: Mapping[str, Any], where: str) -> Threshold:
    rest = {name: value for name, value in entry.items() if name not in ("data", "name", *BOUNDS)}
    bounds = {bound: entry[bound] for bound in BOUNDS if bound in entry}
    data = entry.get("data")
    if data is None or "metric" not in entry or not bounds:
        raise BadInput("it needs data, metric, and min or max")
    if not isinstance(data, str) or not FINGERPRINT.fullmatch(data):
        raise BadInput("data is not the sha256 fingerprint of a data set, which `data describe` tells")
    if not isinstance(entry.get("name", ""), str):
        raise BadInput("name is no text")
    if not all(type(value) in (int, float) and abs(value) <= MOST for value in bounds.values()):
        raise BadInput("min and max must be numbers")
    metric = rest["metric"]
    if metric not in METRICS:
        near = nearest(metric, METRICS) if isinstance(metric, str) else ""
        shown = repr(short(metric)) if isinstance(metric, str) else "of that kind"
        raise BadInput(f"there is no metric {shown}: use {', '.join(METRICS)}{near}")
    return Threshold(data, quantity(rest), bounds.get("min"), bounds.get("max"), where)


def check(runs: Runs, thresholds: Iterable[Threshold]) -> list[Finding]:
    """What the runs say of every threshold that is about their data.

    BadInput names the threshold whose model or hyperparameter there is not; Ambiguous is one, too.
    """
    models: dict[str, Known] = {**registered(), **runs.manifest.models}
    findings = []
    for threshold in thresholds:
        try:
            if threshold.data == runs.manifest.data.fingerprint:
                check_selection(threshold.quantity.selection, models)
                findings.append(_judge(threshold, runs))
        except BadInput as error:
            raise fault(threshold.where, error) from None
    return findings


def _judge(threshold: Threshold, runs: Runs) -> Finding:
    asked = threshold.quantity
    group = asked.cells(runs)
    values = values_of(asked, group, runs)[0] if group.records else []
    known = bool(values) and not any(value != value for value in values)  # noqa: PLR0124 - NaN
    return Finding(
        where=f"{runs.manifest.data.name}, {asked.selection}",
        metric=asked.name if asked.of_class else asked.metric,
        low=threshold.low,
        high=threshold.high,
        measured=mean(values) if known else None,
        seeds=len(group),
        failed=len({failure.key for failure in group.failed}),
        reach=_reach(runs, group, values) if known and asked.metric == "test_accuracy" else 0.0,
        less_is_better=asked.metric in LOSSES,
        chance=1 / len(runs.manifest.data.class_names) if asked.metric in SHARES else 0.0,
    )


def _reach(runs: Runs, group: Group, values: Sequence[float]) -> float:
    """Half the 95% interval of the mean over seeds."""
    spread = _spread(runs, group, values)
    if spread is None or not spread.variance:
        return 0.0
    return intervals.quantile(CONFIDENCE, spread.freedom) * sqrt(spread.variance / len(values))


def _spread(runs: Runs, group: Group, values: Sequence[float]) -> Spread | None:
    """How much a metric differs by seed; None where nothing tells."""
    if runs.is_fixed(group):
        return None
    own = Spread(float(np.var(values, ddof=1)), len(values) - 1) if len(values) > 1 else Spread(0.0, 0)
    prior = runs.priors[group.records[0].model]
    found = intervals.moderated(own, prior and prior.at(mean(values)))
    return found if found.freedom else None


def derived(runs: Runs) -> str:
    """A file of thresholds from a run: for each model on all images, what its test accuracy may fall to.

    `min` is the lower prediction bound of the mean of as many new seeds, at WRITTEN; of a deterministic
    model its accuracy less ROUNDING.
    """
    data = runs.manifest.data
    lines = [
        f"# Lower prediction bounds ({WRITTEN:.1%}, one-sided) of the mean over seeds, from a run of "
        f"{runs.manifest.suite} on {data.name}.",
    ]
    for model in runs.models:
        facts = runs.facts(model)
        wanted = (
            {"epochs": facts.defaults["epochs"]}
            if facts.learning_curve and "epochs" in facts.defaults
            else {}
        )
        for source in [None] if facts.searches else [None, *_searches(runs)]:
            selection = Selection(model, wanted | ({"params_from": source} if source else {}))
            group = runs.select(selection)
            if not group.records:
                continue
            values = group.metric("test_accuracy")
            spread = _spread(runs, group, values)
            reach = ROUNDING
            if spread is not None:
                t = intervals.quantile(2 * WRITTEN - 1, spread.freedom)
                reach = t * sqrt(2 * spread.variance / len(values))
            named = "".join(f"{name} = {_toml(value)}\n" for name, value in selection.wanted.items())
            lines.append(
                f"[[threshold]]\nname = {_toml(data.name)}\ndata = {_toml(data.fingerprint)}\n"
                f'model = {_toml(model)}\n{named}metric = "test_accuracy"\n'
                f"min = {max(mean(values) - reach, 0):.4f}"
            )
    if len(lines) == 1:
        raise BadInput(
            "no model was measured on all training images with its default hyperparameters: run the suite "
            "quick, or a --sweep without train_size."
        )
    return "\n\n".join(lines) + "\n"


def _searches(runs: Runs) -> list[str]:
    return [model for model in runs.models if runs.facts(model).searches]


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True)
