"""A run: which cells are left to measure, an executor that has them measured, and how far it is."""

import time
from contextlib import closing
from dataclasses import dataclass, field

from hexbench.data.dataset import Dataset
from hexbench.errors import Stopped
from hexbench.plan.cell import Cell
from hexbench.plan.cost import Clock, Expectation, format_duration
from hexbench.report.progress import LINE_EVERY_S, run_bar
from hexbench.run.executors import Executor, Work
from hexbench.run.job import Job
from hexbench.run.signals import Signals
from hexbench.run.worker import ProgressListener, is_settled
from hexbench.store.record import Done, Failed, Record
from hexbench.store.store import Store
from rich.console import Console
from rich.progress import Progress


@dataclass
class Outcome:
    """How a run went."""

    kept: int = 0
    """Cells that were measured by an earlier run."""
    measured: int = 0
    failed: list[Failed] = field(default_factory=list)
    """Records of cells that failed, now or earlier."""
    disturbed: int = 0
    """Cells whose times are not clean."""
    stopped: Stopped | None = None
    """By which signal, if it was stopped."""

    def add(self, record: Record, *, kept: bool) -> None:
        """Count a cell that has its record."""
        if isinstance(record, Failed):
            self.failed.append(record)
        elif kept:
            self.kept += 1
        else:
            self.measured += 1
        self.disturbed += record.timing_clean is False


def run(
    job: Job,
    labels: dict[str, str],
    stored: dict[str, Record],
    data: Dataset,
    store: Store,
    expectation: Expectation,
    executor: Executor,
    console: Console,
    signals: Signals,
) -> Outcome:
    """Have the cells measured that are not settled yet. A signal ends the run; what is done is kept.

    `labels` has a few words on each cell, `stored` the records that there are, both by key.
    """
    cells, options = job.cells, job.options
    outcome = Outcome()
    clock = Clock(cells, expectation)
    waiting = []
    for cell in cells:
        record = stored.get(cell.key_on(data.fingerprint))
        if record is not None and is_settled(record, options):
            outcome.add(record, kept=True)
            clock.done(cell, record.times.total_s if isinstance(record, Done) else None)
        else:
            waiting.append(cell)
    kept = len(cells) - len(waiting)
    if kept:
        console.print(f"{kept:,} of {len(cells):,} cells are stored already and are kept.")
    if not waiting:
        return outcome
    words = {cell: labels[cell.key_on(data.fingerprint)] for cell in waiting}
    try:
        with run_bar(console) as bar:
            display = _Display(console, words, clock, bar)
            work = Work(job.of(waiting), data, store, expectation, display, signals)
            with closing(executor.carry_out(work)) as results:
                for cell, record, seconds in results:
                    outcome.add(record, kept=seconds is None)
                    display.on_done(cell, seconds)
    except Stopped as stopped:
        outcome.stopped = stopped
    return outcome


class _Display(ProgressListener):
    """One bar for the run: cells done, the cell that runs, time left."""

    def __init__(self, console: Console, labels: dict[Cell, str], clock: Clock, bar: Progress):
        self._console, self._clock, self._bar = console, clock, bar
        self._labels, self._count = labels, len(labels)
        self._finished = 0
        self._running: Cell | None = None
        self._at_once = 1
        self._spoke = time.perf_counter()
        self._task = bar.add_task("", total=1.0, done="", left="")

    def on_start(self, cell: Cell) -> None:
        self._running = cell
        self._update(self._labels[cell])

    def on_epochs(self, epochs: int) -> None:
        if self._running is not None:
            self._update(self._labels[self._running], epochs / (self._running.planned_epochs or 1))

    def on_status(self, what: str, at_once: int = 1) -> None:
        self._running, self._at_once = None, max(1, at_once)
        self._update(what)

    def on_note(self, note: str) -> None:
        self._console.print(note, highlight=False, markup=False)

    def on_done(self, cell: Cell, seconds: float | None) -> None:
        """The cell has its record."""
        self._clock.done(cell, seconds)
        self._finished += 1

    def _update(self, what: str, share: float = 0.0) -> None:
        left = self._clock.remaining(self._running, share) / self._at_once
        elapsed = self._bar.tasks[0].elapsed or 0.0
        self._bar.update(
            self._task,
            completed=elapsed / max(elapsed + left, 1e-9),
            description=what,
            done=f"{self._finished:,}/{self._count:,} cells",
            left=f"about {format_duration(left)} left",
        )
        if not self._console.is_interactive and time.perf_counter() - self._spoke > LINE_EVERY_S:
            self._spoke = time.perf_counter()
            self._console.print(
                f"{self._finished:,} of {self._count:,} cells done, about {format_duration(left)} left: "
                f"{what}",
                highlight=False,
                markup=False,
            )
