"""Executors: who measures the cells of a run. A new one is a module and a line in `executor`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hexbench.data.dataset import Dataset
from hexbench.errors import BadInput
from hexbench.plan.cost import Expectation
from hexbench.run import job as jobs
from hexbench.run.job import Job
from hexbench.run.signals import Signals
from hexbench.run.worker import CellResult, ProgressListener
from hexbench.store.store import Store

NAMES = ("local", "slurm", "dask")


@dataclass(frozen=True)
class Work:
    """What an executor gets."""

    job: Job
    """Its cells are those that have to be measured."""
    data: Dataset
    store: Store
    expectation: Expectation
    listener: ProgressListener
    signals: Signals


Executor = Callable[[Work], Iterator[CellResult]]
"""Has the cells measured, and yields each once its record is stored."""


def executor(name: str, settings: Path | None = None) -> Executor:
    """The executor of this name; `settings` is a TOML file with a section for it.

    BadInput where its packages or its cluster are missing, or a setting is wrong.
    """
    if name == "local":
        if settings is not None:
            raise BadInput(f"--cluster {settings}: the local executor has no settings; choose --executor.")
        return local
    if name == "slurm":
        from hexbench.run.slurm import slurm

        return slurm(settings)
    from hexbench.run.dask import dask

    return dask(settings)


def local(work: Work) -> Iterator[CellResult]:
    """In this process, one after another."""
    yield from jobs.carry_out(work.job, work.store, work.data, work.listener, work.signals.deferred)
