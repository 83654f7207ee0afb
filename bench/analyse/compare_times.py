"""How long the cells of two runs took, held beside each other where the hardware is the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from statistics import geometric_mean
from typing import Any

from bench.analyse import statistics
from bench.analyse.compare_accuracy import identity
from bench.analyse.evidence import Evidence
from bench.analyse.readings import Record
from bench.analyse.statistics import Estimate

NETWORK_TIMES = ("epoch_s",)
SVM_TIMES = ("search_s", "train_s")
HARDWARE = ("machine", "device")


@dataclass(frozen=True)
class Timing:
    """One time of one kind of cell in both runs, on one machine and device."""

    identity: dict[str, Any]
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
        return statistics.ratio(self.second, self.first)

    @property
    def has_interval(self) -> bool:
        """Whether there are runs enough to claim one."""
        return isfinite(self.ratio.high)


Key = tuple[Any, ...]


def compare_times(first: Evidence, second: Evidence) -> list[Timing]:
    """The times of every kind of cell that both runs measured undisturbed on the same hardware."""
    found = [_seconds(evidence.records) for evidence in (first, second)]
    return [
        Timing(dict(alike), time, hardware, seconds, found[1][alike, version, time, hardware])
        for (alike, version, time, hardware), seconds in found[0].items()
        if (alike, version, time, hardware) in found[1]
    ]


def not_compared(first: Evidence, second: Evidence) -> list[str]:
    """Why kinds of cells that both runs measured have no times side by side, a sentence for each cause."""
    sides = [_by_kind(evidence.records) for evidence in (first, second)]
    common = [(records, sides[1][kind]) for kind, records in sides[0].items() if kind in sides[1]]
    elsewhere = [pair for pair in common if not _hardware(pair[0]) & _hardware(pair[1])]
    disturbed = sum(
        not _hardware(filter(_clean, a)) & _hardware(filter(_clean, b)) for a, b in common
    ) - len(elsewhere)
    sentences = []
    if elsewhere:
        sentences.append(
            f"Times of {len(elsewhere)} of {len(common)} kinds of cells are not compared, for they ran "
            f"on other hardware: {_what_differs(elsewhere)}."
        )
    if disturbed:
        sentences.append(
            f"Times of {disturbed} of {len(common)} kinds of cells are not compared, for in one of the "
            "runs none had the machine to itself."
        )
    return sentences


def _seconds(records: Iterable[Record]) -> dict[Key, list[float]]:
    """Of the undisturbed runs, by kind, measurement version, name of the time, and hardware."""
    found: dict[Key, list[float]] = {}
    for record in filter(_clean, records):
        for name in SVM_TIMES if record["model"] == "svm" else NETWORK_TIMES:
            if record["times"].get(name):
                key = (*_kind(record), name, (record["machine"], record["device"]))
                found.setdefault(key, []).append(record["times"][name])
    return found


def _by_kind(records: Iterable[Record]) -> dict[Key, list[Record]]:
    found: dict[Key, list[Record]] = {}
    for record in records:
        found.setdefault(_kind(record), []).append(record)
    return found


def _kind(record: Record) -> Key:
    return tuple(identity(record, None).items()), record["measurement_version"]


def _clean(record: Record) -> bool:
    return bool(record["timing_clean"])


def _hardware(records: Iterable[Record]) -> set[tuple[str, str]]:
    return {(record["machine"], record["device"]) for record in records}


def _what_differs(pairs: list[tuple[list[Record], list[Record]]]) -> str:
    differing = []
    for name in HARDWARE:
        held = [[{r[name] for r in side} for side in pair] for pair in pairs]
        if any(first != second for first, second in held):
            first, second = (
                " and ".join(sorted(set.union(*side))) for side in zip(*held, strict=True)
            )
            differing.append(f"{name} {first} → {second}")
    return ", ".join(differing)
