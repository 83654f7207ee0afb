"""The idempotent worker: specifications in, records out. What is stored already is not run again."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.data.dataset import Dataset
from bench.measure.cell import OnEpochs, failed, measure, measure_networks
from bench.measure.environment import has_accelerator
from bench.plan.cost import expected_seconds
from bench.plan.spec import NESTED, CellSpec
from bench.run.apart import Apart
from bench.store import Store

if TYPE_CHECKING:  # JAX takes seconds to load
    from bench.run.checkpoint import CellCheckpoint

Record = dict[str, Any]
LOOK_AGAIN_S = 1.0
CHECKPOINT_EVERY_S = 60.0
"""About so many seconds of work a network loses at most when its process dies."""
SLOWER = 10
"""This machine may be so many times slower than expected; a cell short even then has no checkpoint."""


@dataclass(frozen=True)
class Terms:
    """On which terms cells are carried out."""

    rerun_failed: bool = False
    rerun_disturbed: bool = False
    """Measure again, each alone, what was not `timing_clean`."""
    time_limit: float | None = None
    """Seconds after which a cell has failed."""
    together: bool | None = None
    """Train the seeds of a network side by side; by default where that is faster, on an accelerator."""


class Done(NamedTuple):
    """A cell that has its record."""

    spec: CellSpec
    record: Record
    seconds: float | None
    """That it took; None if another process measured it meanwhile."""


class Watcher:
    """Is told how far the work is; this one does not listen."""

    def on_start(self, cell: CellSpec) -> None:
        """This cell is measured now."""

    def on_epochs(self, epochs: int) -> None:
        """It has trained for so many epochs."""

    def on_wait(self, cells: int) -> None:
        """Nothing is left to do but to wait for the cells of another process."""


def is_settled(record: Record | None, terms: Terms = Terms()) -> bool:
    """Whether a cell with this record needs no run."""
    if record is None:
        return False
    if record["status"] == "failed":
        return not terms.rerun_failed
    return record["timing_clean"] is not False or not terms.rerun_disturbed


class Worker:
    """Carries out cells on some data, into a store that other processes may work on as well."""

    def __init__(
        self,
        data: Dataset,
        store: Store,
        terms: Terms = Terms(),
        watcher: Watcher | None = None,
        held_back: Callable[[], AbstractContextManager[None]] = nullcontext,
    ):
        """`held_back()` is where nothing may interrupt: while a record or a checkpoint is stored."""
        self._data, self._store, self._terms = data, store, terms
        self._watcher = watcher or Watcher()
        self._held_back = held_back
        self._apart = Apart(data)

    def carry_out(self, cells: Iterable[CellSpec]) -> Iterator[Done]:
        """Measure `cells` one after another; store each record, then yield it.

        A cell that raises becomes a `failed` record, and the rest goes on. Cells that another process
        measures are looked at again when the others are done: they have their records then, or, if
        that process has died, they are measured here.
        """
        waiting = list(cells)
        with self._apart:
            while waiting:
                elsewhere: list[CellSpec] = []
                together = False if self._terms.rerun_disturbed else self._terms.together
                for group in _groups(waiting, together):
                    with ExitStack() as held:
                        mine = [spec for spec in group if self._take(spec, elsewhere, held)]
                        yield from self._carry_out(mine)
                if len(elsewhere) == len(waiting):
                    self._watcher.on_wait(len(waiting))
                    time.sleep(LOOK_AGAIN_S)
                waiting = elsewhere

    def _take(self, spec: CellSpec, elsewhere: list[CellSpec], held: ExitStack) -> bool:
        """Hold the cell's lock, or else put it to those that others measure or that wait for one of them."""
        lock = self._store.locks.hold(self._key(spec))
        if spec.grid not in elsewhere and held.enter_context(lock):
            return True
        elsewhere.append(spec)
        return False

    def _carry_out(self, group: list[CellSpec]) -> Iterator[Done]:
        """Of cells whose locks are held."""
        unsettled = []
        for spec in group:
            record = self._store.get(self._key(spec))
            if record is not None and is_settled(record, self._terms):
                yield Done(spec, record, None)
            else:
                unsettled.append(spec)
        started = time.perf_counter()
        records = self._measure_together(unsettled) if len(unsettled) > 1 else None
        if records is not None:
            for record in records:
                self._put(record)
            seconds = (time.perf_counter() - started) / len(records)
            for spec, record in zip(unsettled, records, strict=True):
                yield Done(spec, record, seconds)
            return
        for spec in unsettled:
            started = time.perf_counter()
            record = self._measure(spec)
            self._put(record)
            yield Done(spec, record, time.perf_counter() - started)

    def _measure_together(self, group: list[CellSpec]) -> list[Record] | None:
        """The records; None if they have to be measured alone, so that only those that cannot be fail."""
        self._watcher.on_start(group[0])
        try:
            return measure_networks(group, self._data, self._on_epochs(None))
        except Exception:
            return None

    def _measure(self, spec: CellSpec) -> Record:
        self._watcher.on_start(spec)
        chosen = self._store.get(self._key(spec.grid)) if spec.grid else None
        limit = self._terms.time_limit
        try:
            if limit is not None and spec.epochs is None:
                return self._apart.measure(spec, chosen, limit)
            checkpoint = self._checkpoint(spec)
            return measure(spec, self._data, chosen, self._on_epochs(checkpoint), checkpoint)
        except Exception as error:
            return failed(spec, self._data, error)

    def _on_epochs(self, checkpoint: "CellCheckpoint | None") -> OnEpochs:
        """Tell the watcher, and raise TimeoutError where a cell has had its time."""
        started, limit = time.perf_counter(), self._terms.time_limit

        def on_epochs(epochs: int) -> None:
            self._watcher.on_epochs(epochs)
            earlier_s = 0.0 if checkpoint is None else checkpoint.earlier_s
            if limit is not None and earlier_s + time.perf_counter() - started > limit:
                raise TimeoutError(f"over its limit of {limit:g} s after {epochs:,} epochs")

        return on_epochs

    def _checkpoint(self, spec: CellSpec) -> "CellCheckpoint | None":
        longest = SLOWER * expected_seconds(spec, len(self._data.images))
        if spec.epochs is None or longest < CHECKPOINT_EVERY_S:
            return None
        from bench.run.checkpoint import CellCheckpoint

        folder = self._store.checkpoint_of(self._key(spec))
        return CellCheckpoint(folder, CHECKPOINT_EVERY_S, self._held_back)

    def _put(self, record: Record) -> None:
        with self._held_back():
            self._store.put(record)

    def _key(self, spec: CellSpec) -> str:
        return spec.key(self._data.fingerprint)


def _groups(cells: Iterable[CellSpec], together: bool | None) -> Iterator[list[CellSpec]]:
    """The cells in their order; network cells that differ in their seed alone are one group."""
    for alike, seeds in groupby(cells, lambda cell: replace(cell, seed=0)):
        group = list(seeds)
        network = alike.epochs is not None and alike.protocol == NESTED
        if network and together is None:
            together = has_accelerator()
        yield from [group] if network and together else [[cell] for cell in group]
