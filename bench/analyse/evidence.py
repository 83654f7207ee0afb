"""What claims rest on: sound records of one data set, asked for by what they measured."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from bench.analyse.readings import epochs_planned, readings
from bench.analyse.scaling import Growth, growths
from bench.plan.spec import NESTED
from bench.soundness import fault_of

Record = dict[str, Any]


@dataclass(frozen=True)
class Group:
    """Cells that differ in their seed alone, as they were after `epoch` (None: at their end)."""

    records: list[Record]
    epoch: int | None = None
    failed: int = 0
    """How many more there would be if they had not failed."""

    @property
    def keys(self) -> list[str]:
        """Of every cell."""
        return [r["key"] for r in self.records]

    def __len__(self) -> int:
        return len(self.records)

    def history(self, name: str, epoch: int | None = None) -> list[float]:
        """An entry of each cell's history, at `epoch` instead of the group's own; NaN if missing."""
        at = epoch or self.epoch
        return [_entry(r, name, at) for r in self.records]

    def metric(self, name: str) -> list[float]:
        """A metric of each cell at its end, or of the group's epoch where there is one."""
        if self.epoch is not None:
            return self.history(name)
        return [_number(r["metrics"][name]) for r in self.records]

    @property
    def clean(self) -> "Group":
        """Those cells that had the machine to themselves."""
        return Group([r for r in self.records if r["timing_clean"]], self.epoch)

    def seconds(self, name: str) -> list[float]:
        """A time of each cell."""
        return [r["times"][name] for r in self.records if name in r["times"]]

    @property
    def snapshots(self) -> list[dict[str, Any]]:
        """What each cell keeps of its answers at the group's epoch; cells without it are left out."""
        found = [_snapshot(r, self.epoch) for r in self.records]
        return [snapshot for snapshot in found if snapshot is not None]

    @property
    def right(self) -> np.ndarray:
        """(seeds, images) bool: which test images each read rightly; seeds without it are left out."""
        return np.array(self.hits)

    @property
    def hits(self) -> list[np.ndarray]:
        """The rows of `right`, of unequal lengths where the seeds test other images."""
        return [_unpacked(s["right"], np.sum(s["confusion"])) for s in self.snapshots]

    def paired(self, other: "Group") -> tuple["Group", "Group"]:
        """Both with the seeds that both have, in order."""
        mine = {r["seed"]: r for r in self.records}
        theirs = {r["seed"]: r for r in other.records}
        seeds = sorted(mine.keys() & theirs.keys())
        return (
            Group([mine[s] for s in seeds], self.epoch),
            Group([theirs[s] for s in seeds], other.epoch),
        )


@dataclass
class Evidence:
    """The sound records of measured cells, and why the others are not among them."""

    records: list[Record]
    left_out: dict[str, str] = field(default_factory=dict)
    """By key: what is wrong with a record."""
    trained: int | None = None
    """Training images of the whole data set; if not given, of the largest cell."""
    failed: list[Record] = field(default_factory=list)
    """The sound records of cells that failed."""
    missed: set[str] = field(default_factory=set)
    """Keys of failed cells that would have been in what was asked for."""

    @classmethod
    def of(
        cls, records: Iterable[Record], trained: int | None = None, *, sound: bool = False
    ) -> "Evidence":
        """Sort the sound records from the others; with `sound` the store has done so already."""
        evidence = cls([], trained=trained)
        for record in records:
            key = str(record.get("key"))
            fault = None if sound else fault_of(record, key)
            if fault is not None:
                evidence.left_out[key] = fault
            elif record["status"] == "failed":
                evidence.left_out[key] = f"it failed: {record['error']}"
                evidence.failed.append(record)
            else:
                evidence.records.append(record)
        return evidence

    def group(
        self, model: str, *, epoch: int | None = None, protocol: str = NESTED, **wanted: Any
    ) -> Group:
        """The cells with these values, by seed; with `epoch` those evaluated after it.

        `train_size="all"` stands for the largest there is. Of two cells with one seed, the one that
        trained for longer counts.
        """
        if wanted.get("train_size") == "all":
            wanted["train_size"] = self.all_images
        failed = self.note_failures(epoch, model=model, protocol=protocol, **wanted)
        found = [r for r in self._by_kind.get((model, protocol), []) if _has(r, wanted)]
        if epoch is not None:
            found = [r for r in found if not np.isnan(_entry(r, "test_accuracy", epoch))]
        longest = {
            r["seed"]: r for r in sorted(found, key=lambda r: (r["epochs"] or 0, r["train_size"]))
        }
        return Group([longest[seed] for seed in sorted(longest)], epoch, len(failed))

    def sizes(
        self, model: str, protocol: str, name: str = "train_size", **wanted: Any
    ) -> list[int]:
        """The sizes at which there are cells, smallest first."""
        self.note_failures(model=model, protocol=protocol, **wanted)
        found = [r for r in self._by_kind.get((model, protocol), []) if _has(r, wanted)]
        return sorted({r[name] or r["train_size"] for r in found})

    def note_failures(self, epoch: int | None = None, **wanted: Any) -> set[str]:
        """The failed cells with these values, of an `epoch` those to be evaluated after it; now `missed`."""
        found = {
            r["key"]
            for r in self.failed
            if _has(r, wanted) and (epoch is None or epoch in epochs_planned(r))
        }
        self.missed |= found
        return found

    @cached_property
    def _by_kind(self) -> dict[tuple[str, str], list[Record]]:
        kinds: dict[tuple[str, str], list[Record]] = {}
        for record in self.records:
            kinds.setdefault((record["model"], record["protocol"]), []).append(record)
        return kinds

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The readings of the sound records."""
        return readings(self.records)

    @cached_property
    def growths(self) -> list[Growth]:
        """The fitted growth of time and memory."""
        return growths(self.rows)

    @cached_property
    def all_images(self) -> int:
        """The whole training set."""
        if self.trained is not None:
            return self.trained
        nested = [r["train_size"] for r in (*self.records, *self.failed) if r["protocol"] == NESTED]
        return max(nested, default=0)

    @property
    def tested(self) -> int:
        """How many test images there are."""
        nested = [r for r in self.records if r["protocol"] == NESTED]
        return sum(map(sum, nested[0]["confusion"])) if nested else 0

    @property
    def images(self) -> int:
        """Of the whole data set."""
        return self.all_images + self.tested

    @property
    def about(self) -> str:
        """The data, the devices and the number of test images: what every reason names."""
        if not self.records:
            return "no cells"
        first = self.records[0]
        devices = ", ".join(sorted({r["device"] for r in self.records}))
        sizes = f"{self.all_images:,} training and {self.tested:,} test images"
        return f"{first['data']['name']}, {sizes}, {devices}"


def _has(record: Record, wanted: dict[str, Any]) -> bool:
    return all(record[name] == value for name, value in wanted.items())


def _entry(record: Record, name: str, epoch: int | None) -> float:
    history = record["history"]
    if history is None or epoch not in history["epoch"]:
        return float("nan")
    return _number(history[name][history["epoch"].index(epoch)])


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _snapshot(record: Record, epoch: int | None) -> dict[str, Any] | None:
    snapshots = record["snapshots"]
    name = str(epoch) if epoch is not None else str(record["stopped_at"] or record["epochs"])
    return snapshots.get("last") or snapshots.get(name)


def _unpacked(text: str, count: int) -> np.ndarray:
    bits = np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8))
    if not count <= len(bits) < count + 8:
        raise ValueError(f"{len(bits)} bits for {count} images")
    return bits[:count].astype(bool)


def keys_of(groups: Sequence[Group]) -> list[str]:
    """The keys of all cells of several groups, each once."""
    return list(dict.fromkeys(key for group in groups for key in group.keys))


def hits_of_both(a: Group, b: Group) -> tuple[np.ndarray, np.ndarray]:
    """The hits of two groups on their common seeds, or of every seed beside a single run.

    A single run is one with nothing random in it, such as an SVM on all images.
    """
    if 1 in (len(a), len(b)):
        return a.right, b.right
    first, second = a.paired(b)
    return first.right, second.right
