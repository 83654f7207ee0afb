"""A bar for what takes long and is counted: bytes fetched, images read."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


class Bar:
    """One line of a terminal; it has the methods that pooch asks of a progress bar."""

    def __init__(self, progress: Progress, words: str):
        self._progress = progress
        self._task = progress.add_task(words, total=None)

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

    def reset(self) -> None:
        """Go back to the start."""
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        """Nothing more will come."""
        self._progress.stop_task(self._task)


@contextmanager
def bytes_bar(words: str, console: Console) -> Iterator[Bar]:
    """A bar of bytes with their speed, while inside; none where the console is no terminal."""
    columns = (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with _progress(console, *columns) as progress:
        yield Bar(progress, words)


@contextmanager
def count_bar(words: str, console: Console) -> Iterator[Bar]:
    """A bar of things counted, while inside; none where the console is no terminal."""
    with _progress(console, MofNCompleteColumn(), TimeRemainingColumn()) as progress:
        yield Bar(progress, words)


def _progress(console: Console, *columns: object) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        *columns,  # type: ignore[arg-type]
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
