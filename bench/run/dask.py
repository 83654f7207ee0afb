"""The Dask executor: cells as tasks of a Dask cluster, one at a time on each worker.

With the address of a scheduler the workers are those of that cluster, which see the results folder; else
a cluster of processes on this machine is started and ended with the run.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import msgspec
from hexbench.errors import BadInput
from hexbench.files import read_toml, reason
from hexbench.measure.cell import failed
from hexbench.plan.cell import Cell
from hexbench.plan.models import known_models
from hexbench.run import job as jobs
from hexbench.run.batches import Batch, divided
from hexbench.run.executors import Executor, Work
from hexbench.run.job import Job
from hexbench.run.on_node import Probe
from hexbench.run.worker import CellResult
from hexbench.store.record import Done
from hexbench.store.store import Store
from msgspec import Meta, Struct

RESOURCE = "hexbench"
"""Each worker offers one of it, so that it measures one batch at a time."""
PATIENCE_S = 20


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The section `[dask]` of the file that --cluster names; all of it is optional."""

    scheduler: str | None = None
    """Address, such as `tcp://10.0.0.1:8786`."""
    workers: Annotated[int, Meta(ge=1)] | None = None
    """Processes of a cluster on this machine [the cores]."""
    minutes_expected: Annotated[float, Meta(gt=0)] = 5
    """Cells are put together into tasks that are expected to take so long."""
    retries: Annotated[int, Meta(ge=0)] = 2
    """So many times a batch goes to another worker after its own was lost."""


def dask(settings: Path | None) -> Executor:
    """The executor with the settings of a file; BadInput where it or Dask is not as it must be."""
    try:
        found = msgspec.convert(read_toml(settings).get("dask", {}), Settings) if settings else Settings()
    except (OSError, ValueError) as error:
        raise BadInput(f"{settings} cannot be used: {reason(error)}.") from None
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise BadInput('--executor dask needs Dask: pip install "hexbench[dask]".') from None

    def executor(work: Work) -> Iterator[CellResult]:
        with ExitStack() as opened:
            yield from _carry_out(work, found, _client(found, opened))

    return executor


def _client(settings: Settings, opened: ExitStack) -> Any:
    import distributed

    if settings.scheduler is None:
        cluster = opened.enter_context(
            distributed.LocalCluster(
                n_workers=settings.workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                resources={RESOURCE: 1},
            )
        )
        return opened.enter_context(distributed.Client(cluster))
    try:
        client = opened.enter_context(distributed.Client(settings.scheduler, timeout=PATIENCE_S))
    except (OSError, ValueError) as error:
        raise BadInput(f"Dask's scheduler {settings.scheduler} does not answer: {reason(error)}.") from None
    there = set(client.run(Probe.version).values())
    if not there:
        raise BadInput(f"Dask's scheduler {settings.scheduler} has no workers.")
    if there != {Probe.version()}:
        raise BadInput(f"Dask's workers have {', '.join(sorted(there))}, and here is {Probe.version()}.")
    return client


def _carry_out(work: Work, settings: Settings, client: Any) -> Iterator[CellResult]:
    from distributed import as_completed

    models = known_models(work.job.own_models)
    out = str(work.store.folder.resolve())
    batches = divided(
        work.job.cells, models, work.expectation.seconds, 60 * settings.minutes_expected
    )
    futures: dict[Any, Batch] = {}
    searches: dict[str, Any] = {}
    for batch in sorted(batches, key=lambda one: one.search is not None):
        future = client.submit(
            _measure,
            work.job.of(batch.cells),
            out,
            searches.get(batch.search or ""),
            resources={RESOURCE: 1},
            retries=settings.retries,
            pure=False,
        )
        futures[future] = batch
        searches |= {cell.identity: future for cell in batch.cells}
    for future in as_completed(list(futures)):
        error = future.exception()
        for cell in futures[future].cells:
            record = work.store.get(cell.key_on(work.job.fingerprint))
            if record is None:
                record = failed(cell, work.data, models[cell.model], _lost(cell, error))
                with work.signals.deferred():
                    work.store.put(record)
            yield CellResult(cell, record, record.times.total_s if isinstance(record, Done) else 0.0)


def _lost(cell: Cell, error: BaseException | None) -> BaseException:
    return error or RuntimeError(f"Dask's worker stored no record of {cell.model}")


def _measure(job: Job, out: str, after: Any) -> int:  # noqa: ARG001 - Dask waits for what it gets
    """On a worker: measure a batch; how many cells have their record."""
    return sum(1 for _ in jobs.carry_out(job, Store(Path(out), locked=False)))
