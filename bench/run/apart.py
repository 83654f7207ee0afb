"""Measures cells in a subprocess that a time limit can kill: libsvm cannot be interrupted."""

from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Self

from hexbench.data.dataset import Dataset
from hexbench.measure.cell import failed, measure
from hexbench.plan.cell import Cell
from hexbench.plan.models import known_models
from hexbench.run.child import Child
from hexbench.store.record import Record


class Subprocess:
    """A process that is started when it is needed first, and again after it was killed."""

    def __init__(self, data: Dataset, own_models: Sequence[str]):
        self._data, self._own_models = data, list(own_models)
        self._child: Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def measure(self, cell: Cell, search: Record | None, limit_s: float) -> Record:
        """The record of a cell that is measured there, or of its failure.

        Raises TimeoutError after so many seconds, ChildProcessError if the process dies.
        """
        try:
            if self._child is None:
                self._child = Child(_serve, self._data, self._own_models)
                self._child.pipe.recv()  # once it has imported what it needs
            self._child.pipe.send((cell, search))
            if not self._child.pipe.poll(limit_s):
                raise TimeoutError(f"over its limit of {limit_s:g} s")
            record: Record = self._child.pipe.recv()
        except (EOFError, ConnectionError):
            assert self._child is not None
            message, self._child = self._child.exit_message(), None
            raise ChildProcessError(message) from None
        except BaseException:
            self._end()
            raise
        return record

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


def _serve(pipe: Connection, data: Dataset, own_models: list[str]) -> None:
    """What the process does: measure the cells that come through the pipe, until nobody sends any."""
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
