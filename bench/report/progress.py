"""Progress bars on a terminal: bytes fetched, things counted, cells of a run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column

LINE_EVERY_S = 30.0
"""Where no bar can be drawn, a line of progress this often."""
RUN_REFRESH_HZ = 2
"""Of a run's bar: drawing takes processor time from what is being timed."""


class Bar:
    """One line of a terminal; it has the methods that pooch asks of a progress bar."""

    def __init__(self, progress: Progress, words: str):
        self._progress, self._words = progress, words
        self._task = progress.add_task(words, total=None)
        self._spoke = time.monotonic()

    @property
    def total(self) -> float:
        """How much there will be; 0 if nobody knows."""
        return self._progress.tasks[0].total or 0.0

    @total.setter
    def total(self, amount: float) -> None:
        self._progress.reset(self._task, total=amount or None)

    def update(self, amount: float) -> None:
        """Go on by this much."""
        self._progress.advance(self._task, amount)
        console = self._progress.console
        if not console.is_interactive and time.monotonic() - self._spoke > LINE_EVERY_S:
            self._spoke = time.monotonic()
            share = f": {self._progress.tasks[0].percentage:.0f}%" if self.total else ""
            console.print(f"{self._words}{share}", markup=False, highlight=False)

    def reset(self) -> None:
        """Go back to the start."""
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        """Nothing more will come."""
        self._progress.stop_task(self._task)


@contextmanager
def bytes_bar(words: str, console: Console) -> Iterator[Bar]:
    """A bar of bytes with their speed, while inside; a line now and then where there is no terminal."""
    with _counted(console, DownloadColumn(), TransferSpeedColumn()) as progress:
        yield Bar(progress, words)


@contextmanager
def count_bar(words: str, console: Console) -> Iterator[Bar]:
    """A bar of things counted, while inside; a line now and then where there is no terminal."""
    with _counted(console, MofNCompleteColumn()) as progress:
        yield Bar(progress, words)


def run_bar(console: Console) -> Progress:
    """A bar over the whole width for a run: its task has the fields `done` and `left` besides."""
    columns = (
        TextColumn("{task.fields[done]}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=16),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", table_column=Column(no_wrap=True)),
        # The cell that runs has what is left of the line.
        TextColumn("[dim]{task.description}", table_column=Column(no_wrap=True, ratio=1)),
    )
    return _progress(console, *columns, expand=True, hz=RUN_REFRESH_HZ)


def _counted(console: Console, *columns: ProgressColumn) -> Progress:
    start = (TextColumn("{task.description}"), BarColumn(bar_width=24))
    return _progress(console, *start, *columns, TimeRemainingColumn())


def _progress(console: Console, *columns: ProgressColumn, expand: bool = False, hz: float = 10) -> Progress:
    return Progress(
        *columns,
        console=console,
        expand=expand,
        refresh_per_second=hz,
        transient=True,
        disable=not console.is_interactive,
    )
