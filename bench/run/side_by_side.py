"""The executor of `--devices`: cells side by side on this machine, a process for each device.

Each process sees one accelerator, or on a machine without any one core. Their times are not clean: the
processes share the machine.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NamedTuple

from hexbench.data.dataset import Dataset
from hexbench.errors import BadInput
from hexbench.measure.cell import failed
from hexbench.plan.cell import Cell
from hexbench.plan.models import known_models
from hexbench.run import job as jobs
from hexbench.run.child import Child
from hexbench.run.devices import Found, found
from hexbench.run.executors import Results, Work
from hexbench.run.job import Job
from hexbench.run.worker import CellResult, ProgressListener
from hexbench.store.store import Store

VISIBLE = {"gpu": ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"), "tpu": ("TPU_VISIBLE_CHIPS",)}
"""Variables that say which devices a process sees, by JAX's platform."""
ONE_CHIP = {"TPU_CHIPS_PER_PROCESS_BOUNDS": "1,1,1", "TPU_PROCESS_BOUNDS": "1,1,1"}
"""What libtpu wants to be told besides."""
ONE_THREAD = {"NPROC": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
TRIES = 2
"""A cell whose process dies gets so many."""


class Place(NamedTuple):
    """Where a process works."""

    variables: dict[str, str]
    """Of its environment."""
    core: int | None = None
    """The only one that it runs on; None: any."""


class SideBySide:
    """Measures in processes, each on a device of its own."""

    def __init__(self, devices: str):
        """On so many devices, or on `all`; BadInput where there are fewer."""
        there = found()
        self._places = _places(there)[: there.wanted(devices)]

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


def _places(there: Found) -> list[Place]:
    if there.platform == "cpu":
        pinned = hasattr(os, "sched_setaffinity")
        cores = sorted(os.sched_getaffinity(0)) if pinned else []
        return [Place(ONE_THREAD, cores[i % len(cores)] if cores else None) for i in range(there.count)]
    names = VISIBLE.get(there.platform, ())
    seen = next((os.environ[name] for name in names if os.environ.get(name)), None)
    chosen = [str(i) for i in range(there.count)] if seen is None else seen.split(",")
    return [
        Place(dict.fromkeys(names, one) | (ONE_CHIP if there.platform == "tpu" else {})) for one in chosen
    ]


class _Measuring:
    """A process and the cells that it was given and has not answered for."""

    def __init__(self, work: Work, place: Place):
        self.place = place
        folder = work.store.folder.resolve()
        self.child = Child(_serve, place.core, work.job.of(()), work.data, folder, variables=place.variables)
        self.cells: list[Cell] = []
        self.is_ready = False


class _Run:
    def __init__(self, work: Work, places: Sequence[Place]):
        self._work, self._places = work, places
        self._models = known_models(work.job.own_models)
        self._waiting = [*self._units(work.job.cells)]
        self._unsettled = {cell.identity for cell in work.job.cells}
        self._deaths: Counter[str] = Counter()
        self._processes: list[_Measuring] = []

    def carry_out(self) -> Iterator[CellResult]:
        """Hand out the cells, and yield each once its record is stored."""
        self._processes += [_Measuring(self._work, place) for place in self._places[: len(self._waiting)]]
        while self._unsettled:
            pipes = {process.child.pipe: process for process in self._processes}
            for pipe in wait([*pipes]):
                process = pipes[pipe]  # type: ignore[index]
                try:
                    answer = process.child.pipe.recv()
                except (EOFError, ConnectionError):
                    yield from self._died(process)
                    continue
                if isinstance(answer, CellResult):
                    process.cells.remove(answer.cell)
                    self._unsettled.discard(answer.cell.identity)
                    yield answer
                else:
                    process.is_ready = True
            self._hand_out()

    def end(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.child.end()

    def _units(self, cells: Sequence[Cell]) -> Iterator[list[Cell]]:
        """The cells that are handed out together: the seeds of a network, where they train side by side."""
        side_by_side = self._places[0].core is None and self._work.job.options.together is not False
        for alike, seeds in groupby(cells, lambda cell: cell.but(seed=0)):
            group, together = [*seeds], side_by_side and self._models[alike.model].learning_curve
            yield from [group] if together else [[cell] for cell in group]

    def _hand_out(self) -> None:
        """Give every process that has nothing to do the first cells that wait for no search."""
        for process in self._processes:
            if process.is_ready:
                unit = next((u for u in self._waiting if u[0].params_from not in self._unsettled), None)
                if unit is not None:
                    self._waiting.remove(unit)
                    process.child.pipe.send(unit)
                    process.cells, process.is_ready = [*unit], False
        busy = sum(bool(process.cells) for process in self._processes)
        self._work.listener.on_status(f"{busy} processes measure", busy)

    def _died(self, process: _Measuring) -> Iterator[CellResult]:
        """Its first cell has failed if it died of that before; another process takes its place."""
        message = process.child.exit_message()
        self._processes.remove(process)
        if not process.cells:
            raise BadInput(f"a process that should measure cells did not start: {message}.")
        first, *others = process.cells
        self._deaths[first.identity] += 1
        if self._deaths[first.identity] < TRIES:
            self._waiting.append([first])
        else:
            error = ChildProcessError(message)
            record = failed(first, self._work.data, self._models[first.model], error)
            with self._work.signals.deferred():
                self._work.store.put(record)
            self._unsettled.discard(first.identity)
            yield CellResult(first, record, 0.0)
        self._waiting += [[cell] for cell in others]
        self._processes.append(_Measuring(self._work, process.place))


def _serve(pipe: Connection, core: int | None, job: Job, data: Dataset, out: Path) -> None:
    """What a process does: measure the cells that come through the pipe, until nobody sends any."""
    if core is not None:
        os.sched_setaffinity(0, [core])
    with suppress(EOFError):
        while True:
            pipe.send(None)  # it is ready
            unit = pipe.recv()
            for result in jobs.carry_out(job.of(unit), Store(out), data, ProgressListener(), shared=True):
                pipe.send(result)
