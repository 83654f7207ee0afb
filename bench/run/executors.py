"""Executors: who measures the cells of a run. A new one is a module and a line in `executor_of`."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hexbench.data.dataset import Dataset
from hexbench.errors import BadInput
from hexbench.measure.start import check_jax
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


Results = Generator[CellResult, None, None]


class Executor(Protocol):
    """Has cells measured."""

    def carry_out(self, work: Work) -> Results:
        """Have the cells measured, and yield each once its record is stored."""

    def in_use(self, folder: Path) -> bool:
        """Whether jobs of a process that has ended still work on a results folder."""


class Local:
    """Measures in this process, one cell after another."""

    def __init__(self, *, accelerated: bool = False):
        """`accelerated`: JAX will be needed; BadInput where it does not start."""
        if accelerated:
            check_jax()

    def carry_out(self, work: Work) -> Results:
        """As `Executor`."""
        yield from jobs.carry_out(work.job, work.store, work.data, work.listener, work.signals.deferred)

    def in_use(self, folder: Path) -> bool:  # noqa: ARG002
        """Never: what it began ends with it."""
        return False


def executor_of(
    name: str,
    settings: Path | None = None,
    scheduler: str | None = None,
    devices: str | None = None,
    *,
    accelerated: bool = False,
) -> Executor:
    """The executor of this name.

    `settings` is a TOML file with a section for it, `scheduler` the address of Dask's, `devices` on how
    many of this machine cells are measured side by side, `accelerated` whether JAX is needed. BadInput where
    its packages, its cluster or the device that was asked for are missing, or an option is wrong or not for
    it.
    """
    if scheduler is not None and name != "dask":
        raise BadInput(f"--scheduler {scheduler} is for --executor dask.")
    if settings is not None and name == "local":
        raise BadInput(f"--cluster {settings} is for --executor slurm or dask.")
    if devices is not None and name != "local":
        raise BadInput(
            f"--devices {devices} is for this machine: jobs elsewhere have the devices of their node."
        )
    if name == "slurm":
        from hexbench.run.slurm import Slurm

        return Slurm(settings)
    if name == "dask":
        from hexbench.run.dask import Dask

        return Dask(settings, scheduler)
    if devices is not None:
        from hexbench.run.side_by_side import SideBySide

        return SideBySide(devices)
    return Local(accelerated=accelerated)
