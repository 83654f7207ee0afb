"""Ctrl-C and SIGTERM end a run in order, and never while a record is being stored."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from bench.errors import ExitCode, Stopped

SIGNALS = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


class Stopping:
    """Turns the signals into Stopped, raised in the main thread."""

    def __init__(self) -> None:
        self._held_back = False
        self._pending: Stopped | None = None

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Listen, except to those that the shell switched off, as it does Ctrl-C for background jobs."""
        before = {number: signal.getsignal(number) for number in SIGNALS}
        heard = [number for number in SIGNALS if before[number] is not signal.SIG_IGN]
        for number in heard:
            signal.signal(number, self._stop)
        try:
            yield
        finally:
            for number in heard:
                signal.signal(number, before[number])

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Let what is inside come to its end first."""
        self._held_back = True
        try:
            yield
        finally:
            self._held_back = False
        if self._pending is not None:
            raise self._pending

    def _stop(self, number: int, _: FrameType | None) -> None:
        stopped = Stopped(SIGNALS[signal.Signals(number)])
        if self._held_back:
            self._pending = stopped
        else:
            raise stopped
