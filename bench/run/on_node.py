"""What runs on the nodes of a cluster. A job that has had its time says so in the record of its cell."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from hexbench.files import write_whole


class OnNode:
    """Carries out the job in a file; called again after a preemption it goes on from the checkpoints."""

    def __init__(self, file: str, out: str, ends_s: float):
        """`ends_s`: a signal after so many seconds is about the end of the job."""
        self._file, self._out, self._ends_s = file, out, ends_s
        self._started: float | None = None
        self._is_over = False

    def __call__(self) -> None:
        """Measure the cells that have no record yet and whose search has one, until the time is over."""
        from hexbench.run.job import carry_out, read
        from hexbench.store.store import Store

        self._started = time.monotonic()
        store = Store(Path(self._out), locked=False)
        job = read(Path(self._file))
        for _ in carry_out(job.of(job.ready(store)), store, shared=_is_shared()):
            if self._is_over:
                break

    def checkpoint(self) -> Any:
        """What submitit asks before the job is preempted or ends; TimeoutError if it ends."""
        import submitit

        took = 0.0 if self._started is None else time.monotonic() - self._started
        if took >= self._ends_s:
            self._is_over = True
            raise TimeoutError(f"its Slurm job {os.environ.get('SLURM_JOB_ID', '')} reached its time limit")
        return submitit.helpers.DelayedSubmission(self)


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
