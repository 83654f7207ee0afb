"""Signals end a run in order, and never while a record is being stored.

They are Ctrl-C, SIGTERM, SIGHUP (the terminal was closed) and SIGXCPU (a limit of processor time).
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from hexbench.errors import ExitCode, Stopped

SIGNALS = {
    getattr(signal, name): code
    for name, code in (
        ("SIGINT", ExitCode.INTERRUPTED),
        ("SIGTERM", ExitCode.TERMINATED),
        ("SIGHUP", ExitCode.HUNG_UP),
        ("SIGXCPU", ExitCode.OUT_OF_TIME),
    )
    if hasattr(signal, name)
}


class Signals:
    """Turns the signals into Stopped, raised in the main thread.

    What is raised while Python collects garbage is lost there; it is raised again where `deferred`
    ends, once the next checkpoint or record is stored.
    """

    def __init__(self) -> None:
        self._deferred = False
        self._pending: Stopped | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Listen, except to those that the shell switched off, as it does Ctrl-C for background jobs."""
        before = {number: signal.getsignal(number) for number in SIGNALS}
        listened_to = [number for number in SIGNALS if before[number] is not signal.SIG_IGN]
        report = sys.unraisablehook
        sys.unraisablehook = lambda lost: None if isinstance(lost.exc_value, Stopped) else report(lost)
        for number in listened_to:
            signal.signal(number, self._stop)
        try:
            yield
        finally:
            sys.unraisablehook = report
            for number in listened_to:
                signal.signal(number, before[number])

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let what is inside come to its end first."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        if self._pending is not None:
            raise self._pending

    def _stop(self, number: int, _: FrameType | None) -> None:
        self._pending = Stopped(SIGNALS[signal.Signals(number)])
        if not self._deferred:
            raise self._pending
