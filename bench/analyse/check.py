"""The regression gate: holds readings against the thresholds of a file."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from bench.analyse.readings import Record, readings
from bench.errors import BadInput
from bench.outside import read_toml, reason, short

THRESHOLDS = Path(__file__).parents[1] / "thresholds.toml"
BOUNDS = ("min", "max")
METRICS = ("test_accuracy", "test_loss", "train_accuracy", "cv_score")
OK, BROKEN, FAILED, NOT_MEASURED = "ok", "BROKEN", "FAILED", "not measured"
COUNTS = ("images", "train_size", "batch_size", "epochs")
FILTERS = ("data", "model", "protocol", "fit", *COUNTS)
MOST = 10**9
"""No count, and certainly no accuracy and no loss, comes near."""


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


def load(path: Path = THRESHOLDS) -> list[dict[str, Any]]:
    """The thresholds of a file; BadInput names the file and the fault."""
    try:
        entries = read_toml(path).get("threshold", [])
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {reason(error)}.") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadInput(f"{path}: thresholds are written as [[threshold]] tables.")
    for entry in entries:
        unknown = set(entry) - {*FILTERS, *BOUNDS, "metric"}
        if unknown:
            raise BadInput(
                f"{path}: a threshold has the unknown key {short(sorted(unknown)[0])!r}."
            )
        if "metric" not in entry or "data" not in entry or not set(entry) & set(BOUNDS):
            raise BadInput(f"{path}: a threshold needs data, metric, and min or max.")
        wrong = [name for name in entry if name not in BOUNDS and not _fits(name, entry[name])]
        if wrong:
            raise BadInput(f"{path}: a threshold's {wrong[0]} is of the wrong kind.")
        if entry["metric"] not in METRICS:
            raise BadInput(
                f"{path}: there is no metric {short(entry['metric'])!r}: use {', '.join(METRICS)}."
            )
        if not all(_is_number(entry[bound]) for bound in set(entry) & set(BOUNDS)):
            raise BadInput(f"{path}: min and max must be numbers.")
    return entries


def _fits(name: str, value: Any) -> bool:
    """Whether a filter, or `metric`, has a value of the kind that records have there."""
    if name in COUNTS:
        count = type(value) is int and 0 < value <= MOST
        return count or (name == "train_size" and value == "all")
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= MOST


def check(
    records: Iterable[Record], thresholds: list[dict[str, Any]], all_images: int
) -> list[Finding]:
    """What the records say of every threshold that is about their data set.

    `all_images` is how many training images that data set has, which is what "all" stands for.
    """
    records = list(records)
    rows = readings(records)
    failures = [record for record in records if record["status"] == "failed"]
    names = {record["data"]["name"] for record in records}
    return [
        _judge(t | _size(t, all_images), rows, failures) for t in thresholds if t["data"] in names
    ]


def _judge(threshold: dict[str, Any], rows: list[Record], failures: list[Record]) -> Finding:
    wanted = {name: value for name, value in threshold.items() if name in FILTERS}
    found = [row for row in rows if _matches(row, wanted)]
    values = [row[threshold["metric"]] for row in found]
    broken = [r for r in failures if _matches(r, wanted, at_least_epochs=True)]
    known = bool(values) and None not in values
    return Finding(
        where=", ".join(
            str(v) if k in ("data", "model") else f"{k}={v}" for k, v in wanted.items()
        ),
        metric=threshold["metric"],
        low=threshold.get("min"),
        high=threshold.get("max"),
        measured=mean(values) if known else None,
        seeds=len(values),
        failed=len(broken),
    )


def _size(threshold: dict[str, Any], all_images: int) -> dict[str, Any]:
    return {"train_size": all_images} if threshold.get("train_size") == "all" else {}


def _matches(row: Record, wanted: dict[str, Any], at_least_epochs: bool = False) -> bool:
    """Whether a reading, or a record that failed, is one that the threshold is about."""
    for name, value in wanted.items():
        held = row[name]["name"] if name == "data" and isinstance(row[name], dict) else row[name]
        if name == "epochs" and at_least_epochs:
            if held is None or held < value:
                return False
        elif held != value:
            return False
    return True
