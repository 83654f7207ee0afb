"""Runs a plan in this process, one cell after another, and shows how far it is."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from bench.data.dataset import Dataset
from bench.plan.cost import Clock, spoken
from bench.plan.spec import CellSpec
from bench.run.worker import Record, carry_out, is_settled
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
    interrupted: bool = False


def run(
    cells: list[CellSpec], data: Dataset, store: Store, console: Console, *, rerun_failed: bool
) -> Outcome:
    """Carry out the cells that are not settled yet. Ctrl-C ends the run; what is done is kept."""
    outcome = Outcome()
    clock = Clock(cells, len(data.images))
    waiting = []
    for cell in cells:
        record = store.get(cell.key(data.fingerprint))
        if is_settled(record, rerun_failed):
            assert record is not None
            if record["status"] == "done":
                outcome.kept += 1
            else:
                outcome.failed.append(record)
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
            for cell, record, seconds in carry_out(waiting, data, store, display.on_epochs):
                outcome.measured += record["status"] == "done"
                if record["status"] == "failed":
                    outcome.failed.append(record)
                display.on_cell(cell, seconds)
    except KeyboardInterrupt:
        outcome.interrupted = True
    return outcome


class _Display:
    """One bar for the run: cells done, the cell that runs, time left."""

    def __init__(self, console: Console, waiting: list[CellSpec], clock: Clock, bar: Progress):
        self._console, self._waiting, self._clock, self._bar = console, waiting, clock, bar
        self._finished = 0
        self._spoke = time.perf_counter()
        self._task = bar.add_task("", total=1.0, done="", left="")
        self._update(0.0)

    def on_epochs(self, epochs: int) -> None:
        total = self._waiting[self._finished].epochs or 1
        self._update(epochs / total)

    def on_cell(self, cell: CellSpec, seconds: float) -> None:
        self._clock.done(cell, seconds)
        self._finished += 1
        self._update(0.0)

    def _update(self, share: float) -> None:
        count = len(self._waiting)
        running = self._waiting[self._finished] if self._finished < count else None
        left = self._clock.remaining(running, share)
        elapsed = self._bar.tasks[0].elapsed or 0.0
        self._bar.update(
            self._task,
            completed=elapsed / max(elapsed + left, 1e-9) if running else 1.0,
            description=running.label if running else "done",
            done=f"{self._finished:,}/{count:,} cells",
            left=f"about {spoken(left)} left" if running else "",
        )
        if not self._console.is_terminal and time.perf_counter() - self._spoke > LINE_EVERY_S:
            self._spoke = time.perf_counter()
            self._console.print(
                f"{self._finished:,} of {count:,} cells done, about {spoken(left)} left"
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
