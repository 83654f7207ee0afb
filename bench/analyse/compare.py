"""Two runs side by side: where the second reads fewer test images rightly, and what else differs."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from statistics import mean, variance
from typing import Any

from bench.analyse.readings import Record, readings
from bench.analyse.tables import NAMES, NONE, Table, percent

IDENTITY = ("model", "protocol", "fit", "images", "train_size", "batch_size", "epochs")
FLOOR = 0.01
"""A drop of less than one point is never called a regression ..."""
STANDARD_ERRORS = 3.0
"""... and neither is one that the seeds and the number of test images explain."""


@dataclass(frozen=True)
class Difference:
    """The test accuracy of one kind of cell in both runs."""

    identity: dict[str, Any]
    first: list[float]
    second: list[float]
    error: float
    """Standard error of the difference of means."""

    @property
    def change(self) -> float:
        """Mean of the second run less that of the first."""
        return mean(self.second) - mean(self.first)

    @property
    def verdict(self) -> str:
        """`REGRESSION`, `better` or `same`."""
        if abs(self.change) <= max(FLOOR, STANDARD_ERRORS * self.error):
            return "same"
        return "REGRESSION" if self.change < 0 else "better"


def compare(first: Iterable[Record], second: Iterable[Record]) -> list[Difference]:
    """Every kind of cell and epoch that both runs measured."""
    groups_a, groups_b = _groups(first), _groups(second)
    return [
        Difference(
            dict(zip(IDENTITY, key, strict=True)),
            [row["test_accuracy"] for row in groups_a[key]],
            [row["test_accuracy"] for row in groups_b[key]],
            sqrt(_squared_error(groups_a[key]) + _squared_error(groups_b[key])),
        )
        for key in groups_a
        if key in groups_b
    ]


def environment_changes(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """What differs between two manifests and can explain a difference, one line each."""
    flat_a, flat_b = _flat(first["environment"]), _flat(second["environment"])
    pairs = {name: (flat_a.get(name), flat_b.get(name)) for name in {**flat_a, **flat_b}}
    return [f"{name}: {a} → {b}" for name, (a, b) in pairs.items() if a != b]


def table(differences: list[Difference]) -> Table:
    """Both accuracies and the change, the worst first."""
    rows = [
        (
            NAMES.get(d.identity["model"], d.identity["model"]),
            f"{d.identity['train_size']:,}",
            *(_text(d.identity[name]) for name in ("batch_size", "epochs", "fit")),
            percent(d.first),
            percent(d.second),
            f"{100 * d.change:+.1f}",
            d.verdict,
        )
        for d in sorted(differences, key=lambda d: d.change)
    ]
    header = (
        "model",
        "trained on",
        "batch",
        "epochs",
        "fit",
        "first %",
        "second %",
        "change",
        "verdict",
    )
    return Table("Test accuracy, first run and second", "", header, rows)


def _groups(records: Iterable[Record]) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in readings(records):
        groups.setdefault(tuple(row[name] for name in IDENTITY), []).append(row)
    return groups


def _squared_error(rows: list[dict[str, Any]]) -> float:
    """Of a mean over seeds, and never less than drawing so many test images alone would give."""
    accuracy = [row["test_accuracy"] for row in rows]
    drawing = mean(accuracy) * (1 - mean(accuracy)) / rows[0]["tested"]
    return max(drawing, variance(accuracy) / len(accuracy)) if len(accuracy) > 1 else drawing


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def _text(value: Any) -> str:
    return NONE if value is None else f"{value:,}" if isinstance(value, int) else str(value)
