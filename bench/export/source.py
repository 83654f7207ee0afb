"""What an export reads of a results folder, and what it says of a cell in whatever format."""

import calendar
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from hexbench.errors import BadInput
from hexbench.files import reason
from hexbench.plan.cell import Value
from hexbench.store.flat import MEASURED, flat
from hexbench.store.manifest import Manifest
from hexbench.store.record import Done, Record
from hexbench.store.store import Store
from msgspec import Struct

REPORT = "report.html"
VERDICTS = "verdicts.json"
CURVE = "curve/"
"""Before the names of what is measured after every epoch, beside the same of the tested weights."""
NUMBERS = (*(name for kind in MEASURED for name in kind.__struct_fields__), "parameters", "cv_score")
"""The columns of cells.csv that are measured numbers."""
SETTINGS = ("model", "train_size", "held_out", "classes", "split", "seed")
"""The columns that tell cells apart besides their hyperparameters."""
T = TypeVar("T")
BEGAN = "%Y-%m-%d %H:%M UTC"


class Verdict(Struct, frozen=True):
    """An entry of verdicts.json, without its readings."""

    id: str
    statement: str
    reported: str
    measured: float | None
    low: float | None
    high: float | None
    level: float | None
    n: int
    verdict: str
    reason: str
    cells: list[str]


@dataclass(frozen=True)
class Source:
    """A results folder. Nothing is written there, not even a lock: it may be read-only, or a run go on."""

    store: Store
    faults: dict[str, str] = field(default_factory=dict)
    """What is wrong with the files that were read and hold no sound record, by file name."""

    @cached_property
    def manifest(self) -> Manifest:
        """What was planned, on which data."""
        return self.store.manifest()

    @cached_property
    def name(self) -> str:
        """The name of the folder."""
        return self.store.folder.resolve().name

    def records(self) -> Iterator[Record]:
        """The sound records of the run's cells, one after another."""
        return self.store.stream(self.manifest.cells, self.faults)

    def label(self, record: Record) -> str:
        """The cell in a few words: model, images, what differs from the model's defaults, seed."""
        return self.manifest.labels[record.key]

    @cached_property
    def facts(self) -> dict[str, str]:
        """What the numbers depend on, by name."""
        manifest = self.manifest
        data, environment = manifest.data, manifest.environment
        found = {
            "study": manifest.study,
            "suite": manifest.suite,
            "data": data.name,
            "fingerprint": data.fingerprint,
            "origin": data.origin,
            "licence": data.licence,
            "synthetic": str(data.synthetic).lower(),
            "command": manifest.command,
            "began": manifest.began,
            "version": environment.hexbench,
            "commit": environment.commit,
            "python": environment.python,
            "machine": environment.machine,
            **{f"package.{name}": version for name, version in environment.packages.items()},
        }
        return {name: value for name, value in found.items() if value}

    @cached_property
    def began(self) -> float:
        """When the first measurement began, in seconds since 1970; 0 where nobody knows."""
        try:
            return float(calendar.timegm(time.strptime(self.manifest.began, BEGAN)))
        except ValueError:
            return 0.0

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """Of the report; empty where there is none yet. BadInput where they cannot be read."""
        file = self.store.folder / VERDICTS
        try:
            return msgspec.json.decode(file.read_bytes(), type=list[Verdict])
        except FileNotFoundError:
            return []
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadInput(
                f"{file} cannot be read: {reason(error)}. Write it again: report {self.store.folder}."
            ) from None

    @property
    def report_files(self) -> list[Path]:
        """The report and its figures, those that there are."""
        folder = self.store.folder
        return [path for path in (folder / REPORT, *self.figures) if path.is_file()]

    @property
    def figures(self) -> list[Path]:
        """The pictures of the report."""
        return sorted((self.store.folder / "figures").glob("*.png"))


def settings(record: Record) -> dict[str, Value]:
    """What tells a cell apart: SETTINGS, and each hyperparameter by its name.

    A hyperparameter that is called like a setting is `params.NAME`.
    """
    row = flat(record)
    found = {name: row[name] for name in SETTINGS}
    return found | {(f"params.{n}" if n in found else n): value for n, value in record.params.items()}


def numbers(record: Record) -> dict[str, float]:
    """What was measured of the tested weights, by column of cells.csv."""
    row = flat(record)
    return {name: float(row[name]) for name in NUMBERS if row[name] is not None}


def curves(record: Record) -> Iterator[tuple[int, dict[str, float]]]:
    """The kept epochs with what was measured after each."""
    history = record.history if isinstance(record, Done) else None
    if history is None:
        return
    measured: dict[str, Any] = msgspec.structs.asdict(history)
    lists = {name: values for name, values in measured.items() if name != "epoch" and values is not None}
    for place, epoch in enumerate(history.epoch):
        values = {name: of_epoch[place] for name, of_epoch in lists.items()}
        yield epoch, {name: value for name, value in values.items() if value is not None}


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items, so many at a time."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
