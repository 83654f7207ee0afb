"""A process of ours at the other end of a pipe: spawned, deaf to Ctrl-C, ended with this one."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any


class Child:
    """Runs `serve(pipe, ...)` in a new process."""

    def __init__(
        self, serve: Callable[..., None], *arguments: Any, variables: Mapping[str, str] | None = None
    ):
        """`serve` can be pickled, as its arguments can; `variables` are of the process's environment."""
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_begin, args=(serve, theirs, *arguments))
        with _environment(variables or {}):
            self._process.start()
        theirs.close()

    def end(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.join()
        self.pipe.close()

    def exit_message(self) -> str:
        """How it has ended by itself, in words."""
        self._process.join()
        self.pipe.close()
        code = self._process.exitcode or 0
        ended = f"by signal {-code}" if code < 0 else f"with exit status {code}"
        return f"its process ended {ended}" + (", as where memory runs out" if code == -9 else "")


def serve_foreign_code() -> None:
    """Make this process one that runs code of the user's: it prints nothing, and is ended first.

    That is, by Linux where memory runs out, before the process that waits for it.
    """
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)


def _begin(serve: Callable[..., None], pipe: Connection, *arguments: Any) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # whoever started it hears them, and ends it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(pipe, *arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Variables that a process started meanwhile inherits: libraries read them while they are loaded."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
