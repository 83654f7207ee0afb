"""The regression gate: the mean over seeds of selected cells, held against the thresholds of a file."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from hexbench.analyse.parsing import fault
from hexbench.analyse.quantities import SHARES, Quantity, values_of
from hexbench.analyse.runs import Runs
from hexbench.analyse.selections import Known, check_selection, quantity
from hexbench.errors import BadInput
from hexbench.files import nearest, read_toml, reason, short
from hexbench.models import entries as registered

BOUNDS = ("min", "max")
METRICS = (*SHARES, "test_loss", "train_loss")
OK, BROKEN, FAILED, NOT_MEASURED = "ok", "BROKEN", "FAILED", "not measured"
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

    @property
    def verdict(self) -> str:
        """OK, BROKEN, FAILED (a cell it rests on did), or NOT_MEASURED."""
        if self.failed:
            return FAILED
        if self.measured is None:
            return NOT_MEASURED
        above = self.low is None or self.measured >= self.low
        below = self.high is None or self.measured <= self.high
        return OK if above and below else BROKEN

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
    )
