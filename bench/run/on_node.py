"""What runs on the nodes of a cluster. A job that has had its time says so in the record of its cell."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from hexbench.files import write_whole

BEGAN_AT = "HEXBENCH_JOB_BEGAN_AT"
"""Of a job's environment: when its script began, in seconds since the machine started."""


class JobIsOver(BaseException):
    """The job has had its time, and the cell that it measures may be measured by another."""


class OnNode:
    """Carries out the job in a file; called again after a preemption it goes on from the checkpoints."""

    def __init__(self, file: str, out: str, ends_s: float, *, alone: bool):
        """`ends_s`: a signal so many seconds after the job began is about its end.

        `alone`: it asked for a node to itself.
        """
        self._file, self._out, self._ends_s, self._alone = file, out, ends_s, alone
        self._measured = 0
        self._is_over = False

    def __call__(self) -> None:
        """Measure the cells that have no record yet and whose search has one, until the time is over."""
        from hexbench.run.job import carry_out, read
        from hexbench.store.store import Store

        self._measured, self._is_over = 0, False
        store = Store(Path(self._out), locked=False)
        job = read(Path(self._file))
        shared = not self._alone and _is_shared()
        with suppress(JobIsOver):
            for result in carry_out(job.of(job.ready(store)), store, shared=shared):
                self._measured += result.seconds is not None
                if self._is_over:
                    break

    def checkpoint(self) -> Any:
        """What submitit asks where the job is preempted or ends.

        At its end the cell that is measured has failed (TimeoutError) if it had the job to itself; if other
        cells used up the time it gets another job (JobIsOver).
        """
        import submitit

        began_at = float(os.environ.get(BEGAN_AT, "inf"))
        if time.clock_gettime(time.CLOCK_BOOTTIME) - began_at < self._ends_s:
            return submitit.helpers.DelayedSubmission(self)
        self._is_over = True
        if self._measured:
            raise JobIsOver
        raise TimeoutError(f"its Slurm job {os.environ.get('SLURM_JOB_ID', '')} reached its time limit")


class Probe:
    """Writes which hexbench a node has into a file of the results folder."""

    def __init__(self, answer: str):
        self._answer = answer

    def __call__(self) -> None:
        """Only into a folder that is there: a folder made by the node is none that is shared."""
        if Path(self._answer).parent.is_dir():
            with suppress(FileNotFoundError):
                write_whole(Path(self._answer), version())


def version() -> str:
    """In words: of hexbench, its measurements and Python."""
    from importlib import metadata

    from hexbench.plan.cell import MEASUREMENT_VERSION

    python = ".".join(map(str, sys.version_info[:2]))
    own = metadata.version("hexbench")
    return f"hexbench {own} (measurement version {MEASUREMENT_VERSION}) on Python {python}"


def _is_shared() -> bool:
    """Whether other jobs may run on this node meanwhile."""
    cores = os.environ.get("SLURM_CPUS_ON_NODE", "")
    return cores.isdecimal() and int(cores) < (os.cpu_count() or 1)
