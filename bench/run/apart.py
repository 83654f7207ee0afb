"""Measures cells in a subprocess that a time limit can kill: libsvm cannot be interrupted."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Self

from hexbench.data.dataset import Dataset
from hexbench.measure.cell import failed, measure
from hexbench.plan.cell import Cell
from hexbench.plan.models import known_models
from hexbench.store.record import Record


class Subprocess:
    """A process that is started when it is needed first, and again after it was killed."""

    def __init__(self, data: Dataset, own_models: Sequence[str]):
        self._data, self._own_models = data, list(own_models)
        self._process: SpawnProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def measure(self, cell: Cell, search: Record | None, limit_s: float) -> Record:
        """The record of a cell that is measured there, or of its failure.

        Raises TimeoutError after so many seconds, ChildProcessError if the process dies.
        """
        try:
            if self._process is None:
                self._start()
            self._pipe.send((cell, search))
            if not self._pipe.poll(limit_s):
                raise TimeoutError(f"over its limit of {limit_s:g} s")
            record: Record = self._pipe.recv()
        except (EOFError, ConnectionError):
            raise ChildProcessError(self._exit_message()) from None
        except BaseException:
            self._end()
            raise
        return record

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._data, self._own_models))
        self._process.start()
        theirs.close()
        self._pipe.recv()  # once it has imported what it needs

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None

    def _exit_message(self) -> str:
        assert self._process is not None
        self._process.join()
        code = self._process.exitcode or 0
        self._end()
        ended = f"by signal {-code}" if code < 0 else f"with exit status {code}"
        return f"its process ended {ended}" + (", as where memory runs out" if code == -9 else "")


def _serve(pipe: Connection, data: Dataset, own_models: list[str]) -> None:
    """What the process does: measure the cells that come through the pipe, until nobody sends any."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # whoever started it hears them, and ends it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    models = known_models(own_models)
    pipe.send(None)
    while True:
        try:
            cell, search = pipe.recv()
        except EOFError:
            return
        entry = models[cell.model]
        try:
            record: Record = measure(cell, data, entry, search)
        except Exception as error:
            record = failed(cell, data, entry, error)
        pipe.send(record)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
