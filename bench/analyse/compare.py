"""Two runs side by side: their accuracy, their times, and what else differs between them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bench.analyse.compare_accuracy import Accuracy, compare_accuracy
from bench.analyse.compare_times import Timing, compare_times, not_compared
from bench.analyse.evidence import Evidence
from bench.analyse.readings import Record
from bench.errors import BadInput


@dataclass(frozen=True)
class Run:
    """One of the two: its folder, its manifest, and its records, the sound ones apart."""

    name: str
    manifest: dict[str, Any]
    evidence: Evidence

    @classmethod
    def of(cls, name: str, manifest: dict[str, Any], records: Iterable[Record]) -> "Run":
        """Sort the records; those about other images than the manifest's are left out as well."""
        evidence = Evidence.of(records)
        own, foreign = [], {}
        for record in evidence.records:
            if record["data"]["fingerprint"] == manifest["data"]["fingerprint"]:
                own.append(record)
            else:
                foreign[record["key"]] = "it is about other images than its folder"
        return cls(name, manifest, Evidence(own, evidence.left_out | foreign))

    @property
    def left_out(self) -> list[tuple[str, str, str]]:
        """(key, label, what is wrong) of every record that does not count."""
        labels = self.manifest["labels"]
        return [
            (key, labels.get(key, "a cell"), why) for key, why in self.evidence.left_out.items()
        ]


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
    if first.manifest["data"]["fingerprint"] != second.manifest["data"]["fingerprint"]:
        raise BadInput(
            f"{first.name} and {second.name} are about different images: nothing can be compared."
        )
    return Comparison(
        first,
        second,
        compare_accuracy(first.evidence, second.evidence),
        compare_times(first.evidence, second.evidence),
        [*_other_versions(first, second), *not_compared(first.evidence, second.evidence)],
        environment_changes(first.manifest, second.manifest),
    )


def environment_changes(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """What differs between two manifests and can explain a difference, one line each."""
    flat_a, flat_b = _flat(first["environment"]), _flat(second["environment"])
    pairs = {name: (flat_a.get(name), flat_b.get(name)) for name in {**flat_a, **flat_b}}
    return [f"{name}: {a} → {b}" for name, (a, b) in pairs.items() if a != b]


def _other_versions(first: Run, second: Run) -> list[str]:
    """Cells of another measurement version were measured another way, and are never paired."""
    versions = [
        sorted({r["measurement_version"] for r in run.evidence.records}) for run in (first, second)
    ]
    if versions[0] == versions[1] or not all(versions):
        return []
    a, b = (" and ".join(map(str, found)) for found in versions)
    return [f"Cells of different measurement versions are not compared: {a} → {b}."]


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found
