"""The Dask executor: cells as tasks of a Dask cluster, one at a time on each worker.

With the address of a scheduler the workers are those of that cluster, which see the results folder; else
a cluster of processes on this machine is started, and ended with the run.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from hexbench.errors import BadInput
from hexbench.files import read_toml, reason
from hexbench.measure.cell import failed
from hexbench.measure.environment import usable_cores
from hexbench.plan.cell import Cell, key_of
from hexbench.plan.models import known_models
from hexbench.run import job as jobs
from hexbench.run.arrivals import Arrivals
from hexbench.run.batches import Batch, divided
from hexbench.run.executors import Results, Work
from hexbench.run.job import Job
from hexbench.run.on_node import Probe, version
from hexbench.run.worker import CellResult
from hexbench.store.record import Done, Failed
from hexbench.store.store import Store
from msgspec import Meta, Struct

RESOURCE = "hexbench"
"""Each worker offers one of it, so that it measures one batch at a time."""
PATIENCE_S = 20
LOOK_EVERY_S = 0.5
APPEARS_WITHIN_S = 10
"""What a worker has written is seen here by then."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The section `[dask]` of the file that --cluster names; all of it is optional."""

    workers: Annotated[int, Meta(ge=1)] | None = None
    """Processes of a cluster on this machine [the cores]."""
    minutes_expected: Annotated[float, Meta(gt=0)] = 5
    """Cells are put together into tasks that are expected to take so long."""


class Dask:
    """Has tasks of a Dask cluster measure."""

    def __init__(self, settings: Path | None, scheduler: str | None):
        """BadInput where Dask is missing, or a setting is wrong."""
        try:
            found = read_toml(settings).get("dask", {}) if settings else {}
            self._settings = msgspec.convert(found, Settings)
        except (OSError, ValueError) as error:
            raise BadInput(f"{settings} cannot be used: {reason(error)}.") from None
        try:
            import distributed  # noqa: F401
        except ImportError:
            raise BadInput('--executor dask needs Dask: pip install "hexbench[dask]".') from None
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
        with ExitStack() as opened:
            client = self._client(opened)
            if self._scheduler is not None:
                _check(client, self._scheduler, work.store.folder.resolve())
            yield from _Run(work, client, 60 * self._settings.minutes_expected).carry_out()

    def _client(self, opened: ExitStack) -> Any:
        import dask
        import distributed

        if self._scheduler is not None:
            try:
                return opened.enter_context(distributed.Client(self._scheduler, timeout=PATIENCE_S))
            except (OSError, ValueError) as error:
                raise BadInput(
                    f"Dask's scheduler {self._scheduler} does not answer: {reason(error)}."
                ) from None
        # A worker that may have no children could keep to no time limit.
        opened.enter_context(dask.config.set({"distributed.worker.daemon": False}))
        cluster = distributed.LocalCluster(
            n_workers=self._settings.workers or usable_cores(),
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            resources={RESOURCE: 1},
        )
        return opened.enter_context(distributed.Client(opened.enter_context(cluster)))


def _check(client: Any, scheduler: str, folder: Path) -> None:
    """BadInput unless every worker of a cluster has this hexbench and sees the results folder."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    if not workers:
        raise BadInput(f"Dask's scheduler {scheduler} has no workers.")
    lacking = [address for address, told in workers.items() if not told["resources"].get(RESOURCE)]
    if lacking:
        raise BadInput(
            f"Dask's worker {lacking[0]} does not say that it measures one cell at a time: start workers "
            f'with --nthreads 1 --resources "{RESOURCE}=1".'
        )
    name = f".probe-{uuid4().hex}"
    for address, theirs in client.run(_look, str(folder), name).items():
        if theirs != version():
            raise BadInput(
                f"Dask's worker {address} has {theirs}, and here is {version()}: they must be the same."
            )
        answer, waited = folder / f"{name}-{_place(address)}", time.monotonic()
        while not answer.exists() and time.monotonic() - waited < APPEARS_WITHIN_S:
            time.sleep(LOOK_EVERY_S)
        if not answer.exists():
            raise BadInput(
                f"Dask's worker {address} wrote nothing to {folder} that can be seen here: choose an --out "
                "that all workers share."
            )
        answer.unlink()


class _Run:
    def __init__(self, work: Work, client: Any, batch_s: float):
        self._work, self._client, self._batch_s = work, client, batch_s
        self._models = known_models(work.job.own_models)
        self._cells = {cell.key_on(work.job.fingerprint): cell for cell in work.job.cells}
        self._arrivals = Arrivals(work.store, self._cells, work.job.options)
        self._futures: dict[Any, Batch] = {}

    def carry_out(self) -> Iterator[CellResult]:
        """Submit all batches, and yield every cell once it has its record."""
        self._submit(self._work.job.cells)
        while self._arrivals.missing:
            done = [future for future in self._futures if future.done()]  # first: their records are there
            for key, record in self._arrivals.new():
                seconds = record.times.total_s if isinstance(record, Done) else 0.0
                yield CellResult(self._cells[key], record, seconds)
            for future in done:
                yield from self._ended(self._futures.pop(future), future)
            workers = len(self._client.scheduler_info(n_workers=-1)["workers"])
            self._work.listener.on_status(f"{len(self._futures):,} tasks left, {workers:,} workers", workers)
            if self._arrivals.missing:
                time.sleep(LOOK_EVERY_S)

    def _submit(self, cells: Sequence[Cell]) -> None:
        batches = divided(
            cells,
            self._models,
            self._work.expectation.seconds,
            self._batch_s,
            {self._cells[key].identity for key in self._arrivals.missing},
        )
        for batch in batches:  # searches first
            searches = {c.identity: future for future, one in self._futures.items() for c in one.cells}
            future = self._client.submit(
                _measure,
                self._work.job.of(batch.cells),
                str(self._work.store.folder.resolve()),
                searches.get(batch.search or ""),
                resources={RESOURCE: 1},
                pure=False,
            )
            self._futures[future] = batch

    def _ended(self, batch: Batch, future: Any) -> Iterator[CellResult]:
        """Of a task that left cells without a record the first has failed; the others get another task."""
        missing = [cell for cell in batch.cells if self._key(cell) in self._arrivals.missing]
        if batch.search is not None and self._search_failed(batch.search):
            self._submit(missing)  # whose records say why
        elif missing:
            why = future.exception() or RuntimeError("its Dask worker stored no record that can be seen here")
            record = failed(missing[0], self._work.data, self._models[missing[0].model], why)
            with self._work.signals.deferred():
                self._work.store.put(record)
            self._arrivals.forget(self._key(missing[0]))
            yield CellResult(missing[0], record, 0.0)
            self._submit(missing[1:])

    def _search_failed(self, search: str) -> bool:
        return isinstance(self._work.store.get(key_of(search, self._work.job.fingerprint)), Failed)

    def _key(self, cell: Cell) -> str:
        return cell.key_on(self._work.job.fingerprint)


def _measure(job: Job, out: str, after: Any) -> None:  # noqa: ARG001 - Dask waits for what it gets
    """On a worker: measure a batch. Where it is not the only worker of its machine, no time is clean."""
    import distributed

    own = distributed.get_worker().ip
    workers = distributed.get_client().scheduler_info(n_workers=-1)["workers"].values()
    shared = sum(told["host"] == own for told in workers) > 1
    for _ in jobs.carry_out(job, Store(Path(out), locked=False), shared=shared):
        pass


def _look(folder: str, name: str) -> str:
    """On a worker: leave a file in the results folder; the version of hexbench."""
    import distributed

    Probe(f"{folder}/{name}-{_place(distributed.get_worker().address)}")()
    return version()


def _place(address: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in address)
