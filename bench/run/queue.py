"""Hands out cells to processes, and decides what becomes of those whose process dies."""

from collections import Counter
from collections.abc import Iterable, Sequence

from hexbench.measure.cell import failed
from hexbench.plan.cell import Cell
from hexbench.plan.models import known_models
from hexbench.run.executors import Work
from hexbench.run.worker import CellResult

TRIES = 2
"""A cell whose process dies gets so many."""


class Queue:
    """The cells of a run in units; each unit is handed out to one process."""

    def __init__(self, work: Work, units: Iterable[Sequence[Cell]]):
        self._work = work
        self._models = known_models(work.job.own_models)
        self._waiting = [list(unit) for unit in units]
        self.unsettled = dict.fromkeys(cell.identity for cell in work.job.cells)
        """Identities of the cells that have no record yet."""
        self._deaths: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many units wait."""
        return len(self._waiting)

    def take(self) -> list[Cell] | None:
        """The first unit that waits for no search; None if there is none."""
        for unit in self._waiting:
            if unit[0].params_from not in self.unsettled:
                self._waiting.remove(unit)
                return unit
        return None

    def put_back(self, unit: Sequence[Cell]) -> None:
        """What nobody has begun to measure."""
        if unit:
            self._waiting.insert(0, list(unit))

    def settle(self, cell: Cell) -> None:
        """The cell has its record."""
        self.unsettled.pop(cell.identity, None)

    def died(self, unit: Sequence[Cell], error: BaseException) -> CellResult | None:
        """A process has died with these cells unmeasured: the first has failed if that happened to it before.

        Else it is handed out again, alone.
        """
        first, *others = unit
        self.put_back(others)
        self._deaths[first.identity] += 1
        if self._deaths[first.identity] < TRIES:
            self.put_back([first])
            return None
        record = failed(first, self._work.data, self._models[first.model], error, elsewhere=True)
        with self._work.signals.deferred():
            self._work.store.put(record)
        self.settle(first)
        return CellResult(first, record, 0.0)
