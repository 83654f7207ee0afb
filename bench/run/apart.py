"""Measures cells in a process of its own, which can be ended: libsvm hears nothing until a fit is done."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Self

from bench.data.dataset import Dataset
from bench.measure.cell import failed, measure
from bench.plan.spec import CellSpec

Record = dict[str, Any]


class Apart:
    """A process that is started when it is needed first, and again after it was ended."""

    def __init__(self, data: Dataset):
        self._data = data
        self._process: SpawnProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def measure(self, spec: CellSpec, chosen: Record | None, limit_s: float) -> Record:
        """What `bench.measure.cell.measure` says there, or the record of its failure.

        Raises TimeoutError after so many seconds, ChildProcessError if the process dies.
        """
        try:
            if self._process is None:
                self._start()
            self._pipe.send((spec, chosen))
            if not self._pipe.poll(limit_s):
                raise TimeoutError(f"over its limit of {limit_s:g} s")
            record: Record = self._pipe.recv()
        except (EOFError, ConnectionError):
            raise ChildProcessError(self._last_words()) from None
        except BaseException:
            self._end()
            raise
        return record

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._data))
        self._process.start()
        theirs.close()
        self._pipe.recv()  # once it has imported what it needs

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None

    def _last_words(self) -> str:
        assert self._process is not None
        self._process.join()
        code = self._process.exitcode or 0
        self._end()
        ended = f"by signal {-code}" if code < 0 else f"with exit status {code}"
        return f"its process ended {ended}" + (", as where memory runs out" if code == -9 else "")


def _serve(pipe: Connection, data: Dataset) -> None:
    """What the process does: measure the cells that come through the pipe, until nobody sends any."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # whoever started it hears them, and ends it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    pipe.send(None)
    while True:
        try:
            spec, chosen = pipe.recv()
        except EOFError:
            return
        try:
            record = measure(spec, data, chosen)
        except Exception as error:
            record = failed(spec, data, error)
        pipe.send(record)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
