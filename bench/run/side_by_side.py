"""The executor of `--devices`: cells side by side on this machine, a process for each device.

Each process sees one accelerator, or on a machine without any one core. Their times are not clean: the
processes share the machine.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from multiprocessing.connection import Connection, wait
from pathlib import Path

from hexbench.data.dataset import Dataset
from hexbench.errors import BadInput
from hexbench.plan.cell import Cell
from hexbench.plan.models import known_models
from hexbench.run import job as jobs
from hexbench.run.child import Child
from hexbench.run.devices import Place, found
from hexbench.run.executors import Results, Work
from hexbench.run.job import Job
from hexbench.run.queue import Queue
from hexbench.run.worker import CellResult, ProgressListener
from hexbench.store.store import Store


class SideBySide:
    """Measures in processes, each on a device of its own."""

    def __init__(self, devices: str):
        """On so many devices, or on `all`; BadInput where there are fewer."""
        there = found()
        self._places = there.places()[: there.wanted(devices)]

    def carry_out(self, work: Work) -> Results:
        """As `Executor`."""
        if work.job.options.rerun_disturbed:
            raise BadInput("--rerun-disturbed measures each cell alone: leave out --devices.")
        run = _Run(work, self._places)
        try:
            yield from run.carry_out()
        finally:
            run.end()

    def in_use(self, folder: Path) -> bool:  # noqa: ARG002
        """Never: the processes end with this one."""
        return False


class _Process:
    """A process, and the cells that it was given and has not answered for."""

    def __init__(self, work: Work, place: Place):
        self.place = place
        folder = work.store.folder.resolve()
        self.child = Child(_serve, place.core, work.job.of(()), work.data, folder, variables=place.variables)
        self.cells: list[Cell] = []
        self.is_idle = False
        self.has_begun = False


class _Run:
    def __init__(self, work: Work, places: Sequence[Place]):
        self._work, self._places = work, places
        self._queue = Queue(work, _units(work, together=places[0].core is None))
        self._processes: list[_Process] = []

    def carry_out(self) -> Iterator[CellResult]:
        """Hand out the cells, and yield each once its record is stored."""
        self._processes += [_Process(self._work, place) for place in self._places[: len(self._queue)]]
        while self._queue.unsettled:
            by_pipe: dict[object, _Process] = {process.child.pipe: process for process in self._processes}
            for pipe in wait([process.child.pipe for process in self._processes]):
                process = by_pipe[pipe]
                try:
                    answer = process.child.pipe.recv()
                except (EOFError, ConnectionError):
                    yield from self._died(process)
                    continue
                if isinstance(answer, CellResult):
                    process.cells.remove(answer.cell)
                    self._queue.settle(answer.cell)
                    yield answer
                else:
                    process.is_idle = process.has_begun = True
            self._hand_out()

    def end(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.child.end()

    def _hand_out(self) -> None:
        for process in self._processes:
            if process.is_idle and (unit := self._queue.take()) is not None:
                process.cells, process.is_idle = unit, False
                with suppress(ConnectionError):  # it has died, and its pipe will say so
                    process.child.pipe.send(unit)
        busy = sum(bool(process.cells) for process in self._processes)
        self._work.listener.on_status(f"{busy} processes measure", busy)

    def _died(self, process: _Process) -> Iterator[CellResult]:
        """Another process takes its place."""
        message = process.child.exit_message()
        self._processes.remove(process)
        if not process.has_begun:
            raise BadInput(f"a process that should measure cells did not start: {message}.")
        if process.cells:
            result = self._queue.died(process.cells, ChildProcessError(message))
            if result is not None:
                yield result
        self._processes.append(_Process(self._work, process.place))


def _units(work: Work, *, together: bool) -> Iterator[list[Cell]]:
    """The cells that are handed out together: with `together` the seeds of a network, in one program."""
    models = known_models(work.job.own_models)
    for alike, seeds in groupby(work.job.cells, lambda cell: cell.but(seed=0)):
        group = [*seeds]
        side_by_side = (
            together and work.job.options.together is not False and models[alike.model].learning_curve
        )
        yield from [group] if side_by_side else [[cell] for cell in group]


def _serve(pipe: Connection, core: int | None, job: Job, data: Dataset, out: Path) -> None:
    """What a process does: measure the cells that come through the pipe, until nobody sends any."""
    if core is not None:
        os.sched_setaffinity(0, [core])
    with suppress(EOFError, ConnectionError):
        while True:
            pipe.send(None)  # it is idle
            unit = pipe.recv()
            for result in jobs.carry_out(job.of(unit), Store(out), data, ProgressListener(), shared=True):
                pipe.send(result)
