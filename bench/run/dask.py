"""The Dask executor: cells as tasks of a Dask cluster, one task at a time on each worker.

With the address of a scheduler the workers are those of that cluster, which see the results folder; else
a cluster of processes on this machine is started, one for each device, and ended with the run.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from hexbench.errors import BadInput, LacksExtra
from hexbench.files import read_toml, reason
from hexbench.plan.cell import Cell
from hexbench.plan.models import known_models
from hexbench.run import job as jobs
from hexbench.run.arrivals import Arrivals
from hexbench.run.batches import divided
from hexbench.run.devices import found
from hexbench.run.executors import Results, Work
from hexbench.run.job import Job
from hexbench.run.on_node import Probe, version
from hexbench.run.queue import Queue
from hexbench.run.worker import CellResult
from hexbench.store.record import Done
from hexbench.store.store import Store
from msgspec import Meta, Struct

RESOURCE = "hexbench"
"""Each worker offers one of it, so that it measures one task at a time."""
PATIENCE_S = 20
LOOK_EVERY_S = 0.5
APPEARS_WITHIN_S = 10
"""What a worker has written is seen here by then."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The section `[dask]` of the file that --cluster names; all of it is optional."""

    workers: Annotated[int, Meta(ge=1)] | None = None
    """Processes of a cluster on this machine [one for each device, or core where there is no accelerator]."""
    minutes_expected: Annotated[float, Meta(gt=0)] = 5
    """Cells are put together into tasks that are expected to take so long."""


class Dask:
    """Has tasks of a Dask cluster measure."""

    def __init__(self, settings: Path | None, scheduler: str | None):
        """BadInput where Dask is missing, or a setting is wrong."""
        try:
            said = read_toml(settings).get("dask", {}) if settings else {}
            self._settings = msgspec.convert(said, Settings)
        except (OSError, ValueError) as error:
            raise BadInput(f"{settings} cannot be used: {reason(error)}.") from None
        try:
            import distributed  # noqa: F401
        except ImportError:
            raise LacksExtra("--executor dask", "Dask", "dask") from None
        if scheduler is not None and self._settings.workers is not None:
            raise BadInput(
                f"{settings}: workers are those of the cluster at {scheduler}; leave out `workers`."
            )
        self._scheduler = scheduler

    def in_use(self, folder: Path) -> bool:  # noqa: ARG002
        """Never: tasks whose client has gone are given up."""
        return False

    def carry_out(self, work: Work) -> Results:
        """As `Executor`."""
        if work.job.options.rerun_disturbed:
            raise BadInput("--rerun-disturbed measures each cell alone: use --executor local or slurm.")
        with ExitStack() as opened:
            if self._scheduler is None:
                client = self._own_cluster(opened)
            else:
                client = self._connected(opened, self._scheduler)
                _check(client, self._scheduler, work.store.folder.resolve())
            yield from _Run(work, client, 60 * self._settings.minutes_expected).carry_out()

    def _connected(self, opened: ExitStack, scheduler: str) -> Any:
        import distributed

        try:
            return opened.enter_context(distributed.Client(scheduler, timeout=PATIENCE_S))
        except (OSError, ValueError, TypeError, ImportError) as error:
            raise BadInput(f"Dask's scheduler {scheduler} does not answer: {reason(error)}.") from None

    def _own_cluster(self, opened: ExitStack) -> Any:
        import dask
        import distributed

        there = found()
        count = self._settings.workers or there.count
        if count > there.count:
            raise BadInput(
                f"{count} workers of Dask need as many devices: JAX has {there.count} ({there.kind})."
            )
        places = there.places()[:count]
        # A worker that may have no children could keep to no time limit.
        opened.enter_context(dask.config.set({"distributed.worker.daemon": False}))
        workers = {
            number: {
                "cls": distributed.Nanny,
                "options": {
                    "nthreads": 1,
                    "env": place.variables,
                    "resources": {RESOURCE: 1},
                    "memory_limit": 0,  # else a worker pauses for ever where JAX keeps its memory
                    "dashboard": False,
                    "silence_logs": logging.ERROR,
                },
            }
            for number, place in enumerate(places)
        }
        scheduler = {
            "cls": distributed.Scheduler,
            "options": {"host": "127.0.0.1", "port": 0, "dashboard_address": "127.0.0.1:0"},
        }
        cluster = opened.enter_context(
            distributed.SpecCluster(workers, scheduler, silence_logs=logging.ERROR)
        )
        client = opened.enter_context(distributed.Client(cluster))
        client.wait_for_workers(len(places))
        return client


def _check(client: Any, scheduler: str, folder: Path) -> None:
    """BadInput unless every worker of a cluster has this hexbench and sees the results folder."""
    workers = _workers(client)
    if not workers:
        raise BadInput(f"Dask's scheduler {scheduler} has no workers.")
    lacking = [address for address, told in workers.items() if not told["resources"].get(RESOURCE)]
    if lacking:
        raise BadInput(
            f"Dask's worker {lacking[0]} does not say that it measures one cell at a time: start workers "
            f'with --nthreads 1 --resources "{RESOURCE}=1".'
        )
    name = f".probe-{uuid4().hex}"
    with _lost():
        answers = client.run(_look, str(folder), name, on_error="return")
    for address, theirs in answers.items():
        if isinstance(theirs, BaseException):
            raise BadInput(f"Dask's worker {address} cannot use hexbench: {reason(theirs)}.")
        if theirs != version():
            raise BadInput(
                f"Dask's worker {address} has {theirs}, and here is {version()}: they must be the same."
            )
        answer, waited = folder / f"{name}-{_place(address)}", time.monotonic()
        while answer not in folder.iterdir():
            if time.monotonic() - waited > APPEARS_WITHIN_S:
                raise BadInput(
                    f"Dask's worker {address} wrote nothing to {folder} that can be seen here: choose an "
                    "--out that all workers share."
                )
            time.sleep(LOOK_EVERY_S)
        answer.unlink()


class _Run:
    def __init__(self, work: Work, client: Any, task_s: float):
        self._work, self._client = work, client
        self._cells = {cell.key_on(work.job.fingerprint): cell for cell in work.job.cells}
        self._arrivals = Arrivals(work.store, self._cells, work.job.options)
        models, seconds = known_models(work.job.own_models), work.expectation.seconds
        unsearched = {cell.identity for cell in work.job.cells}
        batches = divided(work.job.cells, models, seconds, task_s, unsearched)
        self._queue = Queue(work, [batch.cells for batch in batches])
        self._futures: dict[Any, list[Cell]] = {}

    def carry_out(self) -> Iterator[CellResult]:
        """Give each worker a task at a time, and yield every cell once it has its record.

        Dask blames the death of a worker on every task that it was to do: so none waits there.
        """
        while self._queue.unsettled:
            workers = _workers(self._client).values()
            by_host = Counter(told["host"] for told in workers)
            while len(self._futures) < len(workers) and (unit := self._queue.take()) is not None:
                self._submit(unit, dict(by_host))
            running = len(self._futures)
            self._work.listener.on_status(f"{running:,} of {len(workers):,} workers measure", running)
            time.sleep(LOOK_EVERY_S)
            done = [future for future in self._futures if future.done()]  # first: their records are there
            yield from self._arrived()
            for future in done:
                yield from self._ended(self._futures.pop(future), future)

    def _submit(self, unit: list[Cell], by_host: dict[str, int]) -> None:
        job, out = self._work.job.of(unit), str(self._work.store.folder.resolve())
        with _lost():
            future = self._client.submit(_measure, job, out, by_host, resources={RESOURCE: 1}, pure=False)
        self._futures[future] = unit

    def _arrived(self) -> Iterator[CellResult]:
        for key, record in self._arrivals.new():
            self._queue.settle(self._cells[key])
            seconds = record.times.total_s if isinstance(record, Done) else 0.0
            yield CellResult(self._cells[key], record, seconds)

    def _ended(self, unit: list[Cell], future: Any) -> Iterator[CellResult]:
        """What is left of a task."""
        if future.cancelled():
            raise BadInput(
                "Dask's scheduler was lost; what was finished is kept, and the same command goes on."
            )
        error, waited = future.exception(), time.monotonic()
        while left := [cell for cell in unit if cell.identity in self._queue.unsettled]:
            if error is not None or time.monotonic() - waited > APPEARS_WITHIN_S:
                break
            time.sleep(LOOK_EVERY_S)
            yield from self._arrived()
        if left:
            unseen = RuntimeError("its Dask worker stored no record that can be seen here")
            result = self._queue.died(left, error or unseen)
            if result is not None:
                self._arrivals.forget(result.record.key)
                yield result


def _workers(client: Any) -> dict[str, Any]:
    """What the scheduler says of its workers, by address."""
    with _lost():
        found: dict[str, Any] = client.scheduler_info(n_workers=-1)["workers"]
    return found


@contextmanager
def _lost() -> Iterator[None]:
    """Say that the scheduler was lost where it does not answer any more."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise BadInput(
            f"Dask's scheduler was lost ({reason(error)}); what was finished is kept, and the same command "
            "goes on."
        ) from None


def _measure(job: Job, out: str, workers: dict[str, int]) -> None:
    """On a worker: measure a task's cells. Beside another worker of the machine no time is clean.

    `workers` is how many there are by host.
    """
    import distributed

    shared = workers.get(distributed.get_worker().ip, 2) > 1
    for _ in jobs.carry_out(job, Store(Path(out), locked=False), shared=shared):
        pass


def _look(folder: str, name: str, dask_worker: Any) -> str:
    """On a worker: leave a file in the results folder; the version of hexbench."""
    Probe(f"{folder}/{name}-{_place(dask_worker.address)}")()
    return version()


def _place(address: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in address)
