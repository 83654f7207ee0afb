"""Measures cells in a subprocess: what cannot be interrupted, as libsvm, and models that others have written.

A time limit can end it, and whatever it dies of, the run goes on.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from hexbench.data.dataset import Dataset
from hexbench.errors import BadInput
from hexbench.measure.cell import OnEpochs, failed, measure
from hexbench.plan.cell import Cell
from hexbench.plan.models import known_models
from hexbench.run.child import Child, serve_foreign_code
from hexbench.store.record import Record

if TYPE_CHECKING:  # JAX takes seconds to load
    from hexbench.models.training.checkpoint import DiskCheckpoint


class Place(NamedTuple):
    """Where a network leaves checkpoints, and how often: see `DiskCheckpoint`."""

    folder: Path
    every_s: float
    origin: str

    def open(self, deferred: Callable[[], AbstractContextManager[None]] = nullcontext) -> "DiskCheckpoint":
        """The checkpoint; `deferred()` is where nothing may interrupt."""
        from hexbench.models.training.checkpoint import DiskCheckpoint

        return DiskCheckpoint(*self, deferred)


class Task(NamedTuple):
    """What the process is told."""

    cell: Cell
    search: Record | None = None
    """The record of the search that the cell waited for."""
    limit_s: float | None = None
    """Seconds after which it has failed."""
    place: Place | None = None


class Subprocess:
    """A process that is started when it is needed first, and again after it was killed."""

    def __init__(self, data: Dataset, own_models: Sequence[str], *, foreign: bool = False):
        """`foreign`: its models are none of hexbench's."""
        self._arguments = (data, list(own_models), foreign)
        self._child: Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def measure(self, task: Task, on_epochs: OnEpochs) -> Record:
        """The record of a cell that is measured there, or of its failure.

        Raises TimeoutError where the cell takes too long, ChildProcessError if the process dies, BadInput
        where a model of one's own cannot be imported there.
        """
        try:
            if self._child is None:
                self._child = Child(_serve, *self._arguments)
                fault = self._child.pipe.recv()  # once it has imported what it needs
                if fault is not None:
                    raise BadInput(fault)
            return _answer(self._child.pipe, task, on_epochs)
        except (EOFError, ConnectionError):
            assert self._child is not None
            message, self._child = self._child.exit_message(), None
            raise ChildProcessError(message) from None
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


def _answer(pipe: Connection, task: Task, on_epochs: OnEpochs) -> Record:
    """The record of a task; on the way the process says how many epochs are done."""
    pipe.send(task)
    started, done = time.perf_counter(), ""
    while True:
        left = None if task.limit_s is None else started + task.limit_s - time.perf_counter()
        if not pipe.poll(left if left is None else max(left, 0.0)):
            raise TimeoutError(f"over its limit of {task.limit_s:g} s{done}")
        answer: Record | int = pipe.recv()
        if not isinstance(answer, int):
            return answer
        done = f" after {answer:,} epochs"
        on_epochs(answer)


def limited(on_epochs: OnEpochs, limit_s: float | None, checkpoint: "DiskCheckpoint | None") -> OnEpochs:
    """Tells `on_epochs`; raises TimeoutError where a cell has had its time, with that before a checkpoint."""
    started = time.perf_counter()

    def told(epochs: int) -> None:
        on_epochs(epochs)
        earlier_s = 0.0 if checkpoint is None else checkpoint.earlier_s
        if limit_s is not None and earlier_s + time.perf_counter() - started > limit_s:
            raise TimeoutError(f"over its limit of {limit_s:g} s after {epochs:,} epochs")

    return told


def _serve(pipe: Connection, data: Dataset, own_models: list[str], foreign: bool) -> None:
    """What the process does: measure the cells that come through the pipe, until nobody sends any."""
    if foreign:
        serve_foreign_code()
    try:
        models = known_models(own_models)
    except BadInput as error:
        pipe.send(str(error))
        return
    pipe.send(None)
    while True:
        try:
            task: Task = pipe.recv()
        except EOFError:
            return
        cell, entry = task.cell, models[task.cell.model]
        try:
            checkpoint = None if task.place is None else task.place.open()
            told = limited(pipe.send, task.limit_s, checkpoint)
            record: Record = measure(cell, data, entry, task.search, told, checkpoint)
        except Exception as error:
            record = failed(cell, data, entry, error)
        pipe.send(record)
