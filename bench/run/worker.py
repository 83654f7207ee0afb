"""The idempotent worker: cells in, records out. What is stored already is not measured again."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import msgspec
from hexbench.data.dataset import Dataset
from hexbench.measure.cell import failed, measure, measure_together
from hexbench.measure.environment import environment
from hexbench.measure.start import are_several, device, has_accelerator
from hexbench.models import Entry
from hexbench.plan.cell import Cell, key_of
from hexbench.plan.cost import Expectation
from hexbench.plan.models import known_models
from hexbench.run.apart import Place, Subprocess, Task, limited
from hexbench.store.record import Failed, Record
from hexbench.store.store import Store

LOOK_AGAIN_S = 1.0
CHECKPOINT_EVERY_S = 60.0
"""About so many seconds of work a network loses at most when its process dies."""
SLOWER = 10
"""This machine may be so many times slower than expected; a cell short even then has no checkpoint."""


@dataclass(frozen=True)
class RunOptions:
    """How cells are measured."""

    rerun_failed: bool = False
    rerun_disturbed: bool = False
    """Measure again, each alone, what was not `timing_clean`."""
    time_limit: float | None = None
    """Seconds after which a cell has failed."""
    together: bool | None = None
    """Train the seeds of a network side by side; by default where that is faster, on an accelerator."""
    divided_among: int | None = None
    """So many devices share out each batch of a network."""


class CellResult(NamedTuple):
    """A cell that has its record."""

    cell: Cell
    record: Record
    seconds: float | None
    """That it took; None if another process measured it meanwhile."""


class ProgressListener:
    """Is told about progress; this one does nothing with it."""

    def on_start(self, cell: Cell) -> None:
        """This cell is measured now."""

    def on_epochs(self, epochs: int) -> None:
        """It has trained for so many epochs."""

    def on_status(self, what: str, at_once: int = 1) -> None:
        """Others measure or are waited for, as `what` says; so many cells are measured at once."""

    def on_note(self, note: str) -> None:
        """Something that the user should read."""


def is_settled(record: Record | None, options: RunOptions = RunOptions()) -> bool:
    """Whether a cell with this record needs no run."""
    if record is None:
        return False
    if isinstance(record, Failed):
        return not options.rerun_failed
    return record.timing_clean is not False or not options.rerun_disturbed


class Worker:
    """Measures cells of some data, into a store that other processes may work on as well."""

    def __init__(
        self,
        data: Dataset,
        store: Store,
        expectation: Expectation,
        options: RunOptions = RunOptions(),
        own_models: Sequence[str] = (),
        listener: ProgressListener | None = None,
        deferred: Callable[[], AbstractContextManager[None]] = nullcontext,
        *,
        shared: bool = False,
    ):
        """`deferred()` is where nothing may interrupt: while a record or a checkpoint is stored.

        `shared`: the machine has other work by arrangement, so that no time is clean.
        """
        self._data, self._store, self._options = data, store, options
        self._expectation = expectation
        self._models = known_models(own_models)
        self._listener = listener or ProgressListener()
        self._deferred, self._shared = deferred, shared
        self._subprocess = Subprocess(data, own_models)
        self._foreign = Subprocess(data, own_models, foreign=True)

    def carry_out(self, cells: Iterable[Cell]) -> Iterator[CellResult]:
        """Measure `cells` one after another; store each record, then yield it.

        A cell that raises becomes a failed record, and the rest goes on. Cells that another process
        measures are looked at again when the others are done: they have their records then, or, if
        that process has died, they are measured here.
        """
        waiting = list(cells)
        with self._subprocess, self._foreign:
            while waiting:
                elsewhere: list[Cell] = []
                alone = self._options.rerun_disturbed or self._options.divided_among is not None
                together = False if alone else self._options.together
                for group in self._groups(waiting, together):
                    with ExitStack() as held:
                        mine = [cell for cell in group if self._take(cell, elsewhere, held)]
                        yield from self._carry_out(mine)
                if len(elsewhere) == len(waiting):
                    self._listener.on_status(f"another process measures the last {len(waiting):,}")
                    time.sleep(LOOK_AGAIN_S)
                waiting = elsewhere

    def _groups(self, cells: Iterable[Cell], together: bool | None) -> Iterator[list[Cell]]:
        """The cells in their order; those of a network that differ in their seed alone are one group."""
        for alike, seeds in groupby(cells, lambda cell: cell.but(seed=0)):
            group, entry = list(seeds), self._models[alike.model]
            nested = not (alike.subset.resplit or alike.subset.held_out or alike.subset.classes)
            if entry.learning_curve and together is None:
                together = has_accelerator()
            side_by_side = entry.learning_curve and nested and together
            yield from [group] if side_by_side else [[cell] for cell in group]

    def _take(self, cell: Cell, elsewhere: list[Cell], held: ExitStack) -> bool:
        """Hold the cell's lock, or else put it to those that others measure or that wait for one of them."""
        lock = self._store.locks.hold(self._key(cell))
        waits = cell.params_from in {other.identity for other in elsewhere}
        if not waits and held.enter_context(lock):
            return True
        elsewhere.append(cell)
        return False

    def _carry_out(self, group: list[Cell]) -> Iterator[CellResult]:
        """Of cells whose locks are held."""
        unsettled = []
        for cell in group:
            record = self._store.get(self._key(cell))
            if record is not None and is_settled(record, self._options):
                yield CellResult(cell, record, None)
            else:
                unsettled.append(cell)
        started = time.perf_counter()
        records = self._measure_together(unsettled) if len(unsettled) > 1 else None
        if records is not None:
            stored = [self._put(record) for record in records]
            seconds = (time.perf_counter() - started) / len(records)
            for cell, record in zip(unsettled, stored, strict=True):
                yield CellResult(cell, record, seconds)
            return
        for cell in unsettled:
            started = time.perf_counter()
            record = self._put(self._measure(cell))
            yield CellResult(cell, record, time.perf_counter() - started)

    def _measure_together(self, group: list[Cell]) -> Sequence[Record] | None:
        """The records; None if they have to be measured alone, so that only those that cannot be fail."""
        self._listener.on_start(group[0])
        entry = self._models[group[0].model]
        try:
            told = limited(self._listener.on_epochs, self._options.time_limit, None)
            return measure_together(group, self._data, entry, told)
        except Exception:
            return None

    def _measure(self, cell: Cell) -> Record:
        self._listener.on_start(cell)
        entry, limit = self._models[cell.model], self._options.time_limit
        search = None
        if cell.params_from is not None:
            search = self._store.get(key_of(cell.params_from, self._data.fingerprint))
        try:
            place, on_epochs = self._checkpoint(cell), self._listener.on_epochs
            if apart := self._apart(entry):
                return apart.measure(Task(cell, search, limit, place), on_epochs)
            checkpoint = None if place is None else place.open(self._deferred)
            told = limited(on_epochs, limit, checkpoint)
            devices = self._options.divided_among
            try:
                return measure(cell, self._data, entry, search, told, checkpoint, devices)
            except SystemExit as error:
                if not entry.source:  # a signal, as before a preemption, asks this process to end
                    raise
                return failed(cell, self._data, entry, error)
        except Exception as error:
            return failed(cell, self._data, entry, error)

    def _apart(self, entry: Entry) -> Subprocess | None:
        """The process in which its cells are measured; None for this one.

        That is what this process cannot interrupt, and models that others have written, which may end their
        process. But an accelerator is this process's own, as are devices that work together.
        """
        if entry.learning_curve and (
            not entry.source or self._options.divided_among or are_several() or has_accelerator()
        ):
            return None
        if entry.source:
            return self._foreign
        return None if self._options.time_limit is None else self._subprocess

    def _checkpoint(self, cell: Cell) -> Place | None:
        """Where a network that takes long leaves checkpoints."""
        longest = SLOWER * self._expectation.seconds(cell)
        if not self._models[cell.model].learning_curve or longest < CHECKPOINT_EVERY_S or are_several():
            return None
        origin = json.dumps(
            [device(self._options.divided_among), msgspec.to_builtins(environment())], sort_keys=True
        )
        return Place(self._store.checkpoint_of(self._key(cell)), CHECKPOINT_EVERY_S, origin)

    def _put(self, record: Record) -> Record:
        """Store it; what was stored."""
        if self._shared:
            record = msgspec.structs.replace(record, timing_clean=False)
        with self._deferred():
            self._store.put(record)
        return record

    def _key(self, cell: Cell) -> str:
        return cell.key_on(self._data.fingerprint)
