"""Runs a plan in this process, one cell after another, and shows how far it is."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from bench.data.dataset import Dataset
from bench.errors import Stopped
from bench.plan.cost import Clock, spoken
from bench.plan.spec import CellSpec
from bench.run.stopping import Stopping
from bench.run.worker import Record, Terms, Watcher, Worker, is_settled
from bench.store import Store

LINE_EVERY_S = 30.0
"""Where no bar can be drawn, a line of progress this often."""


@dataclass
class Outcome:
    """How a run went."""

    kept: int = 0
    """Cells that were measured by an earlier run."""
    measured: int = 0
    failed: list[Record] = field(default_factory=list)
    """Records of cells that failed, now or earlier."""
    disturbed: int = 0
    """Cells whose times are not clean."""
    stopped: Stopped | None = None
    """By which signal, if it was stopped."""

    def add(self, record: Record, *, kept: bool) -> None:
        """Count a cell that has its record."""
        if record["status"] == "failed":
            self.failed.append(record)
        elif kept:
            self.kept += 1
        else:
            self.measured += 1
        self.disturbed += record["timing_clean"] is False


def run(
    cells: list[CellSpec],
    data: Dataset,
    store: Store,
    console: Console,
    terms: Terms,
    stopping: Stopping,
) -> Outcome:
    """Carry out the cells that are not settled yet. A signal ends the run; what is done is kept."""
    outcome = Outcome()
    clock = Clock(cells, len(data.images))
    waiting = []
    for cell in cells:
        record = store.get(cell.key(data.fingerprint))
        if record is not None and is_settled(record, terms):
            outcome.add(record, kept=True)
            clock.done(cell, record["times"].get("total_s"))
        else:
            waiting.append(cell)
    stored = len(cells) - len(waiting)
    if stored:
        console.print(f"{stored:,} of {len(cells):,} cells are stored already and are kept.")
    if not waiting:
        return outcome
    try:
        with _display(console, waiting, clock) as display:
            worker = Worker(data, store, terms, display, stopping.held_back)
            for cell, record, seconds in worker.carry_out(waiting):
                outcome.add(record, kept=seconds is None)
                display.on_done(cell, seconds)
    except Stopped as stopped:
        outcome.stopped = stopped
    return outcome


class _Display(Watcher):
    """One bar for the run: cells done, the cell that runs, time left."""

    def __init__(self, console: Console, waiting: list[CellSpec], clock: Clock, bar: Progress):
        self._console, self._clock, self._bar = console, clock, bar
        self._count = len(waiting)
        self._finished = 0
        self._running: CellSpec | None = None
        self._spoke = time.perf_counter()
        self._task = bar.add_task("", total=1.0, done="", left="")

    def on_start(self, cell: CellSpec) -> None:
        self._running = cell
        self._update(cell.label)

    def on_epochs(self, epochs: int) -> None:
        if self._running is not None:
            self._update(self._running.label, epochs / (self._running.epochs or 1))

    def on_wait(self, cells: int) -> None:
        self._running = None
        self._update(f"another process measures the last {cells:,}")

    def on_done(self, cell: CellSpec, seconds: float | None) -> None:
        """The cell has its record."""
        self._clock.done(cell, seconds)
        self._finished += 1

    def _update(self, what: str, share: float = 0.0) -> None:
        left = self._clock.remaining(self._running, share)
        elapsed = self._bar.tasks[0].elapsed or 0.0
        self._bar.update(
            self._task,
            completed=elapsed / max(elapsed + left, 1e-9),
            description=what,
            done=f"{self._finished:,}/{self._count:,} cells",
            left=f"about {spoken(left)} left",
        )
        if not self._console.is_terminal and time.perf_counter() - self._spoke > LINE_EVERY_S:
            self._spoke = time.perf_counter()
            self._console.print(
                f"{self._finished:,} of {self._count:,} cells done, about {spoken(left)} left: {what}",
                highlight=False,
            )


@contextmanager
def _display(console: Console, waiting: list[CellSpec], clock: Clock) -> Iterator[_Display]:
    # Twice a second: drawing takes processor time from what is being timed.
    bar = Progress(
        TextColumn("{task.fields[done]}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=16),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", table_column=Column(no_wrap=True)),
        # The cell that runs has what is left of the line.
        TextColumn("[dim]{task.description}", table_column=Column(no_wrap=True, ratio=1)),
        expand=True,
        console=console,
        refresh_per_second=2,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        yield _Display(console, waiting, clock, bar)
